import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { realpath, rm } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import { DEFAULT_LOG_BYTES } from '../../domain/runtime.ts';
import { ifReadable } from '../files/file-errors.ts';
import { pause } from '../pause.ts';
import { seenOr } from '../process/ask-tool.ts';
import { isAlive, processStartTime } from '../process/identity.ts';
import { type InsideProcess, listWorkingAt, listWorkingFolders } from '../process/inside.ts';
import { logFilesOf } from '../process/log-files.ts';
import { closePipe, endKeeper, repairKeeper, waitForKeeper } from '../process/log-keeper.ts';
import { openLog } from '../process/logs.ts';
import { requireFreePorts } from '../process/ports.ts';
import { readNewestLines } from '../process/read-log.ts';
import { askForPid, sendSignal } from '../process/stat.ts';

/** Recovery after a crash of the machine reads through the log of changes; that may take its time. */
const READY_MS = 60_000;
const POLL_MS = 20;
const LAST_LINES = 30;
const PORT_TRIES = 3;

export interface ServerSettings {
  /** Port on this machine. */
  port: number;
  user?: string | undefined;
  password?: string | undefined;
  database?: string | undefined;
}

export interface ServerStatus {
  /** `starting`: the process lives and does not answer yet. */
  state: 'running' | 'starting' | 'stopped';
  pid: number | undefined;
  port: number | undefined;
}

/** A shared service that runs on this machine itself, with data of its own. */
export interface HostServer {
  readonly dataFolder: string;
  /**
   * Starts it and waits until it answers; running as wished: nothing happens, on another port: it is restarted. `onProgress` is
   * told how far it is while its programs are fetched. Throws `port` (details `{port}`) when the port is taken, `interrupted`,
   * else `process` with its last log lines.
   */
  start(settings: ServerSettings, signal: AbortSignal, onProgress?: (text: string) => void): Promise<void>;
  /** Ends it in order and keeps its data. Stopped is done. Throws `process` when it does not end, `unseen` where nobody can see whether it runs. */
  stop(): Promise<void>;
  status(): Promise<ServerStatus>;
  /** True when it runs with these settings. */
  isServing(settings: ServerSettings): Promise<boolean>;
  /** Returns the address at which stack alone is a superuser; undefined while there is none. */
  superuser(): Promise<string | undefined>;
  /** Ends it and deletes its data and log. Missing is done. */
  destroyData(): Promise<void>;
}

interface ServerRequest {
  /** `Postgres`, say; in small letters it is the name of the service. */
  name: string;
  port: number;
  argv: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  logFile: string;
  isReady(): Promise<boolean>;
  ending: Ending;
  signal: AbortSignal;
}

/** Each signal in turn, with the milliseconds it is given. */
export type Ending = readonly [signal: NodeJS.Signals, milliseconds: number][];

/**
 * Starts a server on a port that is free, and waits until it answers; again where somebody held the port for just the moment
 * that took (whoever looks whether a port is free opens it). Throws `port` (details `{port}`) when it stays taken, `process`
 * with its last log lines when it ends or does not answer in time, `interrupted`, `files`.
 */
export async function runServer(request: ServerRequest): Promise<void> {
  const { port } = request;
  const name = request.name.toLowerCase();
  for (let tries = 1; ; tries++) {
    await requireFreePorts([{ name, host: port, container: port }]);
    const server = await spawnServer(request);
    try {
      return await waitForServer(server, request);
    } catch (error) {
      // What went wrong first says why.
      await endServer(request.name, server.pid!, request.ending).catch(() => undefined);
      // Both servers give the system's words (strerror(3)); LC_ALL is C.
      const lines = error instanceof StackError ? error.lines : [];
      if (!lines.some((line) => line.includes('Address already in use'))) throw error;
      if (tries < PORT_TRIES) continue;
      const message = `port ${port} (${name}) is taken on this machine`;
      throw new StackError('port', message, { details: { port }, cause: error });
    }
  }
}

