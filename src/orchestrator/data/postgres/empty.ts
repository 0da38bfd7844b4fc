import { inUse, listClients } from '../../../adapters/postgres/clients.ts';
import {
  copyDatabase,
  copyProperties,
  dropDatabase,
  findDatabase,
  replaceDatabase,
} from '../../../adapters/postgres/databases.ts';
import { StackError } from '../../../domain/errors.ts';
import { hiddenDatabase } from '../../../domain/own.ts';
import { untilAlone } from '../own-database.ts';
import type { EmptyKeeper } from '../own-kind.ts';
import { openPostgres } from './postgres.ts';

/** The empty database is kept as a sealed copy: the server's own scripts may have put extensions and settings into it. */
export const postgresEmpty: EmptyKeeper = {
  async keep({ stack, shared }, config) {
    const server = openPostgres(stack, config, shared);
    const name = hiddenDatabase(server.baseline, 'empty', stack.rootId);
    return server.admin(async (session) => {
      const baseline = await findDatabase(session, server.baseline);
      const clients = await untilAlone(() => listClients(session, server.baseline));
      if (!baseline || clients.length > 0) return false;
      await dropDatabase(session, name, { force: true });
      await copyDatabase(session, { name, from: baseline, sealed: true });
      return true;
    });
  },
  async putBack({ stack, shared }, config) {
    const server = openPostgres(stack, config, shared);
    const hidden = (purpose: string): string => hiddenDatabase(server.baseline, purpose, stack.rootId);
    await server.admin(async (session) => {
      const kept = await findDatabase(session, hidden('empty'));
      if (!kept) throw new StackError('database', `what ${server.baseline} was before it was filled is gone`);
      const clients = await untilAlone(() => listClients(session, server.baseline));
      if (clients.length > 0) throw inUse(server.baseline, clients, 'close them, then run the command again');
      const fresh = hidden('empty_new');
      await dropDatabase(session, fresh, { force: true });
      await copyDatabase(session, { name: fresh, from: kept, sealed: false });
      await copyProperties(session, server.baseline, fresh);
      await replaceDatabase(session, { name: server.baseline, by: fresh, aside: hidden('empty_old') });
    });
  },
  async drop({ stack, shared }, config) {
    const { baseline, admin } = openPostgres(stack, config, shared);
    await admin((session) => dropDatabase(session, hiddenDatabase(baseline, 'empty', stack.rootId), { force: true }));
  },
};
