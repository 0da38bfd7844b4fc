import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPushPlace, pushBranch } from '../../src/adapters/git/change/push.ts';
import { readOwnEntry } from '../../src/adapters/git/worktree/entry.ts';
import { findWidePush, guardPush } from '../../src/adapters/git/worktree/guard-push.ts';
import { addWorktree, removeWorktree } from '../../src/adapters/git/worktree/worktree.ts';
import { commitFile, git, makeClone } from '../support/git-repos.ts';

type Setting = readonly [key: string, value: string];

const KINDS = ['unset', 'nothing', 'current', 'simple', 'upstream', 'matching'];
/** Of these a plain push moves main where the branch follows that. */
const WIDE = ['upstream', 'matching'];
const UPSTREAMS = ['none', 'own', 'main'];
/** What else a person's settings may say of pushes. */
const OTHERS: Record<string, Setting[]> = {
  nothing: [],
  'remote.pushDefault': [['remote.pushDefault', 'fork']],
  'branch.X.pushRemote': [['branch.feat-01.pushRemote', 'fork']],
  'push.autoSetupRemote': [['push.autoSetupRemote', 'true']],
  'remote.R.mirror': [['remote.origin.mirror', 'true']],
  'remote.R.push, all': [['remote.origin.push', 'refs/heads/*:refs/heads/*']],
  'remote.R.push, to main': [['remote.origin.push', 'HEAD:refs/heads/main']],
  'tags and submodules': [
    ['push.followTags', 'true'],
    ['push.recurseSubmodules', 'on-demand'],
  ],
};
/** Of these a plain push is told of at create: no setting of a worktree takes them back. */
const WARNED = ['remote.R.push, all', 'remote.R.push, to main'];

/** A clone with two remotes, whose main is ahead of theirs: whatever pushes it is seen there. */
function makeWorld() {
  const folder = mkdtempSync(path.join(realpathSync(tmpdir()), 'stack-push-'));
  const { remote: origin, clone } = makeClone(folder);
  const fork = path.join(folder, 'fork.git');
  git(folder, 'clone', '--quiet', '--bare', origin, fork);
  git(clone, 'remote', 'add', 'fork', fork);
  const gitCommonDir = path.join(clone, '.git');
  const config = (): string => readFileSync(path.join(gitCommonDir, 'config'), 'utf8');
  const clean = config();
  const main = git(clone, 'rev-parse', 'main');
  commitFile(clone, 'local.txt', 'not pushed');
  const worktree = path.join(folder, 'ticket');
  const set = ([key, value]: Setting): unknown => git(clone, 'config', key, value);

  return {
    ...{ folder, clone, worktree, config, remotes: { origin, fork } },
    /** Where `main` is at the remotes. */
    mains: (): string[] => [origin, fork].map((remote) => git(remote, 'rev-parse', 'main')),
    /** What a remote has when only this one was pushed. */
    only: (tip: string): string => `refs/heads/feat-01 ${tip}\nrefs/heads/main ${main}`,
    main,
    async make(settings: readonly Setting[], upstream: string): Promise<string | undefined> {
      settings.forEach(set);
      const branch = { branch: 'feat-01', start: git(clone, 'rev-parse', 'main'), newBranch: true };
      const { warning } = await addWorktree({ repoPath: clone, gitCommonDir, path: worktree, ...branch });
      drop(clone, 'branch.feat-01');
      for (const one of settings) if (one[0].startsWith('branch.')) set(one);
      if (upstream !== 'none') {
        set(['branch.feat-01.remote', 'origin']);
        set(['branch.feat-01.merge', `refs/heads/${upstream === 'own' ? 'feat-01' : upstream}`]);
      }
      commitFile(worktree, 'work.txt', upstream);
      return warning;
    },
    async unmake(settings: readonly Setting[]): Promise<void> {
      const own = { ownBranch: 'feat-01', trash: path.join(folder, 'trash') };
      await removeWorktree({ repoPath: clone, gitCommonDir, path: worktree, ...own });
      for (const [key] of settings) if (!key.startsWith('branch.')) git(clone, 'config', '--unset-all', key);
      for (const remote of [origin, fork]) {
        const more = git(remote, 'for-each-ref', '--format=delete %(refname)', 'refs/heads/feat-01', 'refs/tags');
        execFileSync('git', ['update-ref', '--stdin'], { cwd: remote, input: more && `${more}\n` });
      }
      for (const remote of ['origin', 'fork']) git(clone, 'update-ref', '-d', `refs/remotes/${remote}/feat-01`);
      // Sections that git itself leaves empty are no traces.
      expect(config().replaceAll(/^\[(push|remote)\]\n/gm, '')).toBe(clean);
    },
  };
}

/** A section that may not be there. */
function drop(repo: string, section: string): void {
  spawnSync('git', ['config', '--remove-section', section], { cwd: repo });
}

