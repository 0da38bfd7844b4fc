import { requireMerging } from '../../../adapters/git/merge/merging.ts';
import { withLock } from '../../../adapters/lock.ts';
import { pause } from '../../../adapters/pause.ts';
import { StackError, throwIfAborted } from '../../../domain/errors.ts';
import type { InstanceRecord } from '../../../domain/instance.ts';
import { queueRunLockOf } from '../../../domain/layout.ts';
import { isOpen, listNext, listStanding, type Queue, type QueueEntry } from '../../../domain/queue.ts';
import { settleAllChanges } from '../../core/journal.ts';
import type { Stack } from '../../core/stack.ts';
import { clearVerifications } from '../verify.ts';
import { type BuiltCar, type NotBuilt, planCar, startCar } from './car.ts';
import { readQueue, updateEntry, updateQueue } from './file.ts';
import { hold, leave, note, type QueueRun, type Running, restAt, settleFirst } from './settle.ts';

/**
 * Merges the tickets of the queue, each once it has been verified on top of what is merged before it. Several are verified side by side,
 * each on what those before it would come to. Goes on until nothing can be done any more. Throws `busy` while another run is at it,
 * `interrupted`, `confirm`, `config`, `state`, `git` (older than 2.38), `files`; what is merged by then stays so.
 */
export async function runQueue(stack: Stack, wish: QueueRun): Promise<void> {
  await requireMerging();
  await stack.requireTrust();
  if ((await readQueue(stack)).entries.length === 0) return;
  if (wish.line === undefined) {
    const text = 'nothing is verified: stack.yml has no `verify:`, and there is no --verify';
    stack.emit({ type: 'warning', text });
  }
  await alone(stack, async () => {
    await settleAllChanges(stack);
    await clearVerifications(stack);
    // As a run that was killed left it.
    await updateQueue(stack, restAll);
    const running: Running = { stack, wish, train: [], held: new Set() };
    try {
      await goOn(running);
    } finally {
      await endAll(running);
    }
  });
}

async function alone(stack: Stack, work: () => Promise<void>): Promise<void> {
  const lock = queueRunLockOf(stack.root);
  let hasBegun = false;
  try {
    await withLock(
      lock,
      () => {
        hasBegun = true;
        return work();
      },
      { signal: stack.signal, waitSeconds: 0 },
    );
  } catch (error) {
    if (hasBegun || !(error instanceof StackError) || error.code !== 'busy') throw error;
    const { pid } = (error.details ?? {}) as { pid?: number };
    throw new StackError('busy', `another run of the queue is at it${pid ? ` (pid ${pid})` : ''}`, {
      hint: '`stack queue list` shows how far it is; what is added meanwhile it takes as well, unless it is that of a plan',
      cause: error,
    });
  }
}

/** So often a run looks whether what it verifies is still wanted. */
const LOOK_MS = 1000;

async function goOn(running: Running): Promise<void> {
  const { stack } = running;
  for (;;) {
    throwIfAborted(stack.signal);
    await dropGone(running);
    while (running.train[0]?.outcome) await settleFirst(running, running.train[0], running.train[0].outcome);
    await fill(running);
    if (running.train.length === 0) return;
    await awaitNews(running);
  }
}

/** Waits until a verification has ended, or one of them is of a ticket that was taken out of the queue. */
async function awaitNews({ stack, train }: Running): Promise<void> {
  const open = train.filter(({ outcome }) => !outcome);
  // Without one, all have an outcome: the first is settled next.
  while (open.length > 0) {
    await Promise.race([...open.map(({ work }) => work), pause(LOOK_MS, stack.signal)]);
    throwIfAborted(stack.signal);
    const { entries } = await readQueue(stack);
    if (open.some(({ outcome }) => outcome)) return;
    if (train.some(({ ticket }) => !entries.some((entry) => entry.ticket === ticket && isOpen(entry)))) return;
  }
}

/** Nothing of the run is left: those that were under way wait for the next one. */
async function endAll({ stack, train }: Running): Promise<void> {
  for (const car of train) car.stop();
  await Promise.allSettled(train.map(({ work }) => work));
  // Also after Ctrl-C.
  await updateQueue({ root: stack.root, signal: new AbortController().signal }, restAll);
}

