import { posix } from 'node:path';
import { findKindFacts } from '../own-kinds.ts';
import type {
  BuildConfig,
  Command,
  PortConfig,
  ReadyConfig,
  RepoCommand,
  RepoConfig,
  ServiceConfig,
  SharedServiceConfig,
  StackConfig,
} from './config.ts';
import type { KeyPath } from './place.ts';
import type { StackFile } from './schema.ts';

type RepoFile = StackFile['repos'][string];
type ServiceFile = StackFile['services'][string];
type SharedFile = Exclude<NonNullable<StackFile['shared']>[string], string | null | undefined>;
type PortFile = NonNullable<ServiceFile['ports']>[string];

const HIGHEST_PORT = 65535;
/** With the first port: 999 tickets. */
const PORTS_AFTER_FIRST = 998;
const READY_SECONDS = 60;
/** A first install of a large repo over a slow line. */
const SETUP_SECONDS = 1800;
const KEPT_DAYS = 14;

/** Returns a valid file with its defaults filled in. `writtenAt` gives a scalar as its author wrote it. */
export function normaliseConfig(file: StackFile, writtenAt: WrittenAt): StackConfig {
  const { compose, ...shared } = file.shared ?? {};
  const runtime = file.runtime ?? 'auto';
  return {
    name: file.name,
    runtime,
    branch: file.branch ?? '${ticket}',
    commit: file.commit ?? '${ticket}: ${message}',
    worktrees: file.worktrees ?? undefined,
    verify: file.verify ?? undefined,
    conventions: file.conventions ?? undefined,
    editor: file.editor ?? undefined,
    notify: file.notify ?? undefined,
    shared: {
      compose: compose ?? undefined,
      services: mapValues(shared, (service, name): SharedServiceConfig => normaliseShared(service ?? {}, name)),
    },
    limits: normaliseLimits(file.limits ?? {}),
    idleSeconds: file.idle ? parseSeconds(file.idle) : undefined,
    dumps: { keepDays: file.dumps?.keep_days ?? KEPT_DAYS },
    repos: mapValues(file.repos, (repo, name) => normaliseRepo(repo, name, writtenAt)),
    services: mapValues(file.services, (service, name) => ({
      ...normaliseService(service, runtime),
      passEnv: service.pass_env ?? [],
      env: mapValues(service.env ?? {}, (value, key) =>
        // `1.10` and `0x1F` as they were typed, not as the numbers they are
        typeof value === 'string' ? value : (writtenAt(['services', name, 'env', key]) ?? String(value)),
      ),
      ...listFromEnv(Object.keys(service.env ?? {}), ['services', name, 'env'], writtenAt),
    })),
  };
}

function listFromEnv(keys: readonly string[], path: KeyPath, writtenAt: WrittenAt): Pick<ServiceConfig, 'fromEnv'> {
  const fromEnv = keys.filter((key) => writtenAt([...path, key])?.includes('${env.'));
  return fromEnv.length > 0 ? { fromEnv } : {};
}

function mapValues<From, To>(
  map: Readonly<Record<string, From>>,
  change: (value: From, key: string) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, change(value, key)]));
}

/** Keys of Redis are usually told apart so; other services have a prefix when they are given one. */
function normaliseShared({ own, ...service }: SharedFile, name: string): SharedServiceConfig {
  const prefix = own?.prefix ?? findKindFacts(name)?.prefix;
  return { ...dropEmpty(service), ...dropEmpty({ prefix }) };
}

type Filled<T> = { [K in keyof T]?: NonNullable<T[K]> };

/** Leaves out the keys that have no value. */
function dropEmpty<T extends object>(map: T): Filled<T> {
  return Object.fromEntries(
    Object.entries(map).filter(([, value]) => value !== null && value !== undefined),
  ) as Filled<T>;
}

type WrittenAt = (path: KeyPath) => string | undefined;

