import { readdir } from 'node:fs/promises';
import { ifThere } from '../../../adapters/files/file-errors.ts';
import { countKeys } from '../../../adapters/redis/redis.ts';
import type { StackConfig } from '../../../domain/config/config.ts';
import { ifAnswered } from '../../../domain/errors.ts';
import type { InstanceRecord, OwnPart, StackState } from '../../../domain/instance.ts';
import { ownServer, ownServerOf } from '../../../domain/own.ts';
import { listLeases } from '../../core/leases.ts';
import { configIfReadable, type Stack } from '../../core/stack.ts';
import type { Work } from '../../core/work.ts';
import { placeOf } from '../../shared/place.ts';
import { ownFolder, removeOwnFolder } from '../own-folder.ts';
import type { Others, OwnKind, StrayData } from '../own-kind.ts';
import { findServer, readNumber } from './derive.ts';
import {
  isolationOf,
  isWhereItWas,
  leaseRedis,
  leaseServerPort,
  numberOf,
  openRedis,
  ownRedis,
  REDIS,
} from './redis.ts';
import { redisStep, stopRedisStep } from './redis-step.ts';
import { saveKeys } from './saved.ts';
import { hostRedis, listServerRemains } from './server.ts';

/** A ticket's own Redis is a numbered database where that keeps tickets apart, else a server. */
export const redis: OwnKind = {
  service: REDIS,
  dumpEnding: 'keys',
  plan(stack, config) {
    // Says what is wrong in the settings, before anything is made.
    isolationOf(stack, config);
    return { as: 'number' };
  },
  lease,
  giveUpLeases,
  step: redisStep,
  stopStep: stopRedisStep,
  async answers(work, config) {
    const own = ownRedis(work.record);
    const login = own?.as === 'number' && own.checked && openRedis(work.stack, config, work.shared, own);
    if (!login) return undefined;
    return (await ifAnswered(() => countKeys(login))) !== undefined;
  },
  save: saveKeys,
  listLeft,
  async observeServer(stack, ticket) {
    return (await (await hostRedis(stack, ticket)).status()).state;
  },
  async derive(stack, config, record, { shared, workloads }) {
    const server = await findServer(stack, record.ticket, { shared, workloads });
    if (server) return { ...server, checked: true };
    if (record.own?.[REDIS]) return record.own[REDIS];
    const number = await readNumber(stack, config, record);
    if (number === undefined) return undefined;
    // A number that nothing of the ticket has run with may hold somebody's keys: the next start looks.
    const checked = workloads.some(({ instance }) => instance === record.ticket);
    return { as: 'number', number, ...(checked && { checked, at: placeOf(REDIS, stack, config) }) };
  },
  listStrays,
};

async function lease(stack: Stack, config: StackConfig, draft: StackState, record: InstanceRecord): Promise<void> {
  const own = ownRedis(record);
  if (own?.as === 'server') {
    // A server of an older stack may have none, where the shared one has none.
    await stack.ownPasswords({ make: ownServerOf(REDIS) });
    own.port ??= await leaseServerPort(stack, draft, record);
  } else if (own && own.number === undefined) {
    record.own = { ...record.own, [REDIS]: await leaseRedis(stack, config, draft, record) };
  }
}

function giveUpLeases(part: OwnPart, others: Others): OwnPart {
  if (part.as === 'server') {
    return part.port !== undefined && listLeases(others).has(part.port) ? { ...part, port: undefined } : part;
  }
  if (part.as !== 'number' || part.number === undefined) return part;
  const taken = Object.values(others.instances).flatMap((record) => {
    const other = ownRedis(record);
    return other?.as === 'number' ? [other.number] : [];
  });
  return taken.includes(part.number) ? { as: 'number' } : part;
}

async function listLeft(work: Work): Promise<string[]> {
  const own = ownRedis(work.record);
  if (own?.as === 'server') return listServerRemains(work, own);
  if (!own?.checked) return [];
  const config = await configIfReadable(work.stack);
  const login = isWhereItWas(work.stack, config, own) && openRedis(work.stack, config, work.shared, own);
  return login && (await countKeys(login)) > 0 ? [`keys in database ${numberOf(own)} of Redis`] : [];
}

/** What the own servers of tickets that are gone keep, and such as run on this machine itself. */
async function listStrays(stack: Stack, { instances }: StackState): Promise<StrayData[]> {
  const tickets = (await ifThere(readdir(ownFolder(stack, '')))) ?? [];
  return tickets
    .filter((ticket) => !(Object.hasOwn(instances, ticket) && ownServer(REDIS, instances[ticket]?.own)))
    .map((ticket) => ({
      ticket,
      service: REDIS,
      what: `the Redis data in ${ownFolder(stack, ticket)}`,
      async remove() {
        await (await hostRedis(stack, ticket)).destroyData();
        await removeOwnFolder(stack, ticket);
      },
    }));
}
