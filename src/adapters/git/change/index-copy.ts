import { constants } from 'node:fs';
import { copyFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { explainFileError, ifThere } from '../../files/file-errors.ts';
import { changeGit, gitError, tryGit } from '../git.ts';
import { readOwnEntry } from '../worktree/entry.ts';
import { keepTime, takeIndexLock } from './held-index.ts';

const LIST_SECONDS = 60;

/** Copies a worktree's index to a file, for `bringIndexBack`. Nothing where it has none. Throws `files`. */
export async function keepIndex(worktree: string, file: string): Promise<void> {
  const index = await indexOf(worktree);
  if (index === undefined || !(await ifThere(stat(index)))) return;
  try {
    await copyFile(index, file);
  } catch (error) {
    throw explainFileError(error, `write ${file}`);
  }
  await keepTime(index, file);
}

/**
 * Puts a copy of an index in the place of the index, as long as that has just what a commit has: then nobody has staged anything
 * since. `isUnmade`: where the commit was not made, as long as the same files are staged as in the copy: a hook may have staged other content of
 * them. Returns whether the copy is in its place. Throws `git` (another git is at it), `files`.
 */
export async function bringIndexBack(
  worktree: string,
  file: string,
  { commit, isUnmade = false }: { commit: string; isUnmade?: boolean },
): Promise<boolean> {
  const index = await indexOf(worktree);
  if (index === undefined || !(await ifThere(stat(file)))) return false;
  const lock = `${index}.lock`;
  await takeIndexLock(lock, () => copyFile(file, lock, constants.COPYFILE_EXCL));
  try {
    const isNobodys = isUnmade
      ? (await listStaged(worktree, commit, index)) === (await listStaged(worktree, commit, file))
      : await isAsCommitted(worktree, commit);
    if (!isNobodys) return false;
    await keepTime(file, lock);
    await rename(lock, index);
    return true;
  } finally {
    await rm(lock, { force: true });
  }
}

const CACHED = ['diff-index', '--cached', '--no-ext-diff', '--no-textconv', '--ignore-submodules=none'];

/** True when nothing is staged on top of a commit. */
async function isAsCommitted(worktree: string, commit: string): Promise<boolean> {
  return (await tryGit(worktree, [...CACHED, '--quiet', commit, '--'])).exitCode === 0;
}

/** The paths that an index has otherwise than a commit. */
async function listStaged(worktree: string, commit: string, index: string): Promise<string> {
  const args = [...CACHED, '--name-only', '--no-renames', '-z', commit, '--'];
  const listed = await changeGit(worktree, args, { deadlineSeconds: LIST_SECONDS, env: { GIT_INDEX_FILE: index } });
  if (listed.exitCode !== 0) throw gitError(`git diff-index failed in ${worktree}`, listed);
  return listed.stdout;
}

async function indexOf(worktree: string): Promise<string | undefined> {
  const entry = await readOwnEntry(worktree);
  return entry && path.join(entry.folder, 'index');
}
