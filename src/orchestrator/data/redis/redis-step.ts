import { countKeys, emptyRedis, findMix, type RedisLogin } from '../../../adapters/redis/redis.ts';
import type { StackConfig } from '../../../domain/config/config.ts';
import type { OwnNumber, StackState } from '../../../domain/instance.ts';
import type { Step, StepId } from '../../../domain/step.ts';
import { configIfReadable } from '../../core/stack.ts';
import { putRecord, requireConfig, saveRecord, type Work } from '../../core/work.ts';
import { describePlace, placeOf } from '../../shared/place.ts';
import {
  isolationOf,
  isWhereItWas,
  leaseRedis,
  leaseServer,
  numberOf,
  type OwnRedis,
  openRedis,
  ownRedis,
  REDIS,
} from './redis.ts';
import { bringKeysBack } from './saved.ts';
import { isServerUp, isServing, removeServer, startServer, stopServer } from './server.ts';

/** A numbered database, or a server, of the ticket's own. */
export function redisStep(work: Work): Step {
  const own = ownRedis(work.record);
  return {
    id: { kind: 'database', of: REDIS },
    subject: REDIS,
    title: own?.as === 'server' ? `server of its own on port ${own.port}` : `database ${own && numberOf(own)}`,
    after: [],
    afterIfListed: [{ kind: 'network' }, { kind: 'shared services' }, { kind: 'embedded', of: REDIS }],
    async inspect() {
      const redis = ownRedis(work.record);
      if (!redis?.checked || !isWhereItWas(work.stack, await findConfig(work), redis)) return 'absent';
      // With data in it, one at rest is not absent: what makes it run again must not unmake it.
      return redis.as !== 'server' || (await isServing(work, redis))
        ? 'present'
        : { different: 'it was stopped, or its settings changed' };
    },
    async apply(progress) {
      await takeNumber(work);
      const redis = ownRedis(work.record);
      if (redis?.as !== 'server') return;
      await startServer(work, redis, progress);
      await fillServer(work);
    },
    async revert() {
      const redis = ownRedis(work.record);
      if (redis?.as === 'server') return removeServer(work, redis);
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

function tellStranded({ stack, record }: Work, { number, at }: OwnNumber): void {
  const server = describePlace('Redis', at ?? '');
  const text = `the keys of ${record.ticket} stay in database ${number} of ${server}: another server is named now`;
  stack.emit({ type: 'warning', text });
}

/** A ticket's own server brought to rest, once nothing uses it any more. */
export function stopRedisStep(work: Work, after: readonly StepId[]): Step | undefined {
  const server = ownRedis(work.record);
  if (server?.as !== 'server') return undefined;
  return {
    id: { kind: 'stop', of: REDIS },
    subject: REDIS,
    title: 'stopped',
    after,
    async inspect() {
      return (await isServerUp(work, server)) ? 'absent' : 'present';
    },
    async apply() {
      await stopServer(work, server);
    },
    ownedByOther: true,
    async revert() {},
  };
}

/** Somebody may use a number by hand: one that holds keys is left to them, and another is leased. */
async function takeNumber(work: Work): Promise<void> {
  const config = await requireConfig(work);
  const { stack, record } = work;
  const tried: number[] = [];
  for (;;) {
    const redis = ownRedis(record);
    const login = redis?.as === 'number' && openRedis(stack, config, work.shared, redis);
    if (!login) return;
    if (isolationOf(stack, config) === 'auto' && (await avoidMix(work, login))) return;
    if ((await countKeys(login)) === 0) {
      await bringKeysBack(work, login);
      return changeRedis(work, async () => ({ ...redis, checked: true, at: placeOf(REDIS, stack, config) }));
    }
    tried.push(login.number);
    await changeRedis(work, (draft) => leaseRedis(stack, config, draft, record, tried));
    tellMove(work, `database ${login.number} holds somebody’s keys`);
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
  work.leases.moved.add(REDIS);
  const own = ownRedis(work.record);
  const took = own?.as === 'server' ? `took a server on port ${own.port}` : `took ${own?.number}`;
  work.stack.emit({ type: 'warning', text: `redis: ${reason}, ${took}` });
}

async function fillServer(work: Work): Promise<void> {
  const redis = ownRedis(work.record);
  if (!redis || redis.checked) return;
  const login = openRedis(work.stack, await requireConfig(work), work.shared, redis);
  if (login) await bringKeysBack(work, login);
  redis.checked = true;
  await saveRecord(work);
}

async function changeRedis({ stack, record }: Work, change: (draft: StackState) => Promise<OwnRedis>): Promise<void> {
  await stack.store.update(async (draft) => {
    record.own = { ...record.own, [REDIS]: await change(draft) };
    putRecord(draft, record);
  });
}
