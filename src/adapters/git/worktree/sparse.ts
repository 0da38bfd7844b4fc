import path from 'node:path';
import { isThere } from '../../files/files.ts';
import { askGit, changeGit, gitError, tryGit } from '../git.ts';

/** Putting files of a commit into a worktree takes as long as they are large. */
const ADD_SECONDS = 600;
/** How `git ls-files -t` marks what is in the commit and is kept out of the checkout. */
const KEPT_OUT = 'S ';

/**
 * Returns those folders that a checkout lacks since its sparse checkout leaves them out. Paths are relative to it. Asks git only
 * where a folder is missing. Throws `git`.
 */
export async function listKeptOut(checkout: string, folders: readonly string[]): Promise<string[]> {
  const there = await Promise.all(folders.map((folder) => isThere(path.join(checkout, folder))));
  const missing = folders.filter((_, index) => !there[index]);
  if (missing.length === 0) return [];
  const text = await askGit(checkout, ['ls-files', '-t', '-z', '--', ...missing.map((one) => `:(literal)${one}`)]);
  const files = text.split('\0').filter((entry) => entry.startsWith(KEPT_OUT));
  return missing.filter((folder) => files.some((file) => file.startsWith(`${KEPT_OUT}${folder}/`)));
}

/** Adds folders to the sparse checkout of a worktree, and to no other's. Throws `git`. */
export async function addToSparse(worktree: string, folders: readonly string[]): Promise<void> {
  const { stdout } = await tryGit(worktree, ['config', '--type=bool', 'core.sparseCheckoutCone']);
  const patterns = stdout.trim() === 'true' ? folders : folders.map((folder) => `/${folder}/`);
  const options = { deadlineSeconds: ADD_SECONDS };
  const added = await changeGit(worktree, ['sparse-checkout', 'add', '--end-of-options', ...patterns], options);
  if (added.exitCode !== 0) throw gitError(`cannot add ${folders.join(', ')} to the sparse checkout`, added);
}