describe('what a push can move', () => {
  let world: ReturnType<typeof makeWorld>;
  beforeAll(() => {
    world = makeWorld();
  });
  afterAll(() => rmSync(world.folder, { recursive: true, force: true }));

  const cases = KINDS.flatMap((kind) => UPSTREAMS.map((upstream) => ({ kind, upstream })));
  it.each(cases)('is its own branch alone: push.default $kind, upstream $upstream', async ({ kind, upstream }) => {
    for (const [other, more] of Object.entries(OTHERS)) {
      const settings: Setting[] = [...(kind === 'unset' ? [] : [['push.default', kind] as const]), ...more];
      const warning = await world.make(settings, upstream);
      expect([other, warning !== undefined]).toEqual([other, WARNED.includes(other)]);
      if (warning === undefined) {
        // What an agent types; it may be refused.
        spawnSync('git', ['push'], { cwd: world.worktree });
        expect([other, ...world.mains()]).toEqual([other, world.main, world.main]);
      } else
        expect(warning).toMatch(
          /`stack push`, or `git config --file \S+\.git\/config --unset-all remote\.origin\.push`/,
        );
      await expectOwnPush(other);
      await world.unmake(settings);
    }
  });

  /** By `stack push`, whatever was told. */
  async function expectOwnPush(title: string): Promise<void> {
    const { worktree } = world;
    git(worktree, 'tag', '--force', '--annotate', '--message', 'v1', 'v1');
    const tip = commitFile(worktree, 'more.txt', title);
    const remote = (await findPushPlace(worktree, 'feat-01'))?.remote ?? '';
    expect([title, remote]).toEqual([title, /pushDefault|pushRemote/.test(title) ? 'fork' : 'origin']);
    const how = { force: false, signal: new AbortController().signal, deadlineSeconds: 60, env: process.env };
    const { outcome } = await pushBranch({ worktree, branch: 'feat-01', remote, ...how }, { hooks: true });
    expect([title, outcome]).toEqual([title, expect.stringMatching(/^(new|updated)$/)]);
    const place = remote === 'fork' ? world.remotes.fork : world.remotes.origin;
    expect(git(place, 'for-each-ref', '--format=%(refname) %(objectname)')).toBe(world.only(tip));
    expect(git(worktree, 'rev-parse', '--symbolic-full-name', '@{upstream}')).toBe(`refs/remotes/${remote}/feat-01`);
    git(worktree, 'tag', '--delete', 'v1');
  }

  it('is kept so by files of the worktree’s own where the repo has such, which go with it', async () => {
    const { clone, worktree } = world;
    git(clone, 'config', 'extensions.worktreeConfig', 'true');
    await world.make([['push.default', 'matching']], 'main');
    expect(git(worktree, 'config', '--show-scope', 'push.default')).toBe('worktree\tcurrent');
    // Also when the settings are changed later.
    git(clone, 'config', 'push.default', 'upstream');
    git(worktree, 'push', '--quiet');
    expect(world.mains()).toEqual([world.main, world.main]);
    drop(clone, 'extensions');
    await world.unmake([['push.default', 'matching']]);
  });

  const later = KINDS.flatMap((kind) => Object.keys(OTHERS).map((other) => ({ kind, other })));
  it.each(later)(
    'is found to be wide where settings came later: push.default $kind, $other',
    async ({ kind, other }) => {
      const settings: Setting[] = [
        ...(kind === 'unset' ? [] : [['push.default', kind] as const]),
        ...(OTHERS[other] ?? []),
      ];
      await world.make([], 'main');
      for (const [key, value] of settings) git(world.clone, 'config', key, value);
      const isOurs = other === 'remote.R.mirror' || WIDE.includes(kind);
      const guarded = WARNED.includes(other) ? false : isOurs || undefined;
      expect((await findWidePush(world.worktree, 'feat-01'))?.guarded).toBe(guarded);
      if (guarded) await guardAgain();
      if (guarded !== false) spawnSync('git', ['push'], { cwd: world.worktree });
      expect(world.mains()).toEqual([world.main, world.main]);
      for (const [key] of settings) spawnSync('git', ['config', '--unset-all', key], { cwd: world.clone });
      await world.unmake([]);
    },
  );

  it('is told with a command that helps, wherever the setting stands', async () => {
    await world.make([], 'own');
    const included = path.join(world.folder, 'more settings');
    git(world.clone, 'config', '--file', included, 'remote.origin.push', 'refs/heads/*:refs/heads/*');
    git(world.clone, 'config', 'include.path', included);
    const wide = await findWidePush(world.worktree, 'feat-01');
    execFileSync('sh', ['-c', wide?.hint.split('`')[3] ?? ''], { cwd: world.folder });
    expect(await findWidePush(world.worktree, 'feat-01')).toBeUndefined();
    await world.unmake([['include.path', '']]);
  });

  it('has its guard all the time that it is guarded again', async () => {
    await world.make([['push.default', 'matching']], 'main');
    const before = statSync(path.join(world.clone, '.git/config')).ino;
    await guardAgain();
    expect(statSync(path.join(world.clone, '.git/config')).ino).toBe(before);
    await world.unmake([['push.default', 'matching']]);
  });

  async function guardAgain(): Promise<void> {
    const gitCommonDir = path.join(world.clone, '.git');
    const entry = await readOwnEntry(world.worktree, gitCommonDir);
    expect(entry && (await guardPush(world.worktree, gitCommonDir, { entry, branch: 'feat-01' }))).toBeUndefined();
    expect(await findWidePush(world.worktree, 'feat-01')).toBeUndefined();
  }

  it('leaves the repo as tools know it: no extension, and the main checkout pushes as before', async () => {
    await world.make([['push.default', 'matching']], 'own');
    expect(world.config()).not.toMatch(/extensions/);
    expect(git(world.clone, 'config', 'push.default')).toBe('matching');
    expect(git(world.worktree, 'config', 'push.default')).toBe('current');
    await world.unmake([['push.default', 'matching']]);
  });
});
