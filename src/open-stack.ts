import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import path from 'node:path';
import type { ConfigFile } from './adapters/config-file.ts';
import type { DockerEngine } from './adapters/docker/docker.ts';
import { homeOf } from './adapters/files/person-folder.ts';
import type { PortLeases } from './adapters/net/port-leases.ts';
import { ownPath, searchPath } from './adapters/search-path.ts';
import type { HostServer } from './adapters/servers/host-server.ts';
import type { Context, GlobalOptions, Host } from './context.ts';
import type { StackConfig } from './domain/config/config.ts';
import { StackError, throwIfAborted, tolerate } from './domain/errors.ts';
import type { Emit } from './domain/events.ts';
import type { StackState } from './domain/instance.ts';
import { inFolder } from './domain/layout.ts';
import { NEAR_TRASH, rootIdOf } from './domain/names.ts';
import type { Runtime, RuntimeName } from './domain/runtime.ts';
import { layValues } from './domain/values.ts';
import { once, onceFor } from './once.ts';
import type { Stack } from './orchestrator/core/stack.ts';
import type { TrustMatter } from './orchestrator/trust.ts';
import { canAsk } from './ui/ask.ts';
import { version } from './version.ts';

export interface StackParts {
  host: Host;
  options: GlobalOptions;
  packageRoot: string;
  signal: AbortSignal;
  emit: Emit;
  argv: readonly string[];
  ask: Context['confirm'];
  root: string;
}

export async function makeStack({
  host,
  options,
  packageRoot,
  signal,
  emit,
  argv,
  ask,
  root: found,
}: StackParts): Promise<Stack> {
  const root = await realpath(found);
  const rootId = rootIdOf(root);
  const { refuseLinkedState } = await import('./adapters/files/own-folders.ts');
  await refuseLinkedState(root);
  const { openState } = await import('./adapters/state/store.ts');
  const { readStackName } = await import('./adapters/state/file.ts');
  const { selfIdentity } = await import('./adapters/process/identity.ts');
  const loaded = once(async (): Promise<ConfigFile> => {
    const { loadConfig } = await import('./adapters/config-file.ts');
    return loadConfig(root, host.env, { cwd: host.cwd, signal });
  });
  // The name under which things were made stands until they are gone, whatever stack.yml says today.
  const name = (await readStackName(root)) ?? (await loaded()).config.name;
  const file = await tolerate(loaded(), 'config', 'files');
  throwIfAborted(signal);
  // The person's alone: what `.env` says fills values, and reaches no program that stack starts for itself.
  const env = { ...host.env, ...ownPath(host.env) };
  const { openOwnPasswords } = await import('./adapters/state/passwords.ts');
  const passwords = await openOwnPasswords(root);
  const values = file?.values ?? layValues(host.env);
  const ports = await openLeases(root, { host, emit });
  for (const left of await sweep(root, file?.config.worktrees)) {
    emit({ type: 'warning', text: left });
  }
  const docker = once(async (): Promise<DockerEngine> => {
    const { connectEngine } = await import('./adapters/docker/docker.ts');
    return connectEngine({ env, signal });
  });
  const runtimes: Record<RuntimeName, () => Promise<Runtime>> = {
    docker: once(async () => {
      const { runtime } = await docker();
      return { ...runtime, check: once(runtime.check) };
    }),
    process: once(async () => {
      const { createProcessRuntime } = await import('./adapters/process/process.ts');
      return createProcessRuntime({ root, rootId, env: { ...host.env, ...searchPath(host.env) } });
    }),
  };
  const readCompose = onceFor(async (composeFile) => {
    const [{ readComposeFile }, { requireOwnFiles }, { openTrustStore }] = await Promise.all([
      import('./adapters/docker/compose-file.ts'),
      import('./adapters/files/ownership.ts'),
      import('./adapters/trust-store.ts'),
    ]);
    const compose = { projectDir: root, env, values, cacheFolder: cacheFolderOf(env) };
    const found = await readComposeFile(composeFile, compose);
    const files = [composeFile, ...found.sources.map(({ file: source }) => source)];
    // What came with stack belongs to whoever installed it, and has run already.
    const others = files.filter((source) => !source.startsWith(`${packageRoot}${path.sep}`));
    await requireOwnFiles(root, others, host.env, openTrustStore(host.env));
    return found;
  });
  const hostServers = new Map<string, Promise<HostServer>>();
  return {
    hostServer(service, folder) {
      const key = `${service} ${folder}`;
      const known = hostServers.get(key) ?? connectHostServer(service, { root, env, emit, folder });
      hostServers.set(key, known);
      return known;
    },
    wireDump: once(async () => {
      const { findWireDump } = await import('./adapters/postgres/wire-package.ts');
      const note = (text: string): void => emit({ type: 'info', text });
      return findWireDump({ env, cacheFolder: cacheFolderOf(env), note, signal });
    }),
    checkEngine: async () => (await runtimes.docker()).check(),
    readCompose,
    ownPasswords: passwords.look,
    ...{ root, rootId, name, env, packageRoot, emit, signal, docker },
    values: (variable) => passwords.values(variable) ?? values(variable),
    config: async () => overruleRuntime((await loaded()).config, options.runtime),
    requireTrust: once(async () => {
      const { readTrustMatter } = await import('./orchestrator/trust.ts');
      await askTrust(root, () => readTrustMatter({ root, values, readCompose }), { host, options, ask });
    }),
    requireTrustOf: (matter) => askTrust(root, async () => matter, { host, options, ask }),
    ports,
    store: openState({
      ...{ root, stack: name, version, listTraces: () => findTraces(root, file), onWritten: keepLeases(ports) },
      requireBelieved: once(async () => {
        const { readStateMatter } = await import('./orchestrator/trust.ts');
        await askTrust(root, () => readStateMatter(root), { host, options, ask });
      }),
    }),
    runtime: (runtime) => runtimes[runtime](),
    owner: { ...(await selfIdentity()), command: ['stack', ...argv].join(' ') },
  };
}

