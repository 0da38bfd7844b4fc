import { countKeys, emptyRedis } from '../../adapters/redis.ts';
import type { Step } from '../../domain/step.ts';
import { bringKeysBack } from '../dumps.ts';
import { leaseRedis, openRedis, REDIS } from '../redis.ts';
import { putRecord, requireConfig, type Work } from '../work.ts';
import { embeddedId } from './embedded.ts';

/** The id of the step that makes sure of a ticket's numbered database in Redis; its services wait for it. */
export const REDIS_ID = `database ${REDIS}`;

/** A numbered database of the ticket's own; [] where it uses the shared one. */
export function listRedisSteps(work: Work): Step[] {
  return work.record.own?.redis ? [redisStep(work)] : [];
}

function redisStep(work: Work): Step {
  return {
    id: REDIS_ID,
    subject: REDIS,
    title: `database ${work.record.own?.redis?.number}`,
    after: ['shared services', embeddedId(REDIS)],
    async inspect() {
      return work.record.own?.redis?.checked ? 'present' : 'absent';
    },
    async apply() {
      await takeNumber(work);
    },
    async revert() {
      const redis = work.record.own?.redis;
      // Before it was seen to be empty, what is in there is somebody else's.
      if (!redis?.checked) return;
      const config = work.config ?? (await work.stack.config().catch(() => undefined));
      const login = openRedis(work.stack, config, work.shared, redis.number);
      if (login) await emptyRedis(login);
    },
  };
}

/** Somebody may use a number by hand: one that holds keys is left to them, and another is leased. */
async function takeNumber(work: Work): Promise<void> {
  const config = await requireConfig(work);
  const { stack, record } = work;
  const tried: number[] = [];
  for (;;) {
    const redis = record.own?.redis;
    const login = redis && openRedis(stack, config, work.shared, redis.number);
    if (!redis || !login) return;
    const isEmpty = (await countKeys(login)) === 0;
    if (isEmpty) await bringKeysBack(work, login);
    await stack.store.update((draft) => {
      if (isEmpty) redis.checked = true;
      else record.own = { ...record.own, redis: leaseRedis(stack, config, draft, record, [...tried, redis.number]) };
      putRecord(draft, record);
    });
    if (isEmpty) return;
    tried.push(redis.number);
    // What was wired to the number before needs a second look.
    work.leases.moved = true;
    stack.emit({
      type: 'warning',
      text: `redis: database ${redis.number} holds somebody’s keys, took ${record.own?.redis?.number}`,
    });
  }
}