/** Starts a server in a session of its own, which outlives this process. */
async function spawnServer(request: ServerRequest): Promise<ChildProcess> {
  const [program = '', ...args] = request.argv;
  const log = await openLog(logFilesOf(request.logFile), {
    run: randomBytes(4).toString('hex'),
    max: DEFAULT_LOG_BYTES,
    searchPath: request.env.PATH,
  });
  try {
    const options = { cwd: request.cwd, env: { ...request.env }, detached: true };
    const child = closely(() => spawn(program, args, { ...options, stdio: ['ignore', log.stdout.fd, log.stderr.fd] }));
    await once(child, 'spawn');
    child.unref();
    return child;
  } catch (error) {
    throw new StackError('process', `cannot run ${program}: ${(error as Error).message}`, { cause: error });
  } finally {
    await closePipe(log);
  }
}

/** What is started in here makes files that are the person's alone. */
function closely<Result>(start: () => Result): Result {
  const before = process.umask(0o077);
  try {
    return start();
  } finally {
    process.umask(before);
  }
}

async function waitForServer(server: ChildProcess, request: ServerRequest): Promise<void> {
  const fail = async (what: string, hasEnded: boolean): Promise<never> => {
    throw new StackError('process', `${request.name} ${what}`, { lines: await lastLines(request.logFile, hasEnded) });
  };
  const deadline = performance.now() + READY_MS;
  while (!(await request.isReady())) {
    throwIfAborted(request.signal);
    if (server.exitCode !== null || server.signalCode !== null) await fail('ended as it started', true);
    if (performance.now() > deadline) await fail(`did not answer in ${READY_MS / 1000} s`, false);
    await pause(POLL_MS, request.signal);
  }
}

/** Returns what every server does in one way. `log` and `folder` are where it writes and all that is its own. */
export function ownServer(
  { folder, data, log }: { folder: string; data: string; log: string },
  server: { readStatus(): Promise<ServerStatus>; stop(): Promise<void>; searchPath: string | undefined },
): Pick<HostServer, 'dataFolder' | 'stop' | 'status' | 'destroyData'> {
  return {
    dataFolder: data,
    stop: server.stop,
    async status() {
      const status = await server.readStatus();
      if (status.pid !== undefined) await repairKeeper(logFilesOf(log), status.pid, server.searchPath);
      return status;
    },
    async destroyData() {
      await server.stop();
      await endKeeper(logFilesOf(log));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Ends one process. Throws `process` when it lives on. */
export async function endServer(name: string, pid: number, ending: Ending): Promise<void> {
  const startTime = await seenOr('', processStartTime(pid));
  if (startTime === undefined) return;
  const lives = (): Promise<boolean> => isAlive({ pid, startTime });
  for (const [signal, milliseconds] of ending) {
    if (!(await lives())) return;
    sendSignal(pid, signal);
    const deadline = performance.now() + milliseconds;
    while ((await lives()) && performance.now() < deadline) await wait(POLL_MS);
  }
  if (await lives()) {
    throw new StackError('process', `${name} (pid ${pid}) does not end, not even by SIGKILL`);
  }
}

/**
 * True when the process lives and works in the folder, as a server does in that of its data: so a pid file that a crash or
 * reboot left is not taken for a server when its number has gone to another program. Throws `unseen` where nobody can look.
 */
export async function isServerAt(pid: number, folder: string): Promise<boolean> {
  // A server of ours is one that we may signal.
  if (askForPid(pid) !== 'there') return false;
  const [folders, data] = await Promise.all([listWorkingFolders([pid]), ifReadable(realpath(folder))]);
  const works = folders.get(pid);
  if (works !== undefined) return works === data;
  if (process.platform === 'linux' || (await processStartTime(pid)) === undefined) return false;
  throw new StackError('unseen', `cannot see who uses a folder or a port: lsof tells nothing of process ${pid}`, {
    hint: `see what it is; if it is no server of ${folder}, delete the file beside it that names it`,
  });
}

/** Returns the processes that work in the folder, as a server does in that of its data; so may a person's shell. Throws `unseen`. */
export async function listServersAt(folder: string): Promise<InsideProcess[]> {
  const data = await ifReadable(realpath(folder));
  return data === undefined ? [] : listWorkingAt(data);
}

/** Returns the last lines of a log; none when there is no log. */
async function lastLines(file: string, hasEnded: boolean): Promise<string[]> {
  if (hasEnded) await waitForKeeper(logFilesOf(file));
  const lines: string[] = [];
  for await (const line of readNewestLines(logFilesOf(file), LAST_LINES)) lines.push(line.text);
  return lines;
}
