import type { FileHandle } from 'node:fs/promises';
import { makeSplitter, type OutputLine, type TimeOf } from '../split-lines.ts';
import type { LogTimes } from './log-times.ts';

const BLOCK = 64 * 1024;

/** One file of a log; without times, its lines have none. */
export interface LogPart {
  handle: FileHandle;
  times?: LogTimes | undefined;
}

/** A byte in files that follow on each other. */
export interface LogPlace {
  part: number;
  start: number;
  /** Where the last file ended when the place was looked for. */
  end?: number;
}

/** Returns the lines of files that follow on each other, from a place on, without their ends, up to its end where it has one. */
export async function* readLines(
  parts: readonly LogPart[],
  from: LogPlace = { part: 0, start: 0 },
): AsyncGenerator<OutputLine> {
  const splitter = makeSplitter();
  for (const [index, part] of parts.entries()) {
    if (index < from.part) continue;
    const end = index === parts.length - 1 ? from.end : undefined;
    const read = makeReader(part, index === from.part ? from.start : 0, end);
    for (let chunk = await read(); chunk; chunk = await read()) yield* splitter.push(chunk.bytes, chunk.timeOf);
  }
  yield* splitter.rest();
}

/** Returns where the last `count` lines of files that follow on each other begin: at their beginning when there are no more. */
export async function findTail(parts: readonly LogPart[], count: number): Promise<LogPlace> {
  let left = count;
  // The end of the last line begins no other.
  let isLast = true;
  let end: number | undefined;
  for (let part = parts.length - 1; part >= 0; part--) {
    const { handle } = parts[part]!;
    const { size } = await handle.stat();
    // What a service prints meanwhile is none of the last lines that were asked for.
    end ??= size;
    if (left === 0) return { part, start: size, end };
    const found = await searchBackwards(handle, { end: size - (isLast && size > 0 ? 1 : 0), count: left });
    if (found.start !== undefined) return { part, start: found.start, end };
    left -= found.lines;
    if (size > 0) isLast = false;
  }
  return { part: 0, start: 0, ...(end !== undefined && { end }) };
}

/** Counts line ends from `end` to the beginning of a file; `start` is behind the one that is `count`ed to. */
async function searchBackwards(
  handle: FileHandle,
  { end, count }: { end: number; count: number },
): Promise<{ start?: number; lines: number }> {
  if (count === Number.POSITIVE_INFINITY) return { lines: 0 };
  const block = Buffer.alloc(BLOCK);
  let lines = 0;
  for (let last = end; last > 0; last -= BLOCK) {
    const begin = Math.max(0, last - BLOCK);
    const { bytesRead } = await handle.read(block, 0, last - begin, begin);
    if (bytesRead === 0) break;
    for (let index = block.lastIndexOf(10, bytesRead - 1); index >= 0; index = lastIndexBefore(block, index)) {
      lines += 1;
      if (lines === count) return { start: begin + index + 1, lines };
    }
  }
  return { lines };
}

/** A negative offset would count from the end of the block. */
function lastIndexBefore(block: Buffer, index: number): number {
  return index === 0 ? -1 : block.lastIndexOf(10, index - 1);
}

/** Returns where the first line begins at a byte of a file or behind it: at its end where none does. */
export async function findLine(handle: FileHandle, byte: number): Promise<number> {
  if (byte === 0) return 0;
  const block = Buffer.alloc(BLOCK);
  for (let position = byte - 1; ; position += BLOCK) {
    const { bytesRead } = await handle.read(block, 0, BLOCK, position);
    const end = block.subarray(0, bytesRead).indexOf(10);
    if (end >= 0) return position + end + 1;
    if (bytesRead < BLOCK) return position + bytesRead;
  }
}

export interface LogChunk {
  bytes: Buffer;
  timeOf: TimeOf | undefined;
}

/**
 * Returns what reads a file on from where it ended, undefined when there is nothing more yet, or nothing before `end`. The block
 * is used again.
 */
export function makeReader(
  { handle, times }: LogPart,
  start: number,
  end = Number.POSITIVE_INFINITY,
): () => Promise<LogChunk | undefined> {
  const block = Buffer.alloc(BLOCK);
  let position = start;
  return async () => {
    const { bytesRead } = await handle.read(block, 0, Math.min(BLOCK, end - position), position);
    if (bytesRead === 0) return undefined;
    await times?.refresh();
    const begin = position;
    position += bytesRead;
    return { bytes: block.subarray(0, bytesRead), timeOf: times && ((index) => times.at(begin + index)) };
  };
}
