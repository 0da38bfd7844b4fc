import { lstat, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { explainShortage, StackError } from '../../domain/errors.ts';
import { bytesOf, pathOf, textOf } from './byte-names.ts';
import { type ReadOptions, readWhole } from './read-file.ts';
import { sweepTemporaries, temporaryIn } from './temporary.ts';

const REASONS: Record<string, [what: string, hint: string]> = {
  ENOSPC: ['the disk is full', 'free some space, then run the command again'],
  EDQUOT: ['the disk quota is used up', 'free some space, then run the command again'],
  EROFS: ['the file system is read-only', 'stack writes below the root; remount it or work in another folder'],
  EACCES: ['permission denied', 'check who owns the folder, and its mode'],
  EPERM: ['permission denied', 'check who owns the folder, and its mode'],
  ELOOP: ['its links lead in a circle', 'delete or correct the link'],
  ENAMETOOLONG: ['its name is too long', 'use a shorter path'],
  ENOTDIR: ['a part of the path is not a folder', 'move the file that is in the way'],
  EISDIR: ['it is a folder', 'move it out of the way'],
};

/** Turns a file system error into one clear line; gives any other error back as it is. */
export function explainFileError(error: unknown, doing: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  const reason = REASONS[code];
  if (!reason) return explainShortage(error) ?? error;
  return new StackError('files', `cannot ${doing}: ${reason[0]}`, { hint: reason[1], cause: error });
}

/**
 * Gives the text of a file, undefined when there is none; `replaceFile` writes it back to the byte, also where it is not
 * UTF-8. Never hangs. Throws `files`, also for what is no regular file.
 */
export async function readFileIfThere(file: string, options: ReadOptions = {}): Promise<string | undefined> {
  try {
    return textOf(await readWhole(file, options));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw explainFileError(error, `read ${file}`);
  }
}

/** True when something is at the path, a dangling link included. */
export async function isThere(file: string): Promise<boolean> {
  return (await lstat(pathOf(file)).catch(() => undefined)) !== undefined;
}

/** Makes a folder and its parents, each 0700 unless `mode` says otherwise. Throws `files`. */
export async function makeFolder(folder: string, mode = 0o700): Promise<void> {
  try {
    await makeMissing(folder, mode);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw explainFileError(error, `make the folder ${folder}`);
    throw new StackError('files', `cannot make the folder ${folder}: nothing can be made there`, {
      hint: 'check the path; where it begins may come from HOME or an XDG_* variable',
      cause: error,
    });
  }
}

/** One after the other: where no folder can be made (`/proc`), Node's recursive mkdir never ends. */
async function makeMissing(folder: string, mode: number, tries = 3): Promise<void> {
  if (await isFolder(folder)) return;
  const parent = path.dirname(folder);
  if (parent !== folder) await makeMissing(parent, mode);
  try {
    await mkdir(folder, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another command made it, or took away the parent that held nothing yet.
    if (code === 'EEXIST' && (await isFolder(folder))) return;
    if (code === 'ENOENT' && tries > 1 && !(await isThere(parent))) return makeMissing(folder, mode, tries - 1);
    throw code === 'EEXIST' ? Object.assign(error as Error, { code: 'ENOTDIR' }) : error;
  }
}

async function isFolder(folder: string): Promise<boolean> {
  return (await stat(folder).catch(() => undefined))?.isDirectory() ?? false;
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
      await handle.writeFile(bytesOf(text));
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
