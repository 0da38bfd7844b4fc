import type { RedisLogin } from '../../../adapters/redis/redis.ts';
import type { StackConfig } from '../../../domain/config/config.ts';
import { StackError } from '../../../domain/errors.ts';
import type { InstanceRecord, OwnNumber, OwnServer, StackState } from '../../../domain/instance.ts';
import { networkAlias, workloadName } from '../../../domain/names.ts';
import { ownServerOf, ownSettings } from '../../../domain/own.ts';
import { FROM_HOST } from '../../../domain/runtime.ts';
import { resolveShared, type SharedSettings, sharedAddress } from '../../../domain/shared.ts';
import { listLeases } from '../../core/leases.ts';
import type { Stack } from '../../core/stack.ts';
import { putRecord, type Work } from '../../core/work.ts';
import { placeOf } from '../../shared/place.ts';
import type { SharedLeases } from '../own-kind.ts';

/** The shared service by its name in stack.yml. */
export const REDIS = 'redis';

/** A Redis has 16 numbered databases unless it is told otherwise. */
const NUMBERS = 16;
const USUAL_PORT = 6379;
const PORTS_AFTER_FIRST = 998;

/** A ticket's own Redis: a numbered database, or a server. */
export type OwnRedis = OwnNumber | OwnServer;

/** Returns a record's own Redis; undefined where the ticket uses the shared one. */
export function ownRedis({ own }: Pick<InstanceRecord, 'own'>): OwnRedis | undefined {
  const part = own?.[REDIS];
  return part?.as === 'number' || part?.as === 'server' ? part : undefined;
}

function redisSettings(stack: Pick<Stack, 'values'>, config: StackConfig | undefined): SharedSettings {
  return resolveShared(REDIS, config?.shared.services[REDIS] ?? {}, stack.values);
}

/** Returns what a ticket's own Redis is asked with: that of the shared one, and what its server has for itself. */
export function ownRedisSettings(
  stack: Pick<Stack, 'values'>,
  config: StackConfig | undefined,
  redis: OwnRedis,
): SharedSettings {
  return ownSettings(REDIS, redisSettings(stack, config), { [REDIS]: redis }, stack.values);
}

/** Returns how stack itself reaches a ticket's own Redis: a database of the shared one, or its server; undefined when there is none. */
export function openRedis(
  stack: Stack,
  config: StackConfig | undefined,
  leases: SharedLeases,
  redis: OwnRedis,
): RedisLogin | undefined {
  const settings = ownRedisSettings(stack, config, redis);
  const address = sharedAddress(FROM_HOST, REDIS, settings, redis.as === 'server' ? redis : leases[REDIS]);
  return (
    address && { url: address.url, where: `${address.host}:${address.port ?? USUAL_PORT}`, number: numberOf(redis) }
  );
}

/** A server has one database that is used, as has a number that is yet to be leased. */
export function numberOf(redis: OwnRedis): number {
  return redis.as === 'number' ? (redis.number ?? 0) : 0;
}

/** False where a ticket's number is on another server than stack.yml names now: here it may be somebody else's. */
export function isWhereItWas(stack: Pick<Stack, 'values'>, config: StackConfig | undefined, redis: OwnRedis): boolean {
  return redis.as === 'server' || redis.at === undefined || redis.at === placeOf(REDIS, stack, config);
}

/** What a ticket's own Redis is to be, as stack.yml says; `auto` where nothing speaks against a numbered database. */
export function isolationOf(stack: Stack, config: StackConfig): 'auto' | 'db' | 'server' {
  const isolation = config.shared.services[REDIS]?.isolation ?? 'auto';
  const { url } = redisSettings(stack, config);
  if (url === undefined) return isolation;
  if (isolation !== 'server') return 'db';
  throw new StackError(
    'config',
    'a ticket gets no server of its own where the shared Redis is one that you run yourselves',
    { hint: 'take `isolation: server` out of stack.yml, or STACK_REDIS_URL out of the environment' },
  );
}

/**
 * Leases a numbered database, the lowest that no ticket has (neither 0 nor the baseline's), or a server where stack.yml says
 * so or all numbers are taken. Call it with the state lock held. Throws `conflict`, `port`.
 */
export async function leaseRedis(
  stack: Stack,
  config: StackConfig,
  draft: StackState,
  record: InstanceRecord,
  tried: readonly number[] = [],
): Promise<OwnRedis> {
  const isolation = isolationOf(stack, config);
  if (isolation === 'server') return leaseServer(stack, draft, record);
  const baseline = Number(redisSettings(stack, config).database ?? 0);
  const others = Object.values(draft.instances).filter(({ ticket }) => ticket !== record.ticket);
  const holders = others.flatMap(({ ticket, own }) =>
    own?.[REDIS]?.as === 'number' && own[REDIS].number !== undefined ? [{ ticket, number: own[REDIS].number }] : [],
  );
  const taken = new Set([baseline, ...tried, ...holders.map(({ number }) => number)]);
  const number = Array.from({ length: NUMBERS - 1 }, (_, index) => index + 1).find((one) => !taken.has(one));
  if (number !== undefined) return { as: 'number', number };
  const text = `all ${NUMBERS - 1} numbered databases of Redis are taken`;
  if (isolation === 'auto') {
    stack.emit({ type: 'info', text: `redis: ${text}: ${record.ticket} gets a server of its own` });
    return leaseServer(stack, draft, record);
  }
  const names = holders.map(({ ticket }) => ticket).join(', ');
  throw new StackError('conflict', text, {
    hint: `destroy a ticket that is done: ${names || 'none holds any, but they are not empty'}`,
    details: { holders },
  });
}

/** Leases a server of the ticket's own, of the kind that the shared one is. Call it with the state lock held. Throws `port`. */
export async function leaseServer(stack: Stack, draft: StackState, record: InstanceRecord): Promise<OwnServer> {
  const server = describeOwnServer(stack, record.ticket, draft.shared[REDIS]?.provider ?? 'compose');
  await stack.ownPasswords({ make: ownServerOf(REDIS) });
  return { ...server, port: await leaseServerPort(stack, draft, record) };
}

/** Returns a server of a ticket's own, still without its lease. */
export function describeOwnServer(stack: Stack, ticket: string, provider: OwnServer['provider']): OwnServer {
  return {
    as: 'server',
    provider,
    container: USUAL_PORT,
    workload: workloadName(stack.name, stack.rootId, ticket, REDIS),
    alias: networkAlias(REDIS, ticket),
  };
}

/** Leases a port for a ticket's own server, the next that is free after the shared one's. Call it with the state lock held. Throws `port`. */
export async function leaseServerPort(
  stack: Stack,
  draft: StackState,
  record: InstanceRecord,
  taken: readonly number[] = [],
): Promise<number> {
  const from = (draft.shared[REDIS]?.port ?? USUAL_PORT) + 1;
  const leased = listLeases({ ...draft, instances: { ...draft.instances, [record.ticket]: record } });
  const request = { name: REDIS, from, to: Math.min(from + PORTS_AFTER_FIRST, 65_535) };
  return stack.ports.find(request, new Set([...leased, ...taken]));
}

/** Gives up the lease of a ticket's own server that something else listens on, and takes another. Throws `port`. */
export async function moveServerLease(work: Work, server: OwnServer, taken: number): Promise<void> {
  await work.stack.store.update(async (draft) => {
    server.port = await leaseServerPort(work.stack, draft, work.record, [taken]);
    putRecord(draft, work.record);
  });
  work.leases.moved.add(REDIS);
  const text = `redis: port ${taken} is taken, leased ${server.port} instead`;
  work.stack.emit({ type: 'warning', text });
}
