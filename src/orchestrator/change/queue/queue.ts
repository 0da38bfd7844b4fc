import { requireMerging } from '../../../adapters/git/merge/merging.ts';
import { inspectLock } from '../../../adapters/lock.ts';
import { logFilesOf } from '../../../adapters/process/log-files.ts';
import { readNewestLines } from '../../../adapters/process/read-log.ts';
import { StackError, tolerate } from '../../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord } from '../../../domain/instance.ts';
import { queueRunLockOf } from '../../../domain/layout.ts';
import { explainWaiting, findQueueCycle, isOpen, type Queue, type QueueEntry } from '../../../domain/queue.ts';
import { suggest } from '../../../domain/suggest.ts';
import { requireInstance } from '../../core/claim.ts';
import { configIfReadable, type Stack } from '../../core/stack.ts';
import { isReady, planMerge } from '../merge-plan.ts';
import { hintFor, requireMergeable } from './car.ts';
import { readQueue, updateQueue } from './file.ts';

/**
 * Adds tickets at the end of the queue, in the order named; `after` are tickets of the queue that each must wait for. One that was put
 * out, conflicted or is merged starts over. Throws `not-found`; `exists` for one that is in the queue; `dirty` for work that is not
 * committed; `conflict` for one that has nothing to merge or cannot be merged; `usage` for a wish that can never come true.
 */
export async function addToQueue(stack: Stack, tickets: readonly string[], after: readonly string[]): Promise<Queue> {
  await requireMerging();
  const added: QueueEntry[] = [];
  const state = await stack.store.read();
  const known = [...(await readQueue(stack)).entries.map(({ ticket }) => ticket), ...tickets];
  const beside = Object.values(state.instances).filter(({ ticket }) => known.includes(ticket));
  for (const ticket of tickets) added.push(await makeEntry(stack, ticket, { after, beside }));
  return updateQueue(stack, (queue) => {
    for (const entry of added) {
      const former = queue.entries.find(({ ticket }) => ticket === entry.ticket);
      if (former && isOpen(former) && former.madeAt === entry.madeAt) throw twice(entry.ticket);
    }
    queue.entries = [...queue.entries.filter(({ ticket }) => !tickets.includes(ticket)), ...added];
    const known = queue.entries.map(({ ticket }) => ticket);
    const missing = after.find((ticket) => !known.includes(ticket));
    if (missing !== undefined) {
      requireInstance(state, missing);
      throw notQueued(missing, [], `\`stack queue add ${missing}\` adds it`);
    }
    for (const entry of added) {
      const parents = listParents(Object.values(state.instances), entry.ticket).filter((one) => known.includes(one));
      entry.after = [...new Set([...entry.after, ...parents])];
    }
    const cycle = findQueueCycle(queue.entries);
    if (cycle) {
      throw new StackError('usage', `they would wait for each other: ${cycle.join(' after ')}`, {
        hint: '`stack queue drop` takes one out; add it again with another --after',
      });
    }
  });
}

function twice(ticket: string): StackError {
  return new StackError('exists', `${ticket} is in the queue already`, {
    hint: `\`stack queue show ${ticket}\` tells how far it is`,
  });
}

/** Returns the tickets from whose branches one was made: they are merged before it. */
function listParents(records: readonly InstanceRecord[], ticket: string): string[] {
  const own = records.filter((record) => record.ticket === ticket).flatMap(dedicatedRepos);
  const isParent = (other: InstanceRecord): boolean =>
    dedicatedRepos(other).some(([repo, { branch, ownsBranch }]) => {
      return ownsBranch && own.some(([name, { base }]) => name === repo && base === branch);
    });
  return records.filter((other) => other.ticket !== ticket && isParent(other)).map((other) => other.ticket);
}

/** Whether it conflicts is asked when it is its turn: what is in its way now may be gone then. */
async function makeEntry(
  stack: Stack,
  ticket: string,
  { after, beside }: { after: readonly string[]; beside: readonly InstanceRecord[] },
): Promise<QueueEntry> {
  const record = await requireMergeable(stack, ticket);
  const config = await configIfReadable(stack);
  const others = { heads: new Map(), before: beside.filter((other) => other.ticket !== record.ticket) };
  const planned = Object.values(await planMerge(stack, [record], { way: 'no-ff', committed: false }, config, others));
  // What is in the way of a base names where that is; all else is about the ticket.
  const undone = planned.flatMap((one) => (isReady(one) ? [] : [one]));
  const refused = undone.find(({ result, from }) => result === 'refused' && from === undefined);
  if (refused) {
    const code = refused.cause === 'uncommitted' ? 'dirty' : 'conflict';
    const hint = hintFor(record.ticket, refused);
    throw new StackError(code, `${record.ticket}: ${refused.reason}`, { ...(hint !== undefined && { hint }) });
  }
  if (planned.length === undone.length && undone.every(({ result }) => result === 'unchanged')) {
    throw new StackError('conflict', `${record.ticket} has nothing to merge: its bases have all of it`, {
      hint: `\`stack status ${record.ticket}\` shows what it has`,
    });
  }
  const fresh = { state: 'waiting', attempts: 0, log: null } as const;
  return { ticket: record.ticket, madeAt: record.createdAt, ...fresh, after: [...after] };
}

