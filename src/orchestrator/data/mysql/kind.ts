import {
  dropDatabase,
  emptyDatabase,
  endClients,
  isEmpty,
  listClients,
  listMarked,
  listNames,
} from '../../../adapters/mysql/databases.ts';
import { StackError } from '../../../domain/errors.ts';
import { ownDatabase } from '../../../domain/own.ts';
import type { Work } from '../../core/work.ts';
import { askDatabases } from '../database-kind.ts';
import { untilAlone } from '../own-database.ts';
import type { OwnKind } from '../own-kind.ts';
import { MYSQL, openMysql, openRecorded } from './mysql.ts';
import { ENDING, saveDatabase } from './saved.ts';
import { databaseStep } from './step.ts';

/** A ticket's own MySQL, or MariaDB, is a database: a copy of the baseline's, marked by the comment of a table in it. */
export const mysql: OwnKind = {
  service: MYSQL,
  dumpEnding: ENDING,
  ...askDatabases({
    service: MYSQL,
    open(stack, config, leases) {
      const { where, baseline, programs } = openMysql(stack, config, leases);
      return {
        where,
        baseline,
        listNames: async () => listNames(await programs(), stack.signal),
        listMarked: async () => listMarked(await programs(), stack.signal),
        drop: async (name) => dropDatabase(await programs(), name, stack.signal),
      };
    },
  }),
  async isEmpty({ stack, shared }, config) {
    const { baseline, programs } = openMysql(stack, config, shared);
    return isEmpty(await programs(), baseline, stack.signal);
  },
  // It knows no sealed copy, nor anything that only the server's own scripts could put into an empty database.
  empty: {
    keep: async () => true,
    async putBack({ stack, shared }, config) {
      const { baseline, programs } = openMysql(stack, config, shared);
      await emptyDatabase(await programs(), baseline, stack.signal);
    },
    drop: async () => undefined,
  },
  step: databaseStep,
  requireAlone,
  save: saveDatabase,
};

async function requireAlone(work: Work, { force, hint }: { force: boolean; hint: string }): Promise<void> {
  const { signal } = work.stack;
  const own = ownDatabase(MYSQL, work.record.own);
  const server = own && (await openRecorded(work));
  if (!server) return;
  const programs = await server.programs();
  if (force) await endClients(programs, await listClients(programs, own.database, signal), signal);
  const staying = await untilAlone(() => listClients(programs, own.database, signal));
  // Whoever came in after that loses the database all the same.
  if (force || staying.length === 0) return;
  const who = staying.map(({ user, address }) => `${user} from ${address}`).join(', ');
  throw new StackError('conflict', `${own.database} is in use by ${who}`, { hint, details: { clients: staying } });
}
