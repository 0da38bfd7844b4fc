import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Rescue } from '../../src/domain/rescue.ts';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

describe('restore', () => {
  let shop: Shop;
  beforeEach(async () => {
    shop = makeShop();
    await shop.stack(['create', 'fix/login', '--from-front=feat/ui', '--with', 'api', '--no-start']);
    work();
  });
  afterEach(() => shop.dispose());

  const front = 'tickets/fix-login/front';
  const destroy = () => shop.stack(['destroy', 'fix-login', '--force', '--quiet']);
  const restore = (...args: string[]) => shop.stack(['restore', 'fix/login', ...args]);
  const listSaved = async (): Promise<Rescue[]> =>
    JSON.parse((await shop.stack(['restore', '--list', '--json'])).stdout).rescues;

  /** A commit, something staged and changed since, something deleted, something new, something that git ignores. */
  const work = (): void => {
    shop.commit(front, 'done.txt', 'done\n');
    shop.write(`${front}/server.mjs`, 'staged\n');
    shop.git(front, 'add', 'server.mjs');
    shop.write(`${front}/server.mjs`, 'changed\n');
    shop.write(`${front}/folder/new.txt`, 'new\n');
    shop.write(`${front}/.gitignore`, '.env.local\nmine\n');
    shop.write(`${front}/mine`, 'ignored\n');
    rmSync(shop.at(front, 'done.txt'));
  };

  const look = (): string[] => [
    shop.git(front, 'status', '--porcelain=v2', '--branch', '--ignored', '--untracked-files=all'),
    shop.git(front, 'diff', '--cached'),
    shop.read(`${front}/server.mjs`),
    shop.read(`${front}/folder/new.txt`),
    shop.read(`${front}/mine`),
  ];

  it('makes a ticket again as it was: branches, bases, staged, changed, new and ignored files', async () => {
    const before = look();
    const [was] = (await shop.ps()).instances;
    expect(await destroy()).toMatchObject({ code: 0 });
    expect(existsSync(shop.at('tickets'))).toBe(false);
    const run = await restore('--no-start');
    expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining('[feat/ui]') });
    expect(run.stderr).toMatch(/^what was saved of fix-login is kept; `stack restore fix-login --time \S+ --forget`/m);
    expect(look()).toEqual(before);
    const [is] = (await shop.ps()).instances;
    expect(is?.repos).toEqual(was?.repos);
    expect(shop.git('tickets/fix-login/api', 'status', '--porcelain', '--branch')).toBe('## fix/login');
    expect(shop.state()?.instances['fix-login']).toMatchObject({ argument: 'fix/login', phase: 'ready' });
  });

  it('does so when it was destroyed while the main checkout was on a branch without a commit', async () => {
    const before = look();
    shop.git('front', 'checkout', '--quiet', '--orphan', 'new');
    expect(await destroy()).toMatchObject({ code: 0 });
    shop.git('front', 'symbolic-ref', 'HEAD', 'refs/heads/main');
    expect(await restore('--no-start')).toMatchObject({ code: 0 });
    expect(look()).toEqual(before);
  });

  it('does so when all of .stack is lost, and starts what ran', async () => {
    await destroy();
    rmSync(shop.at('.stack'), { recursive: true, maxRetries: 3 });
    shop.git('front', 'gc', '--quiet', '--prune=now');
    expect(await restore('--dry-run')).toMatchObject({ code: 0, stdout: expect.stringContaining('the saved work') });
    expect(existsSync(shop.at('tickets'))).toBe(false);
    expect(JSON.parse((await restore('--no-wait', '--json')).stdout)).toMatchObject({ ticket: 'fix-login' });
    expect(shop.read(`${front}/server.mjs`)).toBe('changed\n');
  });

  it('takes the newest, or the one of a time; keeps them until told otherwise', async () => {
    await destroy();
    await restore('--no-start');
    shop.write(`${front}/folder/new.txt`, 'newer\n');
    await destroy();
    const [newer, older] = await listSaved();
    expect(newer).toMatchObject({ ticket: 'fix-login', repos: { front: { base: 'feat/ui', branch: 'fix/login' } } });
    await restore('--no-start', '--time', older?.time ?? '');
    expect(shop.read(`${front}/folder/new.txt`)).toBe('new\n');
    await destroy();
    expect(await listSaved()).toHaveLength(3);
    const list = await shop.stack(['restore', '--list']);
    expect(list.stdout).toMatch(new RegExp(`^fix-login +${newer?.time} +front \\[feat/ui\\], api \\[main\\]$`, 'm'));
    expect((await restore('--forget')).code).toBe(4);
    for (const _ of [1, 2, 3]) expect(await restore('--forget', '--yes')).toMatchObject({ code: 0 });
    expect(await shop.stack(['restore', '--list'])).toMatchObject({ code: 0, stdout: 'nothing is saved' });
    for (const repo of ['front', 'api']) expect(shop.git(repo, 'for-each-ref', 'refs/stack')).toBe('');
  });

  it('takes the save that was made last, also after the clock was set back', async () => {
    const clock = `const Now = Date; globalThis.Date = class extends Now {
      constructor(...parts) { super(...(parts.length > 0 ? parts : [Now.now() + 864e5])); }
      static now() { return Now.now() + 864e5; }
    };`;
    const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(clock)}` };
    shop.write(`${front}/mine`, 'first');
    expect(await shop.stack(['destroy', 'fix-login', '--force', '--quiet'], { env })).toMatchObject({ code: 0 });
    expect(await restore('--no-start')).toMatchObject({ code: 0 });
    shop.write(`${front}/mine`, 'second');
    expect(await destroy()).toMatchObject({ code: 0 });
    const [last, first] = await listSaved();
    expect(last?.time.localeCompare(first?.time ?? '')).toBe(-1);
    expect(await restore('--no-start')).toMatchObject({ code: 0 });
    expect(shop.read(`${front}/mine`)).toBe('second');
  });

  it('puts back all of a ticket whose destroy was broken off and went on later', async () => {
    const before = look();
    shop.commit('tickets/fix-login/api', 'more.txt', 'more\n');
    shop.write('tickets/fix-login/notes.md', 'notes\n');
    // With the ref in the way the branch of the API cannot be deleted.
    const hook = shop.at('api/.git/hooks/reference-transaction');
    shop.write('api/.git/hooks/reference-transaction', `#!/bin/sh\n! grep -q '0000 refs/heads/fix/login'\n`);
    chmodSync(hook, 0o755);
    expect(await destroy()).toMatchObject({ code: 3 });
    rmSync(hook);
    expect(await destroy()).toMatchObject({ code: 0 });
    expect(await listSaved()).toHaveLength(2);
    expect(await restore('--no-start')).toMatchObject({ code: 0 });
    expect(look()).toEqual(before);
    expect(shop.read('tickets/fix-login/notes.md')).toBe('notes\n');
    expect(shop.read('tickets/fix-login/api/more.txt')).toBe('more\n');
  });

  it('puts back what was checked out, and a merge in the middle', async () => {
    shop.git(front, 'reset', '--quiet', '--hard');
    shop.commit('front', 'server.mjs', 'there\n');
    shop.commit(front, 'server.mjs', 'here\n');
    shop.git(front, 'checkout', '--quiet', '--detach');
    expect(() => shop.git(front, 'merge', '--quiet', 'main')).toThrow();
    const [head, text] = [shop.git(front, 'rev-parse', 'HEAD'), shop.read(`${front}/server.mjs`)];
    expect(await destroy()).toMatchObject({ code: 0 });
    const run = await restore('--no-start');
    expect(run.stderr).toMatch(/^! front: a merge is under way, as it was$/m);
    expect(run.stderr).toMatch(/^! front: no branch is checked out, but the commit that was: /m);
    expect(shop.git(front, 'rev-parse', 'HEAD')).toBe(head);
    expect(shop.read(`${front}/server.mjs`)).toBe(text);
  });

  it('puts back a branch and files whose names are not UTF-8, and tells of them', async () => {
    const name = (file: string): Buffer => Buffer.from(`${shop.at(front)}/${file}`, 'latin1');
    execFileSync('sh', ['-c', 'git switch --quiet --create "$(printf "caf\\351")"'], {
      cwd: shop.at(front),
      env: shop.env,
    });
    writeFileSync(name('new\xe9'), 'new');
    mkdirSync(name('mine\xe9'));
    shop.write(`${front}/.gitignore`, '.env.local\nmine*\n');
    writeFileSync(name('mine\xe9/caf\xe9'), 'ignored');
    const before = look();
    expect((await shop.ps()).instances[0]?.problems ?? []).toEqual([]);
    expect(await shop.stack(['destroy', 'fix-login'])).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/caf\\xe9 is checked out.*new\\xe9.*mine\\xe9\/caf\\xe9/s),
    });
    const told = JSON.parse((await shop.stack(['destroy', 'fix-login', '--json'])).stdout);
    expect(JSON.stringify(told)).toContain('mine\\udce9/caf\\udce9');
    expect(await destroy()).toMatchObject({ code: 0 });
    expect(await restore('--no-start')).toMatchObject({ code: 0 });
    expect(look()).toEqual(before);
    expect(readFileSync(name('mine\xe9/caf\xe9'), 'utf8')).toBe('ignored');
  });

  it('puts back what a version saved that knew of git’s trees alone', async () => {
    const before = look();
    expect(await destroy()).toMatchObject({ code: 0 });
    for (const repo of ['front', 'api']) {
      const ref = shop.git(repo, 'for-each-ref', '--format=%(refname)', 'refs/stack/record');
      const message = shop.git(repo, 'log', '-1', '--format=%B', ref).replaceAll(/,"exact":\{[^}]*\}/g, '');
      expect(message).not.toContain('exact');
      const tree = shop.git(repo, 'hash-object', '-t', 'tree', '/dev/null');
      shop.git(repo, 'update-ref', ref, shop.git(repo, 'commit-tree', tree, '-m', message));
      shop.git(repo, 'gc', '--quiet', '--prune=now');
    }
    expect(await restore('--no-start')).toMatchObject({ code: 0 });
    expect(look()).toEqual(before);
  });

  it('unmakes what it made when it fails, and what was saved is there for the next time', async () => {
    const before = look();
    shop.write('tickets/fix-login/notes/NOTES', 'beside\n');
    await destroy();
    const photograph = shop.photograph();
    shop.configure((text) => text.replace('path: ./front,', 'path: ./front, setup: ["exit 3"],'));
    expect(await restore('--no-start')).toMatchObject({ code: 1, stderr: expect.stringContaining('exit code 3') });
    shop.configure((text) => text.replace(' setup: ["exit 3"],', ''));
    expect(shop.photograph()).toBe(photograph);
    expect(await restore('--no-start')).toMatchObject({ code: 0 });
    expect(look()).toEqual(before);
    expect(shop.read('tickets/fix-login/notes/NOTES')).toBe('beside\n');
  });

  it('refuses a ticket that is there, one that nothing is saved of, and a branch that has moved', async () => {
    const refuse = (
      code: 'exists' | 'not-found' | 'conflict' | 'usage',
      message: RegExp,
      hint: RegExp,
      ...args: string[]
    ) => expectRefusal(shop, ['restore', ...args], { code, message, hint });
    await refuse('not-found', /^nothing is saved of "fix-login"$/, /`destroy --force` its work/, 'fix-login');
    await destroy();
    await refuse('not-found', /^nothing is saved of "fix-logon"$/, /did you mean fix-login\?/, 'fix-logon');
    await refuse('not-found', /from 1999$/, /it was saved at /, 'fix-login', '--time', '1999');
    await refuse('usage', /^which ticket\?$/, /--list/);
    shop.git('front', 'branch', 'fix/login', 'main');
    await refuse('conflict', /front has a branch fix\/login that is not where it was/, /git branch/, 'fix-login');
    shop.git('front', 'branch', '--delete', '--force', 'fix/login');
    await restore('--no-start');
    await refuse('exists', /^fix-login is there already$/, /stack start fix-login/, 'fix-login');
  });
});

