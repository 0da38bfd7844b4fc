import { lstat, readlink } from 'node:fs/promises';
import path from 'node:path';
import { pathOf } from '../../files/byte-names.ts';
import { ifThere } from '../../files/file-errors.ts';
import { askGit } from '../git.ts';
import { askAboutFiles } from '../risk/filters.ts';

/**
 * Returns the files that a person told git to pass over (`git update-index --skip-worktree`, `--assume-unchanged`) and that are
 * there, as files or links: what is changed in them no `git status` shows. Paths are relative to the worktree. `ask` is asked in the place
 * of the worktree's own git. Throws `git`.
 */
export async function listHidden(
  worktree: string,
  ask = (args: string[]): Promise<string> => askGit(worktree, args),
): Promise<string[]> {
  return (await lookAtHidden(worktree, ask)).map(({ file }) => file);
}

async function lookAtHidden(worktree: string, ask: (args: string[]) => Promise<string>) {
  // git-ls-files(1): `S` stands for skip-worktree, a small letter for assume-unchanged.
  const entries = await ask(['ls-files', '-v', '-z']);
  const hidden = [...entries.matchAll(/(?<![^\0])[a-zS] ([^\0]*)/g)].map(([, file = '']) => file);
  const looks = await Promise.all(
    hidden.map(async (file) => {
      const place = pathOf(path.join(worktree, file));
      const found = await ifThere(lstat(place));
      if (found?.isSymbolicLink()) return { file, target: await ifThere(readlink(place)) };
      return found?.isFile() ? { file, target: undefined } : undefined;
    }),
  );
  return looks.filter((look) => look !== undefined);
}

/** Returns those of them that are not as they are in the index. Throws `git`. */
export async function listHiddenChanges(worktree: string): Promise<string[]> {
  // A name with a line break cannot be asked for; such a file counts as it is.
  const looks = (await lookAtHidden(worktree, (args) => askGit(worktree, args))).filter(
    ({ file }) => !file.includes('\n'),
  );
  if (looks.length === 0) return [];
  const files = looks.flatMap(({ file, target }) => (target === undefined ? [file] : []));
  const [known, hashes] = await Promise.all([
    askGit(worktree, ['ls-files', '--stage', '-z']),
    askAboutFiles(worktree, ['hash-object', '--stdin-paths'], { input: files.map((file) => `${file}\n`).join('') }),
  ]);
  const now = new Map(hashes.split('\n').map((hash, index) => [files[index], hash]));
  for (const { file, target } of looks) {
    // Of a link git has where it leads.
    if (target !== undefined)
      now.set(file, `${await askGit(worktree, ['hash-object', '--stdin'], { input: target })}@`);
  }
  const ids = new Map(
    known.split('\0').map((entry): [string, string] => {
      const tab = entry.indexOf('\t');
      const [mode, id = ''] = entry.slice(0, tab).split(' ');
      return [entry.slice(tab + 1), mode === '120000' ? `${id}@` : id];
    }),
  );
  return looks.map(({ file }) => file).filter((file) => ids.get(file) !== now.get(file));
}
