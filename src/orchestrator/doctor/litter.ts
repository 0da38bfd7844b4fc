import { lstat, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { explainFileError, ifReadable, ifThere } from '../../adapters/files/file-errors.ts';
import { isThere } from '../../adapters/files/files.ts';
import { isAbandoned } from '../../adapters/files/temporary.ts';
import { excludeLock, repoLock } from '../../adapters/git/lock.ts';
import { inspectLock, withLock } from '../../adapters/lock.ts';
import { StackError } from '../../domain/errors.ts';
import {
  changeLockOf,
  inFolder,
  journalOf,
  planFilesOf,
  queueLockOf,
  queueRunLockOf,
  roomLockOf,
  runsLockOf,
  stateFolder,
  stateLockOf,
  upLockOf,
} from '../../domain/layout.ts';
import { listPlans } from '../core/plans.ts';
import type { Stack } from '../core/stack.ts';
import type { Evidence } from './evidence.ts';
import { type Finding, offer } from './finding.ts';

/** What lives for milliseconds is left behind once it is this old. */
const OLD_MS = 60_000;
/** As locks call theirs: `state.lock.<token>`, `state.lock.<token>.new`. */
const HALF_LOCK = /\.lock\.[0-9a-f]{16}(\.new)?$/;

/**
 * Finds what commands that were killed left in stack's own folders: no harm, but nobody's. Something strange in a lock's
 * place does harm. The trash is not looked at: every command sweeps it.
 */
export async function examineLitter(stack: Stack, evidence: Evidence): Promise<Finding[]> {
  const run = inFolder(stack.root, 'run');
  const runs = ((await ifReadable(readdir(run))) ?? []).map((name) => path.join(run, name));
  const places = [stateFolder(stack.root), ...runs, ...evidence.folders, ...evidence.gitCommonDirs];
  const temporary = (await Promise.all(places.map(listTemporary))).flat();
  const locks = [
    ...[stateLockOf, upLockOf, roomLockOf, queueLockOf, queueRunLockOf].map((lockOf) => lockOf(stack.root)),
    ...((await ifReadable(listPlans(stack))) ?? []).map((plan) => planFilesOf(stack.root, plan).lock),
    ...(await listTicketLocks(stack.root)),
    ...evidence.gitCommonDirs.flatMap((folder) => [repoLock(folder), excludeLock(folder)]),
  ];
  return [
    ...(await Promise.all(locks.map(examineLock))).flat(),
    ...(temporary.length === 0
      ? []
      : [offerRemoval(`half-written files: ${temporary.join(', ')}`, () => removeAll(temporary))]),
  ];
}

/** Those of tickets, which nobody takes over once the ticket is gone; where a change was cut off, that is told of. */
async function listTicketLocks(root: string): Promise<string[]> {
  const names = (await ifReadable(readdir(stateFolder(root)))) ?? [];
  const found = names.flatMap((name) => {
    const [, kind, ticket = ''] = /^(change|runs)-(.+)\.lock$/.exec(name) ?? [];
    if (kind === undefined) return [];
    const lock = kind === 'runs' ? runsLockOf(root, ticket) : changeLockOf(root, ticket);
    return [{ lock, journal: kind === 'runs' ? undefined : journalOf(root, ticket) }];
  });
  const isCutOff = await Promise.all(found.map(({ journal }) => journal !== undefined && isThere(journal)));
  return found.filter((_, index) => !isCutOff[index]).map(({ lock }) => lock);
}

async function examineLock(file: string): Promise<Finding[]> {
  const state = await inspectLock(file);
  if (state === 'left') {
    return [
      offerRemoval(`a lock whose holder is dead: ${file}`, () => withLock(file, () => undefined, { waitSeconds: 1 })),
    ];
  }
  if (state !== 'strange') return [];
  const remove = async (): Promise<void> => {
    // Somebody may have moved it away, and a command taken the lock.
    if ((await inspectLock(file)) !== 'strange') throw new StackError('busy', `${file} is a lock, or gone, by now`);
    await removeAll([file]);
  };
  return [{ ...offerRemoval(`what is not a lock, and stands in the place of one: ${file}`, remove), ok: false }];
}

async function listTemporary(folder: string): Promise<string[]> {
  const names = (await ifReadable(readdir(folder))) ?? [];
  const abandoned = names.filter(isAbandoned).map((name) => path.join(folder, name));
  const old = names
    .filter((name) => HALF_LOCK.test(name))
    .map(async (name) => {
      const file = path.join(folder, name);
      const found = await ifThere(lstat(file));
      // Its holder may be slow, or stopped.
      const isHeld = (await inspectLock(file)) === 'held';
      return found && Date.now() - found.mtimeMs > OLD_MS && !isHeld ? [file] : [];
    });
  return [...abandoned, ...(await Promise.all(old)).flat()];
}

/** Throws `files`. */
async function removeAll(files: readonly string[]): Promise<void> {
  for (const file of files) {
    try {
      await rm(file, { recursive: true, force: true });
    } catch (error) {
      throw explainFileError(error, `remove ${file}`);
    }
  }
}

/** Returns the finding of something that does no harm and that nobody needs any more. */
export function offerRemoval(what: string, remove: () => Promise<void>): Finding {
  const run = async (): Promise<string> => {
    await remove();
    return `removed ${what}`;
  };
  return { ...offer('leftovers', what, `Remove ${what}?`, run), ok: true, hint: '`stack doctor --fix` removes it' };
}