describe('destroy --merged', () => {
  let shop: Shop;
  beforeEach(async () => {
    shop = makeShop();
    for (const ticket of ['done', 'open', 'fresh', 'busy']) await shop.stack(['create', ticket, '--no-start']);
    for (const ticket of ['done', 'open', 'busy']) shop.commit(`tickets/${ticket}/front`, `${ticket}.txt`, 'x\n');
    for (const ticket of ['done', 'busy']) {
      shop.git('front', 'merge', '--quiet', '--squash', ticket);
      shop.git('front', 'commit', '--quiet', '--message', 'Squash');
    }
    shop.write('tickets/busy/front/new.txt', 'new\n');
    shop.git('tickets/fresh/front', 'merge', '--ff-only', '--quiet', 'main');
  });
  afterEach(() => shop.dispose());

  const tickets = async (): Promise<string[]> => (await shop.ps()).instances.map(({ ticket }) => ticket).sort();

  it('takes what is merged and has nothing to lose, and says what it left', async () => {
    const before = shop.photograph();
    const preview = await shop.stack(['destroy', '--merged', '--dry-run']);
    expect(preview).toMatchObject({ code: 0, stdout: expect.stringMatching(/^done would be removed:$/m) });
    expect(preview.stdout).toMatch(/^ {2}busy front:\n {4}1 untracked file: new\.txt$/m);
    expect(shop.photograph()).toBe(before);
    const run = await shop.stack(['destroy', '--merged', '--quiet']);
    expect(run).toEqual({
      code: 0,
      stdout: 'done is gone\nmerged, and left because of this:\n  busy front:\n    1 untracked file: new.txt',
      stderr: '',
    });
    expect(await tickets()).toEqual(['busy', 'fresh', 'open']);
  });

  it('goes with no names, and not with --force', async () => {
    const hint = /merged and has nothing to lose/;
    await expectRefusal(shop, ['destroy', '--merged', 'done'], { code: 'usage', message: /names of tickets/, hint });
    await expectRefusal(shop, ['destroy', '--merged', '--force'], { code: 'usage', message: /--force/, hint });
  });

  it('a teardown that was killed is swept by the next command, also what nobody may write to', async () => {
    shop.write('.stack/trash/front-0123abcd/folder/file', 'x');
    shop.write('.stack/trash/front-4567abcd/folder/file', 'x');
    // Of one that was at it: no process has such a number.
    shop.write('.stack/trash/front-89abcdef.4194305/folder/file', 'x');
    chmodSync(shop.at('.stack/trash/front-0123abcd/folder'), 0o500);
    await shop.stack(['ps']);
    await until('the trash is gone', () => !existsSync(shop.at('.stack/trash')));
  });
});
