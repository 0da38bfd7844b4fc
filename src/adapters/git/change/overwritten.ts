import { lstatSync } from 'node:fs';
import path from 'node:path';
import { pathOf } from '../../files/byte-names.ts';
import { ifReadableNow } from '../../files/file-errors.ts';
import { askGit, inArguments } from '../git.ts';

/**
 * Returns what nobody can get back and git would write over on the way from one commit to another, relative to the checkout: it takes
 * ignored files for its own, also where a file comes in the place of their folder, or a folder in theirs. Throws `git`.
 */
export async function listOverwritten(folder: string, from: string, to: string): Promise<string[]> {
  const added = (await listPaths(folder, from, to)).filter(({ status }) => status === 'A').map(({ name }) => name);
  return listInPlaceOf(folder, added);
}

/** Returns the files that git does not know and that are in the place of some paths, relative to the checkout. Throws `git`. */
export async function listInPlaceOf(folder: string, added: readonly string[]): Promise<string[]> {
  const [files, folders] = [new Set<string>(), new Set<string>()];
  for (const name of added) {
    const { at, isFolder } = findLast(folder, name);
    if (at !== undefined && !isFolder) files.add(at);
    else if (at === name) folders.add(name);
  }
  const known = new Set(files.size === 0 ? [] : await listFiles(folder, []));
  const inside: string[] = [];
  for (const under of inArguments([...folders]))
    inside.push(...(await listFiles(folder, ['--others', '--', ...under])));
  return [...[...files].filter((name) => !known.has(name)), ...inside];
}

async function listFiles(folder: string, which: readonly string[]): Promise<string[]> {
  return (await askGit(folder, ['--literal-pathspecs', 'ls-files', '-z', ...which])).split('\0').filter(Boolean);
}

/** Returns the part of a path that is there: all of it, the first that is no folder, or the last folder. */
function findLast(folder: string, name: string): { at: string | undefined; isFolder: boolean } {
  let at: string | undefined;
  for (const part of name.split('/')) {
    const next = at === undefined ? part : `${at}/${part}`;
    const found = ifReadableNow(() => lstatSync(pathOf(path.join(folder, next))));
    if (!found) break;
    at = next;
    if (!found.isDirectory()) return { at, isFolder: false };
  }
  return { at, isFolder: true };
}

/** Returns the paths that one of some commits adds to what its parent has. Throws `git`. */
export async function listAddedBy(folder: string, commits: readonly string[]): Promise<string[]> {
  const options = ['--stdin', '-r', '-z', '--root', '--no-commit-id', '--name-only', '--no-renames', '--diff-filter=A'];
  const input = commits.map((commit) => `${commit}\n`).join('');
  return (await askGit(folder, ['diff-tree', ...options], { input })).split('\0').filter(Boolean);
}

/** Returns the paths that two commits have otherwise, with git's letter for how (`A`, `D`, `M`, `T`). Throws `git`. */
export async function listPaths(folder: string, from: string, to: string): Promise<{ status: string; name: string }[]> {
  const options = ['-r', '-z', '--name-status', '--no-renames', '--ignore-submodules=none'];
  const parts = (await askGit(folder, ['diff-tree', ...options, from, to, '--'])).split('\0');
  return parts.flatMap((name, at) => (at % 2 === 1 ? [{ status: parts[at - 1] ?? '', name }] : []));
}
