import path from 'node:path';
import { isThere } from '../../../adapters/files/files.ts';
import { endClients } from '../../../adapters/postgres/clients.ts';
import {
  copyProperties,
  dropDatabase,
  makeEmptyLike,
  markDatabase,
  replaceDatabase,
} from '../../../adapters/postgres/databases.ts';
import { readDumpKind } from '../../../adapters/postgres/dump-file.ts';
import { dumpTo, findTools, loadFrom, loginEnv, type PostgresTools } from '../../../adapters/postgres/tools.ts';
import { StackError } from '../../../domain/errors.ts';
import { hiddenDatabase, ownDatabase } from '../../../domain/own.ts';
import type { Stack } from '../../core/stack.ts';
import type { Work } from '../../core/work.ts';
import { writeDump } from '../dumps.ts';
import { ticketMark } from '../own-database.ts';
import { POSTGRES, type PostgresServer } from './postgres.ts';

/** The database that a ticket uses: its own, or the one that all share. */
export interface TicketDatabase {
  server: PostgresServer;
  database: string;
  /** With the password. */
  url: string;
  /** False: the baseline's, which others use too. */
  own: boolean;
}

/** Returns programs that can talk to the server; with `dump` those that can dump it. Throws `database` when there are none. */
export async function requireTools(
  stack: Stack,
  server: PostgresServer,
  { dump }: { dump: boolean },
): Promise<PostgresTools> {
  // A psql of any version will do.
  const found =
    (await server.tools()) ?? (dump ? undefined : await findTools(stack.env, 0, loginEnv(server.login.url)));
  if (found) return found;
  const major = await server.admin(async ({ version }) => Math.floor(version / 10_000));
  throw new StackError(
    'database',
    dump ? `no pg_dump for PostgreSQL ${major} is on this machine` : 'psql is not on this machine',
    {
      hint: `install the client programs of PostgreSQL ${major}${dump ? ' or newer' : ', or take another client: `stack db … url` says the address'}`,
    },
  );
}

/** Writes a dump of a database to a file that nobody else can read; a file that is there is replaced as a whole. Returns its bytes. */
export async function dumpDatabase(
  stack: Stack,
  { server, database }: Pick<TicketDatabase, 'server' | 'database'>,
  file: string,
): Promise<number> {
  const tools = await requireTools(stack, server, { dump: true });
  const folder = path.dirname(file);
  if (!(await isThere(folder))) {
    throw new StackError('not-found', `there is no folder ${folder}`, { hint: `mkdir -p ${folder}` });
  }
  return writeDump(file, (output) => dumpTo(tools, database, output, stack.signal));
}

/** Loads a dump as a ticket's database, in place of one that is there. Throws `database`, `files`. */
export async function loadInto(work: Work, server: PostgresServer, file: string): Promise<void> {
  const { stack, record } = work;
  const { database, from } = ownDatabase(POSTGRES, record.own) ?? { database: '', from: '' };
  const tools = await requireTools(stack, server, { dump: true });
  const plain = (await readDumpKind(file)) === 'plain';
  const fresh = hiddenDatabase(from, `load_${record.ticket}`, stack.rootId);
  const aside = hiddenDatabase(from, `old_${record.ticket}`, stack.rootId);
  await server.admin(async (session) => {
    await dropDatabase(session, fresh, { force: true });
    try {
      await makeEmptyLike(session, fresh, from);
      await loadFrom(tools, fresh, { file, plain }, stack.signal);
      await copyProperties(session, from, fresh);
      await markDatabase(session, fresh, { ...ticketMark(work), copiedAt: new Date().toISOString() });
      await endClients(session, database);
      await replaceDatabase(session, { name: database, by: fresh, aside });
    } finally {
      await dropDatabase(session, fresh, { force: true });
    }
  }, stack.signal);
}
