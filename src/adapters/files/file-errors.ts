import { accessSync } from 'node:fs';
import { explainShortage, StackError, tolerate } from '../../domain/errors.ts';
import { pathOf } from './byte-names.ts';

const REASONS: Record<string, [what: string, hint: string]> = {
  ENOSPC: ['the disk is full', 'free some space, then run the command again'],
  EDQUOT: ['the disk quota is used up', 'free some space, then run the command again'],
  EROFS: ['the file system is read-only', 'stack writes below the root; remount it or work in another folder'],
  EACCES: ['permission denied', 'check who owns the folder, and its mode'],
  EPERM: ['permission denied', hintForEperm()],
  ELOOP: ['its links lead in a circle', 'delete or correct the link'],
  ENAMETOOLONG: ['its name is too long', 'use a shorter path'],
  ENOTDIR: ['a part of the path is not a folder', 'move the file that is in the way'],
  EISDIR: ['it is a folder', 'move it out of the way'],
};

/** On a Mac anybody may lock files of their own, in the Finder too: then they cannot be written, moved or deleted (chflags(2)). */
function hintForEperm(): string {
  const who = 'check who owns the folder, and its mode';
  if (process.platform !== 'darwin') return who;
  return `${who}, and whether it is locked: \`ls -lO\` shows uchg, \`chflags nouchg\` takes it away`;
}

/** Turns a file system error into one clear line; gives any other error back as it is. */
export function explainFileError(error: unknown, doing: string): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  const reason = REASONS[code];
  if (!reason) return explainShortage(error) ?? error;
  return new StackError('files', `cannot ${doing}: ${reason[0]}`, { hint: reason[1], cause: error });
}

/** Nothing is at the path: none of that name, a file in a folder's place, or a NUL, which no name holds. */
const MISSING = ['ENOENT', 'ENOTDIR', 'ERR_INVALID_ARG_VALUE'] as const;
/** It may not be looked at, leads nowhere, is no file that can be read, or belongs to a process that has just ended. */
const CLOSED = ['EACCES', 'EPERM', 'ELOOP', 'ENAMETOOLONG', 'EISDIR', 'ESRCH', 'files'] as const;

/** Returns what a look at a path brings; undefined where nothing is there. Throws `files` for what could not be looked at: it may be there. */
export async function ifThere<Result>(look: Promise<Result>): Promise<Result | undefined> {
  return tolerate(look, ...MISSING).catch((error: NodeJS.ErrnoException) => {
    throw explainFileError(error, `look at ${error.path}`);
  });
}

/** Returns what a look at a path brings; undefined where nothing is there or it may not be looked at. For those to whom both are one. */
export async function ifReadable<Result>(look: Promise<Result>): Promise<Result | undefined> {
  return tolerate(look, ...MISSING, ...CLOSED);
}

/** True where this person may use a file so (`constants.R_OK`, …). */
export function mayUse(file: string, mode: number): boolean {
  try {
    accessSync(pathOf(file), mode);
    return true;
  } catch {
    return false;
  }
}

/** Does the same at once. */
export function ifReadableNow<Result>(look: () => Result): Result | undefined {
  try {
    return look();
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!([...MISSING, ...CLOSED] as string[]).includes(code)) throw error;
    return undefined;
  }
}
