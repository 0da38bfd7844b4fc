import net from 'node:net';
import path from 'node:path';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import { makeFolder, readFileIfThere, replaceFile } from '../files/files.ts';
import { seenOr } from '../process/ask-tool.ts';
import { isPortFree } from '../process/ports.ts';
import type { ProgramSearch } from './fetch-once.ts';
import {
  type Ending,
  endServer,
  type HostServer,
  isServerAt,
  listServersAt,
  ownServer,
  runServer,
  type ServerSettings,
  type ServerStatus,
} from './host-server.ts';
import { findRedisProgram } from './redis-programs.ts';

const ANSWER_MS = 1_000;
/** On SIGTERM it writes all it holds and ends. */
const ENDING: Ending = [
  ['SIGTERM', 20_000],
  ['SIGKILL', 5_000],
];

interface RedisPlace {
  folder: string;
  data: string;
  log: string;
  config: string;
  pidFile: string;
}

/**
 * Returns a Redis (or Valkey) that runs on this machine, with its data, settings and log in a folder. Where none is
 * installed it is fetched into the cache folder at the first start.
 */
export function createHostRedis(options: Omit<ProgramSearch, 'signal'> & { folder: string }): HostServer {
  const { folder } = options;
  const place: RedisPlace = {
    folder,
    data: path.join(folder, 'data'),
    log: path.join(folder, 'redis.log'),
    config: path.join(folder, 'redis.conf'),
    pidFile: path.join(folder, 'redis.pid'),
  };
  return {
    ...ownServer(place, {
      readStatus: () => readStatus(place),
      stop: () => stop(place),
      searchPath: options.env.PATH,
    }),
    start: (settings, signal) => start(place, { ...options, signal }, settings),
    isServing: (settings) => isServing(place, settings),
    superuser: async () => undefined,
  };
}

async function start(place: RedisPlace, search: ProgramSearch, settings: ServerSettings): Promise<void> {
  throwIfAborted(search.signal);
  if (await isServing(place, settings)) return;
  const config = renderConfig(place, settings);
  await stop(place);
  const { program, env } = await findRedisProgram(search);
  await makeFolder(place.data);
  await replaceFile(place.config, config);
  try {
    await runServer({
      name: 'Redis',
      port: settings.port,
      argv: [program, place.config],
      cwd: place.data,
      env: { PATH: search.env.PATH, HOME: search.env.HOME, LC_ALL: 'C', ...env },
      logFile: place.log,
      isReady: async () => (await readStatus(place)).state === 'running',
      ending: ENDING,
      signal: search.signal,
    });
  } catch (error) {
    throw explainStart(error, place);
  }
}

async function isServing(place: RedisPlace, settings: ServerSettings): Promise<boolean> {
  const { state } = await readStatus(place);
  return state === 'running' && (await readFileIfThere(place.config)) === renderConfig(place, settings);
}

