import { rm } from 'node:fs/promises';
import { withLock } from '../../lock.ts';
import { changeGit, gitError } from '../git.ts';
import { repoLock } from '../lock.ts';
import { findEntry } from './entry.ts';
import { removeEntry } from './place.ts';

export interface DetachedWorktree {
  /** Absolute path of a checkout of the repo. */
  repoPath: string;
  /** Absolute path of the repo's git common directory. */
  gitCommonDir: string;
  /** Absolute path of the folder to make. */
  path: string;
}

const ADD_SECONDS = 600;

/** Makes a worktree that is on a commit and on no branch; what is there already goes first. Throws `git`, `files`, `interrupted`. */
export async function makeDetached(
  worktree: DetachedWorktree,
  { commit, signal }: { commit: string; signal: AbortSignal },
): Promise<void> {
  await removeDetached(worktree, signal);
  const { repoPath, gitCommonDir, path } = worktree;
  await withLock(
    repoLock(gitCommonDir),
    async ({ addHelper }) => {
      const options = { deadlineSeconds: ADD_SECONDS, onStart: addHelper, signal };
      const added = await changeGit(repoPath, ['worktree', 'add', '--quiet', '--detach', '--', path, commit], options);
      // A hook that fails has not kept git from it.
      if (added.exitCode !== 0 && !(await findEntry(gitCommonDir, path))?.hasIndex)
        throw gitError(`cannot make the worktree at ${path}`, added);
    },
    { signal },
  );
}

/** Deletes such a worktree with all that is in it. Gone is done. Throws `git`, `files`, `interrupted`. */
export async function removeDetached(
  { repoPath, gitCommonDir, path }: DetachedWorktree,
  signal?: AbortSignal,
): Promise<void> {
  await rm(path, { recursive: true, force: true });
  const entry = await findEntry(gitCommonDir, path);
  if (entry) await withLock(repoLock(gitCommonDir), () => removeEntry(repoPath, path, entry), { signal });
}
