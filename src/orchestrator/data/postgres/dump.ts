import path from 'node:path';
import { isThere } from '../../../adapters/files/files.ts';
import { endClients } from '../../../adapters/postgres/clients.ts';
import {
  copyProperties,
  dropDatabase,
  findDatabase,
  makeEmptyLike,
  markDatabase,
  replaceDatabase,
} from '../../../adapters/postgres/databases.ts';
import { readDumpKind } from '../../../adapters/postgres/dump-file.ts';
import { loadSqlFile } from '../../../adapters/postgres/load-sql.ts';
import { dumpTo, findTools, loadFrom, loginEnv, type PostgresTools } from '../../../adapters/postgres/tools.ts';
import { dumpByWire, WIRE_BYTES, WIRE_MAJOR } from '../../../adapters/postgres/wire-dump.ts';
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

/** Returns a psql for the server, of any version; undefined where there is none. */
export async function findShell(stack: Stack, server: PostgresServer): Promise<PostgresTools | undefined> {
  return (await server.tools()) ?? findTools(stack.env, 0, loginEnv(server.login.url));
}

type WriteDump = (database: string, output: NodeJS.WritableStream) => Promise<void>;

/** Returns what dumps a database of the server: its programs in their packed format, else plain SQL. Throws `database`, `process`. */
async function findDumper(stack: Stack, server: PostgresServer): Promise<WriteDump> {
  const tools = await server.tools();
  if (tools) return (database, output) => dumpTo(tools, database, output, stack.signal);
  const major = await majorOf(server);
  if (major > WIRE_MAJOR) throw noProgram('pg_dump', major);
  const module = await stack.wireDump();
  return async (database, output) => {
    const found = await server.admin((session) => findDatabase(session, database));
    if (found && found.bytes > WIRE_BYTES)
      throw noProgram('pg_dump', major, `; without it a dump is of ${WIRE_BYTES / 1024 ** 2} MB at most`);
    output.write(await dumpByWire(await server.strongest(), database, module, stack.signal));
  };
}

/**
 * Returns what loads a file into an empty database; plain SQL needs no program. Throws what would keep it from being loaded:
 * `not-found`, `usage`, `database`, `files`.
 */
export async function findLoader(
  stack: Stack,
  server: PostgresServer,
  file: string,
): Promise<(database: string) => Promise<void>> {
  const kind = await readDumpKind(file);
  const isPlain = kind !== 'packed';
  // Whether the psql that is here knows what newer ones write is told by no version alone.
  const tools = kind === 'restricted' ? undefined : await server.tools();
  if (tools) return (database) => loadFrom(tools, database, { file, plain: isPlain }, stack.signal);
  if (isPlain) return (database) => loadSqlFile(server.login, database, file, stack.signal);
  throw noProgram('pg_restore', await majorOf(server), '; without it `load` takes plain SQL: `pg_dump --format=plain`');
}

async function majorOf(server: PostgresServer): Promise<number> {
  return server.admin(async ({ version }) => Math.floor(version / 10_000));
}

function noProgram(name: string, major: number, more = ''): StackError {
  return new StackError('database', `no ${name} for PostgreSQL ${major} is on this machine`, {
    hint: `it comes with the client programs of PostgreSQL ${major} or newer${more}`,
  });
}

/** Writes a dump of a database to a file that nobody else can read; a file that is there is replaced as a whole. Returns its bytes. */
export async function dumpDatabase(
  stack: Stack,
  { server, database }: Pick<TicketDatabase, 'server' | 'database'>,
  file: string,
): Promise<number> {
  const folder = path.dirname(file);
  if (!(await isThere(folder))) {
    throw new StackError('not-found', `there is no folder ${folder}`, { hint: `mkdir -p ${folder}` });
  }
  const dump = await findDumper(stack, server);
  return writeDump(file, (output) => dump(database, output));
}

/** Loads a dump as a ticket's database, in place of one that is there. Throws `database`, `files`. */
export async function loadInto(work: Work, server: PostgresServer, file: string): Promise<void> {
  const { stack, record } = work;
  const { database, from } = ownDatabase(POSTGRES, record.own) ?? { database: '', from: '' };
  const load = await findLoader(stack, server, file);
  const fresh = hiddenDatabase(from, `load_${record.ticket}`, stack.rootId);
  const aside = hiddenDatabase(from, `old_${record.ticket}`, stack.rootId);
  await server.admin(async (session) => {
    await dropDatabase(session, fresh, { force: true });
    try {
      await makeEmptyLike(session, fresh, from);
      await load(fresh);
      await copyProperties(session, from, fresh);
      await markDatabase(session, fresh, { ...ticketMark(work), copiedAt: new Date().toISOString() });
      await endClients(session, database);
      await replaceDatabase(session, { name: database, by: fresh, aside });
    } finally {
      await dropDatabase(session, fresh, { force: true });
    }
  }, stack.signal);
}
