import {
  type ComposeProject,
  type ComposeTool,
  composeDown,
  composeRenew,
  composeUp,
  findCompose,
} from '../../adapters/docker/compose.ts';
import { pause } from '../../adapters/pause.ts';
import { interpolate } from '../../domain/compose/interpolate.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { isPlainMap } from '../../domain/config/source.ts';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import { BASELINE, type SharedLease } from '../../domain/instance.ts';
import { composeEnvFileOf } from '../../domain/layout.ts';
import { networkName, sharedProject } from '../../domain/names.ts';
import type { Step, StepProgress } from '../../domain/step.ts';
import { startOnLease } from '../core/leases.ts';
import { listSharedContainers } from '../core/network.ts';
import type { Stack } from '../core/stack.ts';
import { requireConfig, type Work } from '../core/work.ts';
import { ALL_KINDS } from '../data/kinds.ts';
import { giveComposedPasswords, moveSharedLease } from '../shared/plan.ts';
import { findComposeFile } from '../shared/ports.ts';
import { hashLogin, hashShared, listFileValues, listSharedVariables } from '../shared/settings.ts';
import { explainUnpulled, tellWaysOn } from '../shared/ways-on.ts';
import { type Lookout, openLookout } from '../workloads/lookout.ts';

const POLL_MS = 100;
const HEALTHY_SECONDS = 120;
/** How long one without a health check must stay up to count as well. */
const SETTLE_MS = 1000;
const SHOWN_LINES = 30;

/** The shared services: one compose project of this root, healthy and joined to the stack's network. */
export function sharedStep(work: Work, names: readonly string[]): Step {
  const project = sharedProject(work.stack.name, work.stack.rootId);
  let volumesBefore: string[] | undefined;
  /** These had not been ready when this began. */
  let fresh: string[] | undefined;
  return {
    id: { kind: 'shared services' },
    subject: 'shared',
    title: names.join(', '),
    after: [{ kind: 'network' }],
    async inspect() {
      const found = (await listSharedContainers(work.stack)).filter(({ service }) => names.includes(service));
      if (found.length === 0) return 'absent';
      const network = networkName(work.stack.name, work.stack.rootId);
      const reasons = names.flatMap((name) => {
        const containers = found.filter(({ service }) => service === name);
        const up = containers.filter(({ state }) => isUp(state));
        if (up.some(({ networks }) => networks.includes(network))) return [];
        return up.length > 0
          ? [`${name} was not in the stack’s network`]
          : [`${name} was ${containers[0]?.state ?? 'missing'}`];
      });
      for (const name of names) if (work.shared[name]?.fresh) reasons.push(`${name} was not ready yet`);
      if (await isChanged(work, names)) reasons.push('changed: settings');
      return reasons.length === 0 ? 'present' : { different: reasons.join(', ') };
    },
    async apply(progress) {
      const config = await requireConfig(work);
      volumesBefore ??= await listSharedVolumes(work.stack, config);
      fresh ??= names.filter((name) => work.shared[name]?.fresh);
      await giveComposedPasswords(work, config, names);
      await joinNetwork(work, names);
      await bringUp(work, names, progress);
      await waitUntilHealthy(work, names, progress);
      await joinNetwork(work, names);
      const fitting: string[] = [];
      for (const kind of ALL_KINDS.filter(({ service }) => names.includes(service)))
        if (await kind.settleLogin?.(work.stack, config, work.shared, progress.signal)) fitting.push(kind.service);
      await noteSettings(work, names, fitting);
    },
    async revert() {
      const docker = await work.stack.docker();
      // Compose makes networks and volumes first, and may have failed then.
      const networks = await docker.listProjectNetworks(project);
      const volumes = volumesBefore && (await listSharedVolumes(work.stack, await requireConfig(work)));
      if (networks.length > 0 || (await listSharedContainers(work.stack)).length > 0)
        await removeShared(work, { volumes: false });
      // Those that this very run made are nobody's yet.
      if (volumes) await docker.removeProjectVolumes(volumes.filter((name) => !volumesBefore?.includes(name)));
      if (fresh && fresh.length > 0) await noteLeases(work, fresh, () => ({ fresh: true }));
    },
  };
}

/** Other settings than it runs with are for `up`: a ticket's command leaves alone what all others use. */
async function isChanged(work: Work, names: readonly string[]): Promise<boolean> {
  if (work.record.ticket !== BASELINE) return false;
  const wanted = await hashShared(work.stack, await requireConfig(work), work.shared);
  return names.some((name) => work.shared[name]?.settings !== wanted);
}

/** They are ready; from here on somebody's data may be in them. `fitting` let somebody in with the login that stack.yml has now. */
async function noteSettings(work: Work, names: readonly string[], fitting: readonly string[]): Promise<void> {
  const config = await requireConfig(work);
  const settings = await hashShared(work.stack, config, work.shared);
  await noteLeases(work, names, (name) => {
    const login = fitting.includes(name) ? hashLogin(work.stack, config, name) : undefined;
    return { settings, fresh: undefined, ...(login !== undefined && { login }) };
  });
}

async function noteLeases(
  { stack, shared: own }: Work,
  names: readonly string[],
  describe: (name: string) => Partial<SharedLease>,
): Promise<void> {
  await stack.store.update(({ shared }) => {
    for (const name of names) {
      for (const lease of [shared[name], own[name]]) if (lease) Object.assign(lease, describe(name));
    }
  });
}

