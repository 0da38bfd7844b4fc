import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Container, ContainerInspectInfo } from 'dockerode';
import { bestEffort, StackError, throwIfAborted } from '../../domain/errors.ts';
import { LABELS } from '../../domain/names.ts';
import type { WorkloadRef, WorkloadSpec } from '../../domain/runtime.ts';
import { ifThere } from '../files/file-errors.ts';
import { requireSilentPorts } from '../process/ports.ts';
import type { Connection } from './connection.ts';
import { inspectContainer, nameTaken, removeContainer } from './container.ts';
import { findTakenPort, orMissing, readReason, readStatus } from './error.ts';
import { createWithFolders, explainUnshared } from './shared-folders.ts';
import { COMPOSE, describeWorkload } from './spec.ts';
import { observeSurroundings } from './surroundings.ts';
import { makeMountPoints, ownVolumes } from './volume.ts';

/** How long a workload has to end after TERM, in seconds. */
const STOP_SECONDS = 10;
/** How long one has that lives on although the programs which did its work have ended, before it is told again. */
const INSIST_MS = 1000;

/** Makes and starts a workload's container, as `Runtime.start` says. Throws `engine`, `port`, `interrupted`. */
export async function startWorkload(conn: Connection, spec: WorkloadSpec, signal: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  const found = await findOwn(conn, spec);
  if (!found?.State.Running) await requireSilentPorts(spec.ports);
  if (found && found.Name !== `/${spec.name}`) await conn.client.getContainer(found.Id).rename({ name: spec.name });
  // One that was made and never started is half of something: whoever made it was killed.
  if (found?.Config.Labels[LABELS.hash] === spec.hash && found.State.Status !== 'created') {
    if (isUp(found)) return isJoined(spec, found) ? undefined : joinNetwork(conn, spec, found);
    if (await restartContainer(conn, spec, found, signal)) return;
  }
  if (found) {
    await stopContainer(conn, found);
    await removeContainer(conn, found.Id);
  }
  await makeContainer(conn, spec, signal);
}

/** Stops a workload's container and keeps it. Missing or stopped is done. */
export async function stopWorkload(conn: Connection, ref: WorkloadRef): Promise<void> {
  const found = await findOwn(conn, ref);
  if (!found) return;
  await stopContainer(conn, found);
  await leaveNetworks(conn, found);
}

/** Removes a workload's container, and those of commands that were running in its surroundings. Missing is done. */
export async function removeWorkload(conn: Connection, ref: WorkloadRef): Promise<void> {
  const found = await conn.client.listContainers({ all: true, filters: { label: labelsOf(ref) } });
  await Promise.all(found.map((container) => removeContainer(conn, container.Id)));
}

/**
 * Returns a workload's container, also when somebody has renamed it; undefined when there is none. Throws `engine` when its
 * name stands for one that is not ours.
 */
async function findOwn(conn: Connection, ref: WorkloadRef): Promise<ContainerInspectInfo | undefined> {
  const found = await inspectContainer(conn, ref.name);
  if (found && found.Config.Labels[LABELS.root] !== ref.rootId) throw nameTaken(ref.name);
  if (found) return found;
  const label = [...labelsOf(ref), `${COMPOSE.oneOff}=False`];
  const [renamed] = await conn.client.listContainers({ all: true, filters: { label } });
  return renamed && inspectContainer(conn, renamed.Id);
}

/** Returns the labels that tell a service's containers from all others. */
export function labelsOf({ rootId, instance, service }: WorkloadRef): string[] {
  return [`${LABELS.root}=${rootId}`, `${LABELS.ticket}=${instance}`, `${LABELS.service}=${service}`];
}

function isUp({ State }: ContainerInspectInfo): boolean {
  return State.Running && !State.Paused;
}

/**
 * Ends a container: its stop signal, up to ten seconds, SIGKILL. A watcher passes the first signal on to the program it watches,
 * and lives: once those that did the work have ended, it is told a second time.
 */
async function stopContainer(conn: Connection, { Id, Config, State }: ContainerInspectInfo): Promise<void> {
  const container = conn.client.getContainer(Id);
  const { StopSignal = 'SIGTERM' } = Config as { StopSignal?: string };
  const workers = State.Running ? await listWorkers(container) : [];
  let isTold = false;
  const insist = setInterval(async () => {
    const left = await listProcesses(container);
    if (isTold || workers.length === 0 || workers.some((pid) => left.has(pid))) return;
    isTold = true;
    // It has ended meanwhile.
    await bestEffort(container.kill({ signal: StopSignal }));
  }, INSIST_MS);
  try {
    await orMissing(container.stop({ t: STOP_SECONDS }));
  } catch (error) {
    // 304: it had ended already.
    if (readStatus(error) !== 304) throw error;
  } finally {
    isTold = true;
    clearInterval(insist);
  }
  // The list of Docker 26 takes it for running for some more milliseconds; a look at the one container waits until that is over.
  await inspectContainer(conn, Id);
}

