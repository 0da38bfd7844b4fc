import { endClients, inUse, listClients } from '../../../adapters/postgres/clients.ts';
import { withSession } from '../../../adapters/postgres/connection.ts';
import { dropDatabase, findDatabase, listMarked, listNames } from '../../../adapters/postgres/databases.ts';
import { isEmpty } from '../../../adapters/postgres/schema.ts';
import { ownDatabase } from '../../../domain/own.ts';
import type { Work } from '../../core/work.ts';
import { askDatabases } from '../database-kind.ts';
import { untilAlone } from '../own-database.ts';
import type { OwnKind } from '../own-kind.ts';
import { databaseStep } from './database-step.ts';
import { postgresEmpty } from './empty.ts';
import { openPostgres, openRecorded, POSTGRES, settlePassword } from './postgres.ts';
import { dropKept, purgeKept, saveDatabase } from './saved.ts';
import { templateStep } from './template-step.ts';

/** A ticket's own Postgres is a database: a copy of the baseline's, marked by its comment. */
export const postgres: OwnKind = {
  service: POSTGRES,
  dumpEnding: 'dump',
  ...askDatabases({
    service: POSTGRES,
    open(stack, config, leases) {
      const { login, baseline, admin } = openPostgres(stack, config, leases);
      return {
        where: login.where,
        baseline,
        listNames: () => admin(listNames),
        listMarked: () => admin(listMarked),
        drop: (name, options) => admin((session) => dropDatabase(session, name, options)),
      };
    },
  }),
  settleLogin: settlePassword,
  templateStep,
  async isEmpty({ stack, shared }, config) {
    const { login, baseline } = openPostgres(stack, config, shared);
    return withSession(login, baseline, isEmpty, stack.signal);
  },
  empty: postgresEmpty,
  step: databaseStep,
  requireAlone,
  save: saveDatabase,
  dropSaved: dropKept,
  purgeSaved: purgeKept,
};

/** Throws `conflict`, naming them, while others are connected to a ticket's database; with `force` they are ended, where that is allowed. */
async function requireAlone(work: Work, { force, hint }: { force: boolean; hint: string }): Promise<void> {
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
