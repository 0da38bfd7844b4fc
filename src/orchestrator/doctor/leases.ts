import { isThere } from '../../adapters/files/files.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { ifAnswered } from '../../domain/errors.ts';
import { BASELINE, type InstanceRecord, listRecords, type StackState } from '../../domain/instance.ts';
import { listSharedHosts } from '../../domain/leases.ts';
import { isOwnerAlive } from '../core/claim.ts';
import { listLeases } from '../core/leases.ts';
import { listSharedContainers } from '../core/network.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { embeddedFolder, listOwnShared } from '../shared/plan.ts';
import { isUpAtWork } from '../steps/up.ts';
import { type Finding, offer } from './finding.ts';

/**
 * Finds ports that are promised to what stack.yml has no more and nothing runs of: no harm, but nobody else gets them. And what is
 * in the engine of shared services that run without one.
 */
export async function examineLeases(stack: Stack, state: StackState): Promise<Finding[]> {
  const config = await configIfReadable(stack);
  if (!config) return [];
  const records = listRecords(state);
  const idle = await Promise.all(records.map((record) => listIdle(stack, config, record)));
  const shared = await listIdleShared(stack, config, state);
  return [
    ...(await listTwice(stack, state)),
    ...records.flatMap((record, index) =>
      (idle[index] ?? []).map((service) => offerService(stack, config, record, service)),
    ),
    ...shared.map((name) => offerShared(stack, config, state, name)),
    ...(await listLeftInEngine(stack, state)),
  ];
}

/** An engine that ended while they were made could not be told to unmake them. */
async function listLeftInEngine(stack: Stack, { shared }: StackState): Promise<Finding[]> {
  if (!Object.values(shared).some((lease) => lease.leftInEngine) || !(await stack.checkEngine()).ok) return [];
  const found = (await ifAnswered(() => listSharedContainers(stack))) ?? [];
  return found
    .filter(({ service }) => shared[service]?.leftInEngine)
    .map(({ service, name }) => ({
      subject: 'shared',
      ok: false,
      text: `${service} runs without an engine, and the container ${name} of it is left in there`,
      hint: '`stack down` removes it, and `stack up` starts what tickets share again',
    }));
}

/** Roots of an older stack, or ones that came back with a disk, may hold what another root holds too. */
async function listTwice(stack: Stack, state: StackState): Promise<Finding[]> {
  const own = listLeases(state);
  const others = await stack.ports.others().catch((error: Error) => error);
  if (others instanceof Error) return [{ subject: 'leases', ok: false, text: others.message }];
  return others.flatMap(({ root, ports }) => {
    const both = ports.filter((port) => own.has(port));
    if (both.length === 0) return [];
    const text = `port ${both.join(', ')} is leased here and in ${root}`;
    const hint = 'stop one of them: whoever starts while the other runs gets another port';
    return [{ subject: 'leases', ok: true, text, hint }];
  });
}

async function listIdle(stack: Stack, config: StackConfig, record: InstanceRecord): Promise<string[]> {
  if (record.ticket === BASELINE ? await isUpAtWork(stack) : await isOwnerAlive(record)) return [];
  const dropped = Object.entries(record.services).filter(
    ([name, { ports }]) => !Object.hasOwn(config.services, name) && Object.keys(ports).length > 0,
  );
  const idle = await Promise.all(
    dropped.map(async ([name, { runtime }]) => {
      // Who cannot be asked may run it.
      const found = await ifAnswered(async () => (await stack.runtime(runtime)).status(stack.rootId, record.ticket));
      return found?.every((one) => one.service !== name) ? [name] : [];
    }),
  );
  return idle.flat();
}

async function listIdleShared(stack: Stack, config: StackConfig, { shared }: StackState): Promise<string[]> {
  const wanted = listOwnShared(stack, config);
  const dropped = Object.entries(shared).filter(([name]) => !wanted.includes(name));
  if (dropped.length === 0 || (await isUpAtWork(stack))) return [];
  const hasEngine = (await stack.checkEngine()).ok;
  const composed = hasEngine ? await ifAnswered(() => listSharedContainers(stack)) : undefined;
  const idle = await Promise.all(
    dropped.map(async ([name, { provider }]) => {
      if (provider === 'embedded') return (await isThere(embeddedFolder(stack, name))) ? [] : [name];
      return composed?.every(({ service }) => service !== name) ? [name] : [];
    }),
  );
  return idle.flat();
}

function offerService(
  stack: Stack,
  config: StackConfig,
  { ticket, services }: InstanceRecord,
  service: string,
): Finding {
  const ports = Object.values(services[service]?.ports ?? {}).map(({ host }) => host);
  return describe(stack, { holder: `${service} of ${ticket}`, ports, subject: ticket }, async (draft) => {
    const record = ticket === BASELINE ? draft.baseline : draft.instances[ticket];
    const own = record?.services[service];
    if (!record || !own) return true;
    if (!(await listIdle(stack, config, record)).includes(service)) return false;
    own.ports = {};
    return true;
  });
}

function offerShared(stack: Stack, config: StackConfig, { shared }: StackState, name: string): Finding {
  const lease = shared[name];
  const ports = lease ? listSharedHosts(lease) : [];
  return describe(stack, { holder: name, ports, subject: 'shared' }, async (draft) => {
    if (!draft.shared[name]) return true;
    if (!(await listIdleShared(stack, config, draft)).includes(name)) return false;
    delete draft.shared[name];
    return true;
  });
}

/** `drop` gives false for what has come into use since somebody looked. */
function describe(
  stack: Stack,
  { holder, ports, subject }: { holder: string; ports: readonly number[]; subject: string },
  drop: (draft: StackState) => Promise<boolean>,
): Finding {
  const what = `port ${ports.join(', ')}`;
  const text = `${what} is leased to ${holder}, which stack.yml has no more`;
  const finding = offer(subject, text, `Give back ${what} of ${holder}, which stack.yml has no more?`, async () => {
    const isFree = await stack.store.update(drop);
    return isFree ? `${what} is free` : `${holder} is in use by now, and keeps ${what}`;
  });
  return { ...finding, ok: true, hint: '`stack doctor --fix` gives it back' };
}
