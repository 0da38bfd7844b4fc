import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { explainFileError, isThere } from '../adapters/files.ts';
import { endClients } from '../adapters/postgres/clients.ts';
import { withSession } from '../adapters/postgres/connection.ts';
import {
  copyProperties,
  dropDatabase,
  findDatabase,
  makeEmptyLike,
  markDatabase,
  replaceDatabase,
} from '../adapters/postgres/databases.ts';
import { readDumpKind } from '../adapters/postgres/dump-file.ts';
import { readSchema } from '../adapters/postgres/schema.ts';
import { dumpTo, findTools, loadFrom, loginEnv, type PostgresTools } from '../adapters/postgres/tools.ts';
import { StackError } from '../domain/errors.ts';
import { BASELINE, type InstanceRecord, type StackState } from '../domain/instance.ts';
import { hiddenDatabase, withDatabase } from '../domain/own.ts';
import { diffSchemas, type SchemaChange } from '../domain/schema-diff.ts';
import { claimInstance, requireInstance } from './claim.ts';
import { startInstance } from './lifecycle.ts';
import { requireAlone } from './own-data.ts';
import { openPostgres, type PostgresServer } from './postgres.ts';
import { runForward } from './run.ts';
import type { Stack } from './stack.ts';
import { listDatabaseSteps } from './steps/database.ts';
import { templateStep } from './steps/template.ts';
import { withUpLock } from './steps/up.ts';
import { observeWorkload } from './steps/workload.ts';
import { type Refreshed, refreshTemplate } from './template.ts';
import { createWork, saveRecord, type Work } from './work.ts';

/** The database that a ticket uses: its own, or the one that all share. */
export interface TicketDatabase {
  server: PostgresServer;
  database: string;
  /** With the password. */
  url: string;
  /** False: the baseline's, which others use too. */
  own: boolean;
}

/** Gives the database of a ticket, or the baseline's. Throws `not-found`, `config`. */
export async function findTicketDatabase(stack: Stack, ticket: string): Promise<TicketDatabase> {
  const state = await stack.store.read();
  const server = openPostgres(stack, await stack.config(), state.shared);
  const own = ticket === BASELINE ? undefined : requireInstance(state, ticket).own?.postgres;
  const database = own?.database ?? server.baseline;
  return { server, database, url: withDatabase(server.login.url, database), own: own !== undefined };
}

/** Throws `not-found` for a ticket whose database has not been made yet, or is gone. */
export async function requireDatabase({ server, database, own }: TicketDatabase, ticket: string): Promise<void> {
  if (!own || (await server.admin((session) => findDatabase(session, database)))) return;
  throw new StackError('not-found', `the database ${database} of ${ticket} is not there`, {
    hint: `\`stack start ${ticket}\` makes it`,
  });
}

/** Gives programs that can talk to the server; with `dump` those that can dump it. Throws `database` when there are none. */
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

/** Makes the template of tickets' databases anew. Throws as `refreshTemplate` does. */
export async function refreshNow(stack: Stack, { force }: { force: boolean }): Promise<Refreshed> {
  const config = await stack.config();
  const state = await stack.store.read();
  const server = openPostgres(stack, config, state.shared);
  const work = workOn(stack, state, { ticket: BASELINE, repos: {}, services: {} } as InstanceRecord);
  const note = (text: string): void => stack.emit({ type: 'info', text });
  return withUpLock(work, () => refreshTemplate(stack, server, { force, asked: true, signal: stack.signal, note }));
}

/** Writes a dump of a database to a file that nobody else can read; a file that is there is replaced as a whole. Gives its bytes. */
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
  const unfinished = path.join(folder, `.${path.basename(file)}.${process.pid}.tmp`);
  try {
    const output = createWriteStream(unfinished, { mode: 0o600 });
    const failed = new Promise<never>((_, reject) => output.once('error', reject));
    await Promise.race([failed, dumpTo(tools, database, output, stack.signal)]);
    await Promise.race([failed, new Promise<void>((done) => output.end(() => done()))]);
    await rename(unfinished, file);
    return output.bytesWritten;
  } catch (error) {
    throw explainFileError(error, `write ${file}`);
  } finally {
    await rm(unfinished, { force: true });
  }
}

