import { endClients, inUse, listClients } from '../../../adapters/postgres/clients.ts';
import { findDatabase } from '../../../adapters/postgres/databases.ts';
import { ownDatabase } from '../../../domain/own.ts';
import type { Work } from '../../core/work.ts';
import { untilAlone } from '../own-database.ts';
import { openRecorded, POSTGRES } from './postgres.ts';

/** Throws `conflict`, naming them, while others are connected to a ticket's database; with `force` they are ended, where that is allowed. */
export async function requireAlone(work: Work, { force, hint }: { force: boolean; hint: string }): Promise<void> {
  const database = ownDatabase(POSTGRES, work.record.own)?.database;
  const server = await openRecorded(work);
  if (database === undefined || !server) return;
  const clients = await server.admin(async (session) => {
    if (force) await endClients(session, database);
    // What they wrote counts once they have left.
    const staying = await untilAlone(async () =>
      (await findDatabase(session, database)) ? listClients(session, database) : [],
    );
    // Whoever came in after that is ended when the database goes.
    return force ? [] : staying;
  });
  if (clients.length > 0) throw inUse(database, clients, hint);
}
