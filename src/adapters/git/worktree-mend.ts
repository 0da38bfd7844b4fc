import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { StackError } from '../../domain/errors.ts';
import { readFileIfThere } from '../files.ts';
import { withLock } from '../lock.ts';
import { canonicalPath, findEntry } from './entry.ts';
import { changeGit, gitError, tryGit } from './git.ts';
import { repoLock } from './lock.ts';
import { findCommit } from './repo.ts';
import { clearStaleLocks } from './stale-locks.ts';
import { findWorktreeFault } from './worktree-fault.ts';
import { QUICK } from './worktree-place.ts';

/** A linked worktree of which something is wrong. */
interface Broken {
  repoPath: string;
  gitCommonDir: string;
  worktree: string;
}

/** Gives what is wrong with a worktree and can be mended in place, undefined for nothing of that kind. */
export async function findMendable(own: {
  gitCommonDir: string;
  worktree: string;
}): Promise<'branch-gone' | 'cut-off' | undefined> {
  const fault = await findWorktreeFault(own);
  if (fault === 'branch-gone') return fault;
  return fault === 'cut-off' && (await isKnownTo(own.gitCommonDir, own.worktree)) ? fault : undefined;
}

/** True when the repo still has its entry of the worktree, so that the two can be joined again. */
export async function isKnownTo(gitCommonDir: string, worktree: string): Promise<boolean> {
  return (await findEntry(gitCommonDir, await canonicalPath(worktree))) !== undefined;
}

/** Joins a worktree to its repo again after one of them was moved. Throws `git`. */
export async function rejoinWorktree({ repoPath, gitCommonDir, worktree }: Broken): Promise<void> {
  await withLock(repoLock(gitCommonDir), async () => {
    const done = await changeGit(repoPath, ['worktree', 'repair', worktree], QUICK);
    if ((await findWorktreeFault({ gitCommonDir, worktree })) === 'cut-off')
      throw gitError(`cannot join ${worktree} to its repo again`, done);
  });
}

/**
 * Makes the branch again that a worktree is on and that somebody deleted, where it was: what was committed in there is not
 * lost before git sweeps it. Gives the commit. Throws `git` when that is not there any more.
 */
export async function restoreBranch({ repoPath, gitCommonDir, worktree }: Broken, start: string): Promise<string> {
  return withLock(repoLock(gitCommonDir), async () => {
    const last = await readLastCommit(worktree);
    const commit = await findCommit(repoPath, last === undefined ? [start] : [last, start]);
    const head = await tryGit(worktree, ['symbolic-ref', '--quiet', 'HEAD']);
    const ref = head.stdout.trim();
    if (commit === undefined || !ref.startsWith('refs/heads/')) {
      throw new StackError('git', `${worktree} is on a branch that is gone, and so is the commit it was at`, {
        hint: `\`git -C ${worktree} checkout\` another branch`,
      });
    }
    await clearStaleLocks({ repoPath, gitCommonDir, branch: ref.slice('refs/heads/'.length) });
    // An empty old value: only while there is no such branch.
    const done = await changeGit(repoPath, ['update-ref', ref, commit, ''], QUICK);
    if (done.exitCode !== 0) throw gitError(`cannot make ${ref} again`, done);
    return commit;
  });
}

async function readLastCommit(worktree: string): Promise<string | undefined> {
  const pointer = (await readFileIfThere(path.join(worktree, '.git'))) ?? '';
  const entry = await realpath(path.resolve(worktree, pointer.replace(/^gitdir: /, '').trimEnd()));
  const log = (await readFileIfThere(path.join(entry, 'logs', 'HEAD'))) ?? '';
  // gitrepository-layout(5): each line begins with the commit before and the one after.
  return log.trimEnd().split('\n').at(-1)?.split(' ')[1];
}
