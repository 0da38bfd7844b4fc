import { lstat, mkdir, open, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { StackError, tolerate } from '../../domain/errors.ts';
import { bytesOf, pathOf, textOf } from './byte-names.ts';
import { explainFileError, ifThere } from './file-errors.ts';
import { type ReadOptions, readWhole } from './read-file.ts';
import { sweepTemporaries, temporaryIn } from './temporary.ts';

/**
 * Returns the text of a file, undefined when there is none; `replaceFile` writes it back to the byte, also where it is not
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

/** True when something is at the path, a dangling link included. Throws `files` where that cannot be seen. */
export async function isThere(file: string): Promise<boolean> {
  return (await ifThere(lstat(pathOf(file)))) !== undefined;
}

/** Makes a folder and its parents, each 0700. Throws `files`. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await makeMissing(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw explainFileError(error, `make the folder ${folder}`);
    throw new StackError('files', `cannot make the folder ${folder}: nothing can be made there`, {
      hint: 'check the path; where it begins may come from HOME or an XDG_* variable',
      cause: error,
    });
  }
}

/** One after the other: where no folder can be made (`/proc`), Node's recursive mkdir never ends. */
async function makeMissing(folder: string, tries = 3): Promise<void> {
  if (await isFolder(folder)) return;
  const parent = path.dirname(folder);
  if (parent !== folder) await makeMissing(parent);
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another command made it, or took away the parent that held nothing yet.
    if (code === 'EEXIST' && (await isFolder(folder))) return;
    if (code === 'ENOENT' && tries > 1 && !(await isThere(parent))) return makeMissing(folder, tries - 1);
    throw code === 'EEXIST' ? Object.assign(error as Error, { code: 'ENOTDIR' }) : error;
  }
}

async function isFolder(folder: string): Promise<boolean> {
  return (await ifThere(stat(folder)))?.isDirectory() ?? false;
}

export interface ReplaceOptions {
  mode?: number;
  /** True: a file that is there keeps its mode. */
  keepsMode?: boolean;
  /** False: it can be made again, so nobody waits for the disk. */
  lasting?: boolean;
  /** Folder on the same file system for the temp file; default: the file's own. */
  via?: string;
  /** Runs just before the rename; what it throws keeps the file as it is, and is thrown. */
  last?: () => Promise<void>;
}

/**
 * Replaces a file as a whole: temp file, fsync, rename. A reader sees the old text or the new one; what a write that was
 * killed left goes with the next one. Throws `files`; the old file is then untouched.
 */
export async function replaceFile(
  file: string,
  text: string,
  { mode = 0o600, keepsMode = false, lasting = true, via = path.dirname(file), last }: ReplaceOptions = {},
): Promise<void> {
  await sweepTemporaries(via);
  const there = keepsMode ? await ifThere(lstat(file)) : undefined;
  const temporary = temporaryIn(via);
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      if (there) await handle.chmod(there.mode & 0o777);
      await handle.writeFile(bytesOf(text));
      if (lasting) await handle.sync();
    } finally {
      await handle.close();
    }
    await last?.();
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw explainFileError(error, `write ${file}`);
  }
}

/** Deletes a folder that nothing is in. Gone is done; one that holds something, or may not be deleted, stays. */
export async function removeIfEmpty(folder: string): Promise<void> {
  await tolerate(rmdir(folder), 'ENOENT', 'ENOTDIR', 'ENOTEMPTY', 'EEXIST', 'EACCES', 'EPERM', 'EBUSY', 'EROFS');
}