function normaliseRepo(repo: RepoFile, name: string, writtenAt: WrittenAt): RepoConfig {
  const commands = (key: 'setup' | 'migrate' | 'seed'): RepoCommand[] =>
    (repo[key] ?? []).map((run, index) => ({ run, shown: showCommand(run, ['repos', name, key, index], writtenAt) }));
  return {
    path: repo.path,
    title: repo.title ?? name,
    base: repo.base ?? undefined,
    shared: repo.shared ?? false,
    setup: commands('setup'),
    migrate: commands('migrate'),
    seed: commands('seed'),
    setupTimeoutSeconds: parseSeconds(repo.setup_timeout ?? SETUP_SECONDS),
    own: [...new Set(repo.own ?? [])],
    copy: repo.copy ?? [],
    disposable: repo.disposable ?? [],
    contracts: repo.contracts ?? [],
    envFile: repo.env_file ?? '.env.local',
    passEnv: repo.pass_env ?? [],
  };
}

function showCommand(run: Command, path: KeyPath, writtenAt: WrittenAt): string {
  if (typeof run === 'string') return writtenAt(path) ?? run;
  return run.map((word, index) => writtenAt([...path, index]) ?? word).join(' ');
}

function normaliseService(
  service: ServiceFile,
  runtime: StackConfig['runtime'],
): Omit<ServiceConfig, 'env' | 'passEnv'> {
  const { image, command } = service;
  return {
    repo: service.repo,
    dir: normaliseFolder(service.dir ?? ''),
    ...dropEmpty({ image, command }),
    ...(service.build && { build: normaliseBuild(service.build) }),
    workingDir: service.working_dir ?? '/app',
    runtime: service.runtime ?? runtime,
    envFiles: typeof service.env_file === 'string' ? [service.env_file] : (service.env_file ?? []),
    ports: mapValues(service.ports ?? {}, normalisePort),
    volumes: service.volumes ?? {},
    dependsOn: [...new Set(service.depends_on ?? [])],
    ready: normaliseReady(service.ready ?? {}),
    refresh: service.refresh ?? 'none',
    ...normaliseSizes(service),
    ...(service.identity && {
      identity: { http: service.identity.http ?? '/', header: service.identity.header ?? 'x-stack-ticket' },
    }),
  };
}

function normaliseSizes({ logs, memory, cpus }: ServiceFile): Pick<ServiceConfig, 'logBytes' | 'memoryBytes' | 'cpus'> {
  const bytes = (size: string | null | undefined) => (size ? parseBytes(size) : undefined);
  return dropEmpty({ logBytes: bytes(logs?.max), memoryBytes: bytes(memory), cpus });
}

/** `./apps/web/` is `apps/web`, and `.` is the top: ''. */
function normaliseFolder(folder: string): string {
  const normal = posix.normalize(folder).replace(/\/$/, '');
  return normal === '.' ? '' : normal;
}

function normaliseBuild(build: NonNullable<ServiceFile['build']>): BuildConfig {
  if (typeof build === 'string') return { context: build, dockerfile: 'Dockerfile', args: {} };
  const { context, dockerfile, target, args } = build;
  return {
    context: context ?? '.',
    dockerfile: dockerfile ?? 'Dockerfile',
    ...dropEmpty({ target }),
    args: args ?? {},
  };
}

function normalisePort(port: PortFile): PortConfig {
  const { baseline, container, from, to } = port;
  return { from, to: to ?? Math.min(from + PORTS_AFTER_FIRST, HIGHEST_PORT), ...dropEmpty({ baseline, container }) };
}

function normaliseReady(ready: NonNullable<ServiceFile['ready']>): ReadyConfig {
  const { timeout, http, port, log } = ready;
  return { timeoutSeconds: parseSeconds(timeout ?? READY_SECONDS), ...dropEmpty({ http, port, log }) };
}

function parseBytes(size: string): number {
  const unit = { K: 1024, M: 1024 ** 2, G: 1024 ** 3 }[size.slice(-1)] ?? 1;
  return Number.parseInt(size, 10) * unit;
}

function normaliseLimits({ memory, ...limits }: NonNullable<StackFile['limits']>): StackConfig['limits'] {
  return { ...dropEmpty(limits), ...(memory && { memoryBytes: parseBytes(memory) }) };
}

function parseSeconds(duration: number | string): number {
  if (typeof duration === 'number') return duration;
  return Number.parseInt(duration, 10) * ({ m: 60, h: 3600 }[duration.slice(-1)] ?? 1);
}
