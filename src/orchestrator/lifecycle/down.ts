import type { StackConfig } from '../../domain/config/config.ts';
import { StackError } from '../../domain/errors.ts';
import { BASELINE, listRecords, type StackState } from '../../domain/instance.ts';
import { networkName, sharedProject } from '../../domain/names.ts';
import { listRunnable } from '../../domain/own.ts';
import { traitsOf } from '../../domain/runtime.ts';
import { isOwnerAlive } from '../core/claim.ts';
import { interruptedAt, leftoverError } from '../core/leftover.ts';
import { runBackward } from '../core/run.ts';
import type { Stack } from '../core/stack.ts';
import { type Work, workOnBaseline } from '../core/work.ts';
import { ALL_KINDS } from '../data/kinds.ts';
import { mayBeContained } from '../shared/plan.ts';
import { listSharedVolumes, removeShared } from '../steps/shared.ts';
import { listUpSteps, withUpLock } from '../steps/up.ts';
import { askRuntimes } from '../workloads/observe.ts';

/**
 * Stops and removes what tickets share; data volumes stay unless `volumes`. Throws `conflict` while a ticket uses it,
 * unless `force`; `leftover` when something survives.
 */
export async function bringDown(stack: Stack, options: { force: boolean; volumes: boolean }): Promise<void> {
  const config = await stack.config();
  await stack.store.requireBelieved();
  const before = await stack.store.read();
  const { shared, baseline, instances } = before;
  const isBlank = !baseline && Object.keys({ ...shared, ...instances }).length === 0;
  if (isBlank && !options.volumes && !(await hasNetwork(stack, config, before))) return;
  await withUpLock(workOnBaseline(stack, config, { shared }, baseline), async () => {
    // Read once more: a command that had the lock before may have started what we stop.
    const state = await stack.store.read();
    if (!options.force) await requireUnused(stack, state);
    const work = workOnBaseline(stack, config, state, state.baseline);
    // Those without a name, and those that the compose file names no more, are known by the containers alone.
    const isInEngine = isComposed(work.shared) || (await isProjectLeft(stack, work.shared, options.volumes));
    const hasVolumes = options.volumes && isInEngine && (await stack.checkEngine()).ok;
    const volumes = hasVolumes ? await listSharedVolumes(stack, config) : [];
    if (isInEngine && !isComposed(work.shared)) await removeShared(work, options);
    await removePrerequisites(work, config, state);
    if (options.volumes) await deleteSharedData(work, config, volumes);
  });
}

async function removePrerequisites(work: Work, config: StackConfig, state: StackState): Promise<void> {
  const { stack } = work;
  const steps = listUpSteps(work, config, {
    services: Object.keys(state.baseline?.services ?? {}),
    shared: Object.keys(state.shared),
    network: await hasNetwork(stack, config, state),
    templates: [],
    extent: 'started',
  });
  // While other tickets' containers stand, stopped or not, the network they are joined to has to stay.
  const keepsNetwork = Object.values(state.instances).some((record) => record.started);
  const leftovers = await runBackward(
    steps.filter(({ id }) => !keepsNetwork || id.kind !== 'network'),
    { ...stack, until: stack.signal },
  );
  if (stack.signal.aborted) throw interruptedAt('stack down');
  if (leftovers.length > 0) throw leftoverError(BASELINE, leftovers);
}

/**
 * Tickets need the network too: it may be there although nothing that `up` starts is in it. Where all are processes, no engine
 * is asked.
 */
async function hasNetwork(stack: Stack, config: StackConfig, state: StackState): Promise<boolean> {
  const placed = [...listRecords(state).flatMap(listRunnable), ...Object.values(state.shared)];
  const isEngineUsed = placed.some((one) => traitsOf(one).network) || isAnyLeft(state.shared);
  if (!mayBeContained(config) && !isEngineUsed) return false;
  if (!(await stack.checkEngine()).ok) return false;
  return (await (await stack.docker()).inspectNetwork(networkName(stack.name, stack.rootId))) !== undefined;
}

/**
 * True where compose's part is there without a lease: the engine ended while it was made, so that nobody could unmake it, and the
 * shared services run without an engine since.
 */
async function isProjectLeft(stack: Stack, shared: Work['shared'], volumes: boolean): Promise<boolean> {
  if (!isAnyLeft(shared) || !(await stack.checkEngine()).ok) return false;
  const docker = await stack.docker();
  const project = sharedProject(stack.name, stack.rootId);
  const found = await Promise.all([
    docker.listProject(project),
    docker.listProjectNetworks(project),
    volumes ? docker.listProjectVolumes(project) : [],
  ]);
  return found.some((things) => things.length > 0);
}

function isAnyLeft(shared: Work['shared']): boolean {
  return Object.values(shared).some(({ leftInEngine }) => leftInEngine);
}

function isComposed(shared: Work['shared']): boolean {
  return Object.values(shared).some(({ provider }) => provider === 'compose');
}

/** Deletes what the shared services keep, and forgets what ran them: the next `up` chooses again. */
async function deleteSharedData(work: Work, config: StackConfig, volumes: readonly string[]): Promise<void> {
  for (const kind of ALL_KINDS) await kind.dropAll?.(work.stack, config);
  const leases = Object.entries(work.shared);
  if (isComposed(work.shared)) await removeShared(work, { volumes: true });
  if (volumes.length > 0) await (await work.stack.docker()).removeProjectVolumes(volumes);
  for (const [name, { provider }] of leases) {
    if (provider === 'embedded') await (await work.stack.hostServer(name)).destroyData();
  }
  await work.stack.store.update(async (draft) => {
    draft.shared = {};
    delete draft.filling;
    await work.stack.ownPasswords({ drop: leases.map(([name]) => name) });
  });
}

/** Throws `conflict` while a ticket runs, or a command is at work on one that is to run. */
async function requireUnused(stack: Stack, state: StackState): Promise<void> {
  const users = await listUsers(stack, state);
  if (users.length === 0) return;
  throw new StackError('conflict', `${users.join(', ')} ${users.length > 1 ? 'use' : 'uses'} the shared services`, {
    hint: `\`stack stop ${users.join(' ')}\` first, or \`stack down --force\``,
    details: { tickets: users },
  });
}

async function listUsers(stack: Stack, state: StackState): Promise<string[]> {
  const records = Object.values(state.instances).filter((record) => record.started);
  const services = records.flatMap((record) => Object.values(record.services));
  const statuses = await askRuntimes(stack, services, (runtime) => runtime.status(stack.rootId));
  const running = new Set(statuses.flatMap((status) => (status.state === 'running' ? [status.instance] : [])));
  const used = await Promise.all(records.map(async (one) => running.has(one.ticket) || (await isOwnerAlive(one))));
  return records.flatMap((record, index) => (used[index] ? [record.ticket] : []));
}
