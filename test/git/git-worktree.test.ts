import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { deleteBranch } from '../../src/adapters/git/branch.ts';
import { listWorktrees } from '../../src/adapters/git/worktree/list.ts';
import { addWorktree, inspectWorktree, removeWorktree } from '../../src/adapters/git/worktree/worktree.ts';
import { bundleScript, runScript } from '../support/child-script.ts';
import { commitFile, git, listRefs, makeClone, makeRepo, type RepoShape, writeHook } from '../support/git-repos.ts';
import { makeScriptFolder, makeTemp } from '../support/temp.ts';
import { until } from '../support/until.ts';

let script: string;
beforeAll(async () => {
  script = await bundleScript(path.resolve(import.meta.dirname, '../support/worktree-child.ts'), makeScriptFolder());
});

/** A repo, and a worktree to be made of it. */
function makeWorld(shape: RepoShape = {}, make = makeRepo) {
  const folder = makeTemp();
  const repo = make(path.join(folder, 'repo'), shape);
  const wanted = {
    repoPath: repo,
    gitCommonDir: path.join(repo, '.git'),
    path: path.join(folder, 'tickets/feat-01/repo'),
    branch: 'feat-01',
    start: git(repo, 'rev-parse', 'HEAD'),
    newBranch: true,
    trash: path.join(folder, 'tickets/.trash'),
  };
  return { folder, repo, wanted };
}

/** Everything of a repo that a ticket may not change for good. */
function snapshot(repo: string): unknown {
  return {
    refs: listRefs(repo),
    worktrees: git(repo, 'worktree', 'list', '--porcelain'),
    config: readFileSync(path.join(repo, '.git/config'), 'utf8'),
    status: git(repo, 'status', '--porcelain=v2', '--branch'),
    gitDir: readdirSync(path.join(repo, '.git')).sort(),
  };
}

