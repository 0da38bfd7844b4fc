import { existsSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { StackError } from '../../../domain/errors.ts';
import { ifThere } from '../../files/file-errors.ts';
import { moveToTrash } from '../../files/trash.ts';
import { type HeldLock, withLock } from '../../lock.ts';
import { deleteBranch, hasBranch } from '../branch.ts';
import { changeGit, gitError, tryGit } from '../git.ts';
import { repoLock } from '../lock.ts';
import { clearStaleLocks } from '../stale-locks.ts';
import { canonicalPath, findEntry, readOwnEntry, type WorktreeEntry } from './entry.ts';
import { listWorktrees } from './list.ts';
import { guardOwnPush, isMade, makeWorktree, type NewWorktree } from './make.ts';
import { compareBranch, describeFolder, lockedError, QUICK, removeEntry, type WorktreeState } from './place.ts';

export interface OldWorktree {
  repoPath: string;
  gitCommonDir: string;
  /** Absolute path of the worktree. */
  path: string;
  /** Folder on the same file system that it is moved to before it is deleted in the background. */
  trash: string;
  /** Goes with the worktree; undefined: stays. */
  ownBranch?: string | undefined;
  /**
   * Runs before anything is touched, once no other command changes the repo any more; what it throws keeps all as it is. Returns
   * the commit at which the branch may go; undefined: at any.
   */
  lastLook?: () => Promise<string | undefined>;
}

/** Others' checkouts are waited for one after the other. */
const WAIT_SECONDS = 1800;

/** Says whether a worktree is at the path, on the branch. A rebase of that branch under way counts as on it. Throws `git`. */
export async function inspectWorktree(options: {
  repoPath: string;
  path: string;
  branch: string;
}): Promise<WorktreeState> {
  const { repoPath, branch } = options;
  const target = await canonicalPath(options.path);
  const [listed, there, own] = await Promise.all([
    listWorktrees(repoPath),
    describeFolder(target),
    readOwnEntry(target),
  ]);
  const listing = listed.find((one) => one.path === target);
  if (listing && own && !listing.prunable) {
    if (own.hasIndex) return compareBranch(listing.branch, own, branch);
    return { state: 'absent', reason: `git was ended while it made ${target}` };
  }
  const elsewhere = listed.find((one) => one.path !== target && one.branch === branch && !one.prunable);
  if (there === 'full' || there === 'other') {
    const reason = `${target} is ${there === 'full' ? 'no worktree of this repo' : 'no folder'}`;
    return { state: 'different', kind: 'stranger', reason };
  }
  if (elsewhere) {
    return { state: 'different', kind: 'elsewhere', reason: `${branch} is checked out at ${elsewhere.path}` };
  }
  return { state: 'absent', ...(listing && { reason: `${target} was deleted by hand` }) };
}

/**
 * Makes a linked worktree, and its branch where that is wanted; already there on that branch is done. Returns a warning
 * when a hook failed, or was ended at the deadline, after the worktree was fine. Throws `exists` (something else is at the
 * path), `conflict` (a locked entry), `git`, `busy`, `interrupted`, `files`; then nothing is left behind.
 */
export async function addWorktree(wanted: NewWorktree): Promise<{ warning?: string }> {
  const { gitCommonDir, signal, onWait } = wanted;
  const work = async (held: HeldLock): Promise<{ warning?: string }> => {
    const job = { ...wanted, path: await canonicalPath(wanted.path), held };
    if (await isMade(job)) {
      const warning = await guardOwnPush(job);
      return warning === undefined ? {} : { warning };
    }
    await clearStaleLocks(job);
    return makeWorktree(job);
  };
  return withLock(repoLock(gitCommonDir), work, { signal, onWait, waitSeconds: WAIT_SECONDS });
}

/**
 * Removes a worktree: its folder goes to the trash, its entry is forgotten, and its branch deleted where that goes too; every
 * other entry stays. Missing is done. All of it is done under one lock, so that of two commands that lean on each other's
 * branches one sees what the other has done. Does not look for work that would be lost. Throws `conflict` (a locked entry, a
 * link or another repo in its place, a branch that has moved or is checked out), `git`, `busy`, `files`.
 */
export async function removeWorktree(old: OldWorktree): Promise<void> {
  const { repoPath, gitCommonDir, path: folder, trash, lastLook = async () => undefined } = old;
  const target = await canonicalPath(folder);
  const branch = old.ownBranch === undefined ? undefined : { repoPath, gitCommonDir, branch: old.ownBranch };
  const remove = async (): Promise<void> => {
    const expectedTip = await lastLook();
    const entry = await findEntry(gitCommonDir, target);
    await requireRemovable(gitCommonDir, target, entry);
    if (existsSync(target)) await moveToTrash(target, trash);
    if (entry) await removeEntry(existsSync(repoPath) ? repoPath : gitCommonDir, target, entry);
    if (branch) await deleteBranch({ ...branch, expectedTip });
  };
  if (!existsSync(gitCommonDir)) return remove();
  // Nothing to do needs no lock: in a repo that cannot be written nothing was made either.
  const isLeft = existsSync(target) || (await findEntry(gitCommonDir, target)) || (branch && (await hasBranch(branch)));
  if (!isLeft) return void (await lastLook());
  await withLock(repoLock(gitCommonDir), remove, { waitSeconds: WAIT_SECONDS });
}

/** Lets go of a worktree that a person has locked; not locked is done. Throws `git`. */
export async function unlockWorktree(repoPath: string, folder: string): Promise<void> {
  const target = await canonicalPath(folder);
  const done = await changeGit(repoPath, ['worktree', 'unlock', '--', target], QUICK);
  if ((await readOwnEntry(target))?.lock === 'wanted') throw gitError(`cannot unlock the worktree ${target}`, done);
}

async function requireRemovable(gitCommonDir: string, target: string, entry: WorktreeEntry | undefined): Promise<void> {
  if (entry?.lock === 'wanted') throw lockedError(target);
  const there = await describeFolder(target);
  const refuse = (what: string): never => {
    throw new StackError('conflict', `${target} is ${what}, and no worktree of ours any more`, {
      hint: 'move or delete it yourself, then run the command again',
    });
  };
  if (there === 'other') refuse('a link or a file');
  if (there !== 'full' || (await readOwnEntry(target, gitCommonDir))) return;
  const git = await ifThere(lstat(path.join(target, '.git')));
  if (git?.isDirectory()) refuse('a git repo of its own');
  if (git && (await tryGit(target, ['rev-parse', '--git-dir'])).exitCode === 0) refuse('a checkout of another repo');
}
