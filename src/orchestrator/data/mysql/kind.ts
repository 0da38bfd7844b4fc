import { setTimeout as delay } from 'node:timers/promises';
import {
  dropDatabase,
  endClients,
  listClients,
  listMarked,
  listNames,
  type MysqlClient,
} from '../../../adapters/mysql/databases.ts';
import type { MysqlPrograms } from '../../../adapters/mysql/programs.ts';
import type { StackConfig } from '../../../domain/config/config.ts';
import { ifAnswered, StackError } from '../../../domain/errors.ts';
import type { OwnDatabase, StackState } from '../../../domain/instance.ts';
import { ownDatabase, ticketDatabase } from '../../../domain/own.ts';
import { resolveShared } from '../../../domain/shared.ts';
import { configIfReadable, type Stack } from '../../core/stack.ts';
import type { Work } from '../../core/work.ts';
import { placeOf } from '../../shared/place.ts';
import type { OwnKind, SharedLeases, StrayData } from '../own-kind.ts';
import { MYSQL, openMysql, openRecorded } from './mysql.ts';
import { ENDING, saveDatabase } from './saved.ts';
import { databaseStep } from './step.ts';

const POLL_MS = 50;
/** How long the server may take to see that a program that was ended is gone. */
const LEAVE_MS = 3000;

/** A ticket's own MySQL, or MariaDB, is a database: a copy of the baseline's, marked by the comment of a table in it. */
export const mysql: OwnKind = {
  service: MYSQL,
  dumpEnding: ENDING,
  plan(stack, config, ticket) {
    const { database, url } = resolveShared(MYSQL, config.shared.services[MYSQL] ?? {}, stack.values);
    // Says what is missing in the settings, before anything is made.
    if (!database) openMysql(stack, config, {});
    const from = database ?? '';
    return { as: 'database', database: ticketDatabase(from, ticket, stack.rootId, url !== undefined), from };
  },
  step: databaseStep,
  async answers(work) {
    const server = await openRecorded(work);
    if (!server) return undefined;
    const names = server.programs().then((programs) => listNames(programs, work.stack.signal));
    return (await ifAnswered(names)) !== undefined;
  },
  requireAlone,
  save: saveDatabase,
  async listLeft({ stack, config, shared, record }) {
    const own = ownDatabase(MYSQL, record.own);
    const server = own && (await openRecorded({ stack, config, shared, record }));
    if (!server) return [];
    const marked = await listMarked(await server.programs(), stack.signal);
    const isOurs = marked.some(({ name, mark }) => {
      return name === own.database && mark.rootId === stack.rootId && mark.ticket === record.ticket;
    });
    return isOurs ? [`the database ${own.database}`] : [];
  },
  listLost,
  listMarked: listMarkedDatabases,
  async derive(stack, config, { ticket, own }, { shared }) {
    return (await listMarkedDatabases(stack, config, shared)).get(ticket) ?? own?.[MYSQL];
  },
  listStrays,
  async dropAll(stack, config) {
    const settings = config.shared.services[MYSQL];
    if (!settings || resolveShared(MYSQL, settings, stack.values).url === undefined) return;
    const { programs, where } = openMysql(stack, config, {});
    try {
      const found = await programs();
      for (const { name, mark } of await listMarked(found, stack.signal)) {
        if (mark.rootId === stack.rootId) await dropDatabase(found, name, stack.signal);
      }
    } catch (error) {
      if (!(error instanceof StackError)) throw error;
      stack.emit({ type: 'warning', text: `what stack made on ${where} stays: ${error.message}` });
    }
  },
};

async function requireAlone(work: Work, { force, hint }: { force: boolean; hint: string }): Promise<void> {
  const { signal } = work.stack;
  const own = ownDatabase(MYSQL, work.record.own);
  const server = own && (await openRecorded(work));
  if (!server) return;
  const programs = await server.programs();
  if (force) await endClients(programs, await listClients(programs, own.database, signal), signal);
  const staying = await untilAlone(programs, own.database, signal);
  // Whoever came in after that loses the database all the same.
  if (force || staying.length === 0) return;
  const who = staying.map(({ user, address }) => `${user} from ${address}`).join(', ');
  throw new StackError('conflict', `${own.database} is in use by ${who}`, { hint, details: { clients: staying } });
}

async function untilAlone(programs: MysqlPrograms, database: string, signal: AbortSignal): Promise<MysqlClient[]> {
  const deadline = performance.now() + LEAVE_MS;
  for (;;) {
    const clients = await listClients(programs, database, signal);
    if (clients.length === 0 || performance.now() > deadline) return clients;
    await delay(POLL_MS);
  }
}

/** One question for all. A server that is down tells nothing, so that nothing is said. */
async function listLost(stack: Stack, state: StackState): Promise<[string, string][]> {
  const wanted = Object.values(state.instances).flatMap(({ ticket, own, started, phase }): [string, string][] => {
    const database = ownDatabase(MYSQL, own);
    return database?.made && started && phase === 'ready' ? [[ticket, database.database]] : [];
  });
  const server = wanted.length > 0 && (await openRecorded({ stack, config: undefined, shared: state.shared }));
  if (!server) return [];
  const names = await ifAnswered(server.programs().then((programs) => listNames(programs, stack.signal)));
  return names ? wanted.filter(([, database]) => !names.includes(database)) : [];
}

/** What marks say; none where the server does not answer. */
async function listMarkedDatabases(
  stack: Stack,
  config: StackConfig,
  leases: SharedLeases,
): Promise<Map<string, OwnDatabase>> {
  const found = await askMarks(stack, config, leases);
  const at = placeOf(MYSQL, stack, config);
  const ours = (found?.marked ?? []).flatMap(({ name, ticket }): [string, OwnDatabase][] => [
    [ticket, { as: 'database', database: name, from: found?.baseline ?? '', made: true, at }],
  ]);
  return new Map(ours);
}

/** Databases of tickets that are gone, on a server that answers. */
async function listStrays(stack: Stack, state: StackState): Promise<StrayData[]> {
  const found = await askMarks(stack, await configIfReadable(stack), state.shared);
  if (!found) return [];
  const { programs, marked } = found;
  return marked
    .filter(({ ticket }) => !Object.hasOwn(state.instances, ticket))
    .map(({ name, ticket }) => ({
      ticket,
      what: `the database ${name}`,
      remove: () => dropDatabase(programs, name, stack.signal),
    }));
}

/** Returns the databases of this root's tickets; undefined where stack.yml has no MySQL, or it does not answer. */
async function askMarks(stack: Stack, config: StackConfig | undefined, leases: SharedLeases) {
  if (!config?.shared.services[MYSQL]) return undefined;
  const ask = async () => {
    const server = openMysql(stack, config, leases);
    const programs = await server.programs();
    const marked = (await listMarked(programs, stack.signal)).flatMap(({ name, mark }) =>
      mark.kind === 'ticket' && mark.rootId === stack.rootId && mark.ticket !== undefined
        ? [{ name, ticket: mark.ticket }]
        : [],
    );
    return { programs, baseline: server.baseline, marked };
  };
  return ifAnswered(ask());
}