async function openLeases(root: string, { host, emit }: Pick<StackParts, 'host' | 'emit'>): Promise<PortLeases> {
  const { openPortLeases } = await import('./adapters/net/port-leases.ts');
  return openPortLeases({ root, env: host.env, warn: (text) => emit({ type: 'warning', text }) });
}

function keepLeases(ports: PortLeases): (state: StackState) => Promise<void> {
  return async (state) => {
    const { listLeases } = await import('./orchestrator/core/leases.ts');
    await ports.keep(listLeases(state));
  };
}

async function findTraces(root: string, file: ConfigFile | undefined): Promise<string[]> {
  const { listTraces } = await import('./orchestrator/doctor/traces.ts');
  return listTraces(root, file?.config);
}

async function askTrust(
  root: string,
  read: () => Promise<TrustMatter | undefined>,
  { host, options, ask }: Pick<StackParts, 'host' | 'options' | 'ask'>,
): Promise<void> {
  const [{ requireTrust, untrusted }, { openTrustStore }] = await Promise.all([
    import('./orchestrator/trust.ts'),
    import('./adapters/trust-store.ts'),
  ]);
  await requireTrust({
    ...{ root, read },
    store: openTrustStore(host.env),
    async ask(matter) {
      if (options.yes) return;
      if (!canAsk(host)) throw untrusted(matter);
      // No narration: what is asked about is told with --quiet too, and as it stands.
      const lines = [
        `${matter.files.join(', ')} came with git, and would run:`,
        ...matter.commands.map((line) => `  ${line}`),
      ];
      host.stderr.write(`${lines.join('\n')}\n`);
      await ask('Trust it?');
    },
  });
}

/** Deletes what a command that was killed left of a teardown: there is a trash only while something is in it. Returns a line for each thing that stays. */
async function sweep(root: string, worktrees: string | undefined): Promise<string[]> {
  const near = worktrees === undefined ? [] : [path.resolve(root, worktrees, NEAR_TRASH)];
  const trashes = [inFolder(root, 'trash'), ...near].filter((trash) => existsSync(trash));
  if (trashes.length === 0) return [];
  const { sweepTrash } = await import('./adapters/files/trash.ts');
  return (await Promise.all(trashes.map(sweepTrash))).flat();
}

async function connectHostServer(
  service: string,
  { root, env, emit, folder }: Pick<Stack, 'root' | 'env' | 'emit'> & { folder: string | undefined },
): Promise<HostServer> {
  const search = { env, cacheFolder: cacheFolderOf(env), note: (text: string) => emit({ type: 'info', text }) };
  if (service === 'postgres') {
    const { createEmbeddedPostgres } = await import('./adapters/servers/embedded-postgres.ts');
    return createEmbeddedPostgres({ root, ...search });
  }
  if (service === 'redis') {
    const { createHostRedis } = await import('./adapters/servers/host-redis.ts');
    return createHostRedis({ folder: folder ?? inFolder(root, 'shared', 'redis'), ...search });
  }
  throw new StackError('config', `stack has no server of its own for ${service}`, {
    hint: 'start a Docker engine, or give it a `url:` in stack.yml; postgres and redis alone can be embedded',
  });
}

/** Returns the person's own folder for what can be made again. */
function cacheFolderOf(env: Stack['env']): string {
  return path.join(env.XDG_CACHE_HOME || path.join(homeOf(env), '.cache'), 'stack');
}

function overruleRuntime(config: StackConfig, runtime: GlobalOptions['runtime']): StackConfig {
  if (runtime === undefined) return config;
  const services = Object.entries(config.services).map(([name, service]) => {
    const inherited = service.runtime === config.runtime;
    return [name, inherited ? { ...service, runtime } : service] as const;
  });
  return { ...config, runtime, services: Object.fromEntries(services) };
}
