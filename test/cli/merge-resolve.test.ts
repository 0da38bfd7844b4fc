import { appendFileSync, rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';

const REPOS = ['front', 'api'] as const;

describe('what conflicts as a ticket is merged', () => {
  let shop: Shop;
  let first: Record<string, string>;
  const own = (repo: string): string => `tickets/feat-01/${repo}`;
  const git = (repo: string, ...args: string[]): string => shop.git(repo, ...args);
  const tip = (repo: string, ref = 'main'): string => git(repo, 'rev-parse', ref);
  const merge = async (...args: string[]) => {
    const { code, stdout, stderr } = await shop.stack(['merge', 'feat-01', '--json', ...args]);
    return { code, stderr, ...JSON.parse(stdout) };
  };
  /** Both change the same file of api; front has a change that merges. */
  const clash = (): void => {
    shop.commit(own('front'), 'front.txt', 'front\n');
    shop.commit(own('api'), 'shared.txt', 'ticket\n');
    shop.commit('api', 'shared.txt', 'base\n');
  };
  const resolve = (text: string): void => {
    shop.write(`${own('api')}/shared.txt`, text);
    git(own('api'), 'add', 'shared.txt');
  };
  const look = (): string[] =>
    REPOS.flatMap((repo) => [
      ...[git(repo, 'for-each-ref', 'refs/heads'), git(repo, 'status', '--porcelain')],
      ...[git(own(repo), 'ls-files', '--stage'), git(own(repo), 'status', '--porcelain=v2', '--branch', '--ignored')],
    ]);

  beforeAll(async () => {
    shop = makeShop();
    shop.configure((text) => text.replace(', shared: true', ''));
    for (const repo of REPOS) shop.commit(repo, 'shared.txt', 'one\n');
    first = Object.fromEntries(REPOS.map((repo) => [repo, tip(repo)]));
    await shop.stack(['create', 'feat/01', '--no-start']);
  });
  afterEach(async () => {
    if (shop.state()?.instances['feat-01']?.resolving) await merge('--abort');
    for (const repo of REPOS) {
      git(repo, 'rerere', 'clear');
      for (const place of [repo, own(repo)]) git(place, 'reset', '--quiet', '--hard', first[repo] ?? '');
    }
    expect((await shop.stack(['ps'])).code).toBe(0);
  });
  afterAll(() => shop.dispose());

  it('is resolved in the ticket’s worktree, with the base’s checkout as dirty as it was, and then merged as it was said', async () => {
    clash();
    shop.write('api/server.mjs', '// mine\n');
    const before = tip('api');
    const refused = await merge();
    expect(refused.repos.api.hint).toMatch(/`stack merge feat-01 --resolve`/);
    const begun = await merge('--resolve', '--squash', '-m', 'All of it');
    expect(begun).toMatchObject({
      code: 4,
      repos: { front: { result: 'waiting' }, api: { result: 'conflict', base: 'main', conflicts: ['shared.txt'] } },
    });
    expect(git(own('api'), 'status', '--porcelain')).toBe('UU shared.txt');
    expect(git('api', 'status', '--porcelain')).toBe(' M server.mjs');
    expect(REPOS.map((repo) => tip(repo))).toEqual([first.front, before]);

    expect((await merge()).error).toMatchObject({
      code: 'conflict',
      hint: expect.stringMatching(/stack merge .*--continue/),
    });
    await expectRefusal(shop, ['sync', 'feat-01', '--continue'], {
      ...{ code: 'usage', message: /is of `stack merge`$/, hint: /stack merge feat-01 --continue/ },
    });
    expect(await merge('--continue')).toMatchObject({
      code: 4,
      repos: { front: { result: 'waiting' }, api: { conflicts: ['shared.txt'] } },
    });
    expect((await merge('--continue', '--rebase')).error.message).toBe('--continue and --rebase exclude each other');
    resolve('both\n');
    const done = await merge('--continue');
    expect(done).toMatchObject({ code: 0, repos: { front: { result: 'merged' }, api: { result: 'merged' } } });
    expect(git('api', 'log', '-1', '--format=%s %P')).toBe(`All of it ${before}`);
    expect(git('api', 'show', 'main:shared.txt')).toBe('both');
    expect(shop.read('api/server.mjs')).toBe('// mine\n');
    expect((await merge('--continue')).code).toBe(2);
    expect((await merge()).repos.api.result).toBe('unchanged');
  });

  it('is put back by --abort in all repos, and git knows the resolution the next time', async () => {
    clash();
    const before = look();
    expect((await merge('--resolve')).code).toBe(4);
    resolve('both\n');
    const told = await shop.stack(['merge', 'feat-01', '--abort']);
    expect(told.stdout).toBe('api  feat/01 is where it was\n\nfeat-01: api: put back');
    expect(look()).toEqual(before);
    expect((await merge('--resolve')).code).toBe(4);
    expect(shop.read(`${own('api')}/shared.txt`)).toBe('both\n');
    await merge('--abort');
    // What git does by itself nobody has to go on with.
    git('api', 'config', 'rerere.autoupdate', 'true');
    expect(await merge('--resolve')).toMatchObject({ code: 0, repos: { api: { result: 'merged' } } });
    git('api', 'config', '--unset', 'rerere.autoupdate');
    expect(git('api', 'show', 'main:shared.txt')).toBe('both');
  });

  it('is rebased in the worktree with --rebase', async () => {
    clash();
    const base = tip('api');
    expect((await merge('--resolve', '--rebase')).repos.api.conflicts).toEqual(['shared.txt']);
    resolve('both\n');
    expect((await merge('--continue')).code).toBe(0);
    expect(git('api', 'log', '-1', '--format=%s %P')).toBe(`Write shared.txt ${base}`);
  });

  it('may come once more, where the base has moved meanwhile; --abort goes back to before the first', async () => {
    clash();
    const before = tip('api', 'feat/01');
    await merge('--resolve');
    resolve('both\n');
    shop.commit('api', 'shared.txt', 'base again\n');
    expect(await merge('--continue')).toMatchObject({ code: 4, repos: { api: { result: 'conflict' } } });
    expect((await merge('--abort')).code).toBe(0);
    expect(tip('api', 'feat/01')).toBe(before);
    expect(git(own('api'), 'status', '--porcelain')).toBe('');
  });

  it.each(['--no-ff', '--rebase'])(
    'is put back in no repo while one has work besides that would be lost with it (%s)',
    async (way) => {
      clash();
      shop.commit('front', 'front.txt', 'base\n');
      shop.commit(own('api'), 'second.txt', 'second\n');
      const before = look();
      expect((await merge('--resolve', way)).code).toBe(4);
      resolve('both\n');
      shop.write(`${own('api')}/new.txt`, 'new\n');
      git(own('api'), 'add', 'new.txt');
      shop.write(`${own('api')}/server.mjs`, '// mine\n');
      if (way === '--rebase') shop.write(`${own('api')}/second.txt`, 'mine\n');
      const conflicted = look();
      const refused = await merge('--abort');
      expect(refused).toMatchObject({
        code: 4,
        repos: { front: { result: 'waiting' }, api: { result: 'refused', hint: expect.stringMatching(/git restore/) } },
      });
      const lost = way === '--rebase' ? 'new.txt, server.mjs, second.txt' : 'new.txt';
      expect(refused.repos.api.reason).toMatch(new RegExp(`would be lost: ${lost}$`));
      expect(look()).toEqual(conflicted);

      git(own('api'), 'restore', '--staged', '--worktree', 'new.txt');
      if (way === '--rebase') {
        git(own('api'), 'restore', '--staged', '--worktree', 'server.mjs');
        git(own('api'), 'clean', '--quiet', '--force', 'second.txt');
      }
      expect((await merge('--abort')).code).toBe(0);
      // The end of a merge leaves it where it is.
      if (way !== '--rebase') git(own('api'), 'restore', 'server.mjs');
      expect(look()).toEqual(before);
    },
  );

  it('is not put back over a file that came in the place of one which the base has deleted, ignored or not', async () => {
    git('api', 'rm', '--quiet', 'server.mjs');
    appendFileSync(shop.at('api/.git/info/exclude'), 'server.mjs\n');
    git('api', 'commit', '--quiet', '--message', 'No server');
    clash();
    expect((await merge('--resolve')).code).toBe(4);
    shop.write(`${own('api')}/server.mjs`, 'made since\n');
    const refused = await merge('--abort');
    expect(refused).toMatchObject({ code: 4, repos: { api: { result: 'refused' } } });
    expect(refused.repos.api.reason).toMatch(/would be lost: server\.mjs$/);
    expect(shop.read(`${own('api')}/server.mjs`)).toBe('made since\n');
    rmSync(shop.at(`${own('api')}/server.mjs`));
    expect((await merge('--abort')).code).toBe(0);
  });

  it('is not made over an ignored file that a commit on the way brings, and a later one has no more', async () => {
    const key = `${own('api')}/my.key`;
    shop.commit(own('api'), 'my.key', 'committed\n');
    git(own('api'), 'rm', '--quiet', '--cached', 'my.key');
    git(own('api'), 'commit', '--quiet', '--message', 'Keep no key');
    appendFileSync(shop.at('api/.git/info/exclude'), 'my.key\n');
    clash();
    shop.write(key, 'mine\n');
    const run = await merge('--resolve', '--rebase');
    expect(shop.read(key)).toBe('mine\n');
    expect(run).toMatchObject({
      code: 4,
      repos: { api: { result: 'refused', reason: 'there is uncommitted work: my.key' } },
    });
    // Where nothing conflicts no file on the way is written.
    git('api', 'reset', '--quiet', '--hard', first.api ?? '');
    expect((await shop.stack(['merge', 'feat-01', '--rebase'])).code).toBe(0);
    expect(shop.read(key)).toBe('mine\n');
    rmSync(shop.at(key));
  });

  it('is verified once it is resolved; where that fails all waits, and --abort puts it back', async () => {
    clash();
    const before = look();
    await merge('--resolve', '--verify', 'grep both api/shared.txt');
    resolve('neither\n');
    expect((await merge('--continue')).error).toMatchObject({
      ...{ code: 'usage', message: 'the merge of feat-01 was begun with --verify' },
    });
    const bad = await merge('--continue', '--verify', 'grep both api/shared.txt');
    expect(bad).toMatchObject({ code: 1, verified: { exitCode: 1 }, repos: { api: { result: 'waiting' } } });
    expect((await merge('--abort')).code).toBe(0);
    expect(look()).toEqual(before);
  });

  it('is not made over work that is not committed, nor in two tickets at once', async () => {
    clash();
    shop.write(`${own('api')}/server.mjs`, '// mine\n');
    const before = look();
    const run = await merge('--resolve', '--committed');
    expect(run).toMatchObject({
      code: 4,
      repos: { api: { result: 'refused', hint: expect.stringMatching(/git stash/) } },
    });
    expect(look()).toEqual(before);
    expect(shop.state()?.instances['feat-01']).not.toHaveProperty('resolving');
    await shop.stack(['create', 'feat-02', '--no-start']);
    await expectRefusal(shop, ['merge', 'feat-01', 'feat-02', '--resolve'], {
      ...{ code: 'usage', message: /^--resolve takes one ticket$/, hint: /one after the other/ },
    });
  });
});
