import { pause } from '../../adapters/pause.ts';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import type { RunState, RunView } from '../../domain/runs/run.ts';
import { requireInstances } from '../core/claim.ts';
import type { Stack } from '../core/stack.ts';
import { readStandings } from '../review/standing.ts';
import { viewRuns } from '../runs/observe.ts';
import { observeInstances } from './view.ts';

const POLL_MS = 300;

/** What is waited for: of a ticket `ready` and `merged`, of all its agents the rest. */
export interface Goal {
  goal: RunState | 'ready' | 'merged';
  /** Milliseconds; undefined: for ever. */
  timeout: number | undefined;
}

/** What a ticket has come to. */
export interface Awaited {
  ticket: string;
  met: boolean;
  /** What it, or its agents, are. */
  is: string;
}

interface Look extends Awaited {
  /** True where it can come to that no more by itself. */
  hopeless?: boolean;
}

/** The agents that were seen to live since the wait began, by ticket: one that ends then counts, one that ended before does not. */
export type Seen = Map<string, Set<string>>;

/**
 * Waits until tickets have come to something, the time is over, or one cannot come to it any more, as an agent that has failed is never
 * done. Returns what each is then. Throws `not-found`, also for a ticket without any agent, and `interrupted`.
 */
export async function waitFor(stack: Stack, tickets: readonly string[], { goal, timeout }: Goal): Promise<Awaited[]> {
  const deadline = performance.now() + (timeout ?? Number.POSITIVE_INFINITY);
  const seen: Seen = new Map();
  for (;;) {
    const records = requireInstances(await stack.store.read(), tickets);
    const names = records.map(({ ticket }) => ticket);
    const looks = await Promise.all(names.map((ticket) => lookAt(stack, ticket, goal, seen)));
    const isOver =
      looks.every(({ met }) => met) || looks.some(({ hopeless }) => hopeless) || performance.now() >= deadline;
    if (isOver) return looks.map(({ ticket, met, is }) => ({ ticket, met, is }));
    await pause(POLL_MS, stack.signal);
    throwIfAborted(stack.signal);
  }
}

async function lookAt(stack: Stack, ticket: string, goal: Goal['goal'], seen: Seen): Promise<Look> {
  if (goal === 'ready') {
    const [instance] = (await observeInstances(stack, [ticket])).instances;
    return { ticket, met: instance?.status === 'running', is: instance?.status ?? 'unknown' };
  }
  if (goal === 'merged') {
    const [standing] = await readStandings(stack, [ticket]);
    return { ticket, met: standing?.verdict === 'merged', is: standing?.verdict ?? 'unknown' };
  }
  const runs = await viewRuns(stack, ticket);
  if (runs.length === 0)
    throw new StackError('not-found', `${ticket} has no agent to wait for`, {
      hint: `\`stack run ${ticket} -d -- COMMAND\` starts one; \`--for ready\` and \`--for merged\` wait for the ticket`,
    });
  const those = pickAwaited(runs, ticket, seen);
  const reaches = ({ state, exitCode }: RunView): boolean =>
    state === goal || (goal === 'done' && state === 'exited' && exitCode === 0);
  const is = those
    .map(({ state, exitCode }) => (state === 'exited' ? `exited ${exitCode ?? ''}`.trim() : state))
    .join(', ');
  const met = those.length > 0 && those.every(reaches);
  const hopeless = those.some((run) => run.state === 'exited' && !reaches(run));
  return { ticket, met, is, hopeless };
}

/** Returns the agents of a ticket that have lived since the wait began; where none has, the last one. */
export function pickAwaited(runs: readonly RunView[], ticket: string, seen: Seen): RunView[] {
  const lived = seen.get(ticket) ?? new Set();
  for (const { id, state } of runs) if (state !== 'exited') lived.add(id);
  seen.set(ticket, lived);
  return lived.size > 0 ? runs.filter(({ id }) => lived.has(id)) : runs.slice(-1);
}
