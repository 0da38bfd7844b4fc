import { listBefore } from './order.ts';
import type { Plan } from './plan.ts';

/** Two tickets that may be worked on side by side, and what both are going to change. */
export interface Overlap {
  tickets: [string, string];
  patterns: [string, string][];
}

/** Returns the pairs of tickets, none of which comes after the other. */
export function listSideBySide(plan: Plan): [Plan['tickets'][number], Plan['tickets'][number]][] {
  const before = listBefore(plan);
  const isBehind = (ticket: string, other: string): boolean => before.get(ticket)?.has(other) === true;
  return plan.tickets.flatMap((one, index) =>
    plan.tickets.slice(index + 1).flatMap((other): [typeof one, typeof one][] => {
      const isApart = isBehind(one.ticket, other.ticket) || isBehind(other.ticket, one.ticket);
      return isApart ? [] : [[one, other]];
    }),
  );
}

/** Returns where tickets that may run together are going to change the same. */
export function findOverlaps(plan: Plan): Overlap[] {
  return listSideBySide(plan).flatMap(([one, other]) => {
    const patterns = one.touches.flatMap((mine) =>
      other.touches.flatMap((its): [string, string][] => (mayMeet(mine, its) ? [[mine, its]] : [])),
    );
    return patterns.length > 0 ? [{ tickets: [one.ticket, other.ticket], patterns }] : [];
  });
}

/** Returns true where some path fits both patterns; `*`, `?` and `**` are known, and all else that is no letter of a name counts as `*`. */
export function mayMeet(one: string, other: string): boolean {
  return meet(split(one), split(other));
}

/** A pattern that ends with `/` means all below. */
function split(pattern: string): string[] {
  const simple = pattern.replaceAll(/\{[^}]*\}|\[[^\]]*\]|[!+@]\([^)]*\)/g, '*').replace(/^\.\//, '');
  return (simple.endsWith('/') ? `${simple}**` : simple).split('/').filter((part) => part !== '');
}

function meet(one: readonly string[], other: readonly string[]): boolean {
  if (one[0] === '**') return meet(one.slice(1), other) || (other.length > 0 && meet(one, other.slice(1)));
  if (other[0] === '**') return meet(other, one);
  const [mine, its] = [one[0], other[0]];
  if (mine === undefined || its === undefined) return mine === its;
  return meetPart(mine, its) && meet(one.slice(1), other.slice(1));
}

function meetPart(one: string, other: string): boolean {
  if (one[0] === '*') return meetPart(one.slice(1), other) || (other !== '' && meetPart(one, other.slice(1)));
  if (other[0] === '*') return meetPart(other, one);
  if (one === '' || other === '') return one === other;
  const isFit = one[0] === other[0] || one[0] === '?' || other[0] === '?';
  return isFit && meetPart(one.slice(1), other.slice(1));
}
