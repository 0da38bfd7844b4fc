import { copyFile, type FileHandle, open, rename, rm, stat, truncate } from 'node:fs/promises';
import path from 'node:path';
import { explainFileError, makeFolder } from '../files.ts';

/** Where a log is, and the one before it. */
export interface LogFiles {
  log: string;
  oldLog: string;
}

/** A log that has grown beyond this is put aside; with the one before it a workload keeps at most about twice as much. */
const MAX_LOG_BYTES = 10 * 1024 * 1024;
/** A guard this old was left by a command that was killed while it copied. */
const GUARD_MS = 60_000;

/** Puts the last run's log aside and opens a new one for appending, 0600. Throws `files`. */
export async function openLog(files: LogFiles): Promise<FileHandle> {
  await makeFolder(path.dirname(files.log));
  try {
    await rename(files.log, files.oldLog).catch(passMissing);
    return await open(files.log, 'a', 0o600);
  } catch (error) {
    throw explainFileError(error, `write the log ${files.log}`);
  }
}

/**
 * Puts the log of a running workload aside when it has grown too large. The workload writes to the file itself and cannot
 * be told to open another, so the text is copied and the file emptied; since it appends, it goes on at the new end. What
 * it writes between the two is lost. Done whenever a command looks at the workload; never throws.
 */
export async function limitLog(files: LogFiles, limit = MAX_LOG_BYTES): Promise<void> {
  const size = await stat(files.log).then(
    (entry) => entry.size,
    () => 0,
  );
  if (size <= limit) return;
  const guard = `${files.log}.guard`;
  if (!(await takeGuard(guard))) return;
  try {
    await copyFile(files.log, files.oldLog);
    await truncate(files.log, 0);
  } catch {
    // A full disk: emptying the file without the copy would lose what somebody may be looking for.
  } finally {
    await rm(guard, { force: true });
  }
}

/** Two commands that look at once must not both copy: the second would keep the emptied file. */
async function takeGuard(guard: string): Promise<boolean> {
  const age = await stat(guard).then(
    (entry) => Date.now() - entry.mtimeMs,
    () => 0,
  );
  if (age > GUARD_MS) await rm(guard, { force: true });
  return open(guard, 'wx', 0o600).then(
    (handle) => handle.close().then(() => true),
    () => false,
  );
}

/** The first run has no log to put aside. */
function passMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