/** Redis has no file that tells the version of its data: it says so itself, and ends. */
function explainStart(error: unknown, place: RedisPlace): unknown {
  const line = error instanceof StackError && error.lines.find((one) => /Can't handle RDB format version/.test(one));
  if (!line) return error;
  return new StackError('process', 'the data of Redis was written by a newer version than the one that is installed', {
    hint: `install that version, or move ${place.data} away`,
    lines: error.lines,
  });
}

async function stop(place: RedisPlace): Promise<void> {
  const pid = await readPid(place);
  const pids = pid === undefined ? await listUnnoted(place) : [pid];
  for (const one of pids) await endServer('Redis', one, ENDING);
}

/** One whose starter was killed may have no pid file yet, but works in its folder; so may a person's shell. */
async function listUnnoted(place: RedisPlace): Promise<number[]> {
  // Where nobody can look, one would be on the port that it was last given.
  const port = await readPort(place);
  const isSilent = Number.isNaN(port) || (await isPortFree(port));
  const look = listServersAt(place.data);
  const found = await (isSilent ? seenOr([], look) : look);
  return found.filter(({ name }) => /^(redis|valkey)-server/.test(name)).map(({ pid }) => pid);
}

/** The number that it tells itself, of which /proc tells without a question; else that of its pid file, where it is its own still. Throws `unseen`. */
async function readPid(place: RedisPlace): Promise<number | undefined> {
  const said = process.platform === 'linux' ? undefined : await askForPid(place);
  if (said !== undefined) return said;
  const pid = await readNotedPid(place);
  return pid !== undefined && (await isServerAt(pid, place.data)) ? pid : undefined;
}

async function readNotedPid(place: RedisPlace): Promise<number | undefined> {
  const pid = Number(await readFileIfThere(place.pidFile));
  return pid > 1 ? pid : undefined;
}

async function readStatus(place: RedisPlace): Promise<ServerStatus> {
  // Whether that is a server nobody may be able to see: then it counts as one, and who would end it is told so.
  const pid = await seenOr(await readNotedPid(place), readPid(place));
  if (pid === undefined) return { state: 'stopped', pid, port: undefined };
  const port = await readPort(place);
  return { state: (await answers(place, port)) ? 'running' : 'starting', pid, port };
}

/** The port that it was last told to serve on. */
async function readPort(place: RedisPlace): Promise<number> {
  return Number(/^port (\d+)$/m.exec((await readFileIfThere(place.config)) ?? '')?.[1]);
}

/**
 * A server that has another password answers too; one that still loads its data says LOADING, but to nobody who has not said its
 * password.
 */
async function answers(place: RedisPlace, port: number): Promise<boolean> {
  const answer = await ask(port, `${await readLogin(place)}PING`, /^(\+PONG|-NOAUTH|-LOADING).*\n/m);
  return /^(\+PONG|-NOAUTH)/m.test(answer);
}

/** Returns what says the password that it was last told to want; '' where it wants none. */
async function readLogin(place: RedisPlace): Promise<string> {
  const [, password] = /^requirepass (.*)$/m.exec((await readFileIfThere(place.config)) ?? '') ?? [];
  return password === undefined ? '' : `AUTH ${password}\r\n`;
}

/** Returns the number of who answers on the port where it was started with this place's settings. */
async function askForPid(place: RedisPlace): Promise<number | undefined> {
  const port = await readPort(place);
  if (!(port > 0)) return undefined;
  const answer = await ask(port, `${await readLogin(place)}INFO server`, /^-|^config_file:.*\r\n/m);
  const [, file] = /^config_file:(.*)\r$/m.exec(answer) ?? [];
  const pid = Number(/^process_id:(\d+)\r$/m.exec(answer)?.[1]);
  return file === place.config && pid > 1 ? pid : undefined;
}

/** Returns what is answered on a port of this machine until it has what is looked for; less, or '', where it does not. */
function ask(port: number, question: string, wanted: RegExp): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1', timeout: ANSWER_MS });
    let answer = '';
    const finish = (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.write(`${question}\r\n`));
    socket.on('data', (data) => {
      answer += data;
      if (wanted.test(answer)) finish();
    });
    for (const event of ['timeout', 'error', 'close']) socket.on(event, finish);
  });
}

function renderConfig(place: RedisPlace, settings: ServerSettings): string {
  const own = ['bind 127.0.0.1 -::1', `pidfile ${quote(place.pidFile)}`, 'daemonize no'];
  return renderRedisConfig({ ...settings, dir: place.data }, own);
}

/**
 * Returns the settings of a server, with lines of its own. They belong in a file of 0600, since a command line shows its
 * password to everybody.
 */
export function renderRedisConfig(
  { port, user, password, dir }: Pick<ServerSettings, 'port' | 'user' | 'password'> & { dir: string },
  own: readonly string[],
): string {
  const settings = [
    `port ${port}`,
    `dir ${quote(dir)}`,
    ...own,
    // Each write is on disk after a second at most; a torn end, as a crash of the machine leaves it, is cut off.
    'appendonly yes',
    'appendfsync everysec',
    'aof-load-truncated yes',
    ...(password ? [`requirepass ${quote(password)}`] : []),
    ...(password && user && user !== 'default' ? [`user ${quote(user)} on ${quote(`>${password}`)} ~* &* +@all`] : []),
  ];
  return `# stack writes this file at every start.\n${settings.join('\n')}\n`;
}

function quote(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
