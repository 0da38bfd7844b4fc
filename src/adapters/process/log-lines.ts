import { type FileHandle, open } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';
import { setTimeout as wait } from 'node:timers/promises';

const BLOCK = 64 * 1024;
const POLL_MS = 60;

/** Gives the lines of a file from a byte on, without their ends; none when the file is not there. */
export async function* readLines(file: string, start = 0): AsyncGenerator<string> {
  const handle = await openIfThere(file);
  if (!handle) return;
  const splitter = makeSplitter();
  for await (const chunk of handle.createReadStream({ start, highWaterMark: BLOCK })) yield* splitter.push(chunk);
  yield* splitter.end();
}

/** Gives the byte at which the last `count` lines of a file begin, and their number; fewer when the file has no more. */
export async function findTail(file: string, count: number): Promise<{ start: number; lines: number }> {
  const handle = await openIfThere(file);
  if (!handle) return { start: 0, lines: 0 };
  try {
    return await searchBackwards(handle, count);
  } finally {
    await handle.close();
  }
}

async function searchBackwards(handle: FileHandle, count: number): Promise<{ start: number; lines: number }> {
  const { size } = await handle.stat();
  if (count === Number.POSITIVE_INFINITY) return { start: 0, lines: 0 };
  if (count === 0 || size === 0) return { start: size, lines: 0 };
  const block = Buffer.alloc(BLOCK);
  let ends = 0;
  for (let end = size; end > 0; end -= BLOCK) {
    const begin = Math.max(0, end - BLOCK);
    const { bytesRead } = await handle.read(block, 0, end - begin, begin);
    // Emptied meanwhile.
    if (bytesRead === 0) break;
    for (let index = block.lastIndexOf(10, bytesRead - 1); index >= 0; index = lastIndexBefore(block, index)) {
      // The end of the last line begins no other.
      if (begin + index === size - 1) continue;
      ends += 1;
      if (ends === count) return { start: begin + index + 1, lines: count };
    }
  }
  return { start: 0, lines: ends + 1 };
}

/** A negative offset would count from the end of the block. */
function lastIndexBefore(block: Buffer, index: number): number {
  return index === 0 ? -1 : block.lastIndexOf(10, index - 1);
}

/** Gives lines as they are appended to a file, from a byte on, until `isOver` says that nothing more will come. */
export async function* followLines(
  file: string,
  start: number,
  isOver: () => Promise<boolean>,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  const handle = await openIfThere(file);
  if (!handle) return;
  const splitter = makeSplitter();
  const read = makeAppendedReader(handle, start);
  try {
    while (!signal?.aborted) {
      // Asked before the reading: what was written before the end is then still read.
      const over = await isOver();
      for (let chunk = await read(); chunk; chunk = await read()) yield* splitter.push(chunk);
      if (over) break;
      await wait(POLL_MS, undefined, { signal }).catch(() => {});
    }
    yield* splitter.end();
  } finally {
    await handle.close();
  }
}

/** Reads on where it ended, and from the beginning when the file was emptied meanwhile. */
function makeAppendedReader(handle: FileHandle, start: number): () => Promise<Buffer | undefined> {
  const block = Buffer.alloc(BLOCK);
  let position = start;
  return async () => {
    if ((await handle.stat()).size < position) position = 0;
    const { bytesRead } = await handle.read(block, 0, BLOCK, position);
    position += bytesRead;
    return bytesRead > 0 ? block.subarray(0, bytesRead) : undefined;
  };
}

export interface LineSplitter {
  /** Gives the lines that are complete with this chunk. */
  push(chunk: Buffer): string[];
  /** Gives what stands after the last line end. */
  end(): string[];
}

/** Cuts bytes into lines without their ends; a character or line end may be split between two chunks. */
export function makeSplitter(): LineSplitter {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  return {
    push(chunk) {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop() ?? '';
      return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
    },
    end() {
      const last = rest + decoder.end();
      rest = '';
      return last === '' ? [] : [last];
    },
  };
}

async function openIfThere(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
