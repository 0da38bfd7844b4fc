import { pause } from '../../adapters/pause.ts';
import { StackError } from '../../domain/errors.ts';
import type { QueueEntry } from '../../domain/queue.ts';
import { listQueue } from '../change/queue/queue.ts';
import { runQueue } from '../change/queue/run.ts';
import { type KnownPlan, note } from '../core/plans.ts';
import type { Stack } from '../core/stack.ts';

const BUSY_MS = 2000;

/** What merges the tickets of a plan that are in the queue. */
export interface Merging {
  /** Writes down what the queue has come to, and lets it run where it has tickets of the plan. Throws `files`, `state`. */
  look(known: KnownPlan): Promise<void>;
  isAtWork(): boolean;
  /** Ends it; what is merged by then stays so. */
  end(): Promise<void>;
}

/** Returns what merges the tickets of one plan. */
export function createMerging(stack: Stack, name: string): Merging {
  const stopper = new AbortController();
  const own = { ...stack, signal: AbortSignal.any([stack.signal, stopper.signal]) };
  let work: Promise<void> | undefined;
  let fault: unknown;
  const put = (ticket: string, entry: Pick<QueueEntry, 'reason' | 'hint'> | undefined): Promise<void> => {
    const { reason = 'it was taken out of the queue', hint = `\`stack plan retry ${ticket}\` adds it again` } =
      entry ?? {};
    return note(stack, name, { ticket, event: 'out', reason, hint });
  };
  const merge = async ({ plan }: KnownPlan, queued: readonly string[]): Promise<void> => {
    const line = plan.verify ?? (await stack.config()).verify;
    // What a person has put into the queue is merged when that person says so.
    const only = plan.tickets.map(({ ticket }) => ticket);
    try {
      await runQueue(own, { way: 'no-ff', start: false, jobs: 2, tries: 2, line, only });
    } catch (error) {
      if (!(error instanceof StackError) || error.code !== 'busy') throw error;
      // Another one may merge what we have added as well.
      return pause(BUSY_MS, own.signal);
    }
    // What a whole run has not got any further waits for a person.
    const entries = await listQueue(stack);
    for (const ticket of queued) {
      const entry = entries.find((one) => one.ticket === ticket);
      if (entry?.state === 'waiting') await put(ticket, { ...entry, reason: entry.reason ?? describeWaiting(entry) });
    }
  };
  /** Returns those that are neither merged nor out. */
  const settle = async (queued: readonly string[]): Promise<string[]> => {
    const entries = await listQueue(stack);
    const open: string[] = [];
    for (const ticket of queued) {
      const entry = entries.find((one) => one.ticket === ticket);
      if (entry?.state === 'merged') await note(stack, name, { ticket, event: 'merged', reason: entry.reason });
      else if (!entry || entry.state === 'evicted' || entry.state === 'conflicted') await put(ticket, withHint(entry));
      else open.push(ticket);
    }
    return open;
  };
  return {
    async look(known) {
      if (fault !== undefined) throw fault;
      const queued = [...known.standings].filter(([, { next }]) => next.do === 'merge').map(([ticket]) => ticket);
      if (queued.length === 0 || work) return;
      const open = await settle(queued);
      if (open.length === 0) return;
      work = merge(known, open)
        .catch((error: unknown) => {
          fault = error;
        })
        .finally(() => {
          work = undefined;
        });
    },
    isAtWork: () => work !== undefined,
    async end() {
      stopper.abort();
      await work;
    },
  };
}

function describeWaiting({ after }: QueueEntry): string {
  return after.length > 0 ? `it waits in the queue for ${after.join(', ')}` : 'the queue could not merge it';
}

/** Where the queue has its output, and how it is tried again. */
function withHint(entry: QueueEntry | undefined): Pick<QueueEntry, 'reason' | 'hint'> | undefined {
  if (!entry) return undefined;
  const again = `\`stack plan retry ${entry.ticket}\` tries again`;
  const log = entry.log === null ? '' : `its output is in ${entry.log}; `;
  return {
    reason: entry.reason,
    hint: entry.state === 'conflicted' ? `\`stack sync ${entry.ticket} --resolve\`, then ${again}` : `${log}${again}`,
  };
}
