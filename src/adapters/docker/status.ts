import type { ContainerInfo, ContainerInspectInfo } from 'dockerode';
import { parseJson } from '../../domain/json.ts';
import { LABELS } from '../../domain/names.ts';
import type { PublishedPort, WorkloadState, WorkloadStatus } from '../../domain/runtime.ts';
import type { Connection } from './connection.ts';
import { inspectContainer } from './container.ts';
import { COMPOSE } from './spec.ts';

/**
 * Returns the workloads of a root, of one instance, or of one service of it. One question to the engine; of a service that runs
 * one more, since only that tells when it was started and what it is called in its network.
 */
export async function listWorkloads(
  conn: Connection,
  rootId: string,
  instance?: string,
  service?: string,
): Promise<WorkloadStatus[]> {
  const label = [`${LABELS.root}=${rootId}`, LABELS.hash, `${COMPOSE.oneOff}=False`];
  if (instance !== undefined) label.push(`${LABELS.ticket}=${instance}`);
  if (service !== undefined) label.push(`${LABELS.service}=${service}`);
  const found = await conn.client.listContainers({ all: true, filters: { label } });
  return Promise.all(
    found.map(async (container) => {
      const status = describeStatus(container);
      if (service === undefined || status.state !== 'running') return status;
      const info = await inspectContainer(conn, container.Id);
      if (!info) return status;
      const aliases = info.NetworkSettings.Networks[info.HostConfig.NetworkMode ?? '']?.Aliases ?? [];
      return { ...status, aliases, startedAt: Date.parse(info.State.StartedAt), logSince: readLogSince(info) };
    }),
  );
}

/**
 * The first line of a run may be older than its `StartedAt`, which the engine takes when the program is on its way (by 2 ms
 * measured, Docker 20.10 to 28). The end of the run before, `0001-01-01` for none, is older than all of them.
 */
function readLogSince({ State }: ContainerInspectInfo): number {
  return Math.max(0, Date.parse(State.FinishedAt));
}

function describeStatus(container: ContainerInfo): WorkloadStatus {
  const { Labels: labels } = container;
  const state = readState(container);
  return {
    instance: labels[LABELS.ticket] ?? '',
    service: labels[LABELS.service] ?? '',
    repo: labels[LABELS.repo] ?? '',
    name: (container.Names[0] ?? '').replace(/^\//, ''),
    runtime: 'docker',
    ports: (parseJson(labels[LABELS.ports] ?? '') ?? []) as PublishedPort[],
    state,
    exitCode: state === 'exited' || state === 'stopped' ? readExitCode(container.Status) : undefined,
    hash: labels[LABELS.hash] ?? '',
    aliases: state === 'running' && !isJoined(container) ? [] : undefined,
    startedAt: undefined,
    logSince: undefined,
  };
}

/** Somebody may have disconnected it from the network it was made in: then its ports do not answer either. */
function isJoined({ HostConfig, NetworkSettings }: ContainerInfo): boolean {
  return Object.keys(NetworkSettings?.Networks ?? {}).includes(HostConfig.NetworkMode);
}

/** 128 and the number of TERM: what most programs that do not care about it end with. */
const TERMINATED = 143;

/**
 * The engine does not remember whether a container was told to stop. Ours leave their networks when they are; those that
 * somebody stopped by other means mostly ended by TERM.
 */
function readState({ State, Status, NetworkSettings }: ContainerInfo): WorkloadState {
  if (State === 'running' || State === 'paused') return State;
  if (State === 'created' || State === 'restarting') return 'starting';
  const left = Object.keys(NetworkSettings?.Networks ?? {}).length === 0;
  return left || readExitCode(Status) === TERMINATED ? 'stopped' : 'exited';
}

/** The list has the exit code only in `Exited (137) 3 seconds ago`. */
export function readExitCode(status: string): number | undefined {
  const code = /^Exited \((\d+)\)/.exec(status)?.[1];
  return code === undefined ? undefined : Number(code);
}