describe('addWorktree', () => {
  it('makes the worktree on a new branch from the commit, with all folders above it', async () => {
    const { repo, wanted } = makeWorld({ branches: ['feat/ui'] });
    const start = git(repo, 'rev-parse', 'feat/ui');
    expect(await addWorktree({ ...wanted, branch: 'team/feat-01', start })).toEqual({});
    expect(git(wanted.path, 'status', '--porcelain=v2', '--branch')).toBe(
      `# branch.oid ${start}\n# branch.head team/feat-01`,
    );
    expect(readdirSync(wanted.path).sort()).toEqual(['.git', 'file-1', 'of-feat-ui']);
    expect(await inspectWorktree({ ...wanted, branch: 'team/feat-01' })).toEqual({ state: 'present' });
  });

  it('makes it on a branch that is there', async () => {
    const { repo, wanted } = makeWorld({ branches: ['feat/ui'] });
    const before = listRefs(repo);
    expect(await addWorktree({ ...wanted, branch: 'feat/ui', newBranch: false })).toEqual({});
    expect(git(wanted.path, 'branch', '--show-current')).toBe('feat/ui');
    expect(listRefs(repo)).toBe(before);
  });

  it('takes a branch, not the tag of its name', async () => {
    const { repo, wanted } = makeWorld({ branches: ['same'] });
    git(repo, 'tag', 'same', 'main');
    await addWorktree({ ...wanted, branch: 'same', newBranch: false });
    expect(git(wanted.path, 'symbolic-ref', 'HEAD')).toBe('refs/heads/same');
    expect(existsSync(path.join(wanted.path, 'of-same'))).toBe(true);
  });

  it('does nothing the second time', async () => {
    const { repo, wanted } = makeWorld();
    await addWorktree(wanted);
    const before = snapshot(repo);
    writeFileSync(path.join(wanted.path, 'file-1'), 'changed');
    expect(await addWorktree(wanted)).toEqual({});
    expect(readFileSync(path.join(wanted.path, 'file-1'), 'utf8')).toBe('changed');
    expect(snapshot(repo)).toEqual(before);
  });

  it('follows a link in the folders above it', async () => {
    const { folder, wanted } = makeWorld();
    mkdirSync(path.join(folder, 'real'));
    symlinkSync(path.join(folder, 'real'), path.join(folder, 'tickets'));
    await addWorktree(wanted);
    expect(await inspectWorktree(wanted)).toEqual({ state: 'present' });
    expect(await addWorktree(wanted)).toEqual({});
    await removeWorktree({ ...wanted, trash: path.join(folder, 'trash') });
    expect(await inspectWorktree(wanted)).toEqual({ state: 'absent' });
  });

  it('makes it again after its folder was deleted by hand', async () => {
    const { wanted } = makeWorld();
    await addWorktree(wanted);
    rmSync(wanted.path, { recursive: true });
    expect(await inspectWorktree(wanted)).toMatchObject({
      state: 'absent',
      reason: expect.stringContaining('by hand'),
    });
    expect(await addWorktree(wanted)).toEqual({});
    expect(git(wanted.path, 'status', '--porcelain')).toBe('');
  });

  it('leaves other stale entries, and a locked one, to their owners', async () => {
    const { folder, repo, wanted } = makeWorld();
    const stale = path.join(folder, 'stale');
    git(repo, 'worktree', 'add', '--quiet', '-b', 'stale', stale);
    rmSync(stale, { recursive: true });
    await addWorktree(wanted);
    git(repo, 'worktree', 'lock', '--reason', 'on a stick', wanted.path);
    rmSync(wanted.path, { recursive: true });
    await expect(addWorktree(wanted)).rejects.toMatchObject({ code: 'conflict' });
    await expect(removeWorktree(wanted)).rejects.toMatchObject({ code: 'conflict' });
    git(repo, 'worktree', 'unlock', wanted.path);
    await addWorktree(wanted);
    await removeWorktree(wanted);
    expect((await listWorktrees(repo)).map((one) => one.path)).toEqual([repo, stale]);
  });

  it.each<[string, (target: string) => void]>([
    ['a folder with files', (target) => mkdirSync(path.join(target, 'mine'), { recursive: true })],
    ['a file', (target) => writeFileSync(target, '')],
    ['a link', (target) => symlinkSync('/nowhere', target)],
  ])('refuses %s in its place, and makes nothing', async (_, make) => {
    const { repo, wanted } = makeWorld();
    const before = snapshot(repo);
    mkdirSync(path.dirname(wanted.path), { recursive: true });
    make(wanted.path);
    await expect(addWorktree(wanted)).rejects.toMatchObject({
      code: 'exists',
      message: expect.stringContaining('in the way'),
    });
    expect(snapshot(repo)).toEqual(before);
    expect(lstatSync(wanted.path)).toBeDefined();
  });

  it('refuses a worktree of its own that is on another branch', async () => {
    const { wanted } = makeWorld();
    await addWorktree(wanted);
    git(wanted.path, 'checkout', '--quiet', '-b', 'elsewhere');
    await expect(addWorktree(wanted)).rejects.toMatchObject({
      code: 'exists',
      message: expect.stringContaining('elsewhere'),
    });
  });

  it('leaves nothing when git cannot make it', async () => {
    const { folder, repo, wanted } = makeWorld({ branches: ['feat-01/x'] });
    const before = snapshot(repo);
    await expect(addWorktree(wanted)).rejects.toMatchObject({ code: 'git' });
    await expect(addWorktree({ ...wanted, branch: 'b', start: '1'.repeat(40) })).rejects.toMatchObject({ code: 'git' });
    await expect(addWorktree({ ...wanted, branch: 'main', newBranch: false })).rejects.toMatchObject({ code: 'git' });
    expect(snapshot(repo)).toEqual(before);
    expect(existsSync(path.join(folder, 'tickets'))).toBe(false);
  });

  it('keeps a branch that was there before it failed', async () => {
    const { repo, wanted } = makeWorld({ branches: ['feat/ui'] });
    const before = snapshot(repo);
    writeHook(repo, 'post-checkout', 'echo broken > file-1; exit 1');
    await expect(addWorktree({ ...wanted, branch: 'feat/ui', newBranch: false })).rejects.toMatchObject({
      code: 'git',
    });
    expect(snapshot(repo)).toEqual(before);
  });

  it('takes up a branch that an attempt cut short had made, but no other', async () => {
    const { repo, wanted } = makeWorld({ branches: ['moved'] });
    git(repo, 'branch', 'feat-01', wanted.start);
    expect(await addWorktree(wanted)).toEqual({});
    const other = { ...wanted, path: `${wanted.path}-2`, branch: 'moved' };
    await expect(addWorktree(other)).rejects.toMatchObject({ code: 'exists' });
    expect(existsSync(other.path)).toBe(false);
  });

  it('warns of a hook that fails, or hangs, after the worktree is fine', async () => {
    const { repo, wanted } = makeWorld();
    writeHook(repo, 'post-checkout', 'echo "no node here" >&2; exit 3');
    expect((await addWorktree(wanted)).warning).toMatch(/hook failed.*no node here/);
    writeHook(repo, 'post-checkout', 'sleep 600');
    const second = { ...wanted, path: `${wanted.path}-2`, branch: 'feat-02', deadlineSeconds: 4 };
    expect((await addWorktree(second)).warning).toMatch(/hook .*post-checkout was ended after 4 s/);
    expect(await inspectWorktree(second)).toEqual({ state: 'present' });
    expect(git(second.path, 'status', '--porcelain')).toBe('');
  });

  it('leaves nothing when the deadline ends a checkout', async () => {
    const { folder, repo, wanted } = makeWorld();
    writeFileSync(path.join(repo, '.gitattributes'), 'file-1 filter=slow\n');
    git(repo, 'add', '.gitattributes');
    git(repo, 'commit', '--quiet', '--message', 'Slow');
    git(repo, 'config', 'filter.slow.clean', 'cat');
    git(repo, 'config', 'filter.slow.smudge', 'sleep 600');
    git(repo, 'config', 'filter.slow.required', 'true');
    const before = snapshot(repo);
    const slow = { ...wanted, start: git(repo, 'rev-parse', 'HEAD'), deadlineSeconds: 0.7 };
    await expect(addWorktree(slow)).rejects.toMatchObject({ code: 'git', message: expect.stringContaining('0.7 s') });
    expect(snapshot(repo)).toEqual(before);
    expect(existsSync(path.join(folder, 'tickets'))).toBe(false);
  });

  it('finishes what a process left that was killed while a hook of git’s goes on', async () => {
    const { folder, repo, wanted } = makeWorld();
    const [begun, go] = [path.join(folder, 'begun'), path.join(folder, 'go')];
    // Git is told to end with who began it; this hook does not heed that at once.
    writeHook(repo, 'post-checkout', `trap '' TERM; touch ${begun}; until [ -e ${go} ]; do sleep 0.02; done`);
    const { child, ended } = runScript(script, [repo, wanted.path, wanted.branch, wanted.start]);
    await until('the hook runs', () => existsSync(begun));
    child.kill('SIGKILL');
    await ended;
    let waitedFor = '';
    const onWait = (holder: string): void => {
      waitedFor = holder;
      writeFileSync(go, '');
    };
    expect(await addWorktree({ ...wanted, onWait })).toEqual({});
    expect(waitedFor).not.toBe('');
    expect(await inspectWorktree(wanted)).toEqual({ state: 'present' });
    expect(readdirSync(wanted.gitCommonDir).filter((name) => name.startsWith('stack'))).toEqual([]);
  });

  it.each([
    ['while its files came', ['index'], true],
    ['just after', [], true],
    ['and its folder deleted', ['index'], false],
  ])('clears up after a git that was killed %s', async (_, missing, keepFolder) => {
    const { repo, wanted } = makeWorld();
    git(repo, 'worktree', 'add', '--quiet', '-b', wanted.branch, wanted.path);
    // As git 2.39 leaves it when it gets SIGKILL.
    const entry = path.join(repo, '.git/worktrees/repo');
    writeFileSync(path.join(entry, 'locked'), 'initializing');
    for (const name of missing) rmSync(path.join(entry, name));
    if (!keepFolder) rmSync(wanted.path, { recursive: true });
    if (missing.length > 0) expect(await inspectWorktree(wanted)).toMatchObject({ state: 'absent' });
    expect(await addWorktree(wanted)).toEqual({});
    expect(git(wanted.path, 'status', '--porcelain')).toBe('');
    expect(existsSync(path.join(entry, 'locked'))).toBe(false);
    await removeWorktree(wanted);
    expect((await listWorktrees(repo)).length).toBe(1);
  });

  it('respects the main checkout’s sparse patterns', async () => {
    const { repo, wanted } = makeWorld({ files: 3 });
    mkdirSync(path.join(repo, 'big'));
    const start = commitFile(repo, 'big/file', 'x');
    git(repo, 'sparse-checkout', 'init', '--cone');
    await addWorktree({ ...wanted, start });
    expect(readdirSync(wanted.path).sort()).toEqual(['.git', 'file-1', 'file-2', 'file-3']);
    expect(git(wanted.path, 'status', '--porcelain')).toBe('');
  });

  it('waits its turn, and not when interrupted', async () => {
    const { folder, repo, wanted } = makeWorld();
    const [begun, go] = [path.join(folder, 'begun'), path.join(folder, 'go')];
    writeHook(repo, 'post-checkout', `touch ${begun}; until [ -e ${go} ]; do sleep 0.02; done`);
    const first = addWorktree(wanted);
    await until('the hook runs', () => existsSync(begun));
    const controller = new AbortController();
    const second = { ...wanted, path: `${wanted.path}-2`, branch: 'feat-02', signal: controller.signal };
    const waiting = addWorktree(second);
    // Who waits for its own process is told of nobody: a moment later it stands in line.
    setTimeout(() => controller.abort(), 200);
    await expect(waiting).rejects.toMatchObject({ code: 'interrupted' });
    writeFileSync(go, '');
    expect(await first).toEqual({});
    expect(existsSync(second.path)).toBe(false);
  });
});

