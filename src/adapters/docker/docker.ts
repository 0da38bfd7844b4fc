import { Agent } from 'node:http';
import Docker from 'dockerode';
import { StackError } from '../../domain/errors.ts';
import { type Runtime, type RuntimeCheck, tellSilent } from '../../domain/runtime.ts';
import { homeOf } from '../files/person-folder.ts';
import { limitClient, readPatience } from './ask.ts';
import { type BuildRequest, buildImage } from './build.ts';
import { type Connection, createConnection, type HostUser } from './connection.ts';
import { explainEngineError, remoteEngine } from './error.ts';
import { watchContainers } from './events.ts';
import { execInContainer } from './exec.ts';
import { findEngine } from './host.ts';
import { ensureImage, explainMissing, hasImage, type OnProgress, readImageLabels, removeImage } from './image.ts';
import { readLogs, readLogTail } from './logs.ts';
import {
  connectContainer,
  ensureNetwork,
  inspectNetwork,
  listProjectNetworks,
  type NetworkState,
  removeNetwork,
} from './network.ts';
import { listPrograms } from './programs.ts';
import {
  type ContainerDetails,
  inspectState,
  labelOfProject,
  listOwned,
  listProject,
  listStranded,
  type OwnedThings,
  type ProjectContainer,
} from './project.ts';
import { endRuns, runInContainer } from './run.ts';
import { listWorkloads } from './status.ts';
import { readDisk, readUsage } from './usage.ts';
import {
  ensureVolume,
  listProjectVolumes,
  listVolumes,
  type OwnedThing,
  removeProjectVolumes,
  removeVolume,
} from './volume.ts';
import { labelsOf, removeWorkload, startWorkload, stopWorkload } from './workload.ts';

/** The API of Docker 20.10, 1.41, the oldest engine that all of this was tried on. */
const OLDEST_API_MINOR = 41;

/** Without a `servername` Node works one out for TLS, in plain requests too, which takes 10 ms the first time. */
const PLAIN_AGENT = { keepAlive: true, servername: '' };

export interface EngineOptions {
  /** Names the engine, in TERM the terminal, and in `STACK_ENGINE_TIMEOUT` how many seconds an answer may take. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Address of the engine; wins over what env and the docker config say. */
  readonly host?: string;
  /** Who containers run as; default: whoever runs this process. */
  readonly person?: HostUser;
  /** Aborted, it ends what is being asked. */
  readonly signal?: AbortSignal;
}

type Labels = Record<string, string>;

/** A Docker engine. Every call throws `engine` when none answers, `interrupted` when its signal is aborted. */
export interface DockerEngine {
  /** Runs workloads in containers. */
  readonly runtime: Runtime;
  /** `unix:///var/run/docker.sock` */
  readonly where: string;
  /** Laid over the environment of the docker and compose programs, so that they ask this engine; undefined: unset. */
  readonly env: Readonly<Record<string, string | undefined>>;
  ensureNetwork(name: string, labels: Labels): Promise<void>;
  inspectNetwork(name: string): Promise<NetworkState | undefined>;
  removeNetwork(name: string): Promise<void>;
  connectContainer(network: string, container: string, aliases: readonly string[]): Promise<void>;
  ensureVolume(name: string, labels: Labels): Promise<void>;
  removeVolume(name: string, rootId: string): Promise<void>;
  listProjectNetworks(project: string): Promise<string[]>;
  listProjectVolumes(project: string): Promise<string[]>;
  removeProjectVolumes(names: readonly string[]): Promise<void>;
  listVolumes(rootId: string): Promise<OwnedThing[]>;
  hasImage(ref: string): Promise<boolean>;
  readImageLabels(ref: string): Promise<Labels | undefined>;
  explainMissing(ref: string, signal: AbortSignal): Promise<string | undefined>;
  ensureImage(ref: string, onProgress: OnProgress, signal: AbortSignal): Promise<void>;
  buildImage(request: BuildRequest, onProgress: OnProgress, signal: AbortSignal): Promise<void>;
  removeImage(ref: string, rootId: string): Promise<void>;
  listProject(project: string): Promise<ProjectContainer[]>;
  listStranded(project: string): Promise<string[]>;
  /** As `Runtime.watch`, of all containers of a compose project. */
  watchProject(project: string, onChange: () => void, signal: AbortSignal): Promise<void>;
  listOwned(rootId: string): Promise<OwnedThings>;
  inspectState(container: string): Promise<ContainerDetails | undefined>;
  tailLog(container: string, count: number): Promise<string[]>;
}

