import { copyFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StackError } from '../../../domain/errors.ts';
import { explainFileError, ifThere } from '../../files/file-errors.ts';
import { readFileIfThere } from '../../files/files.ts';
import { pause } from '../../pause.ts';

/** The index of a checkout while its lock is held: no other git stages, commits, merges or switches there. */
export interface HeldIndex {
  /** A copy that a git may work on (`GIT_INDEX_FILE`) until it is put. */
  file: string;
  /** Makes the copy the index. */
  put(): Promise<void>;
  /** Makes what was the index before `put` the index again. */
  putBack(): Promise<void>;
  release(): Promise<void>;
}

/** What tells our lock from one of git's, which is empty or a half-written index. */
const OURS = 'held by stack\n';
/** An editor that asks for the status holds it for milliseconds. */
const PATIENCE_MS = 2000;
const POLL_MS = 20;

/** Takes the lock of an index, in the folder where git keeps what is the checkout's own. Throws `git` (another git is at it), `files`. */
export async function holdIndex(folder: string): Promise<HeldIndex> {
  const [index, lock, file, before] = filesOf(folder);
  await takeIndexLock(lock, () => writeFile(lock, OURS, { flag: 'wx' }));
  let isPut = false;
  let hasIndex = false;
  const release = async (): Promise<void> => {
    for (const one of [file, `${file}.lock`, before, lock]) await rm(one, { force: true });
  };
  try {
    hasIndex = (await ifThere(copy(index, file).then(() => true))) ?? false;
  } catch (error) {
    await release();
    throw explainFileError(error, `write ${file}`);
  }
  return {
    file,
    async put() {
      if (hasIndex) await copy(index, before);
      isPut = true;
      await rename(file, index);
    },
    async putBack() {
      if (!isPut) return;
      await ifThere(hasIndex ? rename(before, index) : rm(index));
    },
    release,
  };
}

/** Removes what one who was killed while an index was held has left. Nobody may hold it. Throws `files`. */
export async function clearHeldIndex(folder: string): Promise<void> {
  const [, lock, file, before] = filesOf(folder);
  for (const one of [file, `${file}.lock`, before]) await rm(one, { force: true });
  if ((await readFileIfThere(lock)) === OURS) await rm(lock, { force: true });
}

function filesOf(folder: string): [index: string, lock: string, file: string, before: string] {
  const at = (name: string): string => path.join(folder, name);
  return [at('index'), at('index.lock'), at('stack-index'), at('stack-index.before')];
}

async function copy(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  await keepTime(from, to);
}

/** Gives a copy of an index its time, never a later one: by it git knows which files may have changed since it looked at them. */
export async function keepTime(from: string, to: string): Promise<void> {
  const { atime, mtimeMs } = await stat(from);
  await utimes(to, atime, Math.floor(mtimeMs) / 1000);
}

/**
 * Takes the lock of an index as git does (lockfile.h): who makes that file, by `make`, which fails where it is there, has it. Throws
 * `git` where another git has it for longer than an editor's look, `files`.
 */
export async function takeIndexLock(lock: string, make: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await make();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw explainFileError(error, `write ${lock}`);
    }
    if (performance.now() > deadline) throw await inTheWay(lock);
    await pause(POLL_MS, undefined);
  }
}

/** What one of ours who was killed has left is more than its lock, and goes with the whole of its change. */
async function inTheWay(lock: string): Promise<StackError> {
  const isOurs = (await readFileIfThere(lock)) === OURS;
  const who = isOurs ? 'another command of stack' : 'another git';
  return new StackError('git', `${who} is at work on the index: ${lock} is there`, {
    hint: isOurs
      ? '`stack doctor --fix` clears it when no such command runs any more; then run the command again'
      : `when no git runs in there any more, delete ${lock}, then run the command again`,
  });
}
