import * as z from 'zod/mini';
import { parseJson } from './json.ts';
import { findCycle } from './order.ts';

/**
 * How far a ticket of the queue is. `conflicted`: git cannot merge it into what is there; `evicted`: its verification failed too often, or
 * the ticket is gone. Both wait for a person.
 */
export type QueueState = 'waiting' | 'rebasing' | 'verifying' | 'merged' | 'evicted' | 'conflicted';

/** A ticket that is to be merged, in the place that it has in the queue. */
export interface QueueEntry {
  ticket: string;
  /** ISO 8601: when the ticket was made. Another one of the same name is another ticket. */
  madeAt: string;
  state: QueueState;
  /** How many verifications of it have counted. */
  attempts: number;
  /** Tickets that must be merged before. */
  after: string[];
  /** The file that has what its last verification printed. */
  log: string | null;
  /** Why it is where it is, and what to do about it, each in one line. */
  reason?: string | undefined;
  hint?: string | undefined;
}

export interface Queue {
  version: 1;
  entries: QueueEntry[];
}

const STATES = ['waiting', 'rebasing', 'verifying', 'merged', 'evicted', 'conflicted'] as const;

// Loose: what a version does not know it keeps.
const schema: z.ZodMiniType<Queue> = z.looseObject({
  version: z.literal(1),
  entries: z.array(
    z.looseObject({
      ticket: z.string(),
      madeAt: z.string(),
      state: z.enum(STATES),
      attempts: z.int(),
      after: z.array(z.string()),
      log: z.nullable(z.string()),
      reason: z.optional(z.string()),
      hint: z.optional(z.string()),
    }),
  ),
});

/** Returns the queue that a text tells of; undefined where it tells of none. */
export function parseQueue(text: string): Queue | undefined {
  const parsed = schema.safeParse(parseJson(text));
  return parsed.success ? parsed.data : undefined;
}

/** True for one that is neither merged nor out. */
export function isOpen({ state }: QueueEntry): boolean {
  return state === 'waiting' || state === 'rebasing' || state === 'verifying';
}

/**
 * A ticket that is merged as objects on top of what those before it came to, before they are merged themselves. Several of them, in the
 * order in which they are to be merged, are a train.
 */
export interface Car {
  ticket: string;
  /** The tickets whose results it has in it. */
  on: readonly string[];
  /** True once its verification has failed: nothing more is put on top of it. */
  failed: boolean;
}

/** Returns the cars whose results the next one is put on. */
export function listStanding<One extends Car>(train: readonly One[]): One[] {
  return train.filter(({ failed }) => !failed);
}

/**
 * Returns the tickets that may be put on a train next, the first one first: those that wait, and come after none but what is merged or
 * on the train. One that has failed before goes behind those that have not.
 */
export function listNext(entries: readonly QueueEntry[], train: readonly Car[]): string[] {
  const before = new Set([
    ...entries.filter(({ state }) => state === 'merged').map(({ ticket }) => ticket),
    ...listStanding(train).map(({ ticket }) => ticket),
  ]);
  const isFree = ({ state, ticket, after }: QueueEntry): boolean =>
    state === 'waiting' && train.every((car) => car.ticket !== ticket) && after.every((other) => before.has(other));
  const free = entries.filter(isFree);
  return [...free.filter(({ attempts }) => attempts === 0), ...free.filter(({ attempts }) => attempts > 0)].map(
    ({ ticket }) => ticket,
  );
}

/** Returns what stays of a train when a ticket leaves it without being merged, and what goes: the ticket, and all that have its result. */
export function leaveTrain<One extends Car>(train: readonly One[], ticket: string): { stay: One[]; go: One[] } {
  const goes = (car: One): boolean => car.ticket === ticket || car.on.includes(ticket);
  return { stay: train.filter((car) => !goes(car)), go: train.filter(goes) };
}

/** Returns an entry after one more verification of it that failed: it waits for the next one, or is out after so many `tries`. */
export function countFailure(
  entry: QueueEntry,
  failed: { tries: number; log: string | null; reason: string },
): QueueEntry {
  const attempts = entry.attempts + 1;
  const state = attempts >= failed.tries ? 'evicted' : 'waiting';
  return { ...entry, state, attempts, log: failed.log, reason: failed.reason, hint: undefined };
}

/** Returns the entries, each that waits for one that is out with why, and what to do: no run of the queue takes it as things are. */
export function explainWaiting(entries: readonly QueueEntry[]): QueueEntry[] {
  const byTicket = new Map(entries.map((entry) => [entry.ticket, entry]));
  const findOut = (entry: QueueEntry): QueueEntry | undefined => {
    if (entry.state === 'evicted' || entry.state === 'conflicted') return entry;
    if (entry.state === 'merged') return undefined;
    // What comes after what has no cycle.
    const before = entry.after.flatMap((ticket) => byTicket.get(ticket) ?? []);
    return before.map(findOut).find((one) => one !== undefined);
  };
  return entries.map((entry) => {
    const out = entry.state === 'waiting' ? findOut(entry) : undefined;
    if (!out) return entry;
    const reason = `it waits for ${out.ticket}, which is ${out.state}`;
    const hint = `\`stack queue resume ${out.ticket}\` once that is mended, or \`stack queue drop ${entry.ticket}\``;
    return { ...entry, reason, hint };
  });
}

/** Returns the first cycle in what comes after what, as a way round; undefined where there is none. */
export function findQueueCycle(entries: readonly QueueEntry[]): string[] | undefined {
  const afterOf = new Map(entries.map(({ ticket, after }) => [ticket, after]));
  return findCycle([...afterOf.keys()], (ticket) => afterOf.get(ticket) ?? []);
}
