import type { Context } from '../../context.ts';
import { StackError } from '../../domain/errors.ts';
import type { InstanceRecord, StackState } from '../../domain/instance.ts';
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

/** Changes the named tickets one after the other, once all of them are known to exist, and gives how they are then. */
export async function changeTickets(
  context: Context,
  args: readonly string[],
  change: (stack: Stack, ticket: string) => Promise<void>,
): Promise<InstancesView> {
  const stack = await context.stack();
  const tickets = await namedTickets(context, args);
  const { requireInstances } = await import('../../orchestrator/core/claim.ts');
  requireInstances(await stack.store.read(), tickets);
  for (const ticket of tickets) await change(stack, ticket);
  const { observeInstances } = await import('../../orchestrator/status/view.ts');
  return observeInstances(stack, tickets);
}
