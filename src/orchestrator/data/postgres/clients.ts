import { setTimeout as delay } from 'node:timers/promises';
import { type DatabaseClient, endClients, inUse, listClients } from '../../../adapters/postgres/clients.ts';
import type { Session } from '../../../adapters/postgres/connection.ts';
import { findDatabase } from '../../../adapters/postgres/databases.ts';
import { ownDatabase } from '../../../domain/own.ts';
import type { Work } from '../../core/work.ts';
import { openRecorded, POSTGRES } from './postgres.ts';

const POLL_MS = 50;

/** How long the server may take to see that a program that was ended is gone. */
const LEAVE_MS = 3000;

/** Throws `conflict`, naming them, while others are connected to a ticket's database; with `force` they are ended, where that is allowed. */
export async function requireAlone(work: Work, { force, hint }: { force: boolean; hint: string }): Promise<void> {
  const database = ownDatabase(POSTGRES, work.record.own)?.database;
  const server = await openRecorded(work);
  if (database === undefined || !server) return;
  const clients = await server.admin(async (session) => {
    if (force) await endClients(session, database);
    // What they wrote counts once they have left.
    const staying = await untilAlone(session, database);
    // Whoever came in after that is ended when the database goes.
    return force ? [] : staying;
  });
  if (clients.length > 0) throw inUse(database, clients, hint);
}

/** Returns who is connected still when those who were ended must have left. */
async function untilAlone(session: Session, database: string): Promise<DatabaseClient[]> {
  const deadline = performance.now() + LEAVE_MS;
  for (;;) {
    const clients = (await findDatabase(session, database)) ? await listClients(session, database) : [];
    if (clients.length === 0 || performance.now() > deadline) return clients;
    await delay(POLL_MS);
  }
}
