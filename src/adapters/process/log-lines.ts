import type { FileHandle } from 'node:fs/promises';
import { makeSplitter, type OutputLine } from '../split-lines.ts';

const BLOCK = 64 * 1024;

/** A byte in files that follow on each other. */
export interface LogPlace {
  part: number;
  start: number;
  /** Where the last file ended when the place was looked for. */
  end?: number;
}

/** Returns the lines of files that follow on each other, from a place on, without their ends, up to its end where it has one. */
export async function* readLines(
  parts: readonly FileHandle[],
  from: LogPlace = { part: 0, start: 0 },
): AsyncGenerator<OutputLine> {
  const splitter = makeSplitter();
  for (const [index, part] of parts.entries()) {
    if (index < from.part) continue;
    const end = index === parts.length - 1 ? from.end : undefined;
    const read = makeReader(part, index === from.part ? from.start : 0, end);
    for (let chunk = await read(); chunk; chunk = await read()) yield* splitter.push(chunk);
  }
  yield* splitter.rest();
}

/** Returns where the last `count` lines of files that follow on each other begin: at their beginning when there are no more. */
export async function findTail(parts: readonly FileHandle[], count: number): Promise<LogPlace> {
  let left = count;
  // The end of the last line begins no other.
  let isLast = true;
  let end: number | undefined;
  for (let part = parts.length - 1; part >= 0; part--) {
    const { size } = await parts[part]!.stat();
    // What a service prints meanwhile is none of the last lines that were asked for.
    end ??= size;
    if (left === 0) return { part, start: size, end };
    const found = await searchBackwards(parts[part]!, { end: size - (isLast && size > 0 ? 1 : 0), count: left });
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

/**
 * Returns what reads a file on from where it ended, undefined when there is nothing more yet, or nothing before `end`. The block
 * is used again.
 */
export function makeReader(
  handle: FileHandle,
  start: number,
  end = Number.POSITIVE_INFINITY,
): () => Promise<Buffer | undefined> {
  const block = Buffer.alloc(BLOCK);
  let position = start;
  return async () => {
    const { bytesRead } = await handle.read(block, 0, Math.min(BLOCK, end - position), position);
    position += bytesRead;
    return bytesRead > 0 ? block.subarray(0, bytesRead) : undefined;
  };
}
