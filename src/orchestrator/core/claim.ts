import { inspectLock } from '../../adapters/lock.ts';
import { isAlive } from '../../adapters/process/identity.ts';
import { StackError } from '../../domain/errors.ts';
import { BASELINE, type InstanceRecord, type StackState } from '../../domain/instance.ts';
import { changeLockOf } from '../../domain/layout.ts';
import { suggest } from '../../domain/suggest.ts';
import { ticketOf } from '../../domain/ticket.ts';
import { settleChange } from './journal.ts';
import { requireOwnThings } from './ownership.ts';
import { findRecreate } from './recreating.ts';
import type { Stack } from './stack.ts';

/** True while the process that is changing the record lives. */
export async function isOwnerAlive(record: InstanceRecord): Promise<boolean> {
  return record.owner !== undefined && (await isAlive(record.owner));
}

/** True for a ticket that a verification was killed in: no living command is at it. */
export async function isLeftVerification(stack: Stack, { ticket, verifies }: InstanceRecord): Promise<boolean> {
  return verifies !== undefined && (await inspectLock(changeLockOf(stack.root, ticket))) !== 'held';
}

/** Returns the tickets that verifications which were killed have left. Throws `state`. */
export async function listLeftVerifications(stack: Stack): Promise<InstanceRecord[]> {
  const records = Object.values((await stack.store.read()).instances);
  const isLeft = await Promise.all(records.map((record) => isLeftVerification(stack, record)));
  return records.filter((_, index) => isLeft[index]);
}

/** Returns a ticket's record. Throws `not-found`, with the nearest names. */
export function requireInstance(state: StackState, ticket: string): InstanceRecord {
  const name = ticketOf(ticket);
  const record = Object.hasOwn(state.instances, name) ? state.instances[name] : undefined;
  if (record) return record;
  const known = Object.keys(state.instances);
  throw new StackError('not-found', `there is no ticket ${JSON.stringify(ticket)}`, {
    hint: findRecreate(state, name) ? cutOff(name) : hintFor(name, known),
    details: { ticket, known },
  });
}

function cutOff(ticket: string): string {
  return `its recreate was cut off: \`stack recreate ${ticket}\` makes it again`;
}

function hintFor(name: string, known: readonly string[]): string {
  if (name === BASELINE) return '`stack up` and `stack down` start and stop the baseline';
  const near = suggest(name, known);
  if (near.length > 0) return `did you mean ${near.join(' or ')}?`;
  return known.length > 0 ? `there are: ${known.join(', ')}` : 'there is none yet: `stack create TICKET`';
}

/** Returns the records of several tickets. Throws `not-found` for the first that has none, before any is touched. */
export function requireInstances(state: StackState, tickets: readonly string[]): InstanceRecord[] {
  return tickets.map((ticket) => requireInstance(state, ticket));
}

/**
 * Makes this process the owner of a ticket's record while it changes it, and gives the record. `change` goes into the
 * same write. Throws `not-found`, `busy` while another living process owns it, and `conflict` for a record of other things.
 */
export async function claimInstance(
  stack: Stack,
  ticket: string,
  change: (record: InstanceRecord, draft: StackState) => void | Promise<void>,
): Promise<{ record: InstanceRecord; state: StackState }> {
  await requireOwnThings(stack, requireInstance(await stack.store.read(), ticket));
  await settleChange(stack, ticketOf(ticket));
  return stack.store.update(async (draft) => {
    const record = requireInstance(draft, ticket);
    await requireFree(stack, record);
    record.owner = stack.owner;
    await change(record, draft);
    return { record, state: draft };
  });
}

/** Throws `busy` while another living process is changing the record. */
export async function requireFree(stack: Stack, record: InstanceRecord): Promise<void> {
  if (record.owner?.pid === stack.owner.pid || !(await isOwnerAlive(record))) return;
  throw new StackError(
    'busy',
    `${record.ticket} is being changed by \`${record.owner?.command}\` (pid ${record.owner?.pid})`,
    { hint: 'wait until it is done; `stack ps` shows the state' },
  );
}
