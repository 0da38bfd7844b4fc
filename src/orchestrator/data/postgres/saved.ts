import { isThere, makeFolder } from '../../../adapters/files/files.ts';
import { endClients } from '../../../adapters/postgres/clients.ts';
import type { Session } from '../../../adapters/postgres/connection.ts';
import { countStatistics } from '../../../adapters/postgres/contents.ts';
import {
  copyDatabase,
  copyProperties,
  type Database,
  dropDatabase,
  findDatabase,
  fingerprintOf,
  listMarked,
  moveDatabase,
} from '../../../adapters/postgres/databases.ts';
import { bestEffort } from '../../../domain/errors.ts';
import type { InstanceRecord } from '../../../domain/instance.ts';
import { type DatabaseMark, hiddenDatabase, ownDatabase } from '../../../domain/own.ts';
import type { SavedPart } from '../../../domain/rescue.ts';
import type { Stack } from '../../core/stack.ts';
import { saveRecord, type Work } from '../../core/work.ts';
import { dumpFile, dumpsFolder, keptDays } from '../dumps.ts';
import { ticketMark } from '../own-database.ts';
import type { PurgeOptions } from '../own-kind.ts';
import { dumpDatabase, loadInto } from './dump.ts';
import { openRecorded, POSTGRES, type PostgresServer } from './postgres.ts';

/**
 * Saves a ticket's database with pg_dump, or, where none fits the server, by keeping it sealed under another name. One that nothing
 * was written to is not saved. Throws `database`, `files`.
 */
export async function saveDatabase(work: Work, name: string): Promise<SavedPart | undefined> {
  const own = ownDatabase(POSTGRES, work.record.own);
  const server = own && (await openRecorded(work));
  const found = server && (await server.admin((session) => findDatabase(session, own.database)));
  if (server && !found) return findKept(work, server);
  if (!server || !found || found.mark?.ticket !== work.record.ticket) return undefined;
  if (await isUnwritten(server, found)) return undefined;
  if (await server.tools()) {
    await makeFolder(dumpsFolder(work.stack));
    await dumpDatabase(work.stack, { server, database: own.database }, dumpFile(work.stack, `${name}.dump`));
    return { database: own.database, from: own.from, dump: `${name}.dump` };
  }
  const kept = hiddenDatabase(own.from, `kept_${name}`, work.stack.rootId);
  // While it is put away it is not gone: should this command end here, `start` takes it back.
  const { made } = own;
  own.made = false;
  await saveRecord(work);
  await server
    .admin((session) => keepDatabase(session, work, own.database, kept))
    .catch((error: unknown) => {
      own.made = made;
      throw error;
    });
  const days = await keptDays(work.stack);
  const long = days === undefined ? '' : ` for ${days} day${days === 1 ? '' : 's'}`;
  work.stack.emit({
    type: 'info',
    text: `${own.database} is kept as ${kept}${long}, since no pg_dump of the server’s version is here`,
  });
  return { database: own.database, from: own.from, kept };
}

/** True where a ticket's database surely has what it had when it was made. Nobody else may be connected to it. */
async function isUnwritten(server: PostgresServer, { name, mark }: Database): Promise<boolean> {
  const isSame = async (uncounted?: number): Promise<boolean> =>
    mark?.sign === (await server.admin((session) => fingerprintOf(session, name, uncounted)));
  if (await isSame()) return true;
  const statistics = await bestEffort(server.inside(countStatistics, undefined, name));
  return statistics !== undefined && isSame(statistics);
}

/** Returns what a destroy of the ticket has put away that was ended, or refused, before it went on; undefined for nothing. */
export async function findKept({ stack, record }: Work, server: PostgresServer): Promise<SavedPart | undefined> {
  const own = ownDatabase(POSTGRES, record.own);
  const kept = (await server.admin(listMarked)).findLast(
    ({ mark }) => mark.kind === 'kept' && mark.rootId === stack.rootId && isKeptOf(mark, record),
  );
  return own && kept ? { database: own.database, from: own.from, kept: kept.name } : undefined;
}

