import { StackError } from '../../domain/errors.ts';
import type { Plan, PlannedTicket } from '../../domain/plans/plan.ts';
import type { Standing } from '../../domain/plans/standing.ts';
import { renderSuggestion } from '../../domain/suggest.ts';
import { ticketOf } from '../../domain/ticket.ts';
import { leaveQueue } from '../change/queue/queue.ts';
import {
  beingDriven,
  findPlan,
  isGoing,
  type KnownPlan,
  listPlans,
  note,
  requirePlan,
  withPlan,
  writePlan,
} from '../core/plans.ts';
import type { Stack } from '../core/stack.ts';
import { endStage } from './drive.ts';

/**
 * Writes a plan down as begun. One of that name that is there goes on, as its file says now; stages that are under way stay. Throws
 * `exists` for a ticket that is there and is not the plan's, or that another plan is going to make; `conflict` for a plan that lacks what
 * is under way; `busy` while a command goes on with it.
 */
export async function beginPlan(stack: Stack, plan: Plan): Promise<void> {
  await withPlan(stack, plan.name, () => begin(stack, plan));
}

async function begin(stack: Stack, plan: Plan): Promise<void> {
  const before = await findPlan(stack, plan.name);
  if (before) requireSame(before, plan);
  const { instances } = await stack.store.read();
  const strange = plan.tickets.find(({ ticket }) => {
    const isOurs = before?.events.some((event) => event.event === 'create' && event.ticket === ticket);
    return instances[ticket] !== undefined && !isOurs;
  });
  if (strange) {
    throw new StackError('exists', `${strange.ticket} is there already, and the plan would make it`, {
      hint: `call it otherwise in the plan, or \`stack destroy ${strange.argument}\` first`,
    });
  }
  await requireOnce(stack, plan.name, plan.tickets);
  await writePlan(stack, plan);
  await note(stack, plan.name, { event: 'plan' });
  const { standings } = await requirePlan(stack, plan.name);
  if ([...standings.values()].some(({ next }) => next.do !== 'rest' || next.why !== 'end')) return;
  const text = `the plan ${plan.name} is through, and nothing of it is left to do; another \`name:\` in its file begins it once more`;
  stack.emit({ type: 'warning', text });
}

/** Throws `exists` for a ticket that another plan goes on with, or will once somebody resumes that. */
async function requireOnce(stack: Stack, name: string, tickets: readonly PlannedTicket[]): Promise<void> {
  for (const other of (await listPlans(stack)).filter((one) => one !== name)) {
    const standings = (await findPlan(stack, other))?.standings;
    const twice = tickets.find(({ ticket }) => (standings?.get(ticket)?.next.do ?? 'rest') !== 'rest');
    if (!twice) continue;
    throw new StackError('exists', `${twice.ticket} is a ticket of the plan ${other}, which is not through with it`, {
      hint: `call it otherwise, or \`stack plan stop --plan ${other} ${twice.argument}\` first`,
    });
  }
}

function requireSame({ standings }: KnownPlan, plan: Plan): void {
  for (const [ticket, { stage, next }] of standings) {
    // One that was stopped or has failed begins at the first stage where its own is gone.
    const isWaiting = next.do === 'rest' && (next.why === 'approve' || next.why === 'findings');
    const isOpen = stage !== null && (next.do === 'rest' ? isWaiting : next.do !== 'create');
    const planned = plan.tickets.find((one) => one.ticket === ticket);
    if (!isOpen || planned?.stages.some(({ name }) => name === stage)) continue;
    const what = planned ? `its stage ${stage}` : 'it';
    throw new StackError(
      'conflict',
      `${ticket} is under way in the plan ${plan.name}, and the file has ${what} no more`,
      {
        hint: `\`stack plan stop --plan ${plan.name}\` stops it; give the file another \`name:\``,
      },
    );
  }
}

/**
 * Lets tickets go on: those that were stopped, and, where they are named, those that wait for a person's word; who goes on with the plan
 * takes them. Throws `not-found`; `usage` for one that has nothing to go on with; `exists` for one that another plan has by now; `busy`
 * where none is named and a command goes on with the plan.
 */
