import type { Context } from '../../context.ts';
import { StackError } from '../../domain/errors.ts';
import { type InstanceRecord, requireService, type StackState } from '../../domain/instance.ts';
import { renderSuggestion, suggest } from '../../domain/suggest.ts';
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
  const selected = await readSelection(context, stack, selection);
  for (const [ticket, services] of selected) await change(stack, ticket, services);
  const { observeInstances } = await import('../../orchestrator/status/view.ts');
  return observeInstances(stack, [...selected.keys()]);
}

/** Changes the tickets named, or the one whose folder we are in, once all are known to exist. Returns how they are then. */
export async function changeNamed(
  context: Context,
  args: readonly string[],
  change: (stack: Stack, ticket: string) => Promise<unknown>,
): Promise<InstancesView> {
  const [{ requireInstances }, { observeInstances }, stack] = await Promise.all([
    import('../../orchestrator/core/claim.ts'),
    import('../../orchestrator/status/view.ts'),
    context.stack(),
  ]);
  const tickets = await namedTickets(context, args);
  requireInstances(await stack.store.read(), tickets);
  for (const ticket of tickets) await change(stack, ticket);
  return observeInstances(stack, tickets);
}

/** Returns the services that are meant, by ticket. Throws `usage`, `not-found`. */
async function readSelection(
  context: Context,
  stack: Stack,
  { args, all, services = [] }: Selection,
): Promise<Map<string, string[]>> {
  const [{ requireInstance, requireInstances }, state] = await Promise.all([
    import('../../orchestrator/core/claim.ts'),
    stack.store.read(),
  ]);
  const { instances } = state;
  const isTicket = (word: string): boolean => Object.hasOwn(instances, ticketOf(word));
  const named = args.filter(isTicket);
  const others = args.filter((word) => !isTicket(word));
  const wanted = [...new Set([...services, ...others])];
  if (all) {
    if (named.length > 0) throw bothSaid('--all and a ticket’s name', 'leave one of the two away');
    return selectAll(Object.values(instances), wanted);
  }
  const here = others.length > 0 && named.length === 0 ? (await context.place()).ticket : undefined;
  const stranger = others[0];
  if (stranger !== undefined && named.length === 0 && here === undefined) requireInstance(state, stranger);
  const tickets = here === undefined ? await namedTickets(context, named) : [here];
  const records = requireInstances(state, tickets);
  const twice = named.slice(1).find((word) => records.some((record) => Object.hasOwn(record.services, word)));
  if (twice !== undefined) throw bothSaid(`${twice} is a ticket and a service`, `--service ${twice} means the service`);
  for (const service of wanted) {
    // What is nobody's service may have been meant for a ticket.
    const isNear = suggest(service, Object.keys(instances)).length > 0;
    if (isNear && !records.some((record) => Object.hasOwn(record.services, service))) requireInstance(state, service);
    for (const record of records) requireService(record, service);
  }
  return new Map(tickets.map((ticket) => [ticket, wanted]));
}

/** Returns every ticket with those of the services that it has; those that have none are left out. Throws `not-found`. */
export function selectAll(records: readonly InstanceRecord[], wanted: readonly string[]): Map<string, string[]> {
  const known = [...new Set(records.flatMap((record) => Object.keys(record.services)))];
  const unknown = wanted.find((service) => !known.includes(service));
  if (unknown !== undefined) {
    throw new StackError('not-found', `no ticket has a service ${unknown}${renderSuggestion(unknown, known)}`, {
      hint: `there are: ${known.join(', ') || 'none'}`,
    });
  }
  const having = records.map((record): [string, string[]] => [
    record.ticket,
    wanted.filter((service) => Object.hasOwn(record.services, service)),
  ]);
  return new Map(having.filter(([, services]) => wanted.length === 0 || services.length > 0));
}

/** Returns the refusal of two things that exclude each other. */
export function bothSaid(message: string, hint: string): StackError {
  return new StackError('usage', message, { hint });
}

/** Returns which of some flags was given, where they exclude each other; undefined for none. Throws `usage` for two of them. */
export function chooseOne<Name extends string>(
  options: Partial<Record<Name, unknown>>,
  names: readonly Name[],
): Name | undefined {
  const [one, other] = names.filter((name) => options[name]);
  if (other !== undefined) throw bothSaid(`--${one} and --${other} exclude each other`, 'leave one of the two away');
  return one;
}