/** A clock may have been set back between two tickets of one name: only a mark of an older version is told by its date. */
function isKeptOf({ ticket, createdAt, copiedAt }: DatabaseMark, record: InstanceRecord): boolean {
  if (ticket !== record.ticket) return false;
  return createdAt === undefined
    ? Date.parse(copiedAt) >= Date.parse(record.createdAt)
    : createdAt === record.createdAt;
}

/** From here on nobody but `restore` comes to it. */
async function keepDatabase(session: Session, { stack, record }: Work, database: string, kept: string): Promise<void> {
  const { ticket, createdAt } = record;
  const mark = { kind: 'kept', rootId: stack.rootId, root: stack.root, ticket, createdAt } as const;
  await endClients(session, database);
  const kind = { ...mark, copiedAt: new Date().toISOString() };
  await moveDatabase(session, { from: database, to: kept, mark: kind, open: false });
}

/** Puts saved data back as a ticket's database. False when it is gone. Throws `database`, `files`. */
export async function bringDataBack(work: Work, server: PostgresServer): Promise<boolean> {
  const saved = work.rescue?.own?.[POSTGRES];
  const own = ownDatabase(POSTGRES, work.record.own);
  if (!saved || !own) return false;
  const { dump, kept } = saved;
  if (dump !== undefined) {
    const file = dumpFile(work.stack, dump);
    if (!(await isThere(file))) return false;
    await loadInto(work, server, file);
    return true;
  }
  return server.admin(async (session) => {
    const found = kept === undefined ? undefined : await findDatabase(session, kept);
    if (found?.mark?.kind !== 'kept') return false;
    // A copy: should the restore fail further on, what it made goes, and what was saved must not.
    const copy = hiddenDatabase(own.from, `new_${work.record.ticket}`, work.stack.rootId);
    await dropDatabase(session, copy, { force: true });
    await copyDatabase(session, { name: copy, from: found, sealed: false });
    await copyProperties(session, found.name, copy);
    await moveDatabase(session, { from: copy, to: own.database, mark: freshMark(work), open: true });
    return true;
  });
}

/** Takes back what a destroy has put away that did not go on. False where there is none. Throws `database`. */
export async function takeBack(work: Work, server: PostgresServer): Promise<boolean> {
  const { kept, database } = (await findKept(work, server)) ?? {};
  if (kept === undefined || database === undefined) return false;
  const move = { from: kept, to: database, mark: freshMark(work), open: true };
  await server.admin((session) => moveDatabase(session, move));
  return true;
}

function freshMark(work: Work): DatabaseMark {
  return { ...ticketMark(work), copiedAt: new Date().toISOString() };
}

/** Drops a database that is kept of a ticket. Missing is done. */
export async function dropKept(stack: Stack, { kept }: SavedPart): Promise<void> {
  if (kept === undefined) return;
  const server = await openRecorded({ stack, shared: (await stack.store.read()).shared, config: undefined });
  await server?.admin(async (session) => {
    if ((await findDatabase(session, kept))?.mark?.kind === 'kept') await dropDatabase(session, kept, { force: true });
  });
}

/** Drops the databases that have been kept for long enough. */
export async function purgeKept(work: Work, { oldest, young, living }: PurgeOptions): Promise<void> {
  const spared = new Set(young.map(({ own }) => own?.[POSTGRES]?.kept));
  const server = await openRecorded(work);
  await server?.admin(async (session) => {
    for (const { name, mark } of await listMarked(session)) {
      if (mark.rootId !== work.stack.rootId || mark.kind !== 'kept' || spared.has(name)) continue;
      if (Date.parse(mark.copiedAt) < oldest && !living.some((record) => isKeptOf(mark, record)))
        await dropDatabase(session, name, { force: true });
    }
  });
}
