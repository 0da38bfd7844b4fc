import { accessSync, constants, type Dirent, lstatSync, readdirSync, type Stats } from 'node:fs';
import path from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { bytesOf, pathOf, textOf } from '../../files/byte-names.ts';
import { ifReadableNow } from '../../files/file-errors.ts';
import { listMounts } from '../../files/mounts.ts';

/** What a worktree holds that git does not speak of. Paths are relative to it. */
export interface Inside {
  /** Folders that have a `.git`, or are a git folder themselves: submodules, and other repos. */
  repos: string[];
  /** What other version control systems keep their data in, `tmp/x/.hg`: a folder, or a file of Fossil's. */
  foreign: string[];
  /**
   * Folders that cannot be opened, or whose content must not be deleted, and the disk's word for it (`EACCES`; `EBUSY`: a mount;
   * `MODE`: it is the worktree itself, and its mode lets nobody move it).
   */
  closed: { path: string; code: string }[];
}

/** So many folders are read before others have their turn. */
const AT_ONCE = 500;
/** What makes a folder a git folder (gitrepository-layout(5)). */
const GIT_FOLDER = new Set(['HEAD', 'objects', 'refs']);
/** Where other version control systems keep what they know, and mostly the whole history. */
const FOREIGN_FOLDER = new Set(['.hg', '.svn', '.jj', '.bzr', '_darcs']);
const FOREIGN_FILE = new Set(['.fossil', '_FOSSIL_', '.fslckout']);
/** What went away meanwhile is nothing. */
const GONE = new Set(['ENOENT', 'ENOTDIR']);

/**
 * Walks through all folders of a worktree, those that git ignores too: links are not followed, git's own folders and
 * what is mounted not entered. Read one after the other: for many small folders that takes a quarter of the time of asynchronous reading.
 */
export async function lookInside(worktree: string): Promise<Inside> {
  const mounts = await listMounts(worktree);
  const inside: Inside = { repos: [], foreign: [], closed: mounts.map((folder) => ({ path: folder, code: 'EBUSY' })) };
  const left = [''];
  for (let seen = 1; left.length > 0; seen++) {
    const folder = left.pop() ?? '';
    if (mounts.includes(folder)) continue;
    left.push(...lookAtFolder(worktree, folder, inside));
    if (seen % AT_ONCE === 0) await breathe();
  }
  return inside;
}

/** Returns the folders in a folder that are to be walked too. */
function lookAtFolder(worktree: string, folder: string, inside: Inside): string[] {
  const place = folder === '' ? worktree : `${worktree}/${folder}`;
  try {
    const entries = readFolder(place);
    if (entries.length > 0) requireDeletable(place);
    // All others are made writable in the trash.
    if (folder === '' && !mayWrite(place)) inside.closed.push({ path: folder, code: 'MODE' });
    return sift(folder, entries, inside);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!GONE.has(code)) inside.closed.push({ path: folder, code });
    return [];
  }
}

function sift(folder: string, entries: readonly Dirent[], { repos, foreign }: Inside): string[] {
  const folders: string[] = [];
  let marks = 0;
  foreign.push(...entries.filter(isForeign).map(({ name }) => (folder === '' ? name : `${folder}/${name}`)));
  for (const entry of entries) {
    const { name } = entry;
    if (GIT_FOLDER.has(name)) marks++;
    if (name === '.git') {
      if (folder !== '') repos.push(folder);
    } else if (entry.isDirectory()) folders.push(folder === '' ? name : `${folder}/${name}`);
  }
  if (marks < GIT_FOLDER.size) return folders;
  repos.push(folder);
  return [];
}

function isForeign(entry: Dirent): boolean {
  return entry.isDirectory() ? FOREIGN_FOLDER.has(entry.name) : FOREIGN_FILE.has(entry.name) && entry.isFile();
}

/** Returns what is in a folder, with names that `pathOf` finds again. Throws what the disk says. */
function readFolder(folder: string): Dirent[] {
  const place = pathOf(folder);
  if (typeof place === 'string') {
    const entries = readdirSync(place, { withFileTypes: true });
    if (!entries.some(({ name }) => name.includes('\ufffd'))) return entries;
  }
  const entries = readdirSync(bytesOf(folder), { withFileTypes: true, encoding: 'buffer' });
  return entries.map((entry) => Object.assign(entry, { name: textOf(entry.name as unknown as Buffer) }) as Dirent);
}

/** Returns the same; nothing of a folder that cannot be opened. */
export function readEntries(folder: string): Dirent[] {
  return ifReadableNow(() => readFolder(folder)) ?? [];
}

/**
 * Returns the files and links in a folder that git does not track, relative to the worktree; a repo of its own, and a folder that
 * cannot be read, stands for itself with a `/` at its end.
 */
export function listInside(worktree: string, folder: string): string[] {
  const entries = ifReadableNow(() => readFolder(path.join(worktree, folder)));
  if (entries === undefined || entries.some(({ name }) => name === '.git')) return [folder];
  return entries.flatMap((entry) => {
    const name = `${folder}${entry.name}`;
    if (entry.isDirectory()) return listInside(worktree, `${name}/`);
    return entry.isFile() || entry.isSymbolicLink() ? [name] : [];
  });
}

/** Returns names as git lists them, and for a folder among them, which ends in `/`, the files in it. */
export function expandFolders(worktree: string, names: readonly string[]): string[] {
  return names.flatMap((name) => (name.endsWith('/') ? listInside(worktree, name) : [name]));
}

/** What is at a path in a folder; `other` is what git keeps nothing of: a pipe, or what only a link leads to. */
export interface Located {
  place: 'file' | 'folder' | 'other' | 'none';
  /** Of a file. */
  stat?: Stats;
}

/** Returns what looks at a path in a folder, which git has written: each is looked at once, since there may be many. */
export function lookIn(folder: string): (name: string) => Located {
  const look = (name: string) => lookAt(`${folder}/${name}`);
  const known = new Map<string, boolean>([['.', false]]);
  const isLinked = (above: string): boolean => {
    const before = known.get(above);
    if (before !== undefined) return before;
    const linked = isLinked(path.dirname(above)) || (look(above)?.isSymbolicLink() ?? false);
    known.set(above, linked);
    return linked;
  };
  return (name) => {
    if (isLinked(name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : '.')) return { place: 'other' };
    const stat = look(name);
    if (!stat) return { place: 'none' };
    if (stat.isDirectory()) return { place: 'folder' };
    return stat.isFile() || stat.isSymbolicLink() ? { place: 'file', stat } : { place: 'other' };
  };
}

/** Nothing is there either where a file stands in the place of a folder above it. */
function lookAt(place: string): Stats | undefined {
  try {
    return lstatSync(pathOf(place), { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR') throw error;
    return undefined;
  }
}

/** True where a folder's mode lets files be made in it, and lets it be moved. */
export function mayWrite(place: string): boolean {
  try {
    requireMode(place);
    return true;
  } catch {
    return false;
  }
}

/** A file system that is read-only has nothing to do with modes, and is told by whoever writes. */
function requireMode(place: string): void {
  try {
    accessSync(pathOf(place), constants.W_OK | constants.X_OK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EROFS') throw error;
  }
}

/** In a folder of one's own rights can be given; in another person's somebody must have given them. Root may do anything. */
function requireDeletable(place: string): void {
  const person = process.getuid?.() ?? 0;
  if (person === 0 || lstatSync(pathOf(place)).uid === person) return;
  requireMode(place);
}
