import { type FileHandle, open, stat } from 'node:fs/promises';
import { bestEffort, tolerate } from '../../domain/errors.ts';
import type { LogOptions } from '../../domain/runtime.ts';
import { ifThere } from '../files/file-errors.ts';
import { pause } from '../pause.ts';
import { type LineSplitter, makeSplitter, type OutputLine } from '../split-lines.ts';
import type { LogFiles } from './log-files.ts';
import { findTail, makeReader, readLines } from './log-lines.ts';
import type { ProcessRecord } from './record.ts';

/** The time in a file's entry lags behind the clock by a tick of the kernel. */
const TICK_MS = 10;
const POLL_MS = 60;
/** How often a file may be put aside while the two of a log are opened. */
const OPEN_TRIES = 20;

/** What a follower asks of the run it follows. */
export interface FollowedRun {
  /** True once nothing more of it will come. */
  isOver(): Promise<boolean>;
  /** True while the log that is written is this run's. */
  isCurrent(): Promise<boolean>;
}

/**
 * Returns the lines of a workload's newest run, after those of the run before. A log has no times in it, so `since` chooses
 * between runs: those that began after it, and the newest when it wrote something after it.
 */
export async function* readLog(
  files: LogFiles,
  record: Pick<ProcessRecord, 'startedAt' | 'formerStartedAt'>,
  options: LogOptions,
  run: FollowedRun,
): AsyncGenerator<OutputLine> {
  const { tail, follow, since, signal, partial } = options;
  const opened = await openParts(files);
  try {
    const chosen = since === undefined ? opened : await chooseParts(opened, record, since);
    const parts = chosen.length > 0 ? chosen : opened.slice(-1);
    const count = chosen.length > 0 ? tail : 0;
    const from = count === undefined ? undefined : await findTail(parts, count);
    if (!follow) return yield* untilAborted(readLines(parts, from), signal);
    for await (const chunk of followParts(files, parts, { from, run, signal, partial })) yield* chunk;
  } finally {
    // A follower has closed those it is done with.
    await Promise.all(opened.map((part) => bestEffort(part.close())));
  }
}

/** Returns the newest lines of a log, the file that was put aside included; none when there is no log. */
export async function* readNewestLines(files: LogFiles, count = Number.POSITIVE_INFINITY): AsyncGenerator<OutputLine> {
  const parts = await openParts(files);
  try {
    yield* readLines(parts, await findTail(parts, count));
  } finally {
    await Promise.all(parts.map((part) => part.close()));
  }
}

/** Opens the older and the newer file of a log, where they are there, as they stand at one moment. */
async function openParts(files: LogFiles): Promise<FileHandle[]> {
  for (let tries = 1; ; tries++) {
    const log = await openIfThere(files.log);
    const oldLog = await openIfThere(files.oldLog);
    const parts = [oldLog, log].filter((part) => part !== undefined);
    const isStill = (await inodeOf(files.log)) === (await log?.stat())?.ino;
    if (isStill || tries === OPEN_TRIES) return parts;
    await Promise.all(parts.map((part) => part.close()));
  }
}

async function chooseParts(
  parts: FileHandle[],
  { startedAt, formerStartedAt = 0 }: Pick<ProcessRecord, 'startedAt' | 'formerStartedAt'>,
  since: number,
): Promise<FileHandle[]> {
  const newest = parts.at(-1);
  const older = parts.length > 1 ? parts[0] : undefined;
  if (!newest) return [];
  // Put aside after the start: the same run's, of which the log grew too large.
  const olderBegan = ((await older?.stat())?.mtimeMs ?? 0) > startedAt ? startedAt : formerStartedAt;
  if (older && since <= olderBegan) return [older, newest];
  const isWanted = since <= startedAt || since <= (await newest.stat()).mtimeMs + TICK_MS;
  return isWanted ? [newest] : [];
}

interface Follow {
  from: { part: number; start: number } | undefined;
  run: FollowedRun;
  signal: AbortSignal | undefined;
  partial: boolean | undefined;
}

/** Returns lines as they come into the files that take the log's place when it has grown too large, until the run is over. */
async function* followParts(
  files: LogFiles,
  parts: FileHandle[],
  { from = { part: 0, start: 0 }, run, signal, partial }: Follow,
): AsyncGenerator<OutputLine[]> {
  const splitter = makeSplitter();
  const rest = parts.slice(from.part);
  let handle = rest.shift() ?? (await openIfThere(files.log));
  let read = handle && makeReader(handle, from.start);
  let wasMore = false;
  try {
    while (handle && read && !signal?.aborted) {
      // Asked before the reading: what was written before the end is then still read.
      const over = rest.length === 0 && (await run.isOver());
      const next: FileHandle | undefined = rest.shift() ?? (await openNext(files, handle, run));
      const isMore = yield* readOn(read, splitter, signal);
      if (partial && wasMore && !isMore) yield splitter.rest();
      wasMore = isMore;
      if (next) {
        await handle.close();
        [handle, read] = [next, makeReader(next, 0)];
      } else if (over) {
        break;
      } else {
        await pause(POLL_MS, signal);
      }
    }
    yield splitter.rest();
  } finally {
    await handle?.close();
  }
}

/** Returns the lines of what can be read now, and then whether that was anything. */
async function* readOn(
  read: () => Promise<Buffer | undefined>,
  splitter: LineSplitter,
  signal: AbortSignal | undefined,
): AsyncGenerator<OutputLine[], boolean> {
  let isMore = false;
  for (let chunk = await read(); chunk && !signal?.aborted; chunk = await read()) {
    isMore = true;
    yield splitter.push(chunk);
  }
  return isMore;
}

/** Returns the file that follows on this one, undefined while it is the log itself. */
async function openNext(files: LogFiles, handle: FileHandle, run: FollowedRun): Promise<FileHandle | undefined> {
  const { ino } = await handle.stat();
  const current = await inodeOf(files.log);
  // Looked at before it is asked whose it is: a start puts the log aside too.
  if (current === undefined || current === ino || !(await run.isCurrent())) return undefined;
  const older = await openIfThere(files.oldLog);
  if (older && (await older.stat()).ino !== ino) return older;
  await older?.close();
  return openIfThere(files.log);
}

async function* untilAborted(
  lines: AsyncIterable<OutputLine>,
  signal: AbortSignal | undefined,
): AsyncGenerator<OutputLine> {
  for await (const line of lines) {
    if (signal?.aborted) return;
    yield line;
  }
}

async function openIfThere(file: string): Promise<FileHandle | undefined> {
  return tolerate(open(file, 'r'), 'ENOENT');
}

async function inodeOf(file: string): Promise<number | undefined> {
  return (await ifThere(stat(file)))?.ino;
}
