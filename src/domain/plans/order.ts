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

/** Returns the tickets that each ticket comes after, by way of others too. */
export function listBefore({ tickets }: Plan): Map<string, Set<string>> {
  const after = new Map(tickets.map((one) => [one.ticket, one.after]));
  const before = new Map<string, Set<string>>();
  const find = (ticket: string): Set<string> => {
    const known = before.get(ticket);
    if (known) return known;
    const found = new Set<string>();
    before.set(ticket, found);
    for (const one of after.get(ticket) ?? []) for (const other of [one, ...find(one)]) found.add(other);
    return found;
  };
  for (const { ticket } of tickets) find(ticket);
  return before;
}