function restAll(queue: Queue): void {
  queue.entries = queue.entries.map(restAt);
}

/** A ticket that is not in the queue any more leaves the train; one that is not there any more is out. */
async function dropGone(running: Running): Promise<void> {
  const { stack, train } = running;
  const { instances } = await stack.store.read();
  const { entries } = await updateQueue(stack, (queue) => {
    queue.entries = queue.entries.map((entry) => {
      const isThere = instances[entry.ticket]?.createdAt === entry.madeAt;
      return isThere || entry.state === 'merged' ? entry : { ...entry, state: 'evicted', ...GONE(entry.ticket) };
    });
  });
  for (const { ticket } of [...train]) {
    if (!entries.some((entry) => entry.ticket === ticket && isOpen(entry))) await leave(running, ticket);
  }
}

const GONE = (ticket: string) => ({
  reason: 'the ticket was destroyed, or made again, while it was in the queue',
  hint: `\`stack queue drop ${ticket}\` takes it out; \`stack queue add ${ticket}\` adds the one that is there now`,
});

/** Puts as many tickets on the train as may be verified side by side. */
async function fill(running: Running): Promise<void> {
  const skipped = new Set<string>();
  const { only, jobs } = running.wish;
  const isFree = (ticket: string): boolean =>
    !skipped.has(ticket) && !running.held.has(ticket) && (only?.includes(ticket) ?? true);
  for (;;) {
    if (running.train.filter(({ outcome }) => !outcome).length >= jobs) return;
    const { entries } = await readQueue(running.stack);
    const next = listNext(entries, running.train).find(isFree);
    if (next === undefined) return;
    skipped.add(next);
    await putOn(running, next, entries);
  }
}

async function putOn(running: Running, ticket: string, entries: readonly QueueEntry[]): Promise<void> {
  const { stack, wish, train } = running;
  await settleAllChanges(stack);
  await updateEntry(stack, ticket, (entry) => ({ ...entry, state: 'rebasing', reason: undefined, hint: undefined }));
  const { instances } = await stack.store.read();
  const before = entries.flatMap((entry): InstanceRecord[] => {
    const record = entry.ticket === ticket ? undefined : instances[entry.ticket];
    return record ? [record] : [];
  });
  const on = listStanding(train);
  const built = await planCar(stack, ticket, { on, wish, before });
  if ('kind' in built) return leaveOff(running, ticket, { why: built, on, before });
  const record = instances[ticket];
  if (!record) return;
  await updateEntry(stack, ticket, (entry) => ({ ...entry, state: 'verifying' }));
  if (on.length > 0 && wish.line !== undefined)
    stack.emit({ type: 'info', text: `${ticket} is verified with ${on.map((one) => one.ticket).join(', ')} below it` });
  train.push(startCar(stack, record, { ...built, on, wish, config: await stack.config() }));
}

/** What conflicts with tickets that are not merged yet waits for what becomes of them; with the bases, for a person. */
async function leaveOff(
  running: Running,
  ticket: string,
  { why, on, before }: { why: NotBuilt; on: readonly BuiltCar[]; before: readonly InstanceRecord[] },
): Promise<void> {
  const { stack, wish } = running;
  if (why.kind === 'held') return hold(running, ticket, why);
  const alone = on.length > 0 ? await planCar(stack, ticket, { on: [], wish, before }) : why;
  const conflicts = 'kind' in alone && alone.kind === 'conflict';
  const hint = `\`stack sync ${ticket} --resolve\`, then \`stack queue resume ${ticket}\``;
  if (conflicts) {
    stack.emit({ type: 'info', text: `${ticket} conflicts: ${alone.reason}` });
    await note(stack, ticket, `left out of the queue, since it conflicts: ${alone.reason}; ${hint}`);
  }
  await updateEntry(stack, ticket, (entry) => ({
    ...entry,
    ...(conflicts
      ? { state: 'conflicted', reason: alone.reason, hint }
      : { state: 'waiting', reason: `${why.reason}; it waits for what becomes of those` }),
  }));
}
