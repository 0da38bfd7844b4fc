import { stat } from 'node:fs/promises';
import type { LogOptions } from '../../domain/runtime.ts';
import { findTail, followLines, readLines } from './log-lines.ts';
import type { ProcessFiles, ProcessRecord } from './record.ts';

/** The time in a file's entry lags behind the clock by a tick of the kernel. */
const TICK_MS = 10;

/**
 * Gives the lines of a workload's newest run, after those of the run before. A log has no times in it, so `since` chooses
 * between runs: those that began after it, and the newest when it wrote something after it.
 */
export async function* readLog(
  files: ProcessFiles,
  record: ProcessRecord,
  options: LogOptions,
  isOver: () => Promise<boolean>,
): AsyncGenerator<string> {
  const { tail, follow, signal } = options;
  const { older, newest } = await chooseRuns(files, record, options.since);
  const place = await findTail(files.log, newest ? (tail ?? Number.POSITIVE_INFINITY) : 0);
  if (older && (tail === undefined || tail > place.lines)) {
    const { start } = await findTail(files.oldLog, (tail ?? Number.POSITIVE_INFINITY) - place.lines);
    yield* untilAborted(readLines(files.oldLog, start), signal);
  }
  if (follow) yield* followLines(files.log, place.start, isOver, signal);
  else yield* untilAborted(readLines(files.log, place.start), signal);
}

async function chooseRuns(
  files: ProcessFiles,
  { startedAt, formerStartedAt = 0 }: ProcessRecord,
  since: number | undefined,
): Promise<{ older: boolean; newest: boolean }> {
  if (since === undefined) return { older: true, newest: true };
  const [written, putAside] = await Promise.all([lastWrite(files.log), lastWrite(files.oldLog)]);
  // Put aside after the start: the same run's, of which the log grew too large.
  const olderBegan = putAside > startedAt ? startedAt : formerStartedAt;
  return { older: since <= olderBegan, newest: since <= startedAt || since <= written + TICK_MS };
}

async function* untilAborted(lines: AsyncIterable<string>, signal: AbortSignal | undefined): AsyncGenerator<string> {
  for await (const line of lines) {
    if (signal?.aborted) return;
    yield line;
  }
}

function lastWrite(file: string): Promise<number> {
  return stat(file).then(
    (entry) => entry.mtimeMs,
    () => 0,
  );
}
