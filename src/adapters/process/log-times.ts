import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { ifReadable } from '../files/file-errors.ts';
import type { LogFiles } from './log-files.ts';

const BLOCK = 64 * 1024;
/** Where what was taken at once begins in the log, and when that was, in Unix milliseconds. */
const ENTRY = /^(\d+) (\d{13})$/;

/** When what stands in one file of a log was printed, as far as its keeper has noted that. */
export interface LogTimes {
  /** Reads what has been noted since. A keeper notes before it writes: what is in the log is then known. */
  refresh(): Promise<void>;
  /** Returns the Unix milliseconds at which a byte came; undefined where nobody noted that. */
  at(position: number): number | undefined;
  /** Returns where what came at a moment or later begins, by what has been read; undefined when nothing has. */
  findSince(moment: number): number | undefined;
  close(): Promise<void>;
}

/** Returns the times of one file of a log, also of one whose first line is yet to come. */
export async function openTimes(files: LogFiles, log: FileHandle): Promise<LogTimes> {
  const inode = String((await log.stat({ bigint: true })).ino);
  const starts: number[] = [];
  const moments: number[] = [];
  let file: FileHandle | undefined;
  let position = 0;
  let rest = '';
  const note = (line: string): void => {
    const [, start, moment] = ENTRY.exec(line) ?? [];
    if (start === undefined) return;
    // Somebody has emptied the log since.
    while ((starts.at(-1) ?? -1) >= Number(start)) {
      starts.pop();
      moments.pop();
    }
    starts.push(Number(start));
    moments.push(Number(moment));
  };
  const times: LogTimes = {
    async refresh() {
      file ??= await findFile(files, inode);
      const block = Buffer.alloc(file ? BLOCK : 0);
      for (;;) {
        const bytesRead = (await file?.read(block, 0, BLOCK, position))?.bytesRead ?? 0;
        if (bytesRead === 0) return;
        position += bytesRead;
        const lines = (rest + block.toString('latin1', 0, bytesRead)).split('\n');
        rest = lines.pop() ?? '';
        lines.forEach(note);
      }
    },
    at(byte) {
      let [low, high] = [0, starts.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((starts[middle] ?? 0) <= byte) low = middle + 1;
        else high = middle;
      }
      return moments[low - 1];
    },
    findSince: (moment) => starts[moments.findIndex((one) => one >= moment)],
    close: async () => file?.close(),
  };
  await times.refresh();
  return times;
}

/** The two files of a log and their times are not put aside in one act: each tells of which log it is. */
async function findFile(files: LogFiles, inode: string): Promise<FileHandle | undefined> {
  for (const name of [files.times, files.oldTimes]) {
    const file = await ifReadable(open(name, constants.O_RDONLY | constants.O_NONBLOCK));
    const head = await ifReadable(file?.read({ buffer: Buffer.alloc(32), position: 0 }) ?? Promise.resolve(undefined));
    if (head?.buffer.toString('latin1', 0, head.bytesRead).startsWith(`${inode}\n`)) return file;
    await file?.close();
  }
  return undefined;
}
