import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import type { ContainerCreateOptions, MountSettings } from 'dockerode';
import { instanceProject, LABELS } from '../../domain/names.ts';
import { DEFAULT_LOG_BYTES, type WorkloadSpec } from '../../domain/runtime.ts';

/** The labels by which compose and Docker Desktop group containers; read from shared services too. */
export const COMPOSE = {
  project: 'com.docker.compose.project',
  service: 'com.docker.compose.service',
  oneOff: 'com.docker.compose.oneoff',
  number: 'com.docker.compose.container-number',
  configHash: 'com.docker.compose.config-hash',
  workingDir: 'com.docker.compose.project.working_dir',
  configFiles: 'com.docker.compose.project.config_files',
} as const;

/** What the engine and the image decide about a container, beside its spec. */
export interface Surroundings {
  /** `uid:gid`. */
  readonly user: string;
  /** HOME for a user that the image does not know; undefined: what the image says. */
  readonly home: string | undefined;
  readonly logsToJsonFile: boolean;
}

/** Returns the create request of a workload's own container: named, on the network, its ports published. */
export function describeWorkload(spec: WorkloadSpec, surroundings: Surroundings): ContainerCreateOptions {
  const common = describeCommon(spec, surroundings, false);
  return {
    ...common,
    name: spec.name,
    ...(spec.command !== undefined && { Cmd: toArgv(spec.command) }),
    ExposedPorts: Object.fromEntries(spec.ports.map((port) => [`${port.container}/tcp`, {}])),
    HostConfig: { ...common.HostConfig, ...describeLimits(spec), PortBindings: describePorts(spec) },
    NetworkingConfig: { EndpointsConfig: { [spec.network]: { Aliases: [...spec.aliases] } } },
  };
}

/** No swap on top of its memory: what swaps is slower than what is ended. */
function describeLimits({ memoryBytes, cpus }: WorkloadSpec) {
  return {
    ...(memoryBytes !== undefined && { Memory: memoryBytes, MemorySwap: memoryBytes }),
    ...(cpus !== undefined && { NanoCpus: Math.round(cpus * 1e9) }),
  };
}

/**
 * Returns the create request of a container that runs one command in the workload's surroundings: no ports, no alias, and
 * not the image's entrypoint, which may need what the command is about to install.
 */
export function describeOneOff(
  spec: WorkloadSpec,
  surroundings: Surroundings,
  command: string | readonly string[],
): ContainerCreateOptions {
  return {
    ...describeCommon(spec, surroundings, true),
    name: `${spec.name}-run-${randomBytes(4).toString('hex')}`,
    // One empty string stands for "no entrypoint"; an empty list would leave the image's.
    Entrypoint: [''],
    Cmd: toArgv(command),
  };
}

function describeCommon(spec: WorkloadSpec, { user, home, logsToJsonFile }: Surroundings, oneOff: boolean) {
  const env = {
    // tini then passes TERM to the whole process group: `sh -c` and npm do not pass it on themselves.
    TINI_KILL_PROCESS_GROUP: '1',
    ...(home !== undefined && { HOME: home }),
    ...spec.env,
  };
  return {
    Image: spec.image ?? '',
    Labels: describeLabels(spec, oneOff),
    User: user,
    Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
    WorkingDir: posix.join(spec.workingDir, spec.dir),
    HostConfig: {
      Init: true,
      NetworkMode: spec.network,
      ExtraHosts: ['host.docker.internal:host-gateway'],
      RestartPolicy: { Name: 'no' },
      Mounts: [...describeBinds(spec), ...describeVolumes(spec)],
      ...(logsToJsonFile && {
        LogConfig: {
          Type: 'json-file',
          Config: { 'max-size': String(Math.floor((spec.logBytes ?? DEFAULT_LOG_BYTES) / 2)), 'max-file': '2' },
        },
      }),
    },
  };
}

/** A string is a shell line, a list an argv. The image's entrypoint goes before either, as in compose. */
function toArgv(command: string | readonly string[]): string[] {
  return typeof command === 'string' ? ['sh', '-c', command] : [...command];
}

/** Returns the labels of everything that belongs to a workload. */
export function describeOwnership(spec: WorkloadSpec): Record<string, string> {
  return {
    [LABELS.root]: spec.rootId,
    [LABELS.rootPath]: spec.root,
    [LABELS.stack]: spec.stack,
    [LABELS.ticket]: spec.instance,
    [LABELS.service]: spec.service,
  };
}

function describeLabels(spec: WorkloadSpec, oneOff: boolean): Record<string, string> {
  return {
    ...describeOwnership(spec),
    [LABELS.repo]: spec.repo,
    [LABELS.worktree]: spec.source,
    // The engine tells the ports of what runs alone, and nobody's names for them.
    [LABELS.ports]: JSON.stringify(spec.ports),
    [LABELS.hash]: spec.hash,
    [COMPOSE.project]: instanceProject(spec.stack, spec.instance),
    [COMPOSE.service]: spec.service,
    [COMPOSE.oneOff]: oneOff ? 'True' : 'False',
    [COMPOSE.number]: '1',
    [COMPOSE.configHash]: spec.hash,
    // `docker compose ls` complains of containers without these two.
    [COMPOSE.workingDir]: spec.root,
    [COMPOSE.configFiles]: posix.join(spec.root, 'stack.yml'),
  };
}

function describePorts(spec: WorkloadSpec): Record<string, { HostIp: string; HostPort: string }[]> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const port of spec.ports) {
    const inside = `${port.container}/tcp`;
    bindings[inside] = [...(bindings[inside] ?? []), { HostIp: '127.0.0.1', HostPort: String(port.host) }];
  }
  return bindings;
}

/**
 * The source is mounted where the image expects it and at its own path, and git's common folder at its own path: a
 * linked worktree's `.git` and the entry that points back hold absolute paths of this machine.
 */
export function describeBinds(spec: WorkloadSpec): MountSettings[] {
  const bind = (Source: string, Target: string): MountSettings => ({ Type: 'bind', Source, Target });
  const { source, workingDir, gitCommonDir } = spec;
  const binds = [bind(source, workingDir)];
  // A path inside the first mount would make the engine create it in the worktree, as root.
  if (!isWithin(source, workingDir)) binds.push(bind(source, source));
  if (gitCommonDir !== undefined && !isWithin(gitCommonDir, source) && !isWithin(gitCommonDir, workingDir)) {
    binds.push(bind(gitCommonDir, gitCommonDir));
  }
  return binds;
}

function describeVolumes(spec: WorkloadSpec): MountSettings[] {
  return spec.volumes.map(({ name, target }) => ({
    Type: 'volume',
    Source: name,
    Target: target,
    // The labels are for a volume that is not there yet and is made with the container.
    VolumeOptions: { NoCopy: false, Labels: describeOwnership(spec), DriverConfig: { Name: '', Options: {} } },
  }));
}

/** True when `path` is `folder` or lies inside it. */
export function isWithin(path: string, folder: string): boolean {
  const relative = posix.relative(folder, path);
  return relative === '' || !(relative === '..' || relative.startsWith('../'));
}
