import { pause } from '../../adapters/pause.ts';
import { throwIfAborted } from '../../domain/errors.ts';
import type { RunState } from '../../domain/runs/run.ts';
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

/**
 * Waits until tickets have come to something, the time is over, or one cannot come to it any more, as an agent that has failed is never
 * done. Returns what each is then. Throws `not-found`, `interrupted`.
 */
export async function waitFor(stack: Stack, tickets: readonly string[], { goal, timeout }: Goal): Promise<Awaited[]> {
  const deadline = performance.now() + (timeout ?? Number.POSITIVE_INFINITY);
  for (;;) {
    const records = requireInstances(await stack.store.read(), tickets);
    const names = records.map(({ ticket }) => ticket);
    const looks = await Promise.all(names.map((ticket) => lookAt(stack, ticket, goal)));
    const isOver =
      looks.every(({ met }) => met) || looks.some(({ hopeless }) => hopeless) || performance.now() >= deadline;
    if (isOver) return looks.map(({ ticket, met, is }) => ({ ticket, met, is }));
    await pause(POLL_MS, stack.signal);
    throwIfAborted(stack.signal);
  }
}

async function lookAt(stack: Stack, ticket: string, goal: Goal['goal']): Promise<Look> {
  if (goal === 'ready') {
    const [instance] = (await observeInstances(stack, [ticket])).instances;
    return { ticket, met: instance?.status === 'running', is: instance?.status ?? 'unknown' };
  }
  if (goal === 'merged') {
    const [standing] = await readStandings(stack, [ticket]);
    return { ticket, met: standing?.verdict === 'merged', is: standing?.verdict ?? 'unknown' };
  }
  const runs = await viewRuns(stack, ticket);
  const current = runs.filter(({ state }) => state !== 'exited');
  const last = runs.at(-1);
  const those = current.length > 0 || !last ? current : [last];
  const reaches = ({ state, exitCode }: (typeof runs)[number]): boolean =>
    state === goal || (goal === 'done' && state === 'exited' && exitCode === 0);
  const is = those
    .map(({ state, exitCode }) => (state === 'exited' ? `exited ${exitCode ?? ''}`.trim() : state))
    .join(', ');
  const met = those.length > 0 && those.every(reaches);
  const isDead = those.length > 0 && those.every(({ state }) => state === 'exited');
  return { ticket, met, is: is || 'without an agent', hopeless: !met && isDead };
}
