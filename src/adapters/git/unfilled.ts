import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathOf } from '../files/byte-names.ts';
import { askGit } from './git.ts';
import { listInside } from './risk/inside.ts';

/**
 * Gives the files in the folders of submodules that were never filled: git knows the folder and speaks of nothing in it.
 * By folder, both relative to the worktree; a folder without files is left out. Throws `git`.
 */
export async function listUnfilled(worktree: string): Promise<Map<string, string[]>> {
  const entries = (await askGit(worktree, ['ls-files', '-z', '--stage'])).split('\0');
  const links = entries.flatMap((entry) => (entry.startsWith('160000 ') ? [entry.slice(entry.indexOf('\t') + 1)] : []));
  const unfilled = [...new Set(links)].filter((folder) => {
    const place = path.join(worktree, folder);
    return existsSync(pathOf(place)) && !existsSync(pathOf(path.join(place, '.git')));
  });
  const found = unfilled.map((folder) => [folder, listInside(worktree, `${folder}/`)] as const);
  return new Map(found.filter(([, files]) => files.length > 0));
}
