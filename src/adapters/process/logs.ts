import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { tolerate } from '../../domain/errors.ts';
import { explainFileError } from '../files/file-errors.ts';
import { makeFolder } from '../files/files.ts';
import type { LogFiles } from './log-files.ts';
import { endKeeper, type KeeperRequest, keeperFileOf, type LogPipe, startKeeper } from './log-keeper.ts';

/**
 * Puts the last run's log aside, makes a new one, 0600, and gives the pipe through which it is written: never more than
 * `max` bytes of it are kept. Throws `files`, `process`.
 */
export async function openLog(files: LogFiles, request: KeeperRequest): Promise<LogPipe> {
  await makeFolder(path.dirname(files.log));
  try {
    await endKeeper(files);
    await rm(keeperFileOf(files), { force: true });
    await endLastLine(files.log);
    await tolerate(rename(files.log, files.oldLog), 'ENOENT');
    await rm(files.oldTimes, { force: true });
    await tolerate(rename(files.times, files.oldTimes), 'ENOENT');
    await (await open(files.log, 'w', 0o600)).close();
  } catch (error) {
    throw explainFileError(error, `write the log ${files.log}`);
  }
  return startKeeper(files, request);
}

/** The next run's first line must not go on where the last one was cut. */
async function endLastLine(file: string): Promise<void> {
  const handle = await tolerate(open(file, 'r+'), 'ENOENT');
  if (!handle) return;
  try {
    const { size } = await handle.stat();
    const { buffer } = await handle.read({ buffer: Buffer.alloc(1), position: Math.max(0, size - 1) });
    if (size > 0 && buffer[0] !== 10) await handle.write('\n', size);
  } finally {
    await handle.close();
  }
}

export interface LogWriter {
  write(line: string | Uint8Array): void;
  close(): void;
}

/**
 * Appends lines to a log that this process writes itself, 0600, and puts it aside before it holds more than half of `max` bytes. Written
 * before it goes on, so whoever prints faster than the disk writes has to wait. Throws `files`.
 */
export function openLogWriter(files: LogFiles, max: number): LogWriter {
  let descriptor = openSync(files.log, 'a', 0o600);
  let { size } = fstatSync(descriptor);
  const putAside = (): void => {
    closeSync(descriptor);
    renameSync(files.log, files.oldLog);
    descriptor = openSync(files.log, 'a', 0o600);
    size = 0;
  };
  return {
    write(line) {
      const text = Buffer.concat([Buffer.from(line as string), Buffer.from('\n')]);
      try {
        if (size > 0 && size + text.length > max / 2) putAside();
        size += writeSync(descriptor, text);
      } catch (error) {
        throw explainFileError(error, `write the log ${files.log}`);
      }
    },
    close: () => closeSync(descriptor),
  };
}