export async function resumePlan(stack: Stack, plan: string | undefined, tickets: readonly string[]): Promise<string> {
  const known = await requirePlan(stack, plan);
  if (tickets.length === 0 && (await isGoing(stack, known.plan.name))) throw beingDriven(known.plan.name);
  for (const planned of pick(known, tickets)) {
    const { ticket } = planned;
    const { next, stage } = known.standings.get(ticket) as Standing;
    const event = next.do !== 'rest' ? undefined : EVENTS[next.why];
    const isAsked = tickets.length > 0 || event === 'go';
    if (event && isAsked) await tellGo(stack, known, { planned, event, stage });
    else if (tickets.length > 0 && next.do === 'rest') throw nothingTo('resume', ticket, known);
  }
  return known.plan.name;
}

async function tellGo(
  stack: Stack,
  { plan }: KnownPlan,
  { planned, event, stage }: { planned: PlannedTicket; event: 'go' | 'pass' | 'retry'; stage: string | null },
): Promise<void> {
  await requireOnce(stack, plan.name, [planned]);
  await note(stack, plan.name, { ticket: planned.ticket, event, stage: stage ?? undefined });
}

const EVENTS = {
  stopped: 'go',
  approve: 'pass',
  findings: 'pass',
  end: undefined,
  failed: undefined,
  out: undefined,
} as const;

/** Lets tickets try again: all that have failed, or those named; a review that found something sends its ticket back. Throws the same. */
export async function retryPlan(stack: Stack, plan: string | undefined, tickets: readonly string[]): Promise<string> {
  const known = await requirePlan(stack, plan);
  for (const planned of pick(known, tickets)) {
    const { ticket } = planned;
    const { next, stage } = known.standings.get(ticket) as Standing;
    const isOpen = next.do === 'rest' && next.why !== 'end' && next.why !== 'approve';
    const isAsked = tickets.length > 0 ? isOpen : isOpen && (next.why === 'failed' || next.why === 'out');
    if (isAsked) await tellGo(stack, known, { planned, event: 'retry', stage });
    else if (tickets.length > 0) throw nothingTo('retry', ticket, known);
  }
  return known.plan.name;
}

function nothingTo(verb: string, ticket: string, { standings }: KnownPlan): StackError {
  const { state, reason } = standings.get(ticket) as Standing;
  const other = state === 'failed' || state === 'waiting' ? (verb === 'retry' ? 'resume' : 'retry') : undefined;
  return new StackError(
    'usage',
    `${ticket} is ${state}${reason === undefined ? '' : ` (${reason})`}: there is nothing to ${verb}`,
    {
      hint: other ? `\`stack plan ${other} ${ticket}\` is for that` : '`stack plan status` shows how far each is',
    },
  );
}

/**
 * Ends what is at work for a plan, or for some of its tickets, and takes them out of the queue, until a person lets them go on. Throws
 * `not-found`, `process`, `files`; `conflict` where another one in the queue comes after one of them.
 */
export async function stopPlan(stack: Stack, plan: string | undefined, tickets: readonly string[]): Promise<string> {
  const known = await requirePlan(stack, plan);
  const { name } = known.plan;
  const those = pick(known, tickets).filter(({ ticket }) => known.standings.get(ticket)?.next.do !== 'rest');
  const queued = those.flatMap(({ ticket }) => {
    const { next, madeAt } = known.standings.get(ticket) as Standing;
    return next.do === 'merge' ? [{ ticket, madeAt }] : [];
  });
  const merged = await leaveQueue(stack, queued);
  for (const ticket of merged) await note(stack, name, { ticket, event: 'merged' });
  for (const { ticket, argument } of those) {
    if (merged.includes(ticket)) continue;
    const hint = `\`stack plan resume ${argument}\` goes on`;
    await note(stack, name, { ticket, event: 'stop', reason: 'it was stopped', hint });
  }
  for (const ticket of those) await endStage({ stack, plan: known.plan, ticket });
  return name;
}

/** Throws `not-found` for a ticket that the plan does not have. */
function pick({ plan }: KnownPlan, named: readonly string[]): PlannedTicket[] {
  const known = plan.tickets.map(({ ticket }) => ticket);
  const wanted: string[] = named.map(ticketOf);
  const missing = wanted.find((ticket) => !known.includes(ticket));
  if (missing !== undefined) {
    throw new StackError(
      'not-found',
      `the plan ${plan.name} has no ticket ${missing}${renderSuggestion(missing, known)}`,
      {
        hint: `its tickets: ${known.join(', ')}`,
      },
    );
  }
  return plan.tickets.filter(({ ticket }) => wanted.length === 0 || wanted.includes(ticket));
}
