import { existsSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BIN, makeShop, type Shop } from '../support/shop.ts';

describe('a stack.yml that came with git', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
    shop.configure((text) => text.replace('path: ./front,', 'path: ./front, setup: [touch canary],'));
    shop.git('.', 'init', '--quiet', '--initial-branch=main');
    shop.write('.gitignore', 'front/\napi/\n.stack/\n');
    keep('stack.yml');
  });
  afterEach(() => shop.dispose());

  function keep(...files: string[]): void {
    shop.git('.', 'add', '--force', ...files);
    shop.git('.', 'commit', '--quiet', '--message', 'Keep');
  }

  const canary = (): string[] => shop.read('../shop.tickets/feat-01/front/canary').split('\n');
  const createFiles = ['create', 'feat-01', '--no-start'];

  it('runs nothing before somebody has looked: create refuses, shows what would run, and leaves no trace', async () => {
    const before = shop.photograph();
    const run = await shop.stack(createFiles);
    expect(run).toMatchObject({ code: 4, stdout: '' });
    expect(run.stderr).toMatch(/^stack: stack\.yml came with git, and nobody has looked yet at what would run$/m);
    expect(run.stderr).toMatch(/^hint: `stack trust` shows it/m);
    expect(run.stderr).toContain('  repos.front.setup: touch canary');
    expect(run.stderr).toContain('  services.api.command: node server.mjs');
    expect(shop.photograph()).toBe(before);
  });

  it.each([['up'], ['create', 'feat-02'], ['create', 'feat-02', '--no-start', '--json']])(
    'is asked about by %s too',
    async (...args) => {
      const run = await shop.stack(args);
      expect(run.code).toBe(4);
      expect(run.stdout + run.stderr).toContain('came with git');
    },
  );

  it('is asked about once for each content', async () => {
    const trusted = await shop.stack(['trust']);
    expect(trusted).toMatchObject({ code: 0, stdout: expect.stringContaining('  repos.front.setup: touch canary') });
    expect(await shop.stack(createFiles)).toMatchObject({ code: 0 });
    expect(canary()).toEqual(['']);
    shop.configure((text) => `# a comment says nothing\n${text}`);
    expect(await shop.stack(['start', 'feat-01', '--no-wait'])).toMatchObject({ code: 0 });
    shop.configure((text) => text.replace('touch canary', 'touch bird'));
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 4 });
    expect(await shop.stack(['add', 'feat-01', 'api'])).toMatchObject({ code: 4 });
    expect(await shop.stack(['restart', 'feat-01'])).toMatchObject({ code: 4 });
    expect((await shop.ps()).instances).toMatchObject([{ status: 'running' }]);
    shop.configure((text) => text.replace('touch bird', 'touch canary'));
    expect(await shop.stack(['add', 'feat-01', 'api'])).toMatchObject({ code: 0 });
  });

  it('is trusted with --yes, as in CI, and stays trusted', async () => {
    expect(await shop.stack([...createFiles, '--yes'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['start', 'feat-01', '--no-wait'])).toMatchObject({ code: 0 });
  });

  // `script` gives it a terminal; the one of util-linux takes a command.
  it.runIf(process.platform === 'linux')('is asked about at a terminal, and asked again after a no', async () => {
    const answer = (word: string, flags: readonly string[] = []) => {
      const line = [process.execPath, BIN, ...createFiles, ...flags].join(' ');
      return execa('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
        ...{ cwd: shop.root, env: shop.env, extendEnv: false, input: `${word}\n`, reject: false },
      });
    };
    // The second and later runs load what V8 kept of the first. With --quiet the question is asked all the same.
    for (const [word, ...flags] of [['n'], ['', '--quiet']]) {
      const refused = await answer(word ?? '', flags);
      expect(refused).toMatchObject({
        exitCode: 4,
        stdout: expect.stringContaining('repos.front.setup: touch canary'),
      });
      expect(refused.stdout).toContain('nothing was changed');
    }
    expect(await answer('y')).toMatchObject({ exitCode: 0 });
    expect((await shop.stack(['start', 'feat-01', '--no-wait'])).code).toBe(0);
  });

  it('can be read, stopped and destroyed by anybody', async () => {
    expect(await shop.stack([...createFiles, '--yes'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['trust', '--revoke'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 4 });
    for (const args of [
      ['ps'],
      ['logs', 'feat-01', '--setup'],
      ['create', 'feat-02', '--dry-run'],
      ['stop', 'feat-01'],
    ]) {
      expect({ args, ...(await shop.stack(args)) }).toMatchObject({ code: 0 });
    }
    expect(await shop.stack(['destroy', 'feat-01', '--force'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['down'])).toMatchObject({ code: 0 });
  });

  it('is known by its root, outside of any repo, for this person alone', async () => {
    await shop.stack(['trust']);
    const { stdout } = await shop.stack(['trust', '--list', '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ trusted: [{ root: shop.root }] });
    const folder = path.join(shop.folder, '.local/state/stack/trust');
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(folder)) expect(statSync(path.join(folder, name)).mode & 0o777).toBe(0o600);
    shop.write('.env', `XDG_STATE_HOME=${shop.folder}/elsewhere\n`);
    expect(await shop.stack(['trust', '--list', '--json'])).toMatchObject({ stdout });
    expect(existsSync(shop.at('../elsewhere'))).toBe(false);
  });

  it('counts also as a link to a file that git brought, and so do stack.local.yml, .env and the compose file', async () => {
    await shop.stack(['trust']);
    shop.write('.env', 'A=1\n');
    expect(await shop.stack(createFiles)).toMatchObject({ code: 0 });
    keep('.env');
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 4 });
    shop.git('.', 'rm', '--quiet', '--cached', '.env');
    shop.write('stack.local.yml', 'repos: { front: { setup: [touch other] } }\n');
    expect(await shop.stack(['start', 'feat-01', '--no-wait'])).toMatchObject({ code: 0 });
    keep('stack.local.yml');
    expect((await shop.stack(['start', 'feat-01'])).stderr).toContain('repos.front.setup: touch other');
    shop.git('.', 'mv', 'stack.yml', 'theirs.yml');
    rmSync(shop.at('stack.local.yml'));
    symlinkSync('theirs.yml', shop.at('stack.yml'));
    shop.configure((text) => text.replace('touch canary', 'touch linked'));
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 4 });
  });

  it('is shown whole wherever it is asked about: nothing is masked, and nothing hides', async () => {
    const setup = ['"echo https://ci:$(touch x)@example.com"', '"npm ci\\nrm -rf /tmp/nothing\\u202e"'];
    shop.configure((text) => text.replace('touch canary', setup.join(', ')));
    const shown = ['echo https://ci:$(touch x)@example.com', '"npm ci\\nrm -rf /tmp/nothing\\u{202e}"'];
    const lines = shown.map((line) => `repos.front.setup: ${line}`);
    const refused = await shop.stack(createFiles);
    for (const line of lines) expect(refused.stderr.split('\n')).toContain(`  ${line}`);
    const { error } = JSON.parse((await shop.stack([...createFiles, '--json'])).stdout);
    expect(error.details.commands).toEqual(expect.arrayContaining(lines));
    const trusted = await shop.stack(['trust']);
    for (const line of lines) expect(trusted.stdout.split('\n')).toContain(`  ${line}`);
  });
});

describe('a stack.yml that a person wrote', () => {
  it('needs no trust, in a repo or not', async () => {
    const shop = makeShop();
    try {
      expect((await shop.stack(['trust'])).stdout).toBe('nothing to trust: stack.yml did not come with git');
      shop.git('.', 'init', '--quiet');
      expect(await shop.stack(['create', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
    } finally {
      await shop.dispose();
    }
  });
});
