import type { RedisLogin } from '../adapters/redis.ts';
import type { StackConfig } from '../domain/config/config.ts';
import { StackError } from '../domain/errors.ts';
import type { InstanceRecord, OwnRecord, SharedLease, StackState } from '../domain/instance.ts';
import { resolveShared, sharedAddress } from '../domain/shared.ts';
import type { Stack } from './stack.ts';

export const REDIS = 'redis';
/** A Redis has 16 numbered databases unless it is told otherwise. */
const NUMBERS = 16;

/** Gives how stack itself reaches one numbered database of the shared Redis; undefined when there is none. */
export function openRedis(
  stack: Stack,
  config: StackConfig | undefined,
  leases: Readonly<Record<string, SharedLease>>,
  number: number,
): RedisLogin | undefined {
  const settings = resolveShared(REDIS, config?.shared.services[REDIS] ?? {}, stack.env);
  const address = sharedAddress('process', REDIS, settings, leases[REDIS]);
  return address && { url: address.url, where: `${address.host}:${address.port ?? 6379}`, number };
}

/** Leases a numbered database, the lowest that no ticket has; neither 0 nor the baseline's. Call it with the state lock held. */
export function leaseRedis(
  stack: Stack,
  config: StackConfig,
  draft: StackState,
  record: InstanceRecord,
  tried: readonly number[] = [],
): NonNullable<OwnRecord['redis']> {
  const baseline = Number(resolveShared(REDIS, config.shared.services[REDIS] ?? {}, stack.env).database ?? 0);
  const others = Object.values(draft.instances).filter(({ ticket }) => ticket !== record.ticket);
  const holders = others.flatMap(({ ticket, own }) => (own?.redis ? [{ ticket, number: own.redis.number }] : []));
  const taken = new Set([baseline, ...tried, ...holders.map(({ number }) => number)]);
  const number = Array.from({ length: NUMBERS - 1 }, (_, index) => index + 1).find((one) => !taken.has(one));
  if (number !== undefined) return { number };
  throw new StackError('conflict', `all ${NUMBERS - 1} numbered databases of Redis are taken`, {
    hint: `destroy a ticket that is done: ${holders.map(({ ticket }) => ticket).join(', ') || 'none holds any, but they are not empty'}`,
    details: { holders },
  });
}
