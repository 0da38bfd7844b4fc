import type { Plan } from './plan.ts';
import type { Standing } from './standing.ts';

/** Returns the tickets that may be worked on now, the first one first: at most so many that `max` are with those at work. */
export function listStartable(
  plan: Plan,
  standings: ReadonlyMap<string, Standing>,
  busy: ReadonlySet<string>,
): string[] {
  const isMet = (ticket: string): boolean => standings.get(ticket)?.isThrough === true;
  const free = plan.tickets.filter(({ ticket, after }) => {
    const next = standings.get(ticket)?.next.do;
    return next !== undefined && next !== 'rest' && next !== 'merge' && !busy.has(ticket) && after.every(isMet);
  });
  // What was begun goes on before anything new does.
  const isBegun = ({ ticket }: { ticket: string }): boolean => standings.get(ticket)?.next.do !== 'create';
  const sorted = [...free.filter(isBegun), ...free.filter((one) => !isBegun(one))];
  return sorted.slice(0, Math.max(0, plan.max - busy.size)).map(({ ticket }) => ticket);
}

/** Returns true where a ticket comes after another, by way of others too. */
export function isBehind(plan: Plan, ticket: string, other: string): boolean {
  const after = plan.tickets.find((one) => one.ticket === ticket)?.after ?? [];
  return after.includes(other) || after.some((one) => isBehind(plan, one, other));
}
