import { spawn } from 'node:child_process';
import { existsSync, lstatSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { addWorktree, removeWorktree } from '../../src/adapters/git/worktree/worktree.ts';
import { commitFile, git, listRefs, makeRepo, writeHook } from '../support/git-repos.ts';
import { makeTemp } from '../support/temp.ts';
import { until } from '../support/until.ts';

/** A repo with a branch, and that branch as a thing to delete. */
function makeWorld() {
  const folder = makeTemp();
  const repo = makeRepo(path.join(folder, 'repo'), { branches: ['feat-01'] });
  return { folder, repo, branch: { repoPath: repo, gitCommonDir: path.join(repo, '.git'), branch: 'feat-01' } };
}

/** As destroy does it once the worktree is gone. */
async function removeBranch(branch: ReturnType<typeof makeWorld>['branch']): Promise<void> {
  const folder = path.dirname(branch.repoPath);
  const gone = { path: path.join(folder, 'gone'), trash: path.join(folder, 'trash') };
  const tip = git(branch.repoPath, 'rev-parse', branch.branch);
  await removeWorktree({ ...branch, ...gone, ownBranch: branch.branch, lastLook: async () => tip });
}

const LOCKS = ['refs/heads/feat-01.lock', 'packed-refs.lock', 'config.lock'];

/** As a git leaves them that was ended by SIGKILL some time ago. */
function leaveLocks(repo: string): string[] {
  git(repo, 'pack-refs', '--all');
  git(repo, 'config', 'branch.feat-01.remote', 'origin');
  const files = LOCKS.map((name) => path.join(repo, '.git', name));
  for (const file of files) {
    writeFileSync(file, '');
    utimesSync(file, new Date(0), new Date(0));
  }
  return files;
}

describe('a lock of a git that was killed', () => {
  it('does not keep the branch from being deleted', async () => {
    const { repo, branch } = makeWorld();
    const files = leaveLocks(repo);
    await removeBranch(branch);
    expect(listRefs(repo)).not.toContain('feat-01');
    expect(files.filter((file) => existsSync(file))).toEqual([]);
  });

  it('does not keep its worktree from being made', async () => {
    const { folder, repo, branch } = makeWorld();
    leaveLocks(repo);
    const target = path.join(folder, 'tickets/feat-01/repo');
    await addWorktree({ ...branch, path: target, start: git(repo, 'rev-parse', 'feat-01'), newBranch: false });
    expect(git(target, 'branch', '--show-current')).toBe('feat-01');
  });

  it('does not keep the branch of a worktree that could not be made', async () => {
    const { folder, repo, branch } = makeWorld();
    const lock = path.join(repo, '.git/refs/heads/fix.lock');
    git(repo, 'config', 'filter.broken.clean', 'cat');
    git(repo, 'config', 'filter.broken.smudge', `touch '${lock}'; false`);
    git(repo, 'config', 'filter.broken.required', 'true');
    commitFile(repo, '.gitattributes', '* filter=broken\n');
    const wanted = { ...branch, branch: 'fix', path: path.join(folder, 'tickets/fix/repo'), newBranch: true };
    await expect(addWorktree({ ...wanted, start: git(repo, 'rev-parse', 'main') })).rejects.toMatchObject({
      code: 'git',
    });
    expect(listRefs(repo)).not.toContain('refs/heads/fix');
    expect(existsSync(lock)).toBe(false);
  });
});

it('waits for the lock of a git that is at work, however old it is', async () => {
  const { folder, repo, branch } = makeWorld();
  const [begun, go] = [path.join(folder, 'begun'), path.join(folder, 'go')];
  writeHook(repo, 'reference-transaction', `touch ${begun}; until [ -e ${go} ]; do sleep 0.02; done`);
  const tag = git(repo, 'rev-parse', 'main');
  const other = spawn('git', ['update-ref', 'refs/heads/feat-01', tag], { cwd: repo, stdio: 'ignore' });
  const ended = new Promise((resolve) => other.once('exit', resolve));
  const lock = path.join(repo, '.git/refs/heads/feat-01.lock');
  await until('git holds its lock', () => existsSync(begun) && existsSync(lock));
  utimesSync(lock, new Date(0), new Date(0));
  const deleting = removeBranch(branch);
  await until('stack holds the repo’s lock', () => lstatSync(path.join(repo, '.git/stack.lock')).isSymbolicLink());
  expect(await Promise.race([deleting, ended, Promise.resolve('neither')])).toBe('neither');
  expect(existsSync(lock)).toBe(true);
  writeFileSync(go, '');
  expect(await ended).toBe(0);
  await expect(deleting).rejects.toMatchObject({ code: 'conflict' });
  expect(listRefs(repo)).toContain('feat-01');
});
