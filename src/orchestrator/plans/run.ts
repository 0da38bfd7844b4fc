import { pause } from '../../adapters/pause.ts';
import { throwIfAborted } from '../../domain/errors.ts';
import { listStartable } from '../../domain/plans/order.ts';
import { findOverlaps } from '../../domain/plans/touches.ts';
import { type KnownPlan, requirePlan, withPlan } from '../core/plans.ts';
import type { Stack } from '../core/stack.ts';
import { drive, endStage } from './drive.ts';
import type { Driven } from './driven.ts';
import { createMerging, type Merging } from './merging.ts';

const POLL_MS = 500;

/** A ticket that is being driven, and what ends that. */
interface Driving {
  stop(): void;
  /** Never fails: what came of it is in `fault`. */
  work: Promise<void>;
  hasEnded: boolean;
  fault?: unknown;
}

/**
 * Goes on with a plan until nothing can be done any more without a person. Agents go on by themselves, whatever becomes of this command.
 * Throws `busy` while another command is at it, `interrupted`, `state`, `files`, `confirm`, `config`.
 */
export async function runPlan(stack: Stack, name: string): Promise<void> {
  await stack.requireTrust();
  await withPlan(stack, name, async () => {
    const driving = new Map<string, Driving>();
    const merging = createMerging(stack, name);
    try {
      await goOn(stack, name, { driving, merging });
    } finally {
      for (const one of driving.values()) one.stop();
      await Promise.all([...driving.values()].map(({ work }) => work));
      await merging.end();
    }
  });
}

async function goOn(
  stack: Stack,
  name: string,
  { driving, merging }: { driving: Map<string, Driving>; merging: Merging },
): Promise<void> {
  warnOfOverlaps(stack, await requirePlan(stack, name));
  for (;;) {
    throwIfAborted(stack.signal);
    const known = await requirePlan(stack, name);
    await settle(driving);
    stopWhatIsStopped(known, driving);
    await merging.look(known);
    const busy = new Set(driving.keys());
    for (const ticket of listStartable(known.plan, known.standings, busy))
      driving.set(ticket, begin(stack, known, ticket));
    if (driving.size === 0 && !merging.isAtWork() && !hasMore(await requirePlan(stack, name))) return;
    await Promise.race([...[...driving.values()].map(({ work }) => work), pause(POLL_MS, stack.signal)]);
  }
}

/** True while something can be done for a ticket, or the queue has one. */
function hasMore({ plan, standings }: KnownPlan): boolean {
  const isQueued = [...standings.values()].some(({ next }) => next.do === 'merge');
  return isQueued || listStartable(plan, standings, new Set()).length > 0;
}

function warnOfOverlaps(stack: Stack, { plan }: KnownPlan): void {
  for (const { tickets, patterns } of findOverlaps(plan)) {
    const what = patterns.map(([mine, its]) => (mine === its ? mine : `${mine} and ${its}`)).join(', ');
    stack.emit({ type: 'warning', text: `${tickets.join(' and ')} may run side by side, and both touch ${what}` });
  }
}

function begin(stack: Stack, { plan }: KnownPlan, name: string): Driving {
  const ticket = plan.tickets.find((one) => one.ticket === name)!;
  const stopper = new AbortController();
  const signal = AbortSignal.any([stack.signal, stopper.signal]);
  const driven = { stack: { ...stack, signal }, plan, ticket };
  const one: Driving = { stop: () => stopper.abort(), hasEnded: false, work: Promise.resolve() };
  one.work = driveOrStop(driven, stopper.signal, stack).then(
    () => {
      one.hasEnded = true;
    },
    (fault: unknown) => {
      Object.assign(one, { hasEnded: true, fault });
    },
  );
  return one;
}

/** What was begun after a person had it stopped is ended, too. */
async function driveOrStop(driven: Driven, stopped: AbortSignal, stack: Stack): Promise<void> {
  try {
    await drive(driven);
  } catch (error) {
    if (!stopped.aborted || stack.signal.aborted) throw error;
    await endStage({ ...driven, stack });
  }
}

/** Throws what a ticket has failed with that is no matter of the ticket alone. */
async function settle(driving: Map<string, Driving>): Promise<void> {
  for (const [ticket, one] of driving) {
    if (!one.hasEnded) continue;
    driving.delete(ticket);
    if (one.fault !== undefined) throw one.fault;
  }
}

function stopWhatIsStopped({ standings }: KnownPlan, driving: ReadonlyMap<string, Driving>): void {
  for (const [ticket, one] of driving) {
    const next = standings.get(ticket)?.next;
    if (next?.do === 'rest' && next.why === 'stopped') one.stop();
  }
}