describe('a plain git push from a new branch', () => {
  const cloneOf = (folder: string, shape?: RepoShape): string => makeClone(folder, shape).clone;
  const push = (folder: string): string[] => {
    git(folder, 'push', '--quiet');
    return git(folder, 'ls-remote', '--heads', 'origin')
      .split('\n')
      .map((line) => line.split('refs/heads/')[1] ?? '');
  };

  it.each([
    ['as git is by default', []],
    ['with push.default=upstream', [['push.default', 'upstream']]],
    ['with push.default=current', [['push.default', 'current']]],
    ['with push.autoSetupRemote', [['push.autoSetupRemote', 'true']]],
  ])('makes its own branch and no other, %s', async (_, settings) => {
    const { repo, wanted } = makeWorld({ branches: ['feat/ui'] }, cloneOf);
    for (const [key = '', value = ''] of settings) git(repo, 'config', key, value);
    const before = snapshot(repo);
    const start = git(repo, 'rev-parse', 'origin/feat/ui');
    await addWorktree({ ...wanted, start });
    const commit = commitFile(wanted.path, 'new', 'x');
    expect(push(wanted.path)).toEqual(['feat-01', 'feat/ui', 'main']);
    expect(git(wanted.path, 'rev-parse', 'origin/feat-01')).toBe(commit);
    expect(git(wanted.path, 'rev-parse', 'origin/feat/ui')).toBe(start);
    git(wanted.path, 'push', '--quiet', 'origin', '--delete', 'feat-01');
    await removeWorktree(wanted);
    await deleteBranch(wanted);
    expect(snapshot(repo)).toEqual(before);
  });

  it('goes to the remote that has the branch', async () => {
    const { folder, repo, wanted } = makeWorld({}, cloneOf);
    const fork = path.join(folder, 'fork.git');
    git(folder, 'clone', '--quiet', '--bare', repo, fork);
    git(fork, 'branch', 'theirs');
    git(repo, 'remote', 'add', 'fork', fork);
    git(repo, 'fetch', '--quiet', 'fork');
    await addWorktree({ ...wanted, branch: 'theirs' });
    expect(git(repo, 'config', 'branch.theirs.remote')).toBe('fork');
    await addWorktree({ ...wanted, path: `${wanted.path}-2` });
    expect(git(repo, 'config', 'branch.feat-01.remote')).toBe('origin');
  });

  it('keeps the settings that a person has made for the name', async () => {
    const { repo, wanted } = makeWorld({}, cloneOf);
    git(repo, 'config', 'branch.feat-01.rebase', 'true');
    await addWorktree(wanted);
    expect(git(repo, 'config', '--get-regexp', '^branch\\.feat-01')).toBe('branch.feat-01.rebase true');
  });

  it('leaves a repo without remote, and a push set up by the person, as they are', async () => {
    const { repo, wanted } = makeWorld();
    await addWorktree(wanted);
    expect(git(repo, 'config', '--list')).not.toContain('branch.feat-01');
    const other = makeWorld({}, cloneOf);
    git(other.repo, 'remote', 'add', 'fork', '/nowhere');
    git(other.repo, 'config', 'remote.pushDefault', 'fork');
    await addWorktree(other.wanted);
    expect(git(other.repo, 'config', '--list')).not.toContain('branch.feat-01');
  });
});

