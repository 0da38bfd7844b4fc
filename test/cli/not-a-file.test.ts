import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

describe('a named pipe', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
  });
  afterEach(() => shop.dispose());

  const pipe = (file: string): void => {
    mkdirSync(path.dirname(shop.at(file)), { recursive: true });
    rmSync(shop.at(file), { force: true });
    execFileSync('mkfifo', [shop.at(file)]);
  };

  /** Waits until somebody reads, as a password manager does. */
  const fill = (file: string, input: string): Promise<unknown> =>
    execa('tee', [shop.at(file)], { input, stdout: 'ignore', timeout: 60_000 });

  it.each([
    ['stack.yml'],
    ['stack.local.yml'],
    ['.stack/state.json'],
    ['.stack/state.lock'],
    ['.stack/.gitignore'],
    ['.stack/logs/feat-01/front.setup.log'],
    ['.stack/run/feat-01/front.json'],
    ['tickets/.stack-ticket'],
    ['tickets/feat-01/.stack-ticket'],
  ])('in the place of %s is one clear line', async (file) => {
    pipe(file);
    const cwd = file.startsWith('tickets/') ? path.dirname(shop.at(file)) : shop.root;
    const run = await shop.stack(['create', 'feat-01', '--no-start', '--quiet'], { cwd });
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toMatch(new RegExp(`^stack: .*${path.basename(file)}.*\nhint: .*$`));
    rmSync(shop.at(file));
  });

  it('at .env and at a repo’s env file is read as a password manager serves it', async () => {
    pipe('.env');
    pipe('front/.env.local');
    shop.configure((text) => text.replace("API_URL: '${api.url}'", "API_URL: '${env.CODE}'"));
    const running = shop.start(['create', 'feat-01', '--no-start']);
    const served = [fill('.env', 'CODE=from-the-pipe\n'), fill('front/.env.local', 'SECRET=1\n')];
    expect(await running.ended).toMatchObject({ code: 0 });
    expect(shop.read('tickets/feat-01/front/.env.local')).toMatch(/^SECRET=1$[\s\S]*API_URL=.?from-the-pipe/m);
    await Promise.all(served);
    rmSync(shop.at('.env'));
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
  });

  it('that nobody fills lets an interruption through', async () => {
    pipe('.env');
    const running = shop.start(['create', 'feat-01', '--no-start']);
    // Its end for reading is open: the command waits for the writer.
    await until('the pipe is being read', () => isRead(running.pid, shop.at('.env')));
    running.kill('SIGINT');
    expect(await running.ended).toMatchObject({ code: 130, stderr: 'stack: interrupted' });
  });

  it('in place of an env file in a worktree does not keep destroy', async () => {
    expect(await shop.stack(['create', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
    pipe('tickets/feat-01/front/.env.local');
    expect((await shop.stack(['start', 'feat-01'])).stderr).toMatch(/\.env\.local: it is a named pipe\nhint: /);
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
  });

  it.each([
    ['tickets/feat-01/front/sub/.gitignore'],
    ['tickets/feat-01/front/sub/.gitattributes'],
    ['front/.git/info/exclude'],
    ['front/.git/worktrees/front/index'],
    ['front/.git/packed-refs'],
  ])('at %s, where git reads a file, keeps no command waiting, and no work is lost', async (file) => {
    expect(await shop.stack(['create', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
    shop.write('tickets/feat-01/front/sub/work.txt', 'mine\n');
    shop.commit('tickets/feat-01/front', 'sub/done.txt', 'committed\n');
    // Git compares what seems changed, by the rules of its folder; without that it need not read them.
    utimesSync(shop.at('tickets/feat-01/front/sub/done.txt'), 1, 1);
    const tip = shop.git('tickets/feat-01/front', 'rev-parse', 'HEAD');
    const kept = existsSync(shop.at(file)) ? readFileSync(shop.at(file)) : undefined;
    pipe(file);
    const told = new RegExp(`^stack: .*${path.basename(file)} is a pipe.*\nhint: .*$`);
    const verbs = [
      ['create', 'feat-02', '--no-start'],
      ['destroy', 'feat-01'],
      ['destroy', 'feat-01', '--force', '--yes'],
    ];
    for (const [verb = '', ...rest] of verbs) {
      const begun = performance.now();
      const run = await shop.stack([verb, ...rest, '--quiet']);
      expect(performance.now() - begun).toBeLessThan(45_000);
      // A new ticket has nothing to do with what is in another one's folder.
      if (verb === 'destroy' || run.code !== 0) expect(run.stderr).toMatch(told);
    }
    for (const verb of ['ps', 'doctor']) {
      const begun = performance.now();
      const run = await shop.stack([verb]);
      expect(performance.now() - begun).toBeLessThan(45_000);
      expect(`${run.stdout}${run.stderr}`).toContain('feat-01');
    }
    expect(shop.read('tickets/feat-01/front/sub/work.txt')).toBe('mine\n');
    rmSync(shop.at(file));
    if (kept) writeFileSync(shop.at(file), kept);
    expect(shop.git('tickets/feat-01/front', 'rev-parse', 'HEAD')).toBe(tip);
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 4 });
    expect(await shop.stack(['destroy', 'feat-01', '--force', '--yes'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['restore', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
    expect(shop.read('tickets/feat-01/front/sub/work.txt')).toBe('mine\n');
  });

  it('that blocks a thread of the pool does not keep a second Ctrl-C from ending the command', async () => {
    pipe('../blocked');
    shop.configure((text) => text.replace('path: ./front,', 'path: ./front, setup: ["touch ../begun; sleep 60"],'));
    // Node waits for such an open as it exits.
    const preload = `import fs from 'node:fs'; fs.open(${JSON.stringify(shop.at('../blocked'))}, 'r', () => {});`;
    const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(preload)}` };
    const running = shop.start(['create', 'feat-01', '--no-start'], { env });
    await until('the setup has begun', () => existsSync(shop.at('tickets/feat-01/begun')));
    let over = false;
    void running.ended.then(() => {
      over = true;
    });
    // Two that come before the first is handled are one.
    await until('it has left', () => {
      running.kill('SIGINT');
      return over;
    });
    expect(await running.ended).toMatchObject({ code: 130 });
    expect(await shop.stack(['destroy', 'feat-01', '--force'])).toMatchObject({ code: 0 });
  });
});

describe.runIf(process.platform === 'linux')('a home where nothing can be made', () => {
  it.each(['/proc/self', '', 'nowhere'])('(%s) is no trouble, or one clear line', async (home) => {
    const shop = makeShop();
    const HOME = home === 'nowhere' ? shop.at(home) : home;
    try {
      const env = { HOME, XDG_CACHE_HOME: '' };
      expect(await shop.stack(['create', 'feat-01', '--no-start'], { env })).toMatchObject({ code: 0 });
      shop.git('.', 'init', '--quiet');
      shop.git('.', 'add', '--force', 'stack.yml');
      const run = await shop.stack(['trust'], { env });
      if (HOME !== '') {
        expect(run).toMatchObject({ code: 1, stdout: '' });
        expect(run.stderr).toMatch(/^stack: cannot make the folder .*\nhint: .*$/);
      }
      expect(await shop.stack(['destroy', 'feat-01'], { env })).toMatchObject({ code: 0 });
      expect(existsSync(shop.at('nowhere'))).toBe(false);
    } finally {
      await shop.dispose();
    }
  });
});

function isRead(pid: number, file: string): boolean {
  const open = execFileSync('ls', ['-l', `/proc/${pid}/fd`], { encoding: 'utf8' });
  return open.includes(file);
}