/** Returns the volumes that were made for the shared services. What the compose file takes from elsewhere is somebody's. */
export async function listSharedVolumes(stack: Stack, config: StackConfig): Promise<string[]> {
  const { data } = await stack.readCompose(await findComposeFile(stack, config));
  const external = Object.entries(isPlainMap(data.volumes) ? data.volumes : {}).flatMap(([key, volume]) => {
    if (!isPlainMap(volume) || !volume.external) return [];
    const named = volume.name ?? (isPlainMap(volume.external) ? volume.external.name : undefined) ?? key;
    return [interpolate(String(named), stack.values)];
  });
  const volumes = await (await stack.docker()).listProjectVolumes(sharedProject(stack.name, stack.rootId));
  return volumes.filter((name) => !external.includes(name));
}

/** Stops and removes the shared services' containers; with `volumes` their data too. Missing is done. */
export async function removeShared(work: Work, options: { volumes: boolean }): Promise<void> {
  await composeDown(await describeProject(work), options);
}

async function bringUp(work: Work, names: readonly string[], { signal, note }: StepProgress): Promise<void> {
  const start = async (): Promise<void> => {
    const project = { ...(await describeProject(work)), onLine: note, signal };
    const stranded = await listStranded(work);
    try {
      if (stranded.length > 0) await composeRenew(project, stranded);
      await composeUp(project, names);
    } catch (error) {
      throw (await explainUnpulled(work, names, error)) ?? error;
    }
  };
  const move = async (taken: number) => moveSharedLease(work, await requireConfig(work), taken);
  await startOnLease({ signal, note }, start, move);
}

/** Somebody removed their network while they were at rest. One that the compose file no longer has is left alone. */
async function listStranded(work: Work): Promise<string[]> {
  const { stack } = work;
  const found = await (await stack.docker()).listStranded(sharedProject(stack.name, stack.rootId));
  const { services } = await stack.readCompose(await findComposeFile(stack, await requireConfig(work)));
  return found.filter((name) => Object.hasOwn(services, name));
}

async function describeProject(work: Work): Promise<ComposeProject> {
  const config = await requireConfig(work);
  const { root, rootId, name, env } = work.stack;
  const docker = await work.stack.docker();
  const composeEnv = { ...env, ...docker.env };
  const tool = await findCompose(composeEnv);
  if (!tool) {
    const missing = new StackError('engine', 'neither `docker compose` nor `docker-compose` is here', {
      hint: 'install Docker Compose; the shared services of stack.yml run through it',
    });
    throw tellWaysOn(missing, { config, record: work.record });
  }
  return {
    command: tool.command,
    version: tool.version,
    includes: knowsInclude(tool),
    file: await findComposeFile(work.stack, config),
    project: sharedProject(name, rootId),
    projectDir: root,
    env: { ...composeEnv, ...(await listSharedVariables(work.stack, config, work.shared)) },
    values: await listFileValues(work.stack, config),
    envFile: composeEnvFileOf(root),
    askEngine: () => listSharedContainers(work.stack),
  };
}

/** 2.20 was the first. */
function knowsInclude({ version }: ComposeTool): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > 2 || (major === 2 && minor >= 20);
}

async function waitUntilHealthy(work: Work, names: readonly string[], progress: StepProgress): Promise<void> {
  const docker = await work.stack.docker();
  const project = sharedProject(work.stack.name, work.stack.rootId);
  const lookout = openLookout((onChange, until) => docker.watchProject(project, onChange, until));
  try {
    await lookUntilHealthy(work, names, lookout, progress);
  } finally {
    lookout.end();
  }
}

async function lookUntilHealthy(
  work: Work,
  names: readonly string[],
  lookout: Lookout,
  { signal, note }: StepProgress,
): Promise<void> {
  const began = performance.now();
  const deadline = began + HEALTHY_SECONDS * 1000;
  for (;;) {
    throwIfAborted(signal);
    if (!lookout.isDue()) {
      await pause(POLL_MS, signal);
      continue;
    }
    const found = await listSharedContainers(work.stack);
    const states = names.map((name) => ({ name, container: found.find((one) => one.service === name) }));
    const waiting = states.filter(({ container }) => !isUp(container?.state));
    const isSettled = states.every(({ container }) => container?.state === 'healthy');
    if (waiting.length === 0 && (isSettled || performance.now() > began + SETTLE_MS)) return;
    const ended = waiting.find(({ container }) => ['exited', 'stopped'].includes(container?.state ?? ''));
    if (ended) throw await unhealthy(work, `${ended.name} ended`, ended.container?.id);
    const [late] = waiting;
    if (late && performance.now() > deadline) {
      throw await unhealthy(work, `${late.name} did not become healthy in ${HEALTHY_SECONDS} s`, late.container?.id);
    }
    if (late) note(waiting.map(({ name, container }) => `${name} ${container?.state ?? 'missing'}`).join(', '));
  }
}

/** Healthy, or running where its image has no health check. */
function isUp(state: string | undefined): boolean {
  return state === 'healthy' || state === 'running';
}

async function unhealthy(work: Work, message: string, container: string | undefined): Promise<StackError> {
  const lines = container === undefined ? [] : await (await work.stack.docker()).tailLog(container, SHOWN_LINES);
  return new StackError('unhealthy', message, {
    hint: lines.length > 0 ? 'its last lines are below' : 'it printed nothing',
    lines,
  });
}

/** A team's own compose file need not know the stack's network: its containers are joined to it by their names. */
async function joinNetwork(work: Work, names: readonly string[]): Promise<void> {
  const docker = await work.stack.docker();
  const network = networkName(work.stack.name, work.stack.rootId);
  for (const container of await listSharedContainers(work.stack)) {
    if (names.includes(container.service)) await docker.connectContainer(network, container.name, [container.service]);
  }
}
