import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { isThere } from './files.ts';

/** A large tree on a slow disk. */
const MOST_MS = 120_000;

/**
 * Returns how many bytes of the disk the files of some folders take, hard links once and other file systems not; what cannot be looked
 * at is left out, and 0 is for folders that are not there. Undefined where `du` is not there or takes too long.
 */
export async function measureFolders(folders: readonly string[]): Promise<number | undefined> {
  const there = await Promise.all(folders.map(isThere));
  const found = folders.filter((_, index) => there[index]);
  if (found.length === 0) return 0;
  return new Promise((resolve) => {
    const options = { timeout: MOST_MS, maxBuffer: 1 << 24 };
    execFile('du', ['-skx', ...found], options, (error, stdout) => {
      // It ends with 1 where it could not look at all of it, and tells what it has seen.
      if (error && typeof error.code !== 'number') return resolve(undefined);
      const kilobytes = stdout.split('\n').map((line) => Number(/^(\d+)\t/.exec(line)?.[1] ?? 0));
      resolve(kilobytes.reduce((total, one) => total + one, 0) * 1024);
    });
  });
}

/** Returns how many bytes this person may still write to the disk that a folder is on. */
export async function readFreeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
