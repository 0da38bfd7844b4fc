import { setTimeout as delay } from 'node:timers/promises';
import { type DatabaseClient, endClients, inUse, listClients } from '../adapters/postgres/clients.ts';
import type { Session } from '../adapters/postgres/connection.ts';
import { dropDatabase, findDatabase, listMarked, listNames } from '../adapters/postgres/databases.ts';
import { countKeys } from '../adapters/redis.ts';
import type { StackConfig } from '../domain/config/config.ts';
import { StackError } from '../domain/errors.ts';
import type { InstanceRecord, StackState } from '../domain/instance.ts';
import { REDIS } from '../domain/own.ts';
import { resolveShared } from '../domain/shared.ts';
import { openPostgres, POSTGRES } from './postgres.ts';
import { isWhereItWas, openRedis } from './redis.ts';
import { listServerRemains } from './redis-server.ts';
import { runBackward, runForward } from './run.ts';
import type { Stack } from './stack.ts';
import { openRecorded } from './steps/database.ts';
import { stopStep } from './steps/stop.ts';
import { guardUpSteps, listUpSteps } from './steps/up.ts';
import type { Work } from './work.ts';

const POLL_MS = 50;
/** How long the server may take to see that a program that was ended is gone. */
const LEAVE_MS = 3000;

/** True when there may be something in a database or server that a ticket has for itself. */
export function hasOwnData({ started, own }: InstanceRecord): boolean {
  return started && (own?.postgres !== undefined || own?.redis?.checked === true || own?.redis?.server !== undefined);
}

/**
 * Runs `use` while the servers that have a ticket's data run: one that was down is started for it, and goes down again where
 * no other ticket is there. Throws what starting it throws.
 */
export async function withOwnServers<Result>(work: Work, use: () => Promise<Result>): Promise<Result> {
  const config = hasOwnData(work.record) ? await work.stack.config().catch(() => undefined) : undefined;
  const shared = config ? await listSilent(work, config) : [];
  if (shared.length === 0) return use();
  await work.stack.requireTrust();
  const wish = { services: [], shared, network: false, template: false, extent: 'started' } as const;
  const result = await runForward(guardUpSteps(work, listUpSteps(work, config, wish)), work.stack);
  if (result.error !== undefined) throw result.error;
  try {
    return await use();
  } finally {
    await runBackward(result.made, work.stack);
  }
}

/** The servers that stack runs, that have data of the ticket, and that do not answer. */
async function listSilent(work: Work, config: StackConfig): Promise<string[]> {
  const { own } = work.record;
  const server = own?.postgres && (await openRecorded(work));
  const isShared = own?.redis?.checked && !own.redis.server;
  const redis = isShared && own.redis ? openRedis(work.stack, config, work.shared, own.redis) : undefined;
  const asked = await Promise.all([
    server?.admin(async () => POSTGRES).catch(() => undefined),
    redis &&
      countKeys(redis).then(
        () => REDIS,
        () => undefined,
      ),
  ]);
  const wanted = [...(server ? [POSTGRES] : []), ...(redis ? [REDIS] : [])];
  // Those with a `url:` have no lease: they are not ours to start.
  return wanted.filter((name) => !asked.includes(name) && work.shared[name] !== undefined);
}

/**
 * Brings a ticket's services to rest and looks who else is connected to its database. Throws `conflict`, naming them,
 * unless `force`, which ends them, where that is allowed.
 */
export async function requireAlone(
  work: Work,
  { force, staysAtRest = false }: { force: boolean; staysAtRest?: boolean },
): Promise<void> {
  const database = work.record.own?.postgres?.database;
  const server = await openRecorded(work);
  if (database === undefined || !server) return;
  await bringToRest(work);
  const clients = await server.admin(async (session) => {
    if (force) await endClients(session, database);
    // What they wrote counts once they have left.
    const staying = await untilAlone(session, database);
    // Whoever came in after that is ended when the database goes.
    return force ? [] : staying;
  });
  if (clients.length === 0) return;
  const rest = staysAtRest ? `; the services of ${work.record.ticket} are stopped` : '';
  throw inUse(database, clients, `close them, or say --force to end them${rest}`);
}

/** Stops all services of a ticket; what is stopped is left. Throws what stopping one throws. */
export async function bringToRest(work: Work): Promise<void> {
  const { started, services } = work.record;
  const names = started ? Object.keys(services) : [];
  const { error } = await runForward(
    names.map((service) => stopStep(work, service)),
    work.stack,
  );
  if (error !== undefined) throw error;
}

/** Gives who is connected still when those who were ended must have left. */
async function untilAlone(session: Session, database: string): Promise<DatabaseClient[]> {
  const deadline = performance.now() + LEAVE_MS;
  for (;;) {
    const clients = (await findDatabase(session, database)) ? await listClients(session, database) : [];
    if (clients.length === 0 || performance.now() > deadline) return clients;
    await delay(POLL_MS);
  }
}

/**
 * Drops all databases that stack made on a server of the team's own (`url:`); the others are none of its business. Throws
 * `conflict` where somebody is connected who may not be ended.
 */
export async function dropOurs(stack: Stack, config: StackConfig): Promise<void> {
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

/** Gives what there is still of a ticket's data, a name each. */
export async function listOwnData(work: Work): Promise<string[]> {
  if (!hasOwnData(work.record)) return [];
  return (await Promise.all([listDatabase(work), listKeys(work)])).flat();
}

/**
 * Gives the tickets whose own databases are gone although the server answers; one question for all. A server that is down tells
 * nothing, so that nothing is said. Never throws.
 */
export async function listLostDatabases(stack: Stack, state: StackState): Promise<Map<string, string>> {
  const wanted = Object.values(state.instances).flatMap(({ ticket, own, started, phase }): [string, string][] =>
    own?.postgres?.made && started && phase === 'ready' ? [[ticket, own.postgres.database]] : [],
  );
  if (wanted.length === 0) return new Map();
  try {
    const server = await openRecorded({ stack, config: undefined, shared: state.shared });
    const names = new Set((await server?.admin(listNames)) ?? wanted.map(([, database]) => database));
    return new Map(wanted.filter(([, database]) => !names.has(database)));
  } catch {
    return new Map();
  }
}

async function listDatabase(work: Work): Promise<string[]> {
  const { record } = work;
  const own = record.own?.postgres;
  const server = own && (await openRecorded(work));
  const found = server && (await server.admin((session) => findDatabase(session, own.database)));
  const isOurs = found?.mark?.rootId === work.stack.rootId && found.mark.ticket === record.ticket;
  return isOurs ? [`the database ${own?.database}`] : [];
}

async function listKeys(work: Work): Promise<string[]> {
  const redis = work.record.own?.redis;
  if (redis?.server) return listServerRemains(work, redis.server);
  if (!redis?.checked) return [];
  const config = await work.stack.config().catch(() => undefined);
  const login = isWhereItWas(work.stack, config, redis) && openRedis(work.stack, config, work.shared, redis);
  return login && (await countKeys(login)) > 0 ? [`keys in database ${redis.number} of Redis`] : [];
}
