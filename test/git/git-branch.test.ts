import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkExistingBranch, checkNewBranch, deleteBranch } from '../../src/adapters/git/branch.ts';
import { commitFile, git, listRefs, makeClone, makeRepo } from '../support/git-repos.ts';
import { makeTemp } from '../support/temp.ts';

const checkNew = (folder: string, branch: string) => checkNewBranch({ repo: 'front', path: folder, branch });
const checkExisting = (folder: string, branch: string, fetch = true) =>
  checkExistingBranch({ repo: 'front', path: folder, branch, fetch });
const head = (folder: string, ref: string) => git(folder, 'rev-parse', ref);

describe('checkNewBranch', () => {
  it('says nothing against a free name, and names the remote that has one of it', async () => {
    const { clone } = makeClone(makeTemp(), { branches: ['feat/ui'] });
    expect(await checkNew(clone, 'feat/other')).toEqual({});
    expect(await checkNew(clone, 'feat/ui')).toEqual({ onRemote: 'origin' });
  });

  it('refuses one that is there, and says how to work on it', async () => {
    const repo = makeRepo(makeTemp(), { branches: ['feat/ui'] });
    await expect(checkNew(repo, 'feat/ui')).rejects.toMatchObject({
      code: 'exists',
      hint: expect.stringContaining('--on-front=feat/ui'),
    });
  });

  it.each([
    ['feat', 'feat/ui'],
    ['feat/ui/x', 'feat/ui'],
  ])('refuses %s beside %s', async (branch, other) => {
    const repo = makeRepo(makeTemp(), { branches: ['feat/ui'] });
    await expect(checkNew(repo, branch)).rejects.toMatchObject({
      code: 'exists',
      message: expect.stringContaining(other),
    });
  });

  it('refuses one that differs in case alone where the disk is blind to it', async () => {
    const repo = makeRepo(makeTemp(), { branches: ['feat/ui'] });
    git(repo, 'config', 'core.ignorecase', 'false');
    expect(await checkNew(repo, 'Feat/UI')).toEqual({});
    git(repo, 'config', 'core.ignorecase', 'true');
    await expect(checkNew(repo, 'Feat/UI')).rejects.toMatchObject({ code: 'exists' });
    await expect(checkNew(repo, 'FEAT')).rejects.toMatchObject({ code: 'exists' });
    git(repo, 'branch', 'caf\u00e9');
    await expect(checkNew(repo, 'Cafe\u0301')).rejects.toMatchObject({ code: 'exists' });
  });

  it('refuses a name that git does not allow', async () => {
    const repo = makeRepo(makeTemp());
    await expect(checkNew(repo, 'a..b')).rejects.toMatchObject({ code: 'usage' });
  });
});

