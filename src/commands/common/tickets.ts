import type { Context } from '../../context.ts';
import { StackError } from '../../domain/errors.ts';
import { type InstanceRecord, requireService, type StackState } from '../../domain/instance.ts';
import { ticketOf } from '../../domain/ticket.ts';
import type { InstancesView } from '../../domain/view.ts';
import type { Stack } from '../../orchestrator/core/stack.ts';

/** Returns the tickets named, or the one whose folder we are in. Throws `usage` when there is neither. */
export async function namedTickets(context: Context, args: readonly string[]): Promise<string[]> {
  if (args.length > 0) return [...new Set(args.map((arg) => ticketOf(arg)))];
  const { ticket } = await context.place();
  if (ticket !== undefined) return [ticket];
  const known = Object.keys((await (await context.stack()).store.read()).instances);
  throw new StackError('usage', 'which ticket?', {
    hint:
      known.length > 0
        ? `name one of ${known.join(', ')}, or go into its folder`
        : 'there is none yet: `stack create TICKET`',
  });
}

/**
 * Splits `[TICKET] [SERVICE…]`: the first word is the ticket where there is one of that name (or `baseline`), else we
 * must be in a ticket's folder. Throws `usage`, `not-found`.
 */
export async function splitTicketAndServices(
  context: Context,
  args: readonly string[],
): Promise<{ state: StackState; record: InstanceRecord; services: string[] }> {
  const [{ BASELINE }, { requireInstance }, stack, place] = await Promise.all([
    import('../../domain/instance.ts'),
    import('../../orchestrator/core/claim.ts'),
    context.stack(),
    context.place(),
  ]);
  const state = await stack.store.read();
  const [first, ...rest] = args;
  if (first === BASELINE && state.baseline) return { state, record: state.baseline, services: rest };
  const isTicket = first !== undefined && Object.hasOwn(state.instances, ticketOf(first));
  if (isTicket) return { state, record: requireInstance(state, first), services: rest };
  if (place.ticket !== undefined) return { state, record: requireInstance(state, place.ticket), services: [...args] };
  const [ticket = ''] = await namedTickets(context, args.slice(0, 1));
  return { state, record: requireInstance(state, ticket), services: rest };
}

/** Which tickets a verb changes, as its command line says it. */
export interface Selection {
  args: readonly string[];
  all: boolean | undefined;
  /** Services by flag; those among `args` come to them. */
  services?: readonly string[];
}

/** What takes every ticket in the place of names. */
export const ALL_FLAG = ['--all', 'every ticket'] as const;

/**
 * Changes the selected tickets one after the other, once all of them and their services are known to exist, and gives how they are
 * then. `change` is told the services that are meant; none means all.
 */
export async function changeTickets(
  context: Context,
  selection: Selection,
  change: (stack: Stack, ticket: string, services: string[]) => Promise<void>,
): Promise<InstancesView> {
  const stack = await context.stack();
  const { tickets, services } = await readSelection(context, selection);
  const { requireInstances } = await import('../../orchestrator/core/claim.ts');
  const records = requireInstances(await stack.store.read(), tickets);
  for (const record of records) for (const service of services) requireService(record, service);
  for (const ticket of tickets) await change(stack, ticket, services);
  const { observeInstances } = await import('../../orchestrator/status/view.ts');
  return observeInstances(stack, tickets);
}

async function readSelection(
  context: Context,
  { args, all, services = [] }: Selection,
): Promise<{ tickets: string[]; services: string[] }> {
  const [{ requireInstance }, stack, { ticket: here }] = await Promise.all([
    import('../../orchestrator/core/claim.ts'),
    context.stack(),
    context.place(),
  ]);
  const state = await stack.store.read();
  const known = Object.keys(state.instances);
  const named = args.map((word) => ticketOf(word)).filter((ticket) => known.includes(ticket));
  const others = args.filter((word) => !known.includes(ticketOf(word)));
  if (all && named.length > 0) {
    throw new StackError('usage', '--all and a ticket’s name', { hint: 'leave one of the two away' });
  }
  if (others.length === 0 && !all) return { tickets: await namedTickets(context, args), services: [...services] };
  const wanted = [...new Set([...services, ...others])];
  const having = known.filter((ticket) => wanted.every((service) => state.instances[ticket]?.services[service]));
  const tickets = all ? having : named.length > 0 ? [...new Set(named)] : here === undefined ? [] : [here];
  const stranger = others.find((word) => !tickets.some((ticket) => state.instances[ticket]?.services[word]));
  // It may have been meant for a ticket.
  if (stranger !== undefined) requireInstance(state, stranger);
  return { tickets, services: wanted };
}