function notQueued(ticket: string, known: readonly string[], otherwise: string): StackError {
  const near = suggest(ticket, known);
  const hint = near.length > 0 ? `did you mean ${near.join(' or ')}?` : otherwise;
  return new StackError('not-found', `${ticket} is not in the queue`, { hint, details: { ticket, known: [...known] } });
}

/** Throws `not-found` for the first that is not in the queue. */
function requireQueued({ entries }: Queue, tickets: readonly string[]): void {
  const known = entries.map(({ ticket }) => ticket);
  const missing = tickets.find((ticket) => !known.includes(ticket));
  const otherwise = known.length > 0 ? `there are: ${known.join(', ')}` : 'it is empty: `stack queue add TICKET`';
  if (missing !== undefined) throw notQueued(missing, known, otherwise);
}

/**
 * Takes tickets out of the queue; a run that is at one does not merge it. Throws `not-found`, and `conflict` where another one that is
 * not merged yet comes after it.
 */
export async function dropFromQueue(stack: Stack, tickets: readonly string[]): Promise<Queue> {
  requireQueued(await readQueue(stack), tickets);
  return updateQueue(stack, (queue) => {
    requireQueued(queue, tickets);
    const stays = queue.entries.filter(({ ticket }) => !tickets.includes(ticket));
    const isMerged = new Set(queue.entries.filter(({ state }) => state === 'merged').map(({ ticket }) => ticket));
    const needed = tickets.filter((ticket) => !isMerged.has(ticket));
    const waiting = stays.find((entry) => entry.state !== 'merged' && entry.after.some((one) => needed.includes(one)));
    if (waiting) {
      throw new StackError('conflict', `${waiting.ticket} comes after ${waiting.after.join(', ')}`, {
        hint: `\`stack queue drop ${[...tickets, waiting.ticket].join(' ')}\` takes out both`,
      });
    }
    queue.entries = stays.map((entry) => ({ ...entry, after: entry.after.filter((one) => !tickets.includes(one)) }));
  });
}

/**
 * Takes tickets out of the queue as `dropFromQueue` does; none of them there is done, and another one of that name stays. Returns those
 * that it has merged. Throws `conflict`, `state`, `files`, `busy`.
 */
export async function leaveQueue(
  stack: Stack,
  those: readonly { ticket: string; madeAt: string | undefined }[],
): Promise<string[]> {
  const { entries } = await readQueue(stack);
  const own = entries.filter((entry) =>
    those.some(({ ticket, madeAt }) => ticket === entry.ticket && madeAt === entry.madeAt),
  );
  const isMerged = ({ state }: QueueEntry): boolean => state === 'merged';
  const open = own.filter((entry) => !isMerged(entry)).map(({ ticket }) => ticket);
  if (open.length > 0) await tolerate(dropFromQueue(stack, open), 'not-found');
  return own.filter(isMerged).map(({ ticket }) => ticket);
}

/**
 * Lets tickets that were put out, or conflicted, have another try; without names all of them. Throws `not-found`, and `usage` for one that
 * is neither.
 */
export async function resumeQueue(stack: Stack, tickets: readonly string[]): Promise<Queue> {
  const state = await stack.store.read();
  for (const ticket of tickets) requireInstance(state, ticket);
  requireQueued(await readQueue(stack), tickets);
  return updateQueue(stack, (queue) => {
    requireQueued(queue, tickets);
    const isOut = ({ state }: QueueEntry): boolean => state === 'evicted' || state === 'conflicted';
    const other = queue.entries.find((entry) => tickets.includes(entry.ticket) && !isOut(entry));
    if (other) {
      const text = `${other.ticket} is ${other.state}: there is nothing to resume`;
      throw new StackError('usage', text, { hint: '`stack queue run` goes on with all that waits' });
    }
    queue.entries = queue.entries.map((entry) => {
      const madeAt = state.instances[entry.ticket]?.createdAt;
      if (!isOut(entry) || madeAt === undefined || (tickets.length > 0 && !tickets.includes(entry.ticket)))
        return entry;
      return { ...entry, madeAt, state: 'waiting', attempts: 0, reason: undefined, hint: undefined };
    });
  });
}

/** Returns the queue. What a run that was killed left in the middle waits for the next one. Throws `state`, `files`. */
export async function listQueue(stack: Stack): Promise<QueueEntry[]> {
  const { entries } = await readQueue(stack);
  if ((await inspectLock(queueRunLockOf(stack.root))) === 'held') return explainWaiting(entries);
  return explainWaiting(entries.map((entry) => (isOpen(entry) ? { ...entry, state: 'waiting' } : entry)));
}

/** An entry with the last lines of what its verification printed. */
export type ShownEntry = QueueEntry & { lines: string[] };

/** Returns what is known of one ticket of the queue. Throws `not-found`, `state`, `files`. */
export async function showEntry(stack: Stack, ticket: string): Promise<ShownEntry> {
  const entries = await listQueue(stack);
  requireQueued({ version: 1, entries }, [ticket]);
  const entry = entries.find((one) => one.ticket === ticket) as QueueEntry;
  const lines: string[] = [];
  if (entry.log !== null)
    for await (const { text } of readNewestLines(logFilesOf(entry.log), SHOWN_LINES)) lines.push(text);
  return { ...entry, lines };
}

const SHOWN_LINES = 20;