/** Returns those that started nobody: they do what the others are there for. */
async function listWorkers(container: Container): Promise<number[]> {
  const parents = await listProcesses(container);
  const busy = new Set(parents.values());
  return [...parents.keys()].filter((pid) => !busy.has(pid));
}

/** Returns the processes of a container with their parents, by the engine's own numbers; none where it shows none. */
async function listProcesses(container: Container): Promise<Map<number, number>> {
  const table = (await bestEffort(container.top({ ps_args: '-eo pid,ppid' }))) as { Processes: string[][] } | undefined;
  return new Map((table?.Processes ?? []).map(([pid, parent]) => [Number(pid), Number(parent)]));
}

async function leaveNetworks(conn: Connection, info: ContainerInspectInfo): Promise<void> {
  for (const network of Object.keys(info.NetworkSettings.Networks)) {
    await orMissing(conn.client.getNetwork(network).disconnect({ Container: info.Id, Force: true }));
  }
}

function isJoined({ network, aliases }: WorkloadSpec, { NetworkSettings }: ContainerInspectInfo): boolean {
  const known: readonly string[] = NetworkSettings.Networks[network]?.Aliases ?? [];
  return aliases.every((alias) => known.includes(alias));
}

/** The network may have been made again since the container was stopped. */
async function joinNetwork(conn: Connection, spec: WorkloadSpec, info: ContainerInspectInfo): Promise<void> {
  await leaveNetworks(conn, info);
  const EndpointConfig = { Aliases: [...spec.aliases] };
  await conn.client.getNetwork(spec.network).connect({ Container: info.Id, EndpointConfig });
}

/** Starts a container that was stopped. Returns false when it cannot be, e.g. since a mount is gone: it must be made again. */
async function restartContainer(
  conn: Connection,
  spec: WorkloadSpec,
  found: ContainerInspectInfo,
  signal: AbortSignal,
): Promise<boolean> {
  const container = conn.client.getContainer(found.Id);
  try {
    if (found.State.Paused) await container.unpause();
    else {
      await joinNetwork(conn, spec, found);
      await container.start();
    }
  } catch (error) {
    const taken = portError(error, spec);
    if (taken) {
      await removeContainer(conn, found.Id);
      throw taken;
    }
    if (readStatus(error) === undefined) throw error;
    return false;
  }
  if (signal.aborted) await stopWorkload(conn, spec);
  throwIfAborted(signal);
  return true;
}

async function makeContainer(conn: Connection, spec: WorkloadSpec, signal: AbortSignal): Promise<void> {
  await requireFolder(spec);
  const surroundings = await observeSurroundings(conn, spec);
  await makeMountPoints(spec);
  throwIfAborted(signal);
  const container = await createWithFolders(conn, spec, describeWorkload(spec, surroundings));
  try {
    await ownVolumes(conn, container, spec, surroundings);
    throwIfAborted(signal);
    await container.start();
    throwIfAborted(signal);
  } catch (error) {
    // The first error is the one to tell; what cannot be removed now is found by its labels later.
    await bestEffort(removeContainer(conn, container.id));
    throw portError(error, spec) ?? explainUnshared(error, spec) ?? explainStart(error, spec);
  }
}

/** The engine would make a missing working folder inside the worktree, as root. */
async function requireFolder({ service, source, dir }: WorkloadSpec): Promise<void> {
  const folder = join(source, dir);
  const found = await ifThere(stat(folder));
  if (found?.isDirectory()) return;
  throw new StackError('engine', `${service} has no folder to run in: ${folder}`, {
    hint: '`dir:` of the service in stack.yml is a folder of its repo',
  });
}

function portError(error: unknown, spec: WorkloadSpec): StackError | undefined {
  const port = findTakenPort(
    error,
    spec.ports.map((one) => one.host),
  );
  if (port === undefined) return undefined;
  return new StackError('port', `port ${port} is taken on this machine`, { details: { port }, cause: error });
}

function explainStart(error: unknown, { service }: WorkloadSpec): unknown {
  if (error instanceof StackError || readStatus(error) === undefined) return error;
  return new StackError('engine', `${service} cannot be started: ${readReason(error)}`, { cause: error });
}