/** Gives what a ticket's own database has otherwise than the baseline's. Throws `usage` for one on the shared database. */
export async function diffDatabase(stack: Stack, ticket: string): Promise<SchemaChange[]> {
  const { server, database } = requireOwn(await findTicketDatabase(stack, ticket), ticket);
  const [theirs, own] = await Promise.all(
    [server.baseline, database].map((name) => withSession(server.login, name, readSchema, stack.signal)),
  );
  const nothing = { tables: [], columns: {}, indexes: {} };
  return diffSchemas(theirs ?? nothing, own ?? nothing);
}

function requireOwn(found: TicketDatabase, ticket: string): TicketDatabase {
  if (found.own) return found;
  throw new StackError(
    'usage',
    `${ticket} has no database of its own: it uses ${found.database}, as the baseline does`,
    {
      hint: 'a ticket gets one with `stack create … --own postgres`, or `own: [postgres]` on a repo in stack.yml',
    },
  );
}

/** Makes a ticket's database anew from the template; its services are stopped meanwhile. Throws `conflict`, `database`. */
export async function resetDatabase(stack: Stack, ticket: string, { force }: { force: boolean }): Promise<void> {
  await replaceContent(stack, ticket, force, async (work) => {
    const template = templateStep(work);
    const note = (): void => undefined;
    await withUpLock(work, async () => {
      if ((await template.inspect()) !== 'present') await template.apply({ signal: stack.signal, note });
    });
    // Not before there is something to go back to.
    for (const step of listDatabaseSteps(work)) await step.revert();
    const { error } = await runForward(listDatabaseSteps(work), stack);
    if (error !== undefined) throw error;
  });
}

/** Throws what would keep a dump from being loaded: `usage` (also for a ticket on the shared database), `not-found`, `database`. */
export async function requireLoadable(stack: Stack, ticket: string, file: string): Promise<void> {
  const { server } = requireOwn(await findTicketDatabase(stack, ticket), ticket);
  await readDumpKind(file);
  await requireTools(stack, server, { dump: true });
}

/** Loads a dump in place of what is in a ticket's database; until all of it is there the old content stays. */
export async function loadDatabase(
  stack: Stack,
  ticket: string,
  file: string,
  { force }: { force: boolean },
): Promise<void> {
  await replaceContent(stack, ticket, force, async (work, server) => {
    await loadInto(work, server, file);
  });
}

/** Loads a dump as a ticket's database, in place of one that is there. Throws `database`, `files`. */
export async function loadInto(work: Work, server: PostgresServer, file: string): Promise<void> {
  const { stack, record } = work;
  const { database, from } = record.own?.postgres ?? { database: '', from: '' };
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
      const mark = { kind: 'ticket', rootId: stack.rootId, root: stack.root, ticket: record.ticket } as const;
      await markDatabase(session, fresh, { ...mark, copiedAt: new Date().toISOString() });
      await endClients(session, database);
      await replaceDatabase(session, { name: database, by: fresh, aside });
    } finally {
      await dropDatabase(session, fresh, { force: true });
    }
  }, stack.signal);
}

/** Changes all that is in a ticket's database while its services are at rest; those that ran run again, whatever comes of it. */
async function replaceContent(
  stack: Stack,
  ticket: string,
  force: boolean,
  change: (work: Work, server: PostgresServer) => Promise<void>,
): Promise<void> {
  const { server } = requireOwn(await findTicketDatabase(stack, ticket), ticket);
  // The ticket is started again afterwards.
  await stack.requireTrust();
  const { record, state } = await claimInstance(stack, ticket, (found) => {
    // From here on there is something that destroy has to look for.
    found.started = true;
  });
  const work = workOn(stack, state, record);
  let ran = false;
  let failure: { error: unknown } | undefined;
  try {
    const states = await Promise.all(Object.keys(record.services).map((service) => observeWorkload(work, service)));
    ran = states.some((status) => status?.state === 'running');
    await requireAlone(work, { force });
    await change(work, server);
  } catch (error) {
    failure = { error };
  } finally {
    record.owner = undefined;
    await saveRecord(work);
  }
  const start = () => startInstance(stack, record.ticket, { extent: 'ready', rebuild: false });
  if (failure) {
    if (ran && !stack.signal.aborted) await start().catch(() => undefined);
    throw failure.error;
  }
  if (ran) await start();
}

function workOn(stack: Stack, state: StackState, record: InstanceRecord): Work {
  return createWork({ stack, config: undefined, record, baseline: state.baseline, shared: state.shared });
}
