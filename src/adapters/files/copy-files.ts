import {
  chmodSync,
  constants,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  type Stats,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { copyFile, open, rm } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import { throwIfAborted } from '../../domain/errors.ts';
import { explainFileError, ifReadableNow } from './file-errors.ts';
import { type Found, inSlices } from './find-files.ts';

export interface CopyJob {
  /** Absolute real path of the checkout. */
  from: string;
  /** Absolute path of the worktree. */
  to: string;
  found: readonly Found[];
  signal: AbortSignal;
  /** Told how many files and links are done, now and then. */
  onProgress: (done: number, total: number) => void;
}

/** What became of a copy; paths are relative. */
export interface Copied {
  /** Files and links that were copied. What was there already is not among them. */
  copied: string[];
  /** Links that lead out of the checkout, with where: `current -> /srv/keys`. */
  outside: string[];
  /** What was not copied, with the reason: `run/app.sock (no file)`. */
  passedOver: string[];
}

const TOLD_EVERY_MS = 200;
/** A larger file is copied beside this thread, which goes on meanwhile. */
const SMALL_BYTES = 8_000_000;
/** A larger file is copied piece by piece, so that the copy can be ended in between. */
const LARGE_BYTES = 128_000_000;
const PIECE_BYTES = 1_000_000;
/** By reference where the disk can do that. */
const FLAGS = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE;

/** Each has two open, in whatever repo; read-file's pool is not kept waiting for them. */
const largeAtOnce = pLimit(3);

/** What is known of one copy while it goes on. */
interface Copying extends CopyJob {
  result: Copied;
  /** Folders of the worktree, and whether they can be written into. */
  folders: Map<string, boolean>;
  /** Folders that this copy made, outer ones first. */
  made: string[];
  /** Of what is copied beside this thread. Nothing more is begun then. */
  failures: unknown[];
}

/**
 * Copies files, links and folders to the same places in a worktree, with modes and times. What is there already is kept,
 * and nothing is written through a link. A link that leads into the checkout is made to lead into the worktree, any other
 * stays as it is. `result` tells what became of it, also after a failure. Throws `files`, `interrupted`.
 */
export async function copyFiles(job: CopyJob, result: Copied): Promise<void> {
  const copying: Copying = { ...job, result, folders: new Map([['.', true]]), made: [], failures: [] };
  const { found, signal, onProgress } = job;
  let done = 0;
  const beside: Promise<void>[] = [];
  const telling = setInterval(() => onProgress(done, found.length), TOLD_EVERY_MS);
  try {
    await inSlices(found, (one) => {
      throwIfAborted(signal);
      if (copying.failures.length > 0) return;
      const noteDone = (): void => {
        done += 1;
      };
      const copied = copyOne(copying, one);
      if (copied) beside.push(copied.then(noteDone, (error: unknown) => void copying.failures.push(error)));
      else noteDone();
    });
  } finally {
    await Promise.all(beside);
    clearInterval(telling);
  }
  if (copying.failures.length > 0) throw copying.failures[0];
  // The innermost first: what is made in a folder changes its time, and in one that is read-only nothing can be made.
  await inSlices(copying.made.reverse(), (folder) => likeItsSource(copying, folder));
}

/** Returns a promise for a file alone that is not small. */
function copyOne(copying: Copying, { path: name, kind }: Found): void | Promise<void> {
  const passOver = (reason: string): void => void copying.result.passedOver.push(`${name} (${reason})`);
  // A pipe would be waited for, a device never ends.
  if (kind === 'other') return passOver('no file');
  if (name.includes('\uFFFD')) return passOver('its name is not UTF-8');
  const isPlace = makePlace(copying, kind === 'folder' ? name : path.dirname(name));
  if (!isPlace) return passOver('something else is in its place');
  if (kind === 'folder') return;
  const source = `${copying.from}/${name}`;
  const fail = (error: unknown): void => {
    const { code } = error as NodeJS.ErrnoException;
    // What is there is kept; and somebody works in the main checkout: what they delete meanwhile is not to be copied.
    if (code === 'EEXIST' || !lstatSync(source, { throwIfNoEntry: false })) return;
    throw explainFileError(error, `copy ${source} to ${copying.to}`);
  };
  const noteDone = (): void => void copying.result.copied.push(name);
  try {
    const copied = kind === 'link' ? copyLink(copying, name) : copyContent(copying, name);
    if (copied) return copied.then(noteDone, fail);
    noteDone();
  } catch (error) {
    fail(error);
  }
}

function copyContent({ from, to, signal, failures }: Copying, name: string): void | Promise<void> {
  const [source, target] = [`${from}/${name}`, `${to}/${name}`];
  const stat = lstatSync(source);
  const keepTimes = (): void => utimesSync(target, stat.atimeMs / 1000, stat.mtimeMs / 1000);
  if (stat.size > LARGE_BYTES || isSparse(stat))
    return largeAtOnce(copyLarge, { source, target, stat, signal }).then(keepTimes);
  if (stat.size > SMALL_BYTES)
    return largeAtOnce(async () => {
      throwIfAborted(signal);
      if (failures.length > 0) return;
      await copyFile(source, target, FLAGS);
      keepTimes();
    });
  copyFileSync(source, target, FLAGS);
  keepTimes();
}

/** Blocks are of 512 bytes (stat(2)). */
function isSparse({ size, blocks }: Stats): boolean {
  return size > PIECE_BYTES && blocks * 512 < size / 2;
}

interface LargeFile {
  source: string;
  target: string;
  stat: Stats;
  signal: AbortSignal;
}

/** By reference where the disk can do that; else piece by piece, holes left as holes. */
async function copyLarge({ source, target, stat: { size, mode }, signal }: LargeFile): Promise<void> {
  const flags = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE;
  const failed = await copyFile(source, target, flags).catch((error: NodeJS.ErrnoException) => error);
  if (failed?.code === 'EEXIST') throw failed;
  if (!failed) return;
  const input = await open(source, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const output = await open(target, 'wx', mode);
    try {
      await copyPieces(input, output, signal);
      await output.truncate(size);
      await output.chmod(mode & 0o7777);
    } catch (error) {
      await rm(target, { force: true });
      throw error;
    } finally {
      await output.close();
    }
  } finally {
    await input.close();
  }
}

type Handle = Awaited<ReturnType<typeof open>>;

async function copyPieces(input: Handle, output: Handle, signal: AbortSignal): Promise<void> {
  const piece = Buffer.alloc(PIECE_BYTES);
  const hole = Buffer.alloc(PIECE_BYTES);
  for (let at = 0; ; ) {
    throwIfAborted(signal);
    const { bytesRead } = await input.read(piece, 0, PIECE_BYTES, at);
    if (bytesRead === 0) return;
    const isHole = piece.compare(hole, 0, bytesRead, 0, bytesRead) === 0;
    for (let done = isHole ? bytesRead : 0; done < bytesRead; ) {
      done += (await output.write(piece, done, bytesRead - done, at + done)).bytesWritten;
    }
    at += bytesRead;
  }
}

function copyLink({ from, to, result }: Copying, name: string): void {
  const written = readlinkSync(path.join(from, name));
  const inside = placeInside(from, name, written);
  symlinkSync(inside === undefined ? written : leadInto(to, name, written, inside), path.join(to, name));
  if (inside === undefined) result.outside.push(`${name} -> ${written}`);
}

/** Returns what a link leads to, relative to the checkout; undefined for what is outside, and for git's own folder. */
function placeInside(from: string, name: string, written: string): string | undefined {
  const target = path.resolve(from, path.dirname(name), written);
  const real = (): string =>
    path.join(ifReadableNow(() => realpathSync(path.dirname(target))) ?? '/', path.basename(target));
  const inside = relativeTo(from, target) ?? (path.isAbsolute(written) ? relativeTo(from, real()) : undefined);
  return inside?.split(path.sep)[0] === '.git' ? undefined : inside;
}

function relativeTo(folder: string, file: string): string | undefined {
  const inside = path.relative(folder, file);
  return inside === '..' || inside.startsWith(`..${path.sep}`) ? undefined : inside;
}

/** A relative link means the same in the worktree, unless it leaves the checkout and comes in again by the folder's name. */
function leadInto(to: string, name: string, written: string, inside: string): string {
  if (path.isAbsolute(written)) return path.join(to, inside);
  const isDetour = relativeTo('/top', path.join('/top', path.dirname(name), written)) === undefined;
  return isDetour ? path.relative(path.dirname(name), inside) || '.' : written;
}

/** True when a folder is in the worktree and no link leads out of it on the way; makes what is missing. */
function makePlace(copying: Copying, folder: string): boolean {
  const known = copying.folders.get(folder);
  if (known !== undefined) return known;
  const isPlace = makePlace(copying, path.dirname(folder)) && makeIn(copying, folder);
  copying.folders.set(folder, isPlace);
  return isPlace;
}

function makeIn({ to, made }: Copying, folder: string): boolean {
  const target = path.join(to, folder);
  const there = lstatSync(target, { throwIfNoEntry: false });
  if (there) return there.isDirectory() || (there.isSymbolicLink() && leadsInside(to, target));
  try {
    mkdirSync(target);
    made.push(folder);
    return true;
  } catch (error) {
    throw explainFileError(error, `make the folder ${target}`);
  }
}

function likeItsSource({ from, to }: CopyJob, folder: string): void {
  const stat = lstatSync(path.join(from, folder), { throwIfNoEntry: false });
  if (!stat) return;
  utimesSync(path.join(to, folder), stat.atimeMs / 1000, stat.mtimeMs / 1000);
  chmodSync(path.join(to, folder), stat.mode & 0o7777);
}

/** True when a link leads to a folder that is really in the worktree. */
function leadsInside(top: string, link: string): boolean {
  const real = ifReadableNow(() => realpathSync(link));
  return real !== undefined && relativeTo(realpathSync(top), real) !== undefined && statSync(real).isDirectory();
}
