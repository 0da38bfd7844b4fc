import path from 'node:path';
import { isThere, makeFolder, replaceFile } from '../../../adapters/files/files.ts';
import { pause } from '../../../adapters/pause.ts';
import { countKeys, isRefusal } from '../../../adapters/redis/redis.ts';
import { renderRedisConfig } from '../../../adapters/servers/host-redis.ts';
import type { HostServer, ServerSettings } from '../../../adapters/servers/host-server.ts';
import { StackError, throwIfAborted } from '../../../domain/errors.ts';
import type { OwnServer } from '../../../domain/instance.ts';
import { networkName, shortHash } from '../../../domain/names.ts';
import type { WorkloadRef, WorkloadSpec, WorkloadStatus } from '../../../domain/runtime.ts';
import type { StepProgress } from '../../../domain/step.ts';
import { startOnLease } from '../../core/leases.ts';
import { ensureNetwork, listSharedContainers } from '../../core/network.ts';
import { configIfReadable, type Stack } from '../../core/stack.ts';
import { requireConfig, saveRecord, type Work } from '../../core/work.ts';
import { ownFolder, removeOwnFolder } from '../own-folder.ts';
import { moveServerLease, openRedis, ownRedisSettings, REDIS } from './redis.ts';

const READY_MS = 60_000;
const POLL_MS = 50;
const SHOWN_LINES = 30;
/** Where a container finds the server's folder. */
const INSIDE = '/data';

type Parts = Pick<Work, 'stack' | 'record'>;

/** Returns the server that is a ticket's own Redis without an engine. */
export function hostRedis(stack: Stack, ticket: string): Promise<HostServer> {
  return stack.hostServer(REDIS, path.join(ownFolder(stack, ticket), REDIS));
}

function refOf({ stack, record }: Parts, { workload }: OwnServer): WorkloadRef {
  return { rootId: stack.rootId, stack: stack.name, instance: record.ticket, service: REDIS, name: workload };
}

async function observeContainer({ stack, record }: Parts): Promise<WorkloadStatus | undefined> {
  const [found] = await (await stack.docker()).runtime.status(stack.rootId, record.ticket, REDIS);
  return found;
}

/** True when a ticket's own server runs as its record and stack.yml say. */
export async function isServing(work: Work, server: OwnServer): Promise<boolean> {
  if (server.provider === 'embedded') {
    return (await hostRedis(work.stack, work.record.ticket)).isServing(await settingsOf(work, server));
  }
  const found = await observeContainer(work);
  const { spec } = await describeServer(work, { ...server, image: (await findImage(work)) ?? server.image });
  return found?.state === 'running' && found.hash === spec.hash && (found.aliases?.includes(server.alias) ?? true);
}

/** True while anything of a ticket's own server runs. */
export async function isServerUp(work: Parts, { provider }: OwnServer): Promise<boolean> {
  if (provider === 'compose') return (await observeContainer(work))?.state === 'running';
  return (await (await hostRedis(work.stack, work.record.ticket)).status()).state !== 'stopped';
}

/**
 * Starts a ticket's own server with the data it has and waits until it answers; another port is leased where its own was
 * taken. Running as wished: nothing happens. Throws `engine`, `process`, `port`, `unhealthy`, `interrupted`.
 */
export async function startServer(
  work: Work,
  server: OwnServer,
  progress: Pick<StepProgress, 'signal' | 'note'>,
): Promise<void> {
  const start = server.provider === 'compose' ? startContainer : startProcess;
  await startOnLease(
    progress,
    () => start(work, server, progress),
    (taken) => moveServerLease(work, server, taken),
  );
}

async function startProcess(work: Work, server: OwnServer, { signal }: Pick<StepProgress, 'signal'>): Promise<void> {
  await (await hostRedis(work.stack, work.record.ticket)).start(await settingsOf(work, server), signal);
}

async function settingsOf(work: Work, server: OwnServer): Promise<ServerSettings> {
  const { user, password } = ownRedisSettings(work.stack, await requireConfig(work), server);
  return { port: server.port ?? 0, user, password };
}

/** Its folder is mounted, so that what it keeps outlives the container and goes with the ticket. */
async function startContainer(
  work: Work,
  server: OwnServer,
  { signal, note }: Pick<StepProgress, 'signal' | 'note'>,
): Promise<void> {
  const image = (await findImage(work)) ?? server.image;
  if (image !== server.image) {
    server.image = image;
    await saveRecord(work);
  }
  const docker = await work.stack.docker();
  if (image !== undefined) await docker.ensureImage(image, note, signal);
  const { spec, config } = await describeServer(work, server);
  await makeFolder(path.join(spec.source, 'data'));
  await replaceFile(path.join(spec.source, 'redis.conf'), config);
  await docker.runtime.start(spec, signal);
  await waitUntilAnswering(work, server, signal);
}

