import path from 'node:path';
import { tryGit } from './git.ts';

/**
 * Returns those folders that a commit has not. Paths are relative to its repo. What a link or a submodule leads to is not known
 * and counts as there, and so does all of a commit that is not here yet. Throws `git`.
 */
export async function listLacking(cwd: string, commit: string, folders: readonly string[]): Promise<string[]> {
  const asked = [...new Set(folders.flatMap(listLineage))];
  if (asked.length === 0) return [];
  const answer = await tryGit(cwd, ['ls-tree', '-t', '-z', '--full-tree', commit, '--', ...asked]);
  if (answer.exitCode !== 0) return [];
  const entries = answer.stdout.split('\0');
  const modes = new Map(entries.map((entry) => [entry.slice(entry.indexOf('\t') + 1), entry.slice(0, 6)]));
  const isOpen = (name: string): boolean => modes.get(name) === '120000' || modes.get(name) === '160000';
  return folders.filter((folder) => {
    const lineage = listLineage(folder);
    return lineage.length > 0 && modes.get(folder) !== '040000' && !lineage.some(isOpen);
  });
}

/** A folder and all that are around it, but the top. */
function listLineage(folder: string): string[] {
  return folder === '' || folder === '.' ? [] : [...listLineage(path.dirname(folder)), folder];
}
