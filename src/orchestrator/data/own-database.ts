import { setTimeout as delay } from 'node:timers/promises';
import { StackError } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord, type OwnDatabase } from '../../domain/instance.ts';
import { type DatabaseMark, ownDatabase } from '../../domain/own.ts';
import { titleOf } from '../../domain/own-kinds.ts';
import { configIfReadable } from '../core/stack.ts';
import { requireConfig, saveRecord, type Work } from '../core/work.ts';
import { describePlace, placeOf } from '../shared/place.ts';

/** Returns the mark of a ticket's database, but for when it was copied. */
export function ticketMark({ stack, record }: Pick<Work, 'stack' | 'record'>) {
  return { kind: 'ticket', rootId: stack.rootId, root: stack.root, ticket: record.ticket } as const;
}

/** True for a mark that says a database is the ticket's. */
export function isTicketOf(mark: DatabaseMark | undefined, { stack, record }: Pick<Work, 'stack' | 'record'>): boolean {
  return mark?.rootId === stack.rootId && mark.ticket === record.ticket;
}

/** What was done to a database before is not in a new one. While a ticket is made there was none, and what counts as run was told so. */
export function forgetMigrations(record: InstanceRecord): void {
  if (record.phase === 'creating' || record.unfinished) return;
  for (const [, repo] of dedicatedRepos(record)) if (repo.migrated) repo.migrated = false;
}

const POLL_MS = 50;
/** How long the server may take to see that a program that was ended is gone. */
const LEAVE_MS = 3000;

/** Returns who is connected still when those who were ended must have left. */
export async function untilAlone<Client>(list: () => Promise<Client[]>): Promise<Client[]> {
  const deadline = performance.now() + LEAVE_MS;
  for (;;) {
    const clients = await list();
    if (clients.length === 0 || performance.now() > deadline) return clients;
    await delay(POLL_MS);
  }
}

/** Returns the ticket's database as its record has it. Throws for a ticket without one: whoever asks has looked. */
export function requireDatabase({ record }: Pick<Work, 'record'>, service: string): OwnDatabase {
  const own = ownDatabase(service, record.own);
  if (!own) throw new Error(`${record.ticket} has no ${service} database of its own`);
  return own;
}

/** Warns of a database that was made on a server which stack.yml names no more: it is out of reach. */
export async function tellStranded(work: Work, service: string): Promise<void> {
  const { stack, record } = work;
  const { database, made, at } = requireDatabase(work, service);
  const known = work.config ?? (await configIfReadable(stack));
  if (!made || at === undefined || at === placeOf(service, stack, known)) return;
  const server = describePlace(titleOf(service), at);
  const text = `the database ${database} of ${record.ticket} stays on ${server}: another server is named now`;
  stack.emit({ type: 'warning', text });
}

/** Warns where what was saved of a ticket's database is gone. */
export function tellSavedGone({ stack, record }: Work): void {
  const text = `the saved data of ${record.ticket} is gone: its database begins as the baseline’s`;
  stack.emit({ type: 'warning', text });
}

/** Notes that a ticket's database is there, or is about to go. Between the two a missing one is one that somebody took away. */
export async function noteMade(work: Work, service: string, made: boolean): Promise<void> {
  const own = requireDatabase(work, service);
  own.made = made;
  if (made) own.at = placeOf(service, work.stack, await requireConfig(work));
  await saveRecord(work);
}

/** Returns the error for a database of the ticket's name that is somebody else's. `where` is its server. */
export function takenBySomebody({ record }: Work, database: string, where: string): StackError {
  return new StackError('exists', `there is a database ${database} on ${where}, and it is not ${record.ticket}’s`, {
    hint: 'rename or drop it, or give the ticket another name',
    details: { database },
  });
}
