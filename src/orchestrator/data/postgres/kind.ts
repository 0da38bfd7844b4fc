import { dropDatabase, findDatabase, listMarked, listNames } from '../../../adapters/postgres/databases.ts';
import type { StackConfig } from '../../../domain/config/config.ts';
import { ifAnswered, StackError } from '../../../domain/errors.ts';
import type { OwnDatabase, StackState } from '../../../domain/instance.ts';
import { ownDatabase, ticketDatabase } from '../../../domain/own.ts';
import { resolveShared } from '../../../domain/shared.ts';
import { configIfReadable, type Stack } from '../../core/stack.ts';
import type { Work } from '../../core/work.ts';
import { placeOf } from '../../shared/place.ts';
import type { OwnKind, SharedLeases, StrayData } from '../own-kind.ts';
import { requireAlone } from './clients.ts';
import { databaseStep } from './database-step.ts';
import { openPostgres, openRecorded, POSTGRES, settlePassword } from './postgres.ts';
import { dropKept, purgeKept, saveDatabase } from './saved.ts';
import { templateStep } from './template-step.ts';

/** A ticket's own Postgres is a database: a copy of the baseline's, marked by its comment. */
export const postgres: OwnKind = {
  service: POSTGRES,
  dumpEnding: 'dump',
  plan,
  settleLogin: settlePassword,
  templateStep,
  step: databaseStep,
  async answers(work) {
    const server = await openRecorded(work);
    return server && ((await ifAnswered(() => server.admin(async () => true))) ?? false);
  },
  requireAlone,
  save: saveDatabase,
  dropSaved: dropKept,
  purgeSaved: purgeKept,
  listLeft,
  listLost,
  listMarked: listMarkedDatabases,
  async derive(stack, config, { ticket, own }, { shared }) {
    return (await listMarkedDatabases(stack, config, shared)).get(ticket) ?? own?.[POSTGRES];
  },
  listStrays,
  dropAll,
};

function plan(stack: Stack, config: StackConfig, ticket: string): OwnDatabase {
  const { database, url } = resolveShared(POSTGRES, config.shared.services[POSTGRES] ?? {}, stack.values);
  // Says what is missing in the settings, before anything is made.
  if (!database) openPostgres(stack, config, {});
  const from = database ?? '';
  return { as: 'database', database: ticketDatabase(from, ticket, stack.rootId, url !== undefined), from };
}

async function listLeft(work: Work): Promise<string[]> {
  const { record } = work;
  const own = ownDatabase(POSTGRES, record.own);
  const server = own && (await openRecorded(work));
  const found = server && (await server.admin((session) => findDatabase(session, own.database)));
  const isOurs = found?.mark?.rootId === work.stack.rootId && found.mark.ticket === record.ticket;
  return isOurs ? [`the database ${own?.database}`] : [];
}

/** One question for all. A server that is down tells nothing, so that nothing is said. */
async function listLost(stack: Stack, state: StackState): Promise<[string, string][]> {
  const wanted = Object.values(state.instances).flatMap(({ ticket, own, started, phase }): [string, string][] => {
    const database = ownDatabase(POSTGRES, own);
    return database?.made && started && phase === 'ready' ? [[ticket, database.database]] : [];
  });
  if (wanted.length === 0) return [];
  try {
    const server = await openRecorded({ stack, config: undefined, shared: state.shared });
    const names = new Set((await server?.admin(listNames)) ?? wanted.map(([, database]) => database));
    return wanted.filter(([, database]) => !names.has(database));
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    return [];
  }
}

/** What comments say; none where the server does not answer. */
async function listMarkedDatabases(
  stack: Stack,
  config: StackConfig,
  leases: SharedLeases,
): Promise<Map<string, OwnDatabase>> {
  if (!config.shared.services[POSTGRES]) return new Map();
  try {
    const server = openPostgres(stack, config, leases);
    const marked = await server.admin(listMarked);
    const at = placeOf(POSTGRES, stack, config);
    const from = server.baseline;
    return new Map(
      marked.flatMap(({ name, mark: { kind, rootId, ticket } }) =>
        kind === 'ticket' && rootId === stack.rootId && ticket !== undefined
          ? [[ticket, { as: 'database', database: name, from, made: true, at }] as const]
          : [],
      ),
    );
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    return new Map();
  }
}

/** Databases of tickets that are gone, on a server that answers. */
async function listStrays(stack: Stack, state: StackState): Promise<StrayData[]> {
  const config = await configIfReadable(stack);
  if (!config?.shared.services[POSTGRES]) return [];
  try {
    const server = openPostgres(stack, config, state.shared);
    return (await server.admin(listMarked)).flatMap(({ name, mark: { kind, rootId, ticket } }) => {
      if (kind !== 'ticket' || rootId !== stack.rootId || ticket === undefined) return [];
      if (Object.hasOwn(state.instances, ticket)) return [];
      const remove = () => server.admin((session) => dropDatabase(session, name, { force: false }));
      return [{ ticket, what: `the database ${name}`, remove }];
    });
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    return [];
  }
}

/** Where somebody is connected who may not be ended it throws; else what stays is told. */
async function dropAll(stack: Stack, config: StackConfig): Promise<void> {
  const settings = config.shared.services[POSTGRES];
  if (!settings || resolveShared(POSTGRES, settings, stack.values).url === undefined) return;
  const server = openPostgres(stack, config, {});
  try {
    await server.admin(async (session) => {
      for (const { name, mark } of await listMarked(session)) {
        if (mark.rootId === stack.rootId) await dropDatabase(session, name, { force: true });
      }
    });
  } catch (error) {
    if (!(error instanceof StackError) || error.code === 'conflict') throw error;
    stack.emit({ type: 'warning', text: `what stack made on ${server.login.where} stays: ${error.message}` });
  }
}
