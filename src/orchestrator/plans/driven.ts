import { pause } from '../../adapters/pause.ts';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import type { InstanceRecord } from '../../domain/instance.ts';
import type { PlanEvent } from '../../domain/plans/journal.ts';
import type { Plan, PlannedTicket } from '../../domain/plans/plan.ts';
import { readStanding, type Standing } from '../../domain/plans/standing.ts';
import { isOwnerAlive } from '../core/claim.ts';
import { findPlan, note } from '../core/plans.ts';
import type { Stack } from '../core/stack.ts';

const POLL_MS = 200;

/** A ticket of a plan that is being driven. */
export interface Driven {
  stack: Stack;
  plan: Plan;
  ticket: PlannedTicket;
}

/** Returns how far a ticket is, as it is written down now. Throws `state`, `files`. */
export async function look({ stack, plan, ticket }: Driven) {
  const { events = [] } = (await findPlan(stack, plan.name)) ?? {};
  const standing = readStanding(ticket, events);
  return { next: standing.next, standing, events };
}

/** Writes down what becomes of a ticket. Throws `files`. */
export async function write({ stack, plan, ticket }: Driven, event: Omit<PlanEvent, 'at' | 'ticket'>): Promise<void> {
  await note(stack, plan.name, { ticket: ticket.ticket, ...event });
}

/** Tells whoever watches what becomes of a ticket. */
export function say({ stack, ticket }: Driven, text: string): void {
  stack.emit({ type: 'info', text: `${ticket.ticket}: ${text}` });
}

/** Returns a stack for what several tickets make at a time: people need not see more of it than what is odd. */
export function quiet({ stack, ticket }: Driven): Stack {
  return {
    ...stack,
    emit: (event) =>
      event.type === 'warning' && stack.emit({ type: 'warning', text: `${ticket.ticket}: ${event.text}` }),
  };
}

/**
 * Returns the record of a ticket, once no other command has its hands on it. Throws `not-found` for one that is gone, or another one of
 * that name; `interrupted`.
 */
export async function requireOwn({ stack, ticket }: Driven, { madeAt }: Standing): Promise<InstanceRecord> {
  for (;;) {
    const record = (await stack.store.read()).instances[ticket.ticket];
    if (record?.createdAt !== madeAt || !record) break;
    if (!(await isOwnerAlive(record))) {
      if (record.phase === 'destroying') break;
      return record;
    }
    await pause(POLL_MS, stack.signal);
    throwIfAborted(stack.signal);
  }
  throw new StackError('not-found', `${ticket.ticket} was destroyed, or made again, since the plan made it`, {
    hint: `\`stack restore ${ticket.argument}\` brings it back`,
  });
}
