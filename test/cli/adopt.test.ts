import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectRefusal } from '../support/refusal.ts';
import { BIN, makeRepo, makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

describe('a worktree that somebody made', () => {
  let shop: Shop;
  const wt = (name: string): string => path.join(shop.folder, 'wt', name);
  const make = (repo: string, name: string, branch: string): string => {
    shop.git(repo, 'worktree', 'add', '--quiet', '-b', branch, wt(name));
    return wt(name);
  };
  /** All that a person has there, and git knows of it. */
  const look = (folder: string): unknown => [
    shop.git(folder, 'status', '--porcelain', '--ignored'),
    shop.git(folder, 'symbolic-ref', 'HEAD'),
    shop.git(folder, 'rev-parse', 'HEAD'),
    readFileSync(path.join(folder, 'mine.txt'), 'utf8'),
    readdirSync(folder).map((name) => {
      const { mode } = lstatSync(path.join(folder, name));
      return [name, mode.toString(8)];
    }),
  ];
  const exclude = (): string => readFileSync(shop.at('front/.git/info/exclude'), 'utf8');
  const notes = (name: string): string[] =>
    ['stack.json', 'stack-record.json'].filter((file) => existsSync(shop.at(`front/.git/worktrees/${name}/${file}`)));

  let front: string;
  let before: [unknown, string];
  beforeEach(() => {
    shop = makeShop();
    mkdirSync(wt('.'));
    front = make('front', 'prices', 'feat/prices');
    writeFileSync(path.join(front, 'mine.txt'), 'not committed\n');
    before = [look(front), exclude()];
  });
  afterEach(() => shop.dispose());

  /** As it was before it became a ticket, with nothing of one anywhere. */
  const expectUntouched = (): void => {
    expect([look(front), exclude()]).toEqual(before);
    expect(existsSync(path.join(front, '.stack-ticket'))).toBe(false);
    expect(notes('prices')).toEqual([]);
    expect(existsSync(shop.at('tickets'))).toBe(false);
    expect(shop.state()?.instances ?? {}).toEqual({});
  };

  it('becomes a ticket, whose destroy leaves it as it was, with its branch', async () => {
    const adopted = await shop.stack(['adopt', wt('prices'), '--json']);
    expect(adopted.code).toBe(0);
    const view = JSON.parse(adopted.stdout);
    expect(view).toMatchObject({ ticket: 'feat-prices', status: 'running' });
    expect(view.repos.front).toMatchObject({ worktree: front, branch: 'feat/prices' });
    expect((await fetch(view.repos.front.url)).status).toBe(200);
    // From in there each verb knows the ticket, and git sees nothing of stack's.
    const here = await shop.stack(['here', '--json'], { cwd: front });
    expect(JSON.parse(here.stdout)).toMatchObject({ ticket: 'feat-prices', repo: 'front' });
    expect(shop.git(front, 'status', '--porcelain')).toBe('?? mine.txt');
    await expectRefusal(shop, ['adopt', front, '--as', 'other'], {
      code: 'exists',
      message: /is the front of feat-prices already/,
      hint: /stack start feat-prices/,
    });
    await expectRefusal(shop, ['recreate', 'feat-prices'], {
      code: 'conflict',
      message: /stack did not make/,
      hint: /stack adopt .*prices --as feat\/prices/,
    });
    writeFileSync(shop.at('tickets/feat-prices/NOTES.md'), 'of mine\n');
    const destroyed = await shop.stack(['destroy', 'feat-prices', '--force', '--yes']);
    expect(destroyed).toMatchObject({ code: 0 });
    expectUntouched();
    // Once more, by hand, it is a ticket again.
    expect(await shop.stack(['adopt', '../wt/prices', '--as', 'again', '--no-start'])).toMatchObject({
      code: 0,
    });
    expect(await shop.stack(['destroy', 'again'])).toMatchObject({ code: 0 });
    expectUntouched();
  });

  it('keeps the mode of an env file, and an env file that is a link stays one', async () => {
    const env = path.join(front, '.env.local');
    writeFileSync(env, 'MINE=1\n');
    chmodSync(env, 0o664);
    before = [look(front), exclude()];
    expect(await shop.stack(['adopt', front, '--no-start'])).toMatchObject({ code: 0 });
    expect(lstatSync(env).mode & 0o777).toBe(0o664);
    expect(await shop.stack(['destroy', 'feat-prices'])).toMatchObject({ code: 0 });
    expectUntouched();
    expect(readFileSync(env, 'utf8')).toBe('MINE=1\n');
    rmSync(env);
    symlinkSync('../../front/.env', env);
    before = [look(front), exclude()];
    const refused = await shop.stack(['adopt', front, '--no-start']);
    expect([refused.code, refused.stderr]).toEqual([
      4,
      expect.stringMatching(/\.env\.local is a link[\s\S]*hint: put a file there/),
    ]);
    expectUntouched();
  });

  const memory = '/dev/shm';
  it.runIf(existsSync(memory))('may lie on another file system', async () => {
    const folder = mkdtempSync(path.join(memory, 'stack-adopt-'));
    try {
      front = path.join(folder, 'front');
      shop.git('front', 'worktree', 'add', '--quiet', '-b', 'far', front);
      writeFileSync(path.join(front, 'mine.txt'), 'not committed\n');
      const was = look(front);
      expect(await shop.stack(['adopt', front, '--no-start'])).toMatchObject({ code: 0 });
      expect(await shop.stack(['destroy', 'far', '--yes'])).toMatchObject({ code: 0 });
      expect(look(front)).toEqual(was);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('is as it was where it cannot become one, and where the command is killed', async () => {
    shop.configure((text) =>
      text
        .replace(/command: .*(?![\s\S]*command:)/, 'command: sleep 600')
        .replace(/ready: \{ http: \/ \}\n$/, 'ready: { http: /, timeout: 1s }\n'),
    );
    expect((await shop.stack(['adopt', front])).code).toBe(1);
    expectUntouched();
    shop.configure((text) => text.replace('timeout: 1s', 'timeout: 600s'));
    const running = shop.start(['adopt', front]);
    await until('it has been begun', () => existsSync(path.join(front, '.env.local')));
    running.kill('SIGKILL');
    await running.ended;
    // Another name does not take it from the ticket that was begun; the same command makes that one after all.
    await expectRefusal(shop, ['adopt', front, '--as', 'other'], {
      code: 'exists',
      message: /is the front of feat-prices, which is half made/,
      hint: /stack destroy feat-prices/,
    });
    shop.configure((text) => text.replace('command: sleep 600', 'command: node server.mjs'));
    expect(await shop.stack(['adopt', front])).toMatchObject({ code: 0 });
    expect(await shop.stack(['destroy', 'feat-prices', '--force', '--yes'])).toMatchObject({ code: 0 });
    expectUntouched();
  });

  it('of several repos is one ticket, and what is no such worktree is refused', async () => {
    const api = make('api', 'api', 'feat/api');
    const second = make('front', 'second', 'second');
    const refused = (args: string[], expected: Parameters<typeof expectRefusal>[2]) =>
      expectRefusal(shop, ['adopt', ...args], expected);
    await refused([wt('nothing')], { code: 'not-found', message: /nothing at/, hint: /git worktree list/ });
    await refused([shop.folder], { code: 'usage', message: /no worktree of a git repo/, hint: /worktree add/ });
    await refused([shop.at('front')], { code: 'usage', message: /main checkout of front/, hint: /stack create/ });
    const strange = path.join(shop.folder, 'strange');
    makeRepo(strange, { 'a.txt': 'a\n' });
    await refused([strange], { code: 'usage', message: /no repo of this stack/, hint: /front \(\.\/front\)/ });
    await refused([front, second], { code: 'usage', message: /both worktrees of front/, hint: /two tickets/ });
    await refused([front, api], { code: 'usage', message: /which name\?/, hint: /--as/ });
    shop.git(second, 'switch', '--quiet', '--detach');
    await refused([second], { code: 'conflict', message: /no branch is checked out/, hint: /git switch -c/ });
    expect(await shop.stack(['adopt', front, api, '--as', 'both', '--no-start'])).toMatchObject({ code: 0 });
    const [both] = (await shop.ps()).instances;
    expect(both?.repos).toMatchObject({ front: { worktree: front }, api: { worktree: api } });
    shop.git('api', 'worktree', 'remove', '--force', api);
    const start = await shop.stack(['start', 'both']);
    expect([start.code, start.stderr]).toEqual([4, expect.stringMatching(/is gone, and stack did not make it/)]);
    expect(await shop.stack(['destroy', 'both'])).toMatchObject({ code: 0 });
    expectUntouched();
  });

  it('is in use while a program works in it, so `idle:` does not pause its ticket', async () => {
    shop.configure((text) => `${text}idle: 30m\n`);
    shop.write('later.cjs', 'const now = Date.now; Date.now = () => now() + 45 * 60_000;\n');
    const env = { NODE_OPTIONS: `--require=${shop.at('later.cjs')}` };
    const status = async () =>
      JSON.parse((await shop.stack(['ps', '--json'], { env })).stdout).instances[0].status as string;
    expect(await shop.stack(['adopt', front])).toMatchObject({ code: 0 });
    const program = spawn('sleep', ['1000'], { cwd: front, detached: true, stdio: 'ignore' });
    expect(await status()).toBe('running');
    program.kill();
    await until('nobody uses it', async () => (await status()) === 'paused');
  });

  it('is not adopted as a ticket that a create left unfinished', async () => {
    shop.configure((text) => text.replace(/(front: \{ path: \.\/front,?)/, '$1 setup: ["false"],'));
    expect((await shop.stack(['create', 'half', '--with', 'front', '--keep-on-failure', '--no-start'])).code).not.toBe(
      0,
    );
    await expectRefusal(shop, ['adopt', front, '--as', 'half', '--no-start'], {
      code: 'exists',
      message: /half is there, unfinished/,
      hint: /stack destroy half/,
    });
  });

  it('that carries a stack.yml is not taken for the root of itself', async () => {
    writeFileSync(
      shop.at('front/stack.yml'),
      'name: mono\nruntime: process\nrepos:\n  app: { path: ., base: main }\nservices:\n  app: { repo: app, command: sleep 600 }\n',
    );
    shop.git('front', 'add', 'stack.yml');
    shop.git('front', 'commit', '--quiet', '-m', 'a root');
    const own = make('front', 'mono', 'mono');
    await expectRefusal(
      shop,
      ['adopt', '.'],
      { code: 'usage', message: /holds the root/, hint: new RegExp(`stack --root ${shop.at('front')} adopt ${own}`) },
      { cwd: own },
    );
    const made = await shop.stack(['--root', shop.at('front'), 'adopt', own, '--no-start', '--yes']);
    expect(made).toMatchObject({ code: 0 });
    expect(await shop.stack(['destroy', 'mono'], { cwd: own })).toMatchObject({ code: 0 });
  });

  it('is known for what it is where the state was lost', async () => {
    expect(await shop.stack(['adopt', front, '--no-start'])).toMatchObject({ code: 0 });
    rmSync(shop.at('.stack'), { recursive: true });
    rmSync(shop.at('front/.git/worktrees/prices/stack-record.json'));
    expect(await shop.stack(['doctor', '--fix', '--yes'])).toMatchObject({ code: 0 });
    expect(shop.state()?.instances['feat-prices']?.repos.front).toMatchObject({ worktree: front, adopted: true });
    expect(await shop.stack(['destroy', 'feat-prices'])).toMatchObject({ code: 0 });
    expectUntouched();
  });

  it('is made and adopted by the hook that an agent calls for one', () => {
    const bin = path.join(shop.folder, 'bin');
    mkdirSync(bin);
    writeFileSync(path.join(bin, 'stack'), `#!/bin/sh\nexec node ${BIN} "$@"\n`, { mode: 0o755 });
    const hook = (event: string, input: unknown) =>
      spawnSync('sh', [path.resolve(import.meta.dirname, '../../templates/agents/worktree.sh'), event], {
        cwd: shop.at('front'),
        env: { ...process.env, ...shop.env, PATH: `${bin}:${process.env.PATH}` },
        input: JSON.stringify(input),
        encoding: 'utf8',
      });
    const made = hook('WorktreeCreate', { hook_event_name: 'WorktreeCreate', cwd: shop.at('front'), name: 'prices' });
    const place = shop.at('front/.claude/worktrees/prices');
    expect({ ...made, output: undefined }).toMatchObject({ status: 0, stdout: `${place}\n` });
    expect(shop.state()?.instances.prices?.repos.front).toMatchObject({ worktree: place, adopted: true });
    const removed = hook('WorktreeRemove', { cwd: place, worktree_path: place });
    expect({ ...removed, output: undefined }).toMatchObject({ status: 0, stdout: '' });
    expect(shop.state()?.instances).toEqual({});
    expect(existsSync(place)).toBe(false);
    expect(shop.git('front', 'branch', '--list', 'worktree-*')).toBe('  worktree-prices');
    expect(hook('WorktreeRemove', { cwd: shop.root, worktree_path: place }).status).toBe(0);
    // Its ticket is gone already.
    shop.git('front', 'worktree', 'add', '--quiet', place, 'worktree-prices');
    expect(hook('WorktreeRemove', { cwd: place, worktree_path: place }).status).toBe(0);
    expect(existsSync(place)).toBe(false);
  });
});
