import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathOf } from '../files/byte-names.ts';
import { askGit } from './git.ts';
import { listInside } from './risk/inside.ts';

/**
 * Returns the files in the folders of submodules that were never filled: git knows the folder and speaks of nothing in it.
 * By folder, both relative to the worktree; a folder without files is left out. Throws `git`.
 */
export async function listUnfilled(
  worktree: string,
  linked: Promise<string[]> = listLinked(worktree),
): Promise<Map<string, string[]>> {
  const unfilled = (await linked).filter((folder) => !isFilled(worktree, folder));
  const found = unfilled.map((folder) => [folder, listInside(worktree, `${folder}/`)] as const);
  return new Map(found.filter(([, files]) => files.length > 0));
}

/** Returns the filled submodules in which, at any depth, one that was never filled holds files: git calls them unchanged. Throws `git`. */
export async function listAroundUnfilled(worktree: string, linked: Promise<string[]>): Promise<string[]> {
  const filled = (await linked).filter((folder) => isFilled(worktree, folder));
  const around = filled.map(async (folder) => {
    const submodule = path.join(worktree, folder);
    const inside = listLinked(submodule);
    const [own, below] = await Promise.all([listUnfilled(submodule, inside), listAroundUnfilled(submodule, inside)]);
    return own.size + below.length > 0 ? [folder] : [];
  });
  return (await Promise.all(around)).flat();
}

/** Returns the folders of submodules that are there. Throws `git`. */
export async function listLinked(worktree: string): Promise<string[]> {
  const links = listLinks(await askGit(worktree, ['ls-files', '-z', '--stage']));
  return links.filter((folder) => existsSync(pathOf(path.join(worktree, folder))));
}

/** Returns the folders of submodules in what `git ls-files --stage -z` tells. */
export function listLinks(staged: string): string[] {
  // There are few, among what may be a hundred thousand files.
  return [...new Set([...staged.matchAll(/(?<![^\0])160000 [^\t]*\t([^\0]*)/g)].map(([, folder = '']) => folder))];
}

function isFilled(worktree: string, folder: string): boolean {
  return existsSync(pathOf(path.join(worktree, folder, '.git')));
}
