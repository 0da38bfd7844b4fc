import { type FileHandle, open, stat } from 'node:fs/promises';
import { bestEffort, tolerate } from '../../domain/errors.ts';
import type { LogOptions } from '../../domain/runtime.ts';
import { ifThere } from '../files/file-errors.ts';
import { pause } from '../pause.ts';
import { type LineSplitter, makeSplitter, type OutputLine } from '../split-lines.ts';
import type { LogFiles } from './log-files.ts';
import { findLine, findTail, type LogChunk, type LogPart, type LogPlace, makeReader, readLines } from './log-lines.ts';
import { openTimes } from './log-times.ts';
import type { ProcessRecord } from './record.ts';

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

/** Returns the lines of a workload's newest run, after those of the run before; with `times`, and when each was printed. */
export async function* readLog(
  files: LogFiles,
  record: Pick<ProcessRecord, 'startedAt' | 'formerStartedAt'>,
  options: LogOptions,
  run: FollowedRun,
): AsyncGenerator<OutputLine> {
  const { tail, follow, since, signal, partial } = options;
  const { times } = options;
  const opened = await Promise.all((await openParts(files)).map((handle) => openPart(files, handle, times)));
  const open: Follow['open'] = async (handle) => handle && openPart(files, handle, times);
  try {
    const newest = tail === undefined ? undefined : await findTail(opened, tail);
    const from = since === undefined ? newest : laterOf(newest, await findSince(files, opened, { ...record, since }));
    if (!follow) return yield* untilAborted(readLines(opened, from), signal);
    for await (const chunk of followParts(files, opened, { from, run, signal, partial, open })) yield* chunk;
  } finally {
    // A follower has closed those it is done with.
    await Promise.all(opened.map((part) => bestEffort(closePart(part))));
  }
}

async function openPart(files: LogFiles, handle: FileHandle, hasTimes: boolean | undefined): Promise<LogPart> {
  return hasTimes ? { handle, times: await openTimes(files, handle) } : { handle };
}

async function closePart(part: LogPart | undefined): Promise<void> {
  await Promise.all([part?.handle.close(), part?.times?.close()]);
}

/** Returns the newest lines of a log, the file that was put aside included; none when there is no log. */
export async function* readNewestLines(files: LogFiles, count = Number.POSITIVE_INFINITY): AsyncGenerator<OutputLine> {
  const parts = (await openParts(files)).map((handle) => ({ handle }));
  try {
    yield* readLines(parts, await findTail(parts, count));
  } finally {
    await Promise.all(parts.map(closePart));
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

/**
 * Returns where what was printed since a moment begins. All of a run that began after it counts, whatever was done to the clock
 * meanwhile; of a file without times all counts when its last line does.
 */
async function findSince(
  files: LogFiles,
  parts: readonly LogPart[],
  { startedAt, formerStartedAt = 0, since }: Pick<ProcessRecord, 'startedAt' | 'formerStartedAt'> & { since: number },
): Promise<LogPlace> {
  for (const [part, { handle }] of parts.entries()) {
    const { mtimeMs } = await handle.stat();
    const isNewest = part === parts.length - 1;
    // Put aside after the start: the same run's, of which the log grew too large.
    const began = isNewest || mtimeMs > startedAt ? startedAt : formerStartedAt;
    if (since <= began) return { part, start: 0 };
    const start = await findMoment(files, handle, since);
    if (start !== undefined) return { part, start };
  }
  const newest = parts.at(-1);
  return newest ? { part: parts.length - 1, start: (await newest.handle.stat()).size } : { part: 0, start: 0 };
}

async function findMoment(files: LogFiles, handle: FileHandle, since: number): Promise<number | undefined> {
  const times = await openTimes(files, handle);
  await times.close();
  if (times.at(Number.POSITIVE_INFINITY) === undefined) return (await handle.stat()).mtimeMs >= since ? 0 : undefined;
  const start = times.findSince(since);
  return start === undefined ? undefined : findLine(handle, start);
}

function laterOf(one: LogPlace | undefined, other: LogPlace): LogPlace {
  const isLater = one && (one.part > other.part || (one.part === other.part && one.start > other.start));
  return isLater ? one : { ...other, ...(one?.end !== undefined && { end: one.end }) };
}

interface Follow {
  from: { part: number; start: number } | undefined;
  run: FollowedRun;
  signal: AbortSignal | undefined;
  partial: boolean | undefined;
  open(handle: FileHandle | undefined): Promise<LogPart | undefined>;
}

/** Returns lines as they come into the files that take the log's place when it has grown too large, until the run is over. */
async function* followParts(
  files: LogFiles,
  parts: LogPart[],
  { from = { part: 0, start: 0 }, run, signal, partial, open }: Follow,
): AsyncGenerator<OutputLine[]> {
  const splitter = makeSplitter();
  const rest = parts.slice(from.part);
  let part = rest.shift() ?? (await open(await openIfThere(files.log)));
  let read = part && makeReader(part, from.start);
  let wasMore = false;
  try {
    while (part && read && !signal?.aborted) {
      // Asked before the reading: what was written before the end is then still read.
      const over = rest.length === 0 && (await run.isOver());
      const next: LogPart | undefined = rest.shift() ?? (await open(await openNext(files, part.handle, run)));
      const isMore = yield* readOn(read, splitter, signal);
      if (partial && wasMore && !isMore) yield splitter.rest();
      wasMore = isMore;
      if (next) {
        await closePart(part);
        [part, read] = [next, makeReader(next, 0)];
      } else if (over) {
        break;
      } else {
        await pause(POLL_MS, signal);
      }
    }
    yield splitter.rest();
  } finally {
    await closePart(part);
  }
}

/** Returns the lines of what can be read now, and then whether that was anything. */
async function* readOn(
  read: () => Promise<LogChunk | undefined>,
  splitter: LineSplitter,
  signal: AbortSignal | undefined,
): AsyncGenerator<OutputLine[], boolean> {
  let isMore = false;
  for (let chunk = await read(); chunk && !signal?.aborted; chunk = await read()) {
    isMore = true;
    yield splitter.push(chunk.bytes, chunk.timeOf);
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
