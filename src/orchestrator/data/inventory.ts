import { dropDatabase, findDatabase, listMarked, listNames } from '../../adapters/postgres/databases.ts';
import { countKeys } from '../../adapters/redis/redis.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { StackError } from '../../domain/errors.ts';
import type { StackState } from '../../domain/instance.ts';
import { hasOwnData, POSTGRES } from '../../domain/own.ts';
import { resolveShared } from '../../domain/shared.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import type { Work } from '../core/work.ts';
import { openPostgres, openRecorded } from './postgres.ts';
import { isWhereItWas, openRedis } from './redis.ts';
import { listServerRemains } from './redis-server.ts';

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
  const config = await configIfReadable(work.stack);
  const login = isWhereItWas(work.stack, config, redis) && openRedis(work.stack, config, work.shared, redis);
  return login && (await countKeys(login)) > 0 ? [`keys in database ${redis.number} of Redis`] : [];
}
