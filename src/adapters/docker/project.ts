import type { ContainerInfo } from 'dockerode';
import { LABELS } from '../../domain/names.ts';
import type { Connection } from './connection.ts';
import { inspectContainer } from './container.ts';
import { isLoopback } from './programs.ts';
import { COMPOSE } from './spec.ts';
import { readExitCode } from './status.ts';
import { listVolumes, type OwnedThing } from './volume.ts';

/** What a container is doing; with a health check `starting`, `healthy` or `unhealthy` stand for `running`. */
export type ContainerState = 'running' | 'starting' | 'healthy' | 'unhealthy' | 'stopped' | 'exited';

/** A container of a compose project. */
export interface ProjectContainer {
  readonly id: string;
  readonly name: string;
  readonly service: string;
  /** As it was named when the container was made, or by its id. */
  readonly image: string;
  readonly state: ContainerState;
  readonly exitCode: number | undefined;
  /** Of a running container only: the engine's list has no others. `open`: other machines reach it. */
  readonly ports: readonly { readonly host: number; readonly container: number; readonly open: boolean }[];
  readonly labels: Readonly<Record<string, string>>;
  /** Names of the networks it is in. */
  readonly networks: readonly string[];
}

/** Returns the label that all of a compose project carries. */
export function labelOfProject(project: string): string {
  return `${COMPOSE.project}=${project}`;
}

/** Returns the containers of a compose project, stopped ones too. One question to the engine. */
export async function listProject(conn: Connection, project: string): Promise<ProjectContainer[]> {
  const label = [labelOfProject(project), `${COMPOSE.oneOff}=False`];
  const found = await conn.client.listContainers({ all: true, filters: { label } });
  return found.map((container) => ({
    id: container.Id,
    name: readName(container),
    service: container.Labels[COMPOSE.service] ?? '',
    image: container.Image,
    state: readProjectState(container.State, container.Status),
    exitCode: readExitCode(container.Status),
    ports: readPorts(container),
    labels: container.Labels,
    networks: Object.keys(container.NetworkSettings?.Networks ?? {}),
  }));
}

/**
 * Returns the services of a compose project whose containers are at rest and hold on to a network that is gone, be there another
 * one of its name or not: the engine does not start them, so they can only be made again.
 */
export async function listStranded({ client }: Connection, project: string): Promise<string[]> {
  const label = [labelOfProject(project), `${COMPOSE.oneOff}=False`];
  const [containers, networks] = await Promise.all([
    client.listContainers({ all: true, filters: { label } }),
    client.listNetworks(),
  ]);
  const known = new Set(['', ...networks.map(({ Id }) => Id)]);
  const stranded = containers.filter(({ State, HostConfig, NetworkSettings }) => {
    if (State === 'running' || State === 'paused') return false;
    // The plugin notes an external network by its id.
    const ids = /^[0-9a-f]{64}$/.exec(HostConfig.NetworkMode) ?? [];
    return [...ids, ...Object.values(NetworkSettings.Networks).map(({ NetworkID }) => NetworkID)].some(
      (id) => !known.has(id),
    );
  });
  return [...new Set(stranded.map(({ Labels }) => Labels[COMPOSE.service] ?? ''))];
}

/** 0, and 128 with the numbers of KILL and TERM: how a container ends that was told to. */
const TOLD_TO_STOP = [0, 137, 143];

/** Reads state and health out of the list's two fields: `running` and `Up 3 seconds (health: starting)`. */
export function readProjectState(state: string, status: string): ContainerState {
  if (state === 'running') {
    if (status.includes('(healthy)')) return 'healthy';
    if (status.includes('(unhealthy)')) return 'unhealthy';
    return status.includes('(health: starting)') ? 'starting' : 'running';
  }
  if (state === 'created' || state === 'restarting') return 'starting';
  const code = readExitCode(status);
  return state === 'paused' || (code !== undefined && TOLD_TO_STOP.includes(code)) ? 'stopped' : 'exited';
}

function readPorts({ Ports }: ContainerInfo): { host: number; container: number; open: boolean }[] {
  const published = Ports.filter((port) => port.PublicPort);
  const pairs = published.map((port) => `${port.PublicPort} ${port.PrivatePort}`);
  // Published on both families, a port is listed twice.
  return [...new Set(pairs)].map((pair) => {
    const [host = 0, container = 0] = pair.split(' ').map(Number);
    const open = published.some(({ PublicPort, IP = '' }) => PublicPort === host && !isLoopback(IP));
    return { host, container, open };
  });
}

function readName({ Names, Id }: ContainerInfo): string {
  return (Names[0] ?? Id).replace(/^\//, '');
}

/** What one container is doing. */
export interface ContainerDetails {
  readonly state: ContainerState;
  readonly exitCode: number;
  /** Unix milliseconds of the last start; undefined: never started. */
  readonly startedAt: number | undefined;
  readonly outOfMemory: boolean;
}

/** Returns what one container is doing; undefined when there is none. */
export async function inspectState(conn: Connection, container: string): Promise<ContainerDetails | undefined> {
  const info = await inspectContainer(conn, container);
  if (!info) return undefined;
  const { Status, ExitCode, StartedAt, OOMKilled, Health } = info.State;
  const health = { starting: '(health: starting)', healthy: '(healthy)', unhealthy: '(unhealthy)' }[
    Health?.Status ?? ''
  ];
  const startedAt = Date.parse(StartedAt);
  return {
    state: readProjectState(Status, Status === 'running' ? (health ?? '') : `Exited (${ExitCode})`),
    exitCode: ExitCode,
    // Never started is told as the year 1.
    startedAt: startedAt > 0 ? startedAt : undefined,
    outOfMemory: OOMKilled,
  };
}

/** Everything in the engine that carries a root's label. */
export interface OwnedThings {
  readonly containers: readonly OwnedThing[];
  readonly networks: readonly OwnedThing[];
  readonly volumes: readonly OwnedThing[];
  /** Named by their tags, or by their id where they have none. */
  readonly images: readonly OwnedThing[];
}

/** Returns everything of a root that the engine has, with its labels. */
export async function listOwned(conn: Connection, rootId: string): Promise<OwnedThings> {
  const filters = { label: [`${LABELS.root}=${rootId}`] };
  const [containers, networks, images, volumes] = await Promise.all([
    conn.client.listContainers({ all: true, filters }),
    conn.client.listNetworks({ filters }),
    conn.client.listImages({ filters }),
    listVolumes(conn, rootId),
  ]);
  return {
    containers: containers.map((container) => ({ name: readName(container), labels: container.Labels })),
    networks: networks.map((network) => ({ name: network.Name, labels: network.Labels ?? {} })),
    volumes,
    images: images.flatMap(({ RepoTags, Id, Labels }) => {
      const tags = (RepoTags ?? []).filter((tag) => tag !== '<none>:<none>');
      return (tags.length > 0 ? tags : [Id]).map((name) => ({ name, labels: Labels ?? {} }));
    }),
  };
}
