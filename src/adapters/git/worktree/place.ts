import { existsSync } from 'node:fs';
import { lstat, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { StackError } from '../../../domain/errors.ts';
import { ifThere } from '../../files/file-errors.ts';
import { removeIfEmpty } from '../../files/files.ts';
import { changeGit, gitError, tryGit } from '../git.ts';
import { readRebasedBranch, type WorktreeEntry } from './entry.ts';
import { dropPushGuard } from './guard-push.ts';

export interface WorktreeState {
  state: 'present' | 'absent' | 'different';
  /** What is different: `stranger` is anything at the path but a worktree of this repo. */
  kind?: 'other-branch' | 'elsewhere' | 'stranger';
  /** Why it is not `present`, for a person. */
  reason?: string;
}

/** For a change that touches no files. */
export const QUICK = { deadlineSeconds: 60 };

/** Says what is at a path; `other` is a file or a link, which is never followed. */
export async function describeFolder(target: string): Promise<'none' | 'empty' | 'full' | 'other'> {
  const there = await ifThere(lstat(target));
  if (!there) return 'none';
  if (!there.isDirectory()) return 'other';
  return (await readdir(target)).length === 0 ? 'empty' : 'full';
}

/** Says whether a worktree is on a branch, as its HEAD has it now. Throws `git`. */
export async function inspectBranch(target: string, entry: WorktreeEntry, branch: string): Promise<WorktreeState> {
  const { stdout } = await tryGit(target, ['symbolic-ref', '--quiet', '--short', 'HEAD']);
  return compareBranch(stdout.trim() || undefined, entry, branch);
}

/** Says whether a worktree is on a branch; a rebase of it under way, with HEAD detached, counts as on it. */
export async function compareBranch(
  head: string | undefined,
  entry: WorktreeEntry,
  branch: string,
): Promise<WorktreeState> {
  const current = head ?? (await readRebasedBranch(entry));
  if (current === branch) return { state: 'present' };
  const reason = current === undefined ? 'no branch is checked out' : `it is on ${current}`;
  return { state: 'different', kind: 'other-branch', reason };
}

/** Makes git forget one worktree whose folder is gone; `worktree prune` would forget other people's too. Throws `git`. */
export async function removeEntry(cwd: string, target: string, entry: WorktreeEntry): Promise<void> {
  // Twice: the first for files that are not there to be checked, the second for the lock of an add that was killed.
  const removed = await changeGit(cwd, ['worktree', 'remove', '--force', '--force', '--', target], QUICK);
  // What stack notes beside the entry may be written while git deletes it: then git's own files are gone, and ours stays.
  if (existsSync(entry.folder) && !existsSync(path.join(entry.folder, 'gitdir'))) {
    await rm(entry.folder, { recursive: true, force: true, maxRetries: 3 });
    // Git takes the folder of all entries with the last of them.
    await removeIfEmpty(path.dirname(entry.folder));
  }
  if (existsSync(entry.folder)) throw gitError(`cannot make git forget the worktree ${target}`, removed);
  await dropPushGuard(cwd, entry);
}

/** Returns the error for a worktree that somebody has locked. */
export function lockedError(target: string): StackError {
  return new StackError('conflict', `the worktree ${target} is locked`, {
    hint: `somebody wants it kept; \`git worktree unlock ${target}\` lets it go`,
  });
}