describe('inspectWorktree', () => {
  it('tells what is different', async () => {
    const { folder, repo, wanted } = makeWorld();
    expect(await inspectWorktree(wanted)).toEqual({ state: 'absent' });
    mkdirSync(wanted.path, { recursive: true });
    expect(await inspectWorktree(wanted)).toEqual({ state: 'absent' });
    writeFileSync(path.join(wanted.path, 'x'), '');
    expect(await inspectWorktree(wanted)).toMatchObject({
      state: 'different',
      reason: expect.stringContaining('no worktree'),
    });
    rmSync(wanted.path, { recursive: true });
    await addWorktree(wanted);
    git(wanted.path, 'checkout', '--quiet', '--detach');
    expect(await inspectWorktree(wanted)).toMatchObject({ kind: 'other-branch', reason: 'no branch is checked out' });
    git(wanted.path, 'checkout', '--quiet', '-b', 'other');
    expect(await inspectWorktree(wanted)).toMatchObject({ kind: 'other-branch', reason: 'it is on other' });
    git(wanted.path, 'checkout', '--quiet', wanted.branch);
    const moved = path.join(folder, 'moved');
    git(repo, 'worktree', 'move', wanted.path, moved);
    expect(await inspectWorktree(wanted)).toMatchObject({
      state: 'different',
      kind: 'elsewhere',
      reason: `feat-01 is checked out at ${moved}`,
    });
  });

  it('counts a rebase under way as on the branch', async () => {
    const { repo, wanted } = makeWorld();
    await addWorktree(wanted);
    commitFile(wanted.path, 'file-1', 'here');
    commitFile(repo, 'file-1', 'there');
    expect(() => git(wanted.path, 'rebase', 'main')).toThrow();
    expect(await inspectWorktree(wanted)).toEqual({ state: 'present' });
  });
});

