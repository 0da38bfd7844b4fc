import { stat } from 'node:fs/promises';
import path from 'node:path';
import { ifThere } from '../files/file-errors.ts';
import { type Found, listBelow } from '../files/find-files.ts';
import { askGit, tryGit } from './git.ts';

/** In a checkout: which of the files that git ignores are to come along into new worktrees. */
const INCLUDE_FILE = '.worktreeinclude';

/**
 * Returns what `.worktreeinclude` of a checkout picks, in the syntax of `.gitignore`, among what git ignores there; undefined
 * where there is no such file. Throws `git`, `files`.
 */
export async function listIncluded(checkout: string): Promise<Found[] | undefined> {
  const file = path.join(checkout, INCLUDE_FILE);
  // Git would wait for a pipe.
  if (!(await ifThere(stat(file)))?.isFile()) return undefined;
  const picked = await askGit(checkout, ['ls-files', '--others', '--ignored', `--exclude-from=${file}`, '-z']);
  if (picked === '') return [];
  // It ends with 1 when none of them is ignored.
  const { stdout } = await tryGit(checkout, ['check-ignore', '-z', '--stdin'], { input: picked });
  const names = stdout.split('\0').filter((name) => name !== '');
  // A folder is a repo of its own.
  return (await Promise.all(names.map((name) => listBelow(checkout, name)))).flat();
}
