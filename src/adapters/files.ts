import { cp, lstat, mkdir, open, readFile, realpath, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { StackError } from '../domain/errors.ts';
import { sweepTemporaries, temporaryIn } from './temporary.ts';

const REASONS: Record<string, [what: string, hint: string]> = {
  ENOSPC: ['the disk is full', 'free some space, then run the command again'],
  EDQUOT: ['the disk quota is used up', 'free some space, then run the command again'],
  EROFS: ['the file system is read-only', 'stack writes below the root; remount it or work in another folder'],
  EACCES: ['permission denied', 'check who owns the folder'],
  EPERM: ['permission denied', 'check who owns the folder'],
  ENOTDIR: ['a part of the path is no folder', 'move the file that is in the way'],
  EISDIR: ['it is a folder', 'move it out of the way'],
};

/** Turns a file system error into one clear line; gives any other error back as it is. */
export function explainFileError(error: unknown, doing: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  const reason = REASONS[code];
  if (!reason) return error;
  return new StackError('files', `cannot ${doing}: ${reason[0]}`, { hint: reason[1], cause: error });
}

/** Gives the text of a file, undefined when there is none. Throws `files`. */
export async function readFileIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw explainFileError(error, `read ${file}`);
  }
}

/** True when something is at the path, a dangling link included. */
export async function isThere(file: string): Promise<boolean> {
  return (await lstat(file).catch(() => undefined)) !== undefined;
}

/** Makes a folder and its parents, each 0700. Throws `files`. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw explainFileError(await findReason(folder, error), `make the folder ${folder}`);
  }
}

/** On a read-only disk a recursive mkdir says ENOENT (Node 20); making just the first missing folder says why. */
async function findReason(folder: string, error: unknown): Promise<unknown> {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return error;
  let missing = folder;
  while (!(await isThere(path.dirname(missing)))) missing = path.dirname(missing);
  return mkdir(missing).then(
    () => error,
    (reason: unknown) => reason,
  );
}

interface ReplaceOptions {
  mode?: number;
  /** False: it can be made again, so nobody waits for the disk. */
  lasting?: boolean;
  /** Folder on the same file system for the temp file; default: the file's own. */
  via?: string;
}

/**
 * Replaces a file as a whole: temp file, fsync, rename. A reader sees the old text or the new one; what a write that was
 * killed left goes with the next one. Throws `files`; the old file is then untouched.
 */
export async function replaceFile(
  file: string,
  text: string,
  { mode = 0o600, lasting = true, via = path.dirname(file) }: ReplaceOptions = {},
): Promise<void> {
  await sweepTemporaries(via);
  const temporary = temporaryIn(via);
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.writeFile(text);
      if (lasting) await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw explainFileError(error, `write ${file}`);
  }
}

/**
 * Copies what the globs match in `from` to the same places in `to`; a pattern that names a folder takes all of it.
 * What is already there is kept, and links are copied as they are. Gives the relative paths copied. Throws `files`.
 */
export async function copyMatches(from: string, to: string, patterns: readonly string[]): Promise<string[]> {
  const copied: string[] = [];
  for (const file of await findMatches(from, patterns)) {
    const target = path.join(to, file);
    if (await isThere(target)) continue;
    if (!(await staysInside(to, path.dirname(target)))) continue;
    try {
      await mkdir(path.dirname(target), { recursive: true });
      await cp(path.join(from, file), target, { verbatimSymlinks: true, preserveTimestamps: true });
      copied.push(file);
    } catch (error) {
      throw explainFileError(error, `copy ${file} to ${to}`);
    }
  }
  return copied;
}

/** Gives the files that the globs match, relative to `folder`; `.git` is never among them. */
async function findMatches(folder: string, patterns: readonly string[]): Promise<string[]> {
  if (patterns.length === 0) return [];
  const { glob } = await import('tinyglobby');
  const files = await glob([...patterns], {
    cwd: folder,
    dot: true,
    onlyFiles: true,
    expandDirectories: true,
    followSymbolicLinks: false,
    ignore: ['**/.git', '**/.git/**'],
  });
  return files.sort();
}

/** True when the nearest existing parent of `target` is really below `folder` (no link leads out). */
async function staysInside(folder: string, target: string): Promise<boolean> {
  let existing = target;
  while (!(await isThere(existing))) existing = path.dirname(existing);
  const [top, real] = await Promise.all([realpath(folder), realpath(existing).catch(() => '')]);
  return real === top || real.startsWith(top + path.sep);
}
