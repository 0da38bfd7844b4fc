import { lstatSync } from 'node:fs';
import path from 'node:path';
import { shortHash } from '../../../domain/names.ts';
import { pathOf } from '../../files/byte-names.ts';
import { askGit } from '../git.ts';
import { readEntries } from './inside.ts';

const NAMES: Record<string, string> = {
  '.hg': 'Mercurial',
  '.svn': 'Subversion',
  '.jj': 'Jujutsu',
  '.bzr': 'Bazaar',
  _darcs: 'Darcs',
};

/** Returns those of other systems' data in a worktree that git does not track. Throws `git`. */
export async function listUntracked(worktree: string, foreign: readonly string[]): Promise<string[]> {
  if (foreign.length === 0) return [];
  const asked = foreign.map((name) => `:(literal)${name}`);
  const tracked = (await askGit(worktree, ['ls-files', '-z', '--', ...asked])).split('\0');
  return foreign.filter((name) => !tracked.some((file) => file === name || file.startsWith(`${name}/`)));
}

/** Returns a stamp of each, by its path: names, sizes and times of all files in it. */
export function stampForeign(worktree: string, foreign: readonly string[]): Record<string, string> {
  return Object.fromEntries(foreign.map((name) => [name, shortHash(JSON.stringify(listStamps(worktree, name)))]));
}

/** Returns what a person is told of one. */
export function describeForeign(name: string): string {
  const system = NAMES[path.basename(name)] ?? 'Fossil';
  const folder = path.dirname(name);
  return `${folder === '.' ? 'the worktree' : `${folder}/`} is a checkout of ${system} (${name}), of which nothing can be judged or saved`;
}

function listStamps(worktree: string, name: string): string[] {
  const place = path.join(worktree, name);
  const found = lstatSync(pathOf(place), { throwIfNoEntry: false });
  if (!found?.isDirectory()) return [`${name} ${found?.size} ${found?.mtimeMs}`];
  const inside = readEntries(place).map((entry) => entry.name);
  return inside.sort().flatMap((one) => listStamps(worktree, `${name}/${one}`));
}
