import { StackError } from '../../../domain/errors.ts';
import { quoteForShell } from '../../../domain/shell.ts';
import { isEscaped } from '../../files/byte-names.ts';
import { withLock } from '../../lock.ts';
import { changeGit, gitError, tryGit } from '../git.ts';
import { repoLock } from '../lock.ts';
import { findCommit } from '../repo.ts';
import { findLostBranch } from '../risk/head-log.ts';
import { clearStaleLocks } from '../stale-locks.ts';
import { canonicalPath, findEntry, readOwnEntry } from './entry.ts';
import { findWorktreeFault, type OwnWorktree } from './fault.ts';
import { QUICK } from './place.ts';

/** A linked worktree of which something is wrong. */
interface Broken extends OwnWorktree {
  repoPath: string;
}

/** Returns what is wrong with a worktree and can be repaired in place, undefined for nothing of that kind. */
export async function findRepairable(own: OwnWorktree): Promise<'branch-gone' | 'cut-off' | undefined> {
  const fault = await findWorktreeFault(own);
  if (fault === 'branch-gone') return fault;
  return fault === 'cut-off' && (await isKnownTo(own.gitCommonDir, own.worktree)) ? fault : undefined;
}

/** True when the repo still has its entry of the worktree, so that the two can be joined again. */
export async function isKnownTo(gitCommonDir: string, worktree: string): Promise<boolean> {
  return (await findEntry(gitCommonDir, await canonicalPath(worktree))) !== undefined;
}

/** Joins a worktree to its repo again after one of them was moved. Throws `git`. */
export async function rejoinWorktree({ repoPath, ...own }: Broken): Promise<void> {
  const { gitCommonDir, worktree } = own;
  await withLock(repoLock(gitCommonDir), async () => {
    const done = await changeGit(repoPath, ['worktree', 'repair', worktree], QUICK);
    if ((await findWorktreeFault(own)) === 'cut-off') throw gitError(`cannot join ${worktree} to its repo again`, done);
  });
}

/**
 * Makes the branch again that a worktree is on and that somebody deleted, where it was: what was committed in there is not
 * lost before git sweeps it. Returns the commit. Throws `git` when that is not there any more.
 */
export async function restoreBranch(broken: Broken, start: string): Promise<string> {
  const { repoPath, gitCommonDir, worktree, branch } = broken;
  return withLock(repoLock(gitCommonDir), async () => {
    const entry = await readOwnEntry(worktree);
    const ref = (await tryGit(worktree, ['symbolic-ref', '--quiet', 'HEAD'])).stdout.trim();
    const current = ref.replace(/^refs\/heads\//, '');
    const lost = entry && (await findLostBranch(entry.folder, current, branch));
    const commit = lost && (await findCommit(repoPath, lost.commit === undefined ? [start] : [lost.commit, start]));
    if (commit === undefined || isEscaped(ref)) {
      throw new StackError('git', `${worktree} is on a branch that is gone, and cannot be made again`, {
        hint: `\`git -C ${quoteForShell(worktree)} checkout\` another branch`,
      });
    }
    await clearStaleLocks({ repoPath, gitCommonDir, branch: current });
    // An empty old value: only while there is no such branch.
    const done = await changeGit(repoPath, ['update-ref', ref, commit, ''], QUICK);
    if (done.exitCode !== 0) throw gitError(`cannot make ${ref} again`, done);
    return commit;
  });
}
