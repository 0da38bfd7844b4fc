import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import pLimit from 'p-limit';
import { StackError, throwIfAborted } from '../../domain/errors.ts';

/** Long enough for a person to unlock the password manager that fills the pipe. */
const WAIT_SECONDS = 10;
const PIPE_BYTES = 16 * 1024 * 1024;
const POLL_MS = 10;

/**
 * The one pool for files that are open for a while: each is a descriptor, of which macOS gives a process 256, however many
 * repos are looked at side by side. Nothing in it waits for another in it.
 */
export const openAtOnce = pLimit(8);

export interface ReadOptions {
  /** What a named pipe gives is read too: password managers serve env files that way. Default: it is refused. */
  pipe?: boolean;
  /** How long a pipe may take until its end; default 10. */
  waitSeconds?: number;
  /** Ends the wait for a pipe. */
  signal?: AbortSignal | undefined;
}

/**
 * Returns all bytes of a file. It looks before it opens, and never waits in `open`: Node waits for a blocked one even as it
 * exits. Throws the system's own error (`ENOENT`, `EISDIR`, …), `interrupted`, and `files` for a socket, a device, a named
 * pipe that is not wanted, or one out of which nothing comes in time.
 */
export async function readWhole(file: string, options: ReadOptions = {}): Promise<Buffer> {
  const { pipe = false } = options;
  const found = await stat(file);
  // `ln -s /dev/null .env` says that there are no values.
  if (found.isCharacterDevice() && found.rdev === (await stat('/dev/null')).rdev) return Buffer.alloc(0);
  requireReadable(file, found, pipe);
  return found.isFIFO() ? readOpened(file, options) : openAtOnce(() => readOpened(file, options));
}

async function readOpened(file: string, options: ReadOptions): Promise<Buffer> {
  const { pipe = false } = options;
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const opened = await handle.stat();
    requireReadable(file, opened, pipe);
    return opened.isFIFO() ? await readPipe(file, handle, options) : await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** Says what a thing is that is no regular file: `a named pipe`; undefined for a file. */
export function describeKind(found: Stats): string | undefined {
  if (found.isFile()) return undefined;
  if (found.isDirectory()) return 'a folder';
  if (found.isFIFO()) return 'a named pipe';
  return found.isSocket() ? 'a socket' : 'a device';
}

function requireReadable(file: string, found: Stats, pipe: boolean): void {
  const kind = describeKind(found);
  if (kind === undefined || (pipe && found.isFIFO())) return;
  if (found.isDirectory()) throw Object.assign(new Error(`EISDIR: ${file}`), { code: 'EISDIR' });
  throw new StackError('files', `cannot read ${file}: it is ${kind}`, {
    hint: 'put a regular file in its place, or move it out of the way',
    details: { file, kind },
  });
}

/** A pipe without a writer says that it is at its end, as one does whose writer is done: the first byte tells them apart. */
async function readPipe(
  file: string,
  handle: FileHandle,
  { signal, waitSeconds = WAIT_SECONDS }: ReadOptions,
): Promise<Buffer> {
  const deadline = performance.now() + waitSeconds * 1000;
  const buffer = Buffer.allocUnsafe(64 * 1024);
  const chunks: Buffer[] = [];
  for (let bytes = 0; bytes <= PIPE_BYTES; ) {
    throwIfAborted(signal);
    const count = await readReady(handle, buffer);
    if (count === 0 && bytes > 0) return Buffer.concat(chunks);
    if (count) {
      chunks.push(Buffer.from(buffer.subarray(0, count)));
      bytes += count;
      continue;
    }
    if (performance.now() > deadline) throw pipeError(file, `${silence(bytes)} within ${waitSeconds} seconds`);
    await wait(POLL_MS);
  }
  throw pipeError(file, `it gave more than ${PIPE_BYTES / 1024 / 1024} MB`);
}

function silence(bytes: number): string {
  return bytes === 0 ? 'nothing came out of it' : 'it did not come to its end';
}

function pipeError(file: string, what: string): StackError {
  return new StackError('files', `cannot read the named pipe ${file}: ${what}`, {
    hint: 'unlock or start the program that fills it, or put a regular file in its place',
    details: { file, kind: 'a named pipe' },
  });
}

/** Undefined where nothing is there to read yet. */
async function readReady(handle: FileHandle, buffer: Buffer): Promise<number | undefined> {
  try {
    return (await handle.read(buffer, 0, buffer.length, null)).bytesRead;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}