/** Returns the engine that env, the docker config or `host` name; asks it nothing yet. Throws `engine` for a bad address. */
export async function connectEngine(options: EngineOptions): Promise<DockerEngine> {
  const { env } = options;
  const home = homeOf(env);
  const address = await findEngine({ host: options.host, env, home, platform: process.platform });
  const person = options.person ?? { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const agent = address.options.protocol === 'http' ? { agent: new Agent(PLAIN_AGENT) } : {};
  const client = new Docker({ ...address.options, ...agent });
  limitClient(client, address.where, { signal: options.signal, seconds: readPatience(env) });
  const conn = createConnection({
    client,
    where: address.where,
    silent: address.silent,
    others: address.others,
    remote: address.remote,
    person,
    term: env.TERM || 'xterm',
  });
  const bind = bindTo(conn);
  return {
    runtime: createDockerRuntime(conn),
    where: address.where,
    env: address.env,
    ensureNetwork: bind(ensureNetwork),
    inspectNetwork: bind(inspectNetwork),
    removeNetwork: bind(removeNetwork),
    connectContainer: bind(connectContainer),
    ensureVolume: bind(ensureVolume),
    removeVolume: bind(removeVolume),
    listProjectNetworks: bind(listProjectNetworks),
    listProjectVolumes: bind(listProjectVolumes),
    removeProjectVolumes: bind(removeProjectVolumes),
    listVolumes: bind(listVolumes),
    hasImage: bind(hasImage),
    readImageLabels: bind(readImageLabels),
    explainMissing: bind(explainMissing),
    ensureImage: bind(ensureImage),
    buildImage: bind(buildImage),
    removeImage: bind(removeImage),
    listProject: bind(listProject),
    listStranded: bind(listStranded),
    watchProject: (project, ...how) => watchContainers(conn, [labelOfProject(project)], ...how),
    listOwned: bind(listOwned),
    inspectState: bind(inspectState),
    tailLog: bind(readLogTail),
  };
}

function createDockerRuntime(conn: Connection): Runtime {
  const bind = bindTo(conn);
  return {
    name: 'docker',
    check: () => checkEngine(conn),
    start: bind(startWorkload),
    stop: bind(stopWorkload),
    remove: bind(removeWorkload),
    status: bind(listWorkloads),
    usage: bind(readUsage),
    disk: bind(readDisk),
    watch: (ref, ...how) => watchContainers(conn, labelsOf(ref), ...how),
    programs: bind(listPrograms),
    logs: (ref, options) => readLogs(conn, ref, options),
    exec: bind(execInContainer),
    run: bind(runInContainer),
    endRuns: bind(endRuns),
  };
}

/** Gives functions their connection, and their errors the shape that a person is shown. */
function bindTo(conn: Connection) {
  return <A extends unknown[], R>(call: (conn: Connection, ...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (conn.remote) throw remoteEngine(conn.where);
      try {
        return await call(conn, ...args);
      } catch (error) {
        throw explainEngineError(error, conn.where);
      }
    };
}

async function checkEngine({ client, where, silent, others, remote }: Connection): Promise<RuntimeCheck> {
  try {
    if (remote) throw remoteEngine(where);
    const { Version: version, ApiVersion: api, Os: os } = await client.version();
    if (os !== 'linux')
      return { ok: false, reason: `the engine runs ${os} containers`, hint: 'switch it to Linux containers' };
    if (Number(api.split('.')[1]) < OLDEST_API_MINOR) {
      return { ok: false, reason: `Docker ${version} is too old`, hint: 'Docker 20.10 or newer is needed' };
    }
    return { ok: true, version, where, silent, others };
  } catch (error) {
    const why = explainEngineError(error, where);
    // Nobody knows whether one would have answered.
    if (why instanceof StackError && why.code === 'interrupted') throw why;
    const hint = why instanceof StackError ? why.hint : undefined;
    return {
      ok: false,
      reason: `${why instanceof Error ? why.message : why}${tellSilent(silent)}`,
      hint: hint ?? 'see `docker version`',
    };
  }
}
