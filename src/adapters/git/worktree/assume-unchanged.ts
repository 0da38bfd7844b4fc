import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { pathOf } from '../../files/byte-names.ts';
import { ifThere } from '../../files/file-errors.ts';
import { askGit } from '../git.ts';
import { askAboutFiles } from '../risk/filters.ts';

/**
 * Returns the files that a person told git to pass over (`git update-index --skip-worktree`, `--assume-unchanged`) and that are
 * there: what is changed in them no `git status` shows. Paths are relative to the worktree. Throws `git`.
 */
export async function listHidden(worktree: string): Promise<string[]> {
  // git-ls-files(1): `S` stands for skip-worktree, a small letter for assume-unchanged.
  const entries = await askGit(worktree, ['ls-files', '-v', '-z']);
  const hidden = [...entries.matchAll(/(?<![^\0])[a-zS] ([^\0]*)/g)].map(([, file = '']) => file);
  const isFile = await Promise.all(
    hidden.map(async (file) => (await ifThere(lstat(pathOf(path.join(worktree, file)))))?.isFile()),
  );
  return hidden.filter((_, index) => isFile[index]);
}

/** Returns those of them that are not as they are in the index. Throws `git`. */
export async function listHiddenChanges(worktree: string): Promise<string[]> {
  // A name with a line break cannot be asked for; such a file counts as it is.
  const hidden = (await listHidden(worktree)).filter((file) => !file.includes('\n'));
  if (hidden.length === 0) return [];
  const [known, now] = await Promise.all([
    askGit(worktree, ['ls-files', '--stage', '-z']),
    askAboutFiles(worktree, ['hash-object', '--stdin-paths'], { input: hidden.map((file) => `${file}\n`).join('') }),
  ]);
  const ids = new Map(
    known.split('\0').map((entry): [string, string] => {
      const tab = entry.indexOf('\t');
      return [entry.slice(tab + 1), entry.split(' ')[1] ?? ''];
    }),
  );
  const hashes = now.split('\n');
  return hidden.filter((file, index) => ids.get(file) !== hashes[index]);
}