describe('removeWorktree', () => {
  it('leaves the repo as it was; missing is done', async () => {
    const { repo, wanted } = makeWorld({ files: 20 });
    const before = snapshot(repo);
    await addWorktree(wanted);
    writeFileSync(path.join(wanted.path, 'untracked'), '');
    await removeWorktree(wanted);
    expect(existsSync(wanted.path)).toBe(false);
    await deleteBranch(wanted);
    expect(snapshot(repo)).toEqual(before);
    await removeWorktree(wanted);
    await until('the trash is gone', () => !existsSync(wanted.trash));
  });

  it('leaves nothing although another command notes something beside the entry meanwhile', async () => {
    const { repo, wanted } = makeWorld();
    const before = snapshot(repo);
    await addWorktree(wanted);
    const entry = path.join(repo, '.git/worktrees/repo');
    const noting = spawn('sh', ['-c', 'while [ -d "$0" ]; do echo {} > "$0/stack-record.json"; done', entry], {
      stdio: 'ignore',
    });
    const ended = once(noting, 'exit');
    await until('it is noted', () => existsSync(path.join(entry, 'stack-record.json')));
    await removeWorktree(wanted);
    await ended;
    await deleteBranch(wanted);
    expect(snapshot(repo)).toEqual(before);
  });

  it('never follows a link, and never takes another repo', async () => {
    const { folder, repo, wanted } = makeWorld();
    const precious = path.join(folder, 'precious');
    await addWorktree(wanted);
    git(repo, 'worktree', 'move', wanted.path, precious);
    symlinkSync(precious, wanted.path);
    await expect(removeWorktree(wanted)).rejects.toMatchObject({ code: 'conflict' });
    expect(existsSync(path.join(precious, 'file-1'))).toBe(true);
    rmSync(wanted.path);
    makeRepo(wanted.path);
    await expect(removeWorktree(wanted)).rejects.toMatchObject({ code: 'conflict' });
    rmSync(wanted.path, { recursive: true });
    const other = makeRepo(path.join(folder, 'other'));
    git(other, 'worktree', 'add', '--quiet', '-b', 'x', wanted.path);
    await expect(removeWorktree(wanted)).rejects.toMatchObject({ code: 'conflict' });
    expect(existsSync(path.join(wanted.path, 'file-1'))).toBe(true);
  });

  it('finishes a removal that was cut short after the folder had gone', async () => {
    const { repo, wanted } = makeWorld();
    await addWorktree(wanted);
    rmSync(wanted.path, { recursive: true });
    await removeWorktree(wanted);
    expect((await listWorktrees(repo)).length).toBe(1);
  });

  it('removes the folder when the repo itself is gone', async () => {
    const { repo, wanted } = makeWorld();
    await addWorktree(wanted);
    rmSync(repo, { recursive: true });
    await removeWorktree(wanted);
    expect(existsSync(wanted.path)).toBe(false);
  });

  it('removes a folder that git has forgotten already', async () => {
    const { repo, wanted } = makeWorld();
    await addWorktree(wanted);
    rmSync(path.join(wanted.path, '.git'));
    git(repo, 'worktree', 'prune');
    await removeWorktree(wanted);
    expect(existsSync(wanted.path)).toBe(false);
  });
});

describe('listWorktrees', () => {
  it('gives every kind there is', async () => {
    const { folder, repo } = makeWorld();
    const spaced = path.join(folder, 'with space\nand line');
    git(repo, 'worktree', 'add', '--quiet', '-b', 'x', spaced);
    const detached = path.join(folder, 'detached');
    git(repo, 'worktree', 'add', '--quiet', '--detach', detached);
    git(repo, 'worktree', 'lock', detached);
    const gone = path.join(folder, 'gone');
    git(repo, 'worktree', 'add', '--quiet', '-b', 'gone', gone);
    rmSync(gone, { recursive: true });
    const head = git(repo, 'rev-parse', 'HEAD');
    const usual = { head, bare: false, prunable: false };
    expect(await listWorktrees(repo)).toEqual([
      { ...usual, path: repo, branch: 'main' },
      { ...usual, path: detached, branch: undefined },
      { ...usual, path: gone, branch: 'gone', prunable: true },
      { ...usual, path: spaced, branch: 'x' },
    ]);
    const bare = path.join(folder, 'bare.git');
    git(folder, 'clone', '--quiet', '--bare', repo, bare);
    expect(await listWorktrees(bare)).toMatchObject([{ path: bare, bare: true, head: undefined }]);
  });
});
