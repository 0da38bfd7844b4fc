import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

describe('a ticket that is pushed', () => {
  let shop: Shop;
  let number = 0;
  const folder = (repo: string): string => `tickets/feat-01/${repo}`;
  const git = (repo: string, ...args: string[]): string => shop.git(folder(repo), ...args);
  /** Branches and tags of a bare remote, by name. */
  const refs = (remote: string): Record<string, string> =>
    Object.fromEntries(
      shop
        .git('.', `--git-dir=${shop.folder}/${remote}.git`, 'for-each-ref', '--format=%(refname) %(objectname)')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.split(' ') as [string, string]),
    );
  const work = (repo: string): string => {
    number += 1;
    shop.commit(folder(repo), 'work.txt', `${number}`);
    return git(repo, 'rev-parse', 'HEAD');
  };
  const push = async (...args: string[]) => {
    const run = await shop.stack(['push', 'feat-01', '--json', ...args]);
    return { ...run, repos: run.stdout === '' ? {} : JSON.parse(run.stdout).repos };
  };

  beforeAll(async () => {
    shop = makeShop();
    shop.configure((text) => text.replace(', shared: true', ''));
    for (const repo of ['front', 'api']) {
      for (const remote of [repo, `${repo}-fork`]) {
        execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', `${shop.folder}/${remote}.git`], {
          env: shop.env,
        });
      }
      shop.git(repo, 'remote', 'add', 'origin', `${shop.folder}/${repo}.git`);
      shop.git(repo, 'remote', 'add', 'fork', `${shop.folder}/${repo}-fork.git`);
      shop.git(repo, 'push', '--quiet', 'origin', 'main');
      shop.git(repo, 'push', '--quiet', 'fork', 'main');
      // Ahead of the remote: whatever pushes it is seen there.
      shop.commit(repo, 'local.txt', 'not pushed');
    }
    await shop.stack(['create', 'feat/01', '--no-start']);
  });
  afterAll(() => shop.dispose());

  it('asks all remotes and hooks before the first push, and tells what became of each repo', async () => {
    const base = refs('api');
    expect((await push()).repos).toMatchObject({ front: { result: 'pushed' } });
    expect(refs('api')['refs/heads/main']).toBe(base['refs/heads/main']);
    const tip = work('front');
    work('api');
    const before = [refs('front'), refs('api')];
    const dry = await push('--dry-run');
    expect(dry).toMatchObject({ code: 0, repos: { front: { result: 'waiting' }, api: { result: 'waiting' } } });
    expect([refs('front'), refs('api')]).toEqual(before);

    shop.write(
      'api/.git/hooks/pre-push',
      `#!/bin/sh\necho run >> ${shop.folder}/hooks\n[ ! -e ${shop.folder}/stop ] || { echo "tests fail" >&2; exit 1; }\n`,
    );
    chmodSync(shop.at('api/.git/hooks/pre-push'), 0o755);
    shop.write('../stop', '');
    const stopped = await push();
    expect(stopped).toMatchObject({
      code: 1,
      repos: {
        front: { result: 'waiting' },
        api: { result: 'failed', reason: 'its pre-push hook refuses it', said: ['tests fail'] },
      },
    });
    expect([refs('front'), refs('api')]).toEqual(before);
    rmSync(`${shop.folder}/stop`);
    rmSync(`${shop.folder}/hooks`);
    const pushed = await push();
    expect(pushed).toMatchObject({
      code: 0,
      repos: { front: { result: 'pushed', to: tip }, api: { result: 'pushed' } },
    });
    expect(shop.read('../hooks')).toBe('run\n');
    expect(git('api', 'rev-parse', '--abbrev-ref', 'feat/01@{upstream}')).toBe('origin/feat/01');
    rmSync(shop.at('api/.git/hooks'), { recursive: true });
    const again = await shop.stack(['push'], { cwd: shop.at(folder('api')) });
    expect(again.stdout).toMatch(/^api +origin\/feat\/01 is up to date$[\s\S]*^feat-01: there is nothing to push$/m);
  });

  it('tells of a hook of the remote that declines it, and of no fetch', async () => {
    work('front');
    const hook = `${shop.folder}/front.git/hooks/pre-receive`;
    writeFileSync(hook, '#!/bin/sh\necho "no ticket in the subject"; exit 1\n', { mode: 0o755 });
    const { repos } = await push();
    rmSync(hook);
    expect(repos.front).toMatchObject({
      result: 'refused',
      hint: expect.stringMatching(/^a hook at origin declined it/),
    });
  });

  it('tells what was pushed when it is interrupted', async () => {
    const tip = work('front');
    work('api');
    const hangs = `${shop.folder}/hangs`;
    const hook = `${shop.folder}/api.git/hooks/update`;
    writeFileSync(hook, `#!/bin/sh\ntouch ${hangs}; while [ -e ${hangs} ]; do sleep 0.05; done; exit 1\n`, {
      mode: 0o755,
    });
    const running = shop.start(['push', 'feat-01', '--json']);
    // The remote has the commit before git has noted its answer: between the two, nobody knows.
    const noted = (): string => git('front', 'rev-parse', 'refs/remotes/origin/feat/01');
    await until('front is pushed, and api at it', () => existsSync(hangs) && noted() === tip, 30);
    running.kill('SIGINT');
    const run = await running.ended;
    rmSync(hangs);
    rmSync(hook);
    expect(run.code).toBe(130);
    expect(JSON.parse(run.stdout)).toMatchObject({
      interrupted: true,
      repos: { front: { result: 'pushed' }, api: { result: 'failed', outcome: 'interrupted' } },
    });
    expect((await push()).code).toBe(0);
  });

  it('is rejected in all repos where one remote has more, and replaces that on request alone', async () => {
    git('api', 'commit', '--quiet', '--amend', '--message', 'Another');
    const tip = work('front');
    const before = refs('front');
    const no = await push();
    expect(no.code).toBe(4);
    expect(no.repos).toMatchObject({
      front: { result: 'waiting' },
      api: {
        result: 'refused',
        reason: 'the remote has commits that this branch lacks',
        hint: expect.stringMatching(/--force-with-lease/),
      },
    });
    expect(refs('front')).toEqual(before);
    const forced = await push('--force-with-lease');
    expect(forced).toMatchObject({
      code: 0,
      repos: { front: { outcome: 'updated', to: tip }, api: { outcome: 'forced' } },
    });
    const bare = `--git-dir=${shop.folder}/api.git`;
    const theirs = shop.git('.', bare, 'commit-tree', '-m', 'Theirs', '-p', 'feat/01', 'feat/01^{tree}');
    shop.git('.', bare, 'update-ref', 'refs/heads/feat/01', theirs);
    work('api');
    const stale = await push('--force-with-lease');
    expect(stale).toMatchObject({
      code: 4,
      repos: { api: { reason: 'the remote has moved since it was last fetched' } },
    });
    expect(refs('api')['refs/heads/feat/01']).toBe(theirs);
  });

  it('moves its own branch alone, whatever git is set to', async () => {
    shop.git('.', `--git-dir=${shop.folder}/api.git`, 'update-ref', '-d', 'refs/heads/feat/01');
    git('api', 'fetch', '--quiet', '--prune', 'origin');
    const mains = (): (string | undefined)[] => ['api', 'api-fork'].map((remote) => refs(remote)['refs/heads/main']);
    const before = mains();
    git('api', 'tag', '--annotate', '--message', 'v1', 'v1');
    git('api', 'config', 'push.followTags', 'true');
    const set = (key: string, value: string | undefined): void => {
      try {
        shop.git('api', 'config', ...(value === undefined ? ['--unset-all', key] : [key, value]));
      } catch {
        // It was not set.
      }
    };
    git('api', 'config', 'remote.origin.mirror', 'true');
    git('api', 'config', 'push.autoSetupRemote', 'true');
    git('api', 'config', '--add', 'remote.origin.push', 'refs/heads/*:refs/heads/*');
    git('api', 'config', '--add', 'remote.origin.push', 'HEAD:refs/heads/main');
    for (const kind of ['nothing', 'current', 'simple', 'upstream', 'matching']) {
      set('push.default', kind);
      for (const place of ['api', 'api-fork']) {
        set('branch.feat/01.pushRemote', place === 'api' ? undefined : 'fork');
        set('branch.feat/01.remote', 'origin');
        set('branch.feat/01.merge', 'refs/heads/main');
        const tip = work('api');
        const { code, repos } = await push();
        const title = `${kind}, ${place}`;
        expect([title, code, repos.api.result, repos.api.to]).toEqual([title, 0, 'pushed', tip]);
        expect([title, refs(place)['refs/heads/feat/01'], ...mains()]).toEqual([title, tip, ...before]);
        expect(Object.keys({ ...refs('api'), ...refs('api-fork') }).sort()).toEqual([
          'refs/heads/feat/01',
          'refs/heads/main',
        ]);
        expect(git('api', 'config', 'branch.feat/01.merge')).toBe('refs/heads/feat/01');
      }
    }
    set('branch.feat/01.pushRemote', undefined);
    set('push.default', undefined);
  });

  it('tells of a worktree that is not on its branch', async () => {
    git('front', 'switch', '--quiet', '--detach');
    expect((await push('--dry-run')).repos.front.note).toContain('no branch is checked out in its worktree');
    git('front', 'switch', '--quiet', '--create', 'aside');
    const { stdout } = await shop.stack(['push', 'feat-01', '--dry-run']);
    expect(stdout).toContain('its worktree is on aside, which is not pushed');
    git('front', 'switch', '--quiet', 'feat/01');
  });

  it('refuses a base, and says what is in the way elsewhere', async () => {
    shop.git('api', 'switch', '--quiet', 'feat/endpoint');
    await shop.stack(['create', 'on-main', '--on-api=main', '--no-start']);
    const base = await shop.stack(['push', 'on-main', '--json']);
    expect(base.code).toBe(4);
    expect(JSON.parse(base.stdout).repos.api).toMatchObject({
      result: 'refused',
      reason: 'main is a base, and a ticket pushes none',
    });
    await shop.stack(['destroy', 'on-main', '--force']);
    git('front', 'config', 'branch.feat/01.pushRemote', 'nowhere');
    const unknown = await push();
    expect(unknown).toMatchObject({ code: 4, repos: { front: { reason: 'it has no remote nowhere' } } });
    git('front', 'config', '--unset', 'branch.feat/01.pushRemote');
    work('front');
    shop.git('front', 'remote', 'set-url', 'origin', `${shop.folder}/gone.git`);
    const gone = await push();
    expect(gone).toMatchObject({
      code: 1,
      repos: { front: { result: 'failed', reason: expect.stringMatching(/^origin cannot be reached: /) } },
    });
  });

  it('gives up on a remote that does not answer', async () => {
    const silent: Server = createServer(() => undefined);
    await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    shop.git('front', 'remote', 'set-url', 'origin', `git://127.0.0.1:${port}/front.git`);
    const run = await shop.stack(['push', 'feat-01', '--json'], { env: { STACK_GIT_TIMEOUT: '1' } });
    silent.close();
    expect(run.code).toBe(1);
    expect(JSON.parse(run.stdout).repos.front.reason).toBe('origin gave no answer within 1 s');
    expect(existsSync(shop.at('.stack/change-feat-01.lock'))).toBe(false);
  });
});
