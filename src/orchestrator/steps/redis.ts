import { countKeys, emptyRedis, findMix, type RedisLogin } from '../../adapters/redis/redis.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import type { OwnRecord, StackState } from '../../domain/instance.ts';
import { REDIS } from '../../domain/own.ts';
import { REDIS_ID, type Step, type StepId } from '../../domain/step.ts';
import { configIfReadable } from '../core/stack.ts';
import { putRecord, requireConfig, type Work } from '../core/work.ts';
import { isolationOf, isWhereItWas, leaseRedis, leaseServer, openRedis } from '../data/redis.ts';
import { isServerUp, isServing, removeServer, startServer, stopServer } from '../data/redis-server.ts';
import { bringKeysBack } from '../data/saved-data.ts';
import { describePlace, placeOf } from '../shared/place.ts';
import { embeddedId } from './ids.ts';

/** A numbered database, or a server, of the ticket's own; [] where it uses the shared one. */
export function listRedisSteps(work: Work): Step[] {
  return work.record.own?.redis ? [redisStep(work)] : [];
}

function redisStep(work: Work): Step {
  const { server, number } = work.record.own?.redis ?? {};
  return {
    id: REDIS_ID,
    subject: REDIS,
    title: server ? `server of its own on port ${server.port}` : `database ${number}`,
    after: [],
    afterIfListed: [{ kind: 'network' }, { kind: 'shared services' }, embeddedId(REDIS)],
    async inspect() {
      const redis = work.record.own?.redis;
      if (!redis?.checked || !isWhereItWas(work.stack, await findConfig(work), redis)) return 'absent';
      // With data in it, one at rest is not absent: what makes it run again must not unmake it.
      return !redis.server || (await isServing(work, redis.server)) ? 'present' : 'different';
    },
    async apply(progress) {
      await takeNumber(work);
      const { server: taken } = work.record.own?.redis ?? {};
      if (!taken) return;
      await startServer(work, taken, progress);
      await fillServer(work);
    },
    async revert() {
      const redis = work.record.own?.redis;
      if (redis?.server) return removeServer(work, redis.server);
      // Before it was seen to be empty, what is in there is somebody else's.
      if (!redis?.checked) return;
      const config = await findConfig(work);
      if (!isWhereItWas(work.stack, config, redis)) return tellStranded(work, redis);
      const login = openRedis(work.stack, config, work.shared, redis);
      if (login) await emptyRedis(login);
    },
  };
}

async function findConfig(work: Work): Promise<StackConfig | undefined> {
  return work.config ?? (await configIfReadable(work.stack));
}

function tellStranded({ stack, record }: Work, { number, at }: NonNullable<OwnRecord['redis']>): void {
  const server = describePlace('Redis', at ?? '');
  const text = `the keys of ${record.ticket} stay in database ${number} of ${server}: another server is named now`;
  stack.emit({ type: 'warning', text });
}

/** A ticket's own server brought to rest, once nothing uses it any more. */
export function listStopRedisSteps(work: Work, after: readonly StepId[]): Step[] {
  const server = work.record.own?.redis?.server;
  if (!server) return [];
  return [
    {
      id: { kind: 'stop', of: REDIS },
      subject: REDIS,
      title: 'stopped',
      after,
      async inspect() {
        return (await isServerUp(work, server)) ? 'different' : 'present';
      },
      async apply() {
        await stopServer(work, server);
      },
      ownedByOther: true,
      async revert() {},
    },
  ];
}

/** Somebody may use a number by hand: one that holds keys is left to them, and another is leased. */
async function takeNumber(work: Work): Promise<void> {
  const config = await requireConfig(work);
  const { stack, record } = work;
  const tried: number[] = [];
  for (;;) {
    const redis = record.own?.redis;
    const login = redis && !redis.server && openRedis(stack, config, work.shared, redis);
    if (!redis || !login) return;
    if (isolationOf(stack, config) === 'auto' && (await avoidMix(work, login))) return;
    if ((await countKeys(login)) === 0) {
      await bringKeysBack(work, login);
      return changeRedis(work, async () => ({ ...redis, checked: true, at: placeOf(REDIS, stack, config) }));
    }
    tried.push(redis.number);
    await changeRedis(work, (draft) => leaseRedis(stack, config, draft, record, tried));
    tellMove(work, `database ${redis.number} holds somebody’s keys`);
  }
}

/** Where numbers would not keep tickets apart the ticket gets a server instead. False where they do. */
async function avoidMix(work: Work, login: RedisLogin): Promise<boolean> {
  const reason = await findMix(login);
  if (reason === undefined) return false;
  await changeRedis(work, (draft) => leaseServer(work.stack, draft, work.record));
  tellMove(work, reason);
  return true;
}

/** What was wired to the one before needs a second look. */
function tellMove(work: Work, reason: string): void {
  work.leases.moved.add('redis');
  const { number, server } = work.record.own?.redis ?? {};
  const took = server ? `took a server on port ${server.port}` : `took ${number}`;
  work.stack.emit({ type: 'warning', text: `redis: ${reason}, ${took}` });
}

async function fillServer(work: Work): Promise<void> {
  const redis = work.record.own?.redis;
  if (!redis || redis.checked) return;
  const login = openRedis(work.stack, await requireConfig(work), work.shared, redis);
  if (login) await bringKeysBack(work, login);
  await changeRedis(work, async () => ({ ...redis, checked: true }));
}

async function changeRedis(
  { stack, record }: Work,
  change: (draft: StackState) => Promise<OwnRecord['redis']>,
): Promise<void> {
  await stack.store.update(async (draft) => {
    record.own = { ...record.own, redis: await change(draft) };
    putRecord(draft, record);
  });
}
