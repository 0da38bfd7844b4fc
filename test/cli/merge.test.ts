import { chmodSync, existsSync, rmSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { killHalfMerged } from '../support/half-merged.ts';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const REPOS = ['front', 'api'] as const;

describe('merging tickets into their bases', () => {
  let shop: Shop;
  let first: Record<string, string>;
  const git = (repo: string, ...args: string[]): string => shop.git(repo, ...args);
  const merge = (...args: string[]) => shop.stack(['merge', '--json', ...args]);
  /** A commit in some repos of a ticket. */
  const work = (ticket: string, file: string, text: string, repos: readonly string[] = REPOS): void => {
    for (const repo of repos) shop.commit(`tickets/${ticket}/${repo}`, file, text);
  };
  const tip = (repo: string): string => git(repo, 'rev-parse', 'main');
  /** The base, what is staged there and what git sees of the files, in the main checkouts. */
  const look = (): string[] =>
    REPOS.map((repo) =>
      [tip(repo), git(repo, 'ls-files', '--stage'), git(repo, 'status', '--porcelain', '--ignored')].join('\n'),
    );

  beforeAll(async () => {
    shop = makeShop();
    shop.configure((text) => text.replace(', shared: true', ''));
    for (const repo of REPOS) shop.commit(repo, 'shared.txt', 'one\ntwo\nthree\n');
    first = Object.fromEntries(REPOS.map((repo) => [repo, tip(repo)]));
    for (const ticket of ['feat/01', 'feat-02']) await shop.stack(['create', ticket, '--no-start']);
  });
  afterEach(() => {
    for (const repo of REPOS) {
      git(repo, 'switch', '--quiet', 'main');
      git(repo, 'reset', '--quiet', '--hard', first[repo] ?? '');
      git(repo, 'clean', '--quiet', '-d', '--force');
      for (const ticket of ['feat-01', 'feat-02'])
        git(`tickets/${ticket}/${repo}`, 'reset', '--quiet', '--hard', first[repo] ?? '');
    }
  });
  afterAll(() => shop.dispose());

  it('moves them in all repos, with the files of a base that is checked out; work there that it does not touch stays', async () => {
    work('feat-01', 'new.txt', 'new\n');
    work('feat-01', 'shared.txt', 'one\ntwo\nthree\nfour\n');
    shop.write('front/server.mjs', '// mine\n');
    shop.write('front/mine.txt', 'mine\n');
    git('front', 'add', 'mine.txt');
    git('api', 'switch', '--quiet', '--detach');
    const dry = await merge('feat-01', '--dry-run');
    expect(JSON.parse(dry.stdout).repos).toMatchObject({ front: { result: 'waiting', commits: 2, to: first.front } });
    const run = await merge('feat-01');
    expect(run.code).toBe(0);
    expect(JSON.parse(run.stdout)).toEqual({
      ...{ ticket: 'feat-01', tickets: ['feat-01'], dryRun: false },
      repos: Object.fromEntries(
        REPOS.map((repo) => [
          repo,
          {
            ...{ result: 'merged', branch: 'feat/01', base: 'main', brings: ['feat-01'], commits: 2 },
            ...{ from: first[repo], to: tip(repo) },
          },
        ]),
      ),
    });
    expect(git('front', 'status', '--porcelain')).toBe('A  mine.txt\n M server.mjs');
    expect(shop.read('front/shared.txt')).toMatch(/four/);
    expect(git('front', 'log', '-1', '--format=%s %P')).toBe(
      `Merge branch 'feat/01' ${first.front} ${git('front', 'rev-parse', 'feat/01')}`,
    );
    // Nobody is on the base there.
    expect(existsSync(shop.at('api/new.txt'))).toBe(false);
    expect(git('api', 'show', 'main:new.txt')).toBe('new');

    const again = await shop.stack(['merge'], { cwd: shop.at('tickets/feat-01/api') });
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/^api +main has all of it already\n\nfeat-01: there is nothing to merge$/m);
  });

  it('stops all for a conflict in one repo, or for work that is in the way, and names the files', async () => {
    work('feat-01', 'shared.txt', 'ticket\n');
    shop.commit('api', 'shared.txt', 'base\n');
    const before = look();
    const run = await merge('feat-01');
    expect(run.code).toBe(4);
    expect(JSON.parse(run.stdout).repos).toMatchObject({
      front: { result: 'waiting', to: first.front },
      api: { result: 'conflict', conflicts: ['shared.txt'], to: tip('api') },
    });
    expect(look()).toEqual(before);
    git('api', 'reset', '--quiet', '--hard', first.api ?? '');

    const refusedFor = async (reason: RegExp, hint: RegExp, ...args: string[]): Promise<void> => {
      const photo = look();
      const refused = await merge('feat-01', ...args);
      expect(refused.code).toBe(4);
      const { front, api } = JSON.parse(refused.stdout).repos;
      expect(front.result).toBe('waiting');
      expect(api).toMatchObject({ result: 'refused', reason: expect.stringMatching(reason) });
      expect(api.hint).toMatch(hint);
      expect(look()).toEqual(photo);
    };
    shop.write('api/shared.txt', 'mine\n');
    await refusedFor(/uncommitted work in .*\/api is in the way: shared\.txt$/, /git stash/);
    git('api', 'checkout', '--quiet', 'shared.txt');
    work('feat-01', 'secret.txt', 'of the ticket\n', ['api']);
    shop.write('api/.git/info/exclude', 'secret.txt\n');
    shop.write('api/secret.txt', 'only here\n');
    await refusedFor(/in the way: secret\.txt$/, /git stash/);
    expect(shop.read('api/secret.txt')).toBe('only here\n');
    rmSync(shop.at('api/secret.txt'));
    shop.write('tickets/feat-01/api/more.txt', 'more\n');
    await refusedFor(/^work is not committed: 1 new$/, /stack commit.*--committed/);
    expect((await merge('feat-01', '--committed')).code).toBe(0);
    rmSync(shop.at('tickets/feat-01/api/more.txt'));
  });

  it('is taken back by the next command after kill -9 in the second repo, to the last file', async () => {
    work('feat-01', 'shared.txt', 'ticket\n');
    work('feat-01', 'new.txt', 'new\n');
    const before = look();
    await killHalfMerged(shop, ['merge', 'feat-01']);
    const doctor = await shop.stack(['doctor']);
    expect(doctor.stdout).toMatch(/feat-01 .*`stack merge` in front, api was cut off/);
    const next = await shop.stack(['merge', 'feat-02']);
    expect(next.stderr).toMatch(/the last `stack merge` of feat-01 was cut off, and is taken back/);
    expect(look()).toEqual(before);
    expect((await merge('feat-01')).code).toBe(0);
    expect(git('api', 'status', '--porcelain')).toBe('');
  });

  it('is no base for another ticket while it was cut off between two repos: not for `sync`, and not for `create`', async () => {
    work('feat-01', 'shared.txt', 'ticket\n');
    for (const args of [
      ['sync', 'feat-02'],
      ['create', 'feat-03', '--no-start'],
    ]) {
      await killHalfMerged(shop, ['merge', 'feat-01']);
      const { code, stderr } = await shop.stack(args);
      expect([code, stderr]).toEqual([0, expect.stringMatching(/feat-01 was cut off, and is taken back/)]);
      expect([tip('front'), git('front', 'rev-parse', args[1] ?? '')]).toEqual([first.front, first.front]);
    }
    expect((await shop.stack(['destroy', 'feat-03', '--yes'])).code).toBe(0);
  });

  it('lets nobody destroy one of its tickets while it moves, and says who is at it', async () => {
    work('feat-01', 'shared.txt', 'ticket\n');
    const before = look();
    await killHalfMerged(shop, ['merge', 'feat-01', 'feat-02'], async (pid) => {
      for (const args of [
        ['destroy', 'feat-01', '--force', '--yes'],
        ['destroy', 'feat-02'],
        ['recreate', 'feat-02'],
      ]) {
        await expectRefusal(shop, args, {
          ...{ code: 'busy', hint: /^wait until it is done, or end it/ },
          message: new RegExp(`^${args[1]} is being changed by another command of stack \\(pid ${pid}\\)$`),
        });
      }
    });
    expect((await merge('feat-02', '--dry-run')).code).toBe(0);
    expect(look()).toEqual(before);
  });

  it('moves nothing of a ticket that is destroyed while it is verified', async () => {
    await shop.stack(['create', 'feat-03', '--no-start']);
    work('feat-03', 'shared.txt', 'ticket\n');
    const before = look();
    const [begun, go] = [`${shop.folder}/begun-03`, `${shop.folder}/go-03`];
    const line = `touch ${begun}; for i in $(seq 2400); do [ -e ${go} ] && exit 0; sleep 0.05; done; exit 9`;
    const running = shop.start(['merge', 'feat-03', '--verify', line]);
    await until('it verifies', () => existsSync(begun));
    expect((await shop.stack(['destroy', 'feat-03', '--force', '--yes'])).code).toBe(0);
    shop.write(go, '');
    const { code, stderr } = await running.ended;
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^stack: there is no ticket "feat-03"$/m)]);
    expect(look()).toEqual(before);
    expect((await shop.stack(['restore', 'feat-03', '--forget', '--yes'])).code).toBe(0);
  });

  it('verifies the merged result in an environment of its own, which goes whatever happens', async () => {
    work('feat-01', 'shared.txt', 'ticket\n');
    const before = look();
    const nothingLeft = (): void => {
      expect(Object.keys(shop.state()?.instances ?? {}).sort()).toEqual(['feat-01', 'feat-02']);
      for (const repo of REPOS) expect(git(repo, 'for-each-ref', 'refs/stack', 'refs/heads/verify*')).toBe('');
    };
    const fails = 'ls; cat front/shared.txt; echo made > api/made.txt; exit 3';
    const bad = await merge('feat-01', '--verify', fails);
    expect(bad.code).toBe(1);
    const told = JSON.parse(bad.stdout);
    expect(told.verified).toMatchObject({ command: fails, exitCode: 3, lines: ['api', 'front', 'ticket'] });
    expect(shop.read(told.verified.log)).toMatch(/^ticket$/m);
    expect(told.repos).toMatchObject({ front: { result: 'waiting' }, api: { result: 'waiting', to: first.api } });
    expect(look()).toEqual(before);
    nothingLeft();

    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const running = shop.start(['merge', 'feat-01', '--verify', `touch ${shop.folder}/${signal}; sleep 1000`]);
      await until('it verifies', () => existsSync(`${shop.folder}/${signal}`), 60);
      running.kill(signal);
      expect((await running.ended).code).toBe(signal === 'SIGINT' ? 130 : 137);
      expect(look()).toEqual(before);
      if (signal === 'SIGINT') nothingLeft();
    }

    shop.configure((text) => `${text}verify: grep ticket front/shared.txt\n`);
    const good = await merge('feat-01');
    shop.configure((text) => text.replace(/^verify:.*\n/m, ''));
    expect(good.code).toBe(0);
    expect(JSON.parse(good.stdout)).toMatchObject({ verified: { exitCode: 0 }, repos: { api: { result: 'merged' } } });
    nothingLeft();
  });

  it('tells first what ended a verification whose environment cannot be taken apart, and then that', async () => {
    work('feat-01', 'shared.txt', 'ticket\n');
    const hook = 'front/.git/hooks/reference-transaction';
    const keep = '#!/bin/sh\n[ "$1" != prepared ] || ! grep -q " 00* refs/heads/verify-feat-01$"\n';
    shop.write(hook, keep);
    chmodSync(shop.at(hook), 0o755);
    const begun = `${shop.folder}/begun`;
    const running = shop.start(['merge', 'feat-01', '--verify', `touch ${begun}; sleep 1000`]);
    await until('it verifies', () => existsSync(begun), 60);
    running.kill('SIGINT');
    const stopped = await running.ended;
    expect(stopped.code).toBe(3);
    expect(stopped.stderr).toMatch(/^stack: interrupted; and this could not be cleaned up: verify-feat-01$/m);
    expect(stopped.stderr).toMatch(/^hint: `stack destroy verify-feat-01` tries again$/m);
    rmSync(shop.at(hook));
    expect((await shop.stack(['destroy', 'verify-feat-01'])).code).toBe(0);

    shop.configure((text) => text.replace('{ path: ./api', "{ setup: ['exit 7'], path: ./api"));
    shop.write(hook, keep);
    chmodSync(shop.at(hook), 0o755);
    const failed = await shop.stack(['merge', 'feat-01', '--verify', 'true']);
    rmSync(shop.at(hook));
    shop.configure((text) => text.replace("setup: ['exit 7'], ", ''));
    expect(failed.code).toBe(3);
    expect(failed.stderr).toMatch(
      /^stack: setup of api failed: .*; and this could not be cleaned up: worktree front$/m,
    );
    expect((await shop.stack(['destroy', 'verify-feat-01'])).code).toBe(0);
  });

  it('squashes, rebases and takes several in the order named; given again it does nothing', async () => {
    work('feat-01', 'one.txt', '1\n');
    work('feat-01', 'one.txt', '2\n');
    work('feat-02', 'two.txt', '1\n', ['api']);
    for (const repo of REPOS) shop.commit(repo, 'base.txt', 'base\n');
    const subjects = (repo: string): string[] => git(repo, 'log', '--format=%s', `${first[repo]}..main`).split('\n');
    expect((await merge('feat-01', '--squash')).code).toBe(0);
    expect(subjects('front')).toEqual(['Squash feat/01', 'Write base.txt']);
    expect((await merge('feat-02', 'feat-01', '--rebase')).code).toBe(0);
    expect(subjects('front')).toEqual(['Squash feat/01', 'Write base.txt']);
    expect(subjects('api')).toEqual(['Write two.txt', 'Squash feat/01', 'Write base.txt']);
    for (const way of ['--squash', '--rebase', '--no-ff']) {
      const again = JSON.parse((await merge('feat-01', 'feat-02', way)).stdout);
      expect(again.repos).toMatchObject({ front: { result: 'unchanged' }, api: { result: 'unchanged' } });
    }
    const gone = await shop.stack(['destroy', 'feat-02', '--dry-run', '--json']);
    expect(gone.code).toBe(0);
  });

  it('asks for one way alone', async () => {
    await expectRefusal(shop, ['merge', 'feat-01', '--squash', '--rebase'], {
      ...{ code: 'usage', message: /^--squash and --rebase exclude each other$/, hint: /one of the two/ },
    });
  });
});
