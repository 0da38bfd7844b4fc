import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { ifReadable, ifThere } from '../../adapters/files/file-errors.ts';
import { makeFolder, readFileIfThere, removeIfEmpty, replaceFile } from '../../adapters/files/files.ts';
import { tolerate } from '../../domain/errors.ts';
import { parseFields } from '../../domain/json.ts';
import { inFolder, type RunFiles, runFilesOf } from '../../domain/layout.ts';
import type { RunRecord } from '../../domain/runs/run.ts';
import type { Stack } from '../core/stack.ts';

/** Of those that have ended. */
const KEPT_RUNS = 20;

/** Returns where the things of a run are. */
export function filesOf(stack: Pick<Stack, 'root'>, { ticket, id }: Pick<RunRecord, 'ticket' | 'id'>): RunFiles {
  return runFilesOf(stack.root, ticket, id);
}

/** Makes the folder of a new run, and gives its number: one more than the highest. Throws `files`. */
export async function reserveRun(stack: Stack, ticket: string): Promise<string> {
  const folder = inFolder(stack.root, 'runs', ticket);
  await makeFolder(folder);
  const highest = Math.max(0, ...(await listNumbers(folder)));
  for (let number = highest + 1; ; number++) {
    const made = await tolerate(
      mkdir(path.join(folder, String(number)), { mode: 0o700 }).then(() => true),
      'EEXIST',
    );
    if (made) return String(number);
  }
}

/** Writes a run down as a whole. Throws `files`. */
export async function writeRun(stack: Stack, run: RunRecord): Promise<void> {
  await replaceFile(filesOf(stack, run).record, `${JSON.stringify(run, null, 2)}\n`);
}

/** Returns the runs of a ticket, the oldest first; those of all tickets without one. What cannot be read is none. */
export async function listRunRecords(stack: Stack, ticket?: string): Promise<RunRecord[]> {
  const folder = inFolder(stack.root, 'runs');
  const tickets = ticket === undefined ? ((await ifThere(readdir(folder))) ?? []).sort() : [ticket];
  const found = tickets.map(async (one) => {
    const numbers = await listNumbers(path.join(folder, one));
    return Promise.all(numbers.map((id) => readRun(stack, one, String(id))));
  });
  return (await Promise.all(found)).flat().filter((run) => run !== undefined);
}

/** Returns one run; undefined where there is none, or what is there was copied from another root. */
export async function readRun(stack: Stack, ticket: string, id: string): Promise<RunRecord | undefined> {
  const run = parseFields<RunRecord>(await ifReadable(readFileIfThere(runFilesOf(stack.root, ticket, id).record)));
  const isWhole =
    typeof run.name === 'string' && typeof run.marker === 'string' && run.marker !== '' && run.owner !== undefined;
  return isWhole && run.rootId === stack.rootId && run.id === id && run.ticket === ticket
    ? (run as RunRecord)
    : undefined;
}

/** Deletes all that is kept of a run. Gone is done. */
export async function forgetRun(stack: Stack, run: Pick<RunRecord, 'ticket' | 'id'>): Promise<void> {
  const { folder } = filesOf(stack, run);
  await rm(folder, { recursive: true, force: true });
  await removeIfEmpty(path.dirname(folder));
}

/**
 * Deletes what is kept of runs that never began, their environment included, and of those that have ended all but the last ones. `known`
 * are all that have begun, the oldest first. Call it with the lock of the ticket's runs held. Throws `files`.
 */
export async function pruneRuns(
  stack: Stack,
  ticket: string,
  known: readonly { run: RunRecord; hasEnded: boolean }[],
): Promise<void> {
  const all = await listRunRecords(stack, ticket);
  const never = all.filter(({ id }) => known.every(({ run }) => run.id !== id));
  const old = known.filter(({ hasEnded }) => hasEnded).slice(0, -KEPT_RUNS);
  for (const run of [...never, ...old.map((one) => one.run)]) await forgetRun(stack, run);
}

async function listNumbers(folder: string): Promise<number[]> {
  const names = (await ifThere(readdir(folder))) ?? [];
  return names
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .sort((one, other) => one - other);
}
