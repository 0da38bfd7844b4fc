import { type SqlResult, type TextSession, withSession } from '../../adapters/postgres/connection.ts';
import { findDatabase } from '../../adapters/postgres/databases.ts';
import { readSchema } from '../../adapters/postgres/schema.ts';
import { bestEffort, StackError } from '../../domain/errors.ts';
import { BASELINE, type InstanceRecord, type StackState } from '../../domain/instance.ts';
import { ownDatabase, withDatabase } from '../../domain/own.ts';
import { type DatabaseSchema, diffSchemas, type SchemaChange } from '../../domain/schema-diff.ts';
import { claimInstance, requireInstance } from '../core/claim.ts';
import { runForward } from '../core/run.ts';
import type { Stack } from '../core/stack.ts';
import { createWork, saveRecord, type Work } from '../core/work.ts';
import { databaseStep } from '../data/postgres/database-step.ts';
import { findLoader, loadInto, type TicketDatabase } from '../data/postgres/dump.ts';
import { openPostgres, POSTGRES, type PostgresServer } from '../data/postgres/postgres.ts';
import { isTemplateFresh, type Refreshed, refreshTemplate } from '../data/postgres/template.ts';
import { renewTemplate } from '../data/postgres/template-step.ts';
import { withUpLock } from '../steps/up.ts';
import { observeWorkload } from '../workloads/observe.ts';
import { startInstance } from './start.ts';
import { requireAlone } from './stop.ts';

/** Returns the database of a ticket, or the baseline's. Throws `not-found`, `config`. */
export async function findTicketDatabase(stack: Stack, ticket: string): Promise<TicketDatabase> {
  const state = await stack.store.read();
  const server = openPostgres(stack, await stack.config(), state.shared);
  const own = ticket === BASELINE ? undefined : ownDatabase(POSTGRES, requireInstance(state, ticket).own);
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

/** A ticket's database, open for statements that a person types. */
export interface Statements {
  database: string;
  /** Throws `database`, `interrupted`. */
  run(text: string): Promise<SqlResult[]>;
  /** Stops what runs, which throws `database` then. */
  cancel(): Promise<void>;
  readSchema(): Promise<DatabaseSchema>;
}

/** Opens a database for statements. Throws `database`, and what `use` throws. */
export async function withStatements<Result>(
  { server, database }: TicketDatabase,
  use: (statements: Statements) => Promise<Result>,
  signal: AbortSignal,
): Promise<Result> {
  const open = (session: TextSession): Statements => ({
    database,
    run: session.run,
    cancel: session.cancel,
    readSchema: () => readSchema(session),
  });
  return withSession(server.login, database, (session) => use(open(session)), signal);
}

/** Makes the template of tickets' databases again. Throws as `refreshTemplate` does. */
export async function refreshNow(stack: Stack, { force }: { force: boolean }): Promise<Refreshed> {
  const config = await stack.config();
  const state = await stack.store.read();
  const server = openPostgres(stack, config, state.shared);
  const work = workOn(stack, state, { ticket: BASELINE, repos: {}, services: {} } as InstanceRecord);
  const note = (text: string): void => stack.emit({ type: 'info', text });
  return withUpLock(work, () => refreshTemplate(stack, server, { force, asked: true, signal: stack.signal, note }));
}

/** Returns what a ticket's own database has otherwise than the baseline's. Throws `usage` for one on the shared database. */
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

/** Makes a ticket's database again from the template; its services are stopped meanwhile. Throws `conflict`, `database`. */
export async function resetDatabase(stack: Stack, ticket: string, { force }: { force: boolean }): Promise<void> {
  await replaceContent(stack, ticket, force, async (work, server) => {
    const note = (): void => undefined;
    await withUpLock(work, async () => {
      if (!(await isTemplateFresh(stack, server))) await renewTemplate(work, { signal: stack.signal, note });
    });
    // Not before there is something to go back to.
    await databaseStep(work).revert();
    const { error } = await runForward([databaseStep(work)], stack);
    if (error !== undefined) throw error;
  });
}

/** Throws what would keep a dump from being loaded: `usage` (also for a ticket on the shared database), `not-found`, `database`. */
export async function requireLoadable(stack: Stack, ticket: string, file: string): Promise<void> {
  const { server } = requireOwn(await findTicketDatabase(stack, ticket), ticket);
  await findLoader(stack, server, file);
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
  let ran: string[] = [];
  let failure: { error: unknown } | undefined;
  try {
    const names = Object.keys(record.services);
    const states = await Promise.all(names.map((service) => observeWorkload(work, service)));
    ran = names.filter((_, index) => states[index]?.state === 'running');
    await requireAlone(work, { force });
    await change(work, server);
  } catch (error) {
    failure = { error };
  } finally {
    record.owner = undefined;
    await saveRecord(work);
  }
  const start = () => startInstance(stack, record.ticket, { extent: 'ready', rebuild: false, ran });
  if (failure) {
    if (ran.length > 0 && !stack.signal.aborted) await bestEffort(start());
    throw failure.error;
  }
  if (ran.length > 0) await start();
}

function workOn(stack: Stack, state: StackState, record: InstanceRecord): Work {
  return createWork({ stack, config: undefined, record, baseline: state.baseline, shared: state.shared });
}