describe('checkExistingBranch', () => {
  it('finds a local branch', async () => {
    const repo = makeRepo(makeTemp(), { branches: ['feat/ui'] });
    const commit = head(repo, 'feat/ui');
    expect(await checkExisting(repo, 'feat/ui')).toEqual({ branch: 'feat/ui', commit, create: false });
  });

  it('finds a remote’s branch, by its own name or with the remote’s', async () => {
    const { clone } = makeClone(makeTemp(), { branches: ['feat/ui'] });
    const found = { branch: 'feat/ui', commit: head(clone, 'origin/feat/ui'), create: true };
    expect(await checkExisting(clone, 'feat/ui')).toEqual(found);
    expect(await checkExisting(clone, 'origin/feat/ui')).toEqual(found);
    git(clone, 'branch', '--no-track', 'feat/ui', 'main');
    expect(await checkExisting(clone, 'origin/feat/ui')).toEqual({
      branch: 'feat/ui',
      commit: head(clone, 'main'),
      create: false,
    });
  });

  it('fetches one that only the remote has', async () => {
    const folder = makeTemp();
    const { remote, clone } = makeClone(folder);
    const seed = path.join(folder, 'seed');
    git(seed, 'checkout', '--quiet', '-b', 'feat/new');
    const commit = commitFile(seed, 'new', 'x');
    git(seed, 'push', '--quiet', remote, 'feat/new');
    expect(await checkExisting(clone, 'feat/new', false)).toEqual({ branch: 'feat/new', commit, create: true });
    expect(listRefs(clone)).not.toContain('feat/new');
    expect(await checkExisting(clone, 'origin/feat/new')).toEqual({ branch: 'feat/new', commit, create: true });
    expect(head(clone, 'origin/feat/new')).toBe(commit);
  });

  it('refuses one that is checked out, and says where', async () => {
    const folder = makeTemp();
    const repo = makeRepo(path.join(folder, 'repo'), { branches: ['x'] });
    const other = path.join(folder, 'other');
    git(repo, 'worktree', 'add', '--quiet', other, 'x');
    await expect(checkExisting(repo, 'main')).rejects.toMatchObject({
      code: 'exists',
      message: expect.stringContaining(repo),
    });
    await expect(checkExisting(repo, 'x')).rejects.toMatchObject({
      code: 'exists',
      message: expect.stringContaining(other),
    });
    rmSync(other, { recursive: true });
    await expect(checkExisting(repo, 'x')).rejects.toMatchObject({
      code: 'exists',
      hint: expect.stringContaining('git worktree prune'),
    });
  });

  it.each(['feat/u', 'v1', '-x', 'HEAD~1'])('knows no branch %s', async (branch) => {
    const { clone, remote } = makeClone(makeTemp(), { branches: ['feat/ui'] });
    git(remote, 'tag', 'v1', 'main');
    git(clone, 'tag', 'v1', 'main');
    await expect(checkExisting(clone, branch)).rejects.toMatchObject({
      code: 'not-found',
      message: `front has no branch ${JSON.stringify(branch)}`,
    });
  });
});

describe('deleteBranch', () => {
  const options = (repo: string, branch: string) => ({ repoPath: repo, gitCommonDir: path.join(repo, '.git'), branch });

  it('deletes the branch with its settings and its log; missing is done', async () => {
    const repo = makeRepo(makeTemp());
    const before = [git(repo, 'config', '--list'), listRefs(repo)];
    git(repo, 'branch', 'feat/x.y');
    git(repo, 'config', 'branch.feat/x.y.remote', 'origin');
    git(repo, 'config', 'branch.feat/x.y.merge', 'refs/heads/feat/x.y');
    await deleteBranch(options(repo, 'feat/x.y'));
    expect([git(repo, 'config', '--list'), listRefs(repo)]).toEqual(before);
    await deleteBranch(options(repo, 'feat/x.y'));
    // The folder `feat` is gone too, or this would be refused.
    git(repo, 'branch', 'feat');
  });

  it('drops settings that a deletion cut short left behind', async () => {
    const repo = makeRepo(makeTemp());
    git(repo, 'config', 'branch.x.remote', 'origin');
    await deleteBranch(options(repo, 'x'));
    expect(git(repo, 'config', '--list')).not.toContain('branch.x');
  });

  it('takes away the empty log that a git left which was ended as it made the branch', async () => {
    const repo = makeRepo(makeTemp());
    const log = path.join(repo, '.git/logs/refs/heads/x');
    writeFileSync(log, '');
    await deleteBranch(options(repo, 'x'));
    expect(existsSync(log)).toBe(false);
  });

  it('keeps one that has moved since it was looked at', async () => {
    const repo = makeRepo(makeTemp(), { branches: ['x'] });
    const expectedTip = head(repo, 'main');
    await expect(deleteBranch({ ...options(repo, 'x'), expectedTip })).rejects.toMatchObject({ code: 'conflict' });
    await deleteBranch({ ...options(repo, 'x'), expectedTip: head(repo, 'x') });
    expect(listRefs(repo)).not.toContain('heads/x');
  });

  it('keeps one that is checked out anywhere', async () => {
    const folder = makeTemp();
    const repo = makeRepo(path.join(folder, 'repo'), { branches: ['x'] });
    git(repo, 'worktree', 'add', '--quiet', path.join(folder, 'other'), 'x');
    await expect(deleteBranch(options(repo, 'x'))).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(path.join(folder, 'other')),
    });
  });

  it('is done when the repo itself is gone', async () => {
    await deleteBranch(options(path.join(makeTemp(), 'gone'), 'x'));
  });
});
