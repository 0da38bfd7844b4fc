import pLimit from 'p-limit';
import { type ErrorCode, StackError } from '../../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord, listWorkedOn } from '../../../domain/instance.ts';
import type { Stack } from '../../core/stack.ts';
import { refreshOnce } from './fetch.ts';
import { type SyncOptions, syncTicket, type TicketSync } from './sync.ts';

/** A ticket that could not be looked at. */
export interface FailedSync {
  ticket: string;
  error: { code: ErrorCode; message: string; hint?: string | undefined };
}

/** What became of every ticket. */
export interface AllSyncs {
  tickets: (TicketSync | FailedSync)[];
}

/** Each of them runs a handful of gits. */
const AT_ONCE = 4;

/**
 * Brings the news of the bases into every ticket, some side by side: each in all of its repos or in none, whatever becomes of the others.
 * One that stands on another comes after it. Returns what became of each. Throws `git` for one that is older than 2.38, `confirm`, `state`.
 */
export async function syncAll(stack: Stack, options: Omit<SyncOptions, 'ticket'>): Promise<AllSyncs> {
  if (options.setup) await stack.requireTrust();
  const records = listWorkedOn(await stack.store.read());
  const [limit, refresh] = [pLimit(AT_ONCE), refreshOnce(stack)];
  const runs = new Map<string, Promise<TicketSync | FailedSync>>();
  const run = (record: InstanceRecord, above: readonly string[]): Promise<TicketSync | FailedSync> => {
    const { ticket } = record;
    const begin = async (): Promise<TicketSync | FailedSync> => {
      const below = listBelow(record).filter((name) => ![...above, ticket].includes(name));
      const others = records.filter((other) => below.includes(other.ticket));
      await Promise.all(others.map((other) => run(other, [...above, ticket])));
      return limit(() => answer(ticket, () => syncTicket(stack, { ...options, ticket }, refresh)));
    };
    const known = runs.get(ticket) ?? begin();
    runs.set(ticket, known);
    return known;
  };
  return { tickets: await Promise.all(records.map((record) => run(record, []))) };
}

/** The tickets that one stands on. */
function listBelow(record: InstanceRecord): string[] {
  return dedicatedRepos(record).flatMap(([, { stackedOn }]) => (stackedOn ? [stackedOn.ticket] : []));
}

async function answer(ticket: string, work: () => Promise<TicketSync>): Promise<TicketSync | FailedSync> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    const { code, message, hint } = error;
    return { ticket, error: { code, message, hint } };
  }
}