/** Returns the image that the shared Redis is made from, so that both are of one version. */
async function findImage({ stack }: Work): Promise<string | undefined> {
  return (await listSharedContainers(stack)).find(({ service }) => service === REDIS)?.image;
}

async function describeServer(work: Work, server: OwnServer): Promise<{ spec: WorkloadSpec; config: string }> {
  const { stack, record } = work;
  const settings = ownRedisSettings(stack, await requireConfig(work), server);
  const { user, password, image } = settings;
  const { port: host = 0, container = 0, alias } = server;
  const config = renderRedisConfig({ port: container, user, password, dir: `${INSIDE}/data` }, ['protected-mode no']);
  const spec = {
    ...refOf(work, server),
    root: stack.root,
    repo: '',
    source: path.join(ownFolder(stack, record.ticket), REDIS),
    gitCommonDir: undefined,
    dir: '',
    workingDir: INSIDE,
    image: server.image ?? image,
    // A shell line goes past an entrypoint that would hand the files to a user of the image's own.
    command: `exec redis-server ${INSIDE}/redis.conf`,
    env: { HOME: INSIDE },
    ports: [{ name: REDIS, host, container }],
    volumes: [],
    network: networkName(stack.name, stack.rootId),
    aliases: [alias],
  };
  return { spec: { ...spec, hash: shortHash(JSON.stringify([spec, config])) }, config };
}

async function waitUntilAnswering(work: Work, server: OwnServer, signal: AbortSignal): Promise<void> {
  const login = openRedis(work.stack, await requireConfig(work), work.shared, server);
  if (!login) return;
  const deadline = performance.now() + READY_MS;
  for (;;) {
    throwIfAborted(signal);
    try {
      await countKeys(login);
      return;
    } catch (error) {
      // It may load its data still.
      const isUp = await isServerUp(work, server);
      if (!isUp || performance.now() > deadline) throw await explainSilence(work, server, { isUp, cause: error });
    }
    await pause(POLL_MS, signal);
  }
}

async function explainSilence(
  { stack }: Work,
  { workload }: OwnServer,
  { isUp, cause }: { isUp: boolean; cause: unknown },
): Promise<StackError> {
  const lines = await (await stack.docker()).tailLog(workload, SHOWN_LINES);
  const message = isUp ? `did not answer in ${READY_MS / 1000} s` : 'ended as it started';
  return new StackError('unhealthy', `the container ${workload} ${message}`, {
    hint: lines.length > 0 ? 'its last lines are below' : 'it printed nothing',
    lines,
    cause,
  });
}

/** Brings a ticket's own server to rest; its data and its lease stay. Missing or stopped is done. */
export async function stopServer(work: Parts, server: OwnServer): Promise<void> {
  if (server.provider === 'embedded') return (await hostRedis(work.stack, work.record.ticket)).stop();
  await (await work.stack.docker()).runtime.stop(refOf(work, server));
}

/** Removes a ticket's own server with all it keeps. Missing is done. */
export async function removeServer(work: Parts, server: OwnServer): Promise<void> {
  const { stack, record } = work;
  if (server.provider === 'embedded') await (await hostRedis(stack, record.ticket)).destroyData();
  else await (await stack.docker()).runtime.remove(refOf(work, server));
  await removeOwnFolder(stack, record.ticket);
}

/** Runs `use` while a ticket's own server runs: one that was at rest is started for it, and comes to rest again. */
export async function withServer<Result>(work: Work, server: OwnServer, use: () => Promise<Result>): Promise<Result> {
  const { signal } = work.stack;
  const note = (): void => undefined;
  if (await isServerUp(work, server)) {
    // One that runs with another password, or with none, as an older stack started it, is made again.
    if (!(await letsIn(work, server))) await startServer(work, server, { signal, note });
    return use();
  }
  await work.stack.requireTrust();
  if (server.provider === 'compose') await ensureNetwork(work.stack);
  try {
    await startServer(work, server, { signal, note });
    return await use();
  } finally {
    await stopServer(work, server);
  }
}

async function letsIn(work: Work, server: OwnServer): Promise<boolean> {
  const config = work.config ?? (await configIfReadable(work.stack));
  const login = openRedis(work.stack, config, work.shared, server);
  return (
    !login ||
    countKeys(login).then(
      () => true,
      (error: unknown) => !isRefusal(error),
    )
  );
}

/** Returns what there is still of a ticket's own server, a name each. */
export async function listServerRemains(work: Parts, server: OwnServer): Promise<string[]> {
  const { stack, record } = work;
  const folder = ownFolder(stack, record.ticket);
  return [
    ...((await isServerUp(work, server)) ? [`the Redis of ${record.ticket}`] : []),
    ...((await isThere(folder)) ? [`the folder ${folder}`] : []),
  ];
}
