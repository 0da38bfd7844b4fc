import { findLocal } from '../../../adapters/git/branch.ts';
import { throwIfAborted, tolerate } from '../../../domain/errors.ts';
import { countFailure, leaveTrain, type QueueEntry } from '../../../domain/queue.ts';
import { settleAllChanges, withChangeLock } from '../../core/journal.ts';
import type { Stack } from '../../core/stack.ts';
import { appendNote } from '../../runs/note.ts';
import { listReady, moveBases } from '../merge.ts';
import { type BuiltCar, explainPlan, type NotBuilt, type Outcome, orHeld, type QueueWish, readTips } from './car.ts';
import { readQueue, updateEntry } from './file.ts';

export interface QueueRun extends QueueWish {
  /** How many verifications go on side by side. */
  jobs: number;
  /** After so many that failed a ticket is put out. */
  tries: number;
  /** Only these are merged; undefined: all of the queue. */
  only?: readonly string[] | undefined;
}

/** A run of the queue, as far as it is. */
export interface Running {
  stack: Stack;
  wish: QueueRun;
  /** In the order in which they are to be merged. */
  train: BuiltCar[];
  /** Tickets that this run leaves alone, since something is in their way. */
  held: Set<string>;
}

/** Returns an entry that nothing is done with any more, as when a run has ended. */
export function restAt(entry: QueueEntry): QueueEntry {
  return entry.state === 'rebasing' || entry.state === 'verifying' ? { ...entry, state: 'waiting' } : entry;
}

/** A ticket leaves the train without being merged, and those on top of it are to be tried again without it. */
export async function leave(running: Running, ticket: string): Promise<void> {
  const { stay, go } = leaveTrain(running.train, ticket);
  running.train = stay;
  for (const car of go) car.stop();
  await Promise.allSettled(go.map(({ work }) => work));
  throwIfAborted(running.stack.signal);
  for (const car of go) await updateEntry(running.stack, car.ticket, restAt);
}

/** Acts on what came of the first car of the train, which counts: it stands on the bases alone. Throws `interrupted`, `files`, `state`. */
export async function settleFirst(running: Running, car: BuiltCar, outcome: Outcome): Promise<void> {
  const { stack, wish } = running;
  const { ticket } = car;
  // Another merge may have been killed while this was verified.
  await settleAllChanges(stack);
  if (await isStale(stack, car)) return leave(running, ticket);
  if (outcome.kind === 'passed') return mergeFirst(running, car, outcome.log);
  await leave(running, ticket);
  if (outcome.kind === 'held') return hold(running, ticket, outcome);
  await updateEntry(stack, ticket, (entry) => countFailure(entry, { tries: wish.tries, ...outcome }));
  await tellFailure(stack, ticket);
}

async function tellFailure(stack: Stack, ticket: string): Promise<void> {
  const entry = (await readQueue(stack)).entries.find((one) => one.ticket === ticket);
  if (entry?.state !== 'evicted') return;
  const text = `put out of the queue after ${entry.attempts} ${entry.attempts === 1 ? 'try' : 'tries'}: ${entry.reason}; its output is in ${entry.log}`;
  stack.emit({ type: 'info', text: `${ticket} is ${text}` });
  await note(stack, ticket, text);
}

/** Adds to the notes of a ticket; where its folder is gone there is nobody to read them. */
export async function note(stack: Stack, ticket: string, text: string): Promise<void> {
  await tolerate(appendNote(stack, ticket, text), 'files', 'not-found');
}

/** True where a base, or the ticket itself, is not where it was when they were merged. */
async function isStale(stack: Stack, { ticket, planned, tips }: BuiltCar): Promise<boolean> {
  const record = (await stack.store.read()).instances[ticket];
  if (!record || (await readTips(record)) !== tips) return true;
  const now = await Promise.all(
    listReady(planned).map(async ([, { own, base, from }]) => {
      return (await findLocal(own.gitCommonDir, base))?.commit === from;
    }),
  );
  return now.includes(false);
}

async function mergeFirst(running: Running, car: BuiltCar, log: string | null): Promise<void> {
  const { stack } = running;
  const { ticket, planned } = car;
  const moved = await orHeld(stack, async () => {
    const repos = await withChangeLock(stack, ticket, (held) => moveBases(stack, planned, { ticket, held }));
    return { repos };
  });
  const left = 'kind' in moved ? moved : explainMoves(ticket, moved.repos);
  if ('kind' in moved || left) {
    await leave(running, ticket);
    return hold(running, ticket, left ?? { reason: 'not all of its repos could be merged' });
  }
  running.train = running.train.filter((one) => one !== car);
  stack.emit({ type: 'info', text: `${ticket} is merged` });
  await updateEntry(stack, ticket, (entry) => ({
    ...entry,
    ...{ state: 'merged', attempts: entry.attempts + 1, log, reason: tellMerged(moved.repos), hint: undefined },
  }));
}

/** Undefined where all of them are merged. */
function explainMoves(ticket: string, repos: Awaited<ReturnType<typeof moveBases>>): NotBuilt | undefined {
  const rest = Object.entries(repos).filter(([, { result }]) => result !== 'merged');
  return explainPlan(ticket, Object.fromEntries(rest));
}

/** `front: main is at 1a2b3c4, api: main is at …`. */
function tellMerged(repos: Awaited<ReturnType<typeof moveBases>>): string {
  const merged = Object.entries(repos).filter(([, { result }]) => result === 'merged');
  if (merged.length === 0) return 'its bases have all of it already';
  return merged.map(([repo, { base, to = '' }]) => `${repo}: ${base} is at ${to.slice(0, 7)}`).join(', ');
}

/** Leaves a ticket alone for the rest of the run, since something that is not its fault is in its way. */
export async function hold(
  running: Running,
  ticket: string,
  { reason, hint }: Pick<NotBuilt, 'reason' | 'hint'>,
): Promise<void> {
  running.held.add(ticket);
  running.stack.emit({ type: 'info', text: `${ticket} cannot be merged now: ${reason}` });
  await updateEntry(running.stack, ticket, (entry) => ({ ...restAt(entry), reason, hint }));
}
