import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { isRunning } from '../process/stat.ts';
import { ifReadable } from './file-errors.ts';

const PATTERN = /^\.stack-(\d+)-[0-9a-f]{8}\.tmp$/;

/** Returns a new path in a folder for a text that is to be renamed into its place; its name says which process writes it. */
export function temporaryIn(folder: string): string {
  return path.join(folder, `.stack-${process.pid}-${randomBytes(4).toString('hex')}.tmp`);
}

/** True for the name of a file that `temporaryIn` gave. */
export function isTemporary(name: string): boolean {
  return PATTERN.test(name);
}

/** True for the name of such a file whose process is gone: nobody will rename it any more. */
export function isAbandoned(name: string): boolean {
  return isTemporary(name) && !isRunning(Number(PATTERN.exec(name)?.[1]));
}

/** Deletes what processes that were killed while they wrote left in a folder. A living one's stays; no folder is done. */
export async function sweepTemporaries(folder: string): Promise<void> {
  const names = (await ifReadable(readdir(folder))) ?? [];
  await Promise.all(names.filter(isAbandoned).map((name) => rm(path.join(folder, name), { force: true })));
}
