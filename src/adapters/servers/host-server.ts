import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import { DEFAULT_LOG_BYTES } from '../../domain/runtime.ts';
import { ifReadable } from '../files/file-errors.ts';
import { pause } from '../pause.ts';
import { askTool } from '../process/ask-tool.ts';
import { processStartTime } from '../process/identity.ts';
import { logFilesOf } from '../process/log-files.ts';
import { waitForKeeper } from '../process/log-keeper.ts';
import { openLog } from '../process/logs.ts';
import { requireFreePorts } from '../process/ports.ts';
import { readNewestLines } from '../process/read-log.ts';
import { sendSignal } from '../process/stat.ts';
import { listNumbers } from '../process/table.ts';

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
  readonly logFile: string;
  /**
   * Starts it and waits until it answers; running as wished: nothing happens, on another port: it is restarted. `onProgress` is
   * told how far it is while its programs are fetched. Throws `port` (details `{port}`) when the port is taken, `interrupted`,
   * else `process` with its last log lines.
   */
  start(settings: ServerSettings, signal: AbortSignal, onProgress?: (text: string) => void): Promise<void>;
  /** Ends it in order and keeps its data. Stopped is done. Throws `process` when it does not end. */
  stop(): Promise<void>;
  status(): Promise<ServerStatus>;
  /** True when it runs with these settings. */
  isServing(settings: ServerSettings): Promise<boolean>;
  /** Returns the address at which stack alone is a superuser; undefined while there is none. */
  superuser(): Promise<string | undefined>;
  /** Ends it and deletes its data and log. Missing is done. */
  destroyData(): Promise<void>;
}

export interface ServerProcess {
  pid: number;
  /** Undefined while it lives; -1 when a signal ended it. */
  exitCode(): number | undefined;
}

/** Starts a server in a session of its own, which outlives this process. Throws `process`, `files`. */
export async function spawnServer(request: {
  argv: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  logFile: string;
}): Promise<ServerProcess> {
  const [program = '', ...args] = request.argv;
  const log = await openLog(logFilesOf(request.logFile), {
    run: randomBytes(4).toString('hex'),
    max: DEFAULT_LOG_BYTES,
    searchPath: request.env.PATH,
  });
  try {
    const stdio = ['ignore', log.fd, log.fd] as const;
    const child = closely(() =>
      spawn(program, args, { cwd: request.cwd, env: { ...request.env }, detached: true, stdio: [...stdio] }),
    );
    await once(child, 'spawn');
    child.unref();
    return { pid: child.pid!, exitCode: () => child.exitCode ?? (child.signalCode === null ? undefined : -1) };
  } catch (error) {
    throw new StackError('process', `cannot run ${program}: ${(error as Error).message}`, { cause: error });
  } finally {
    await log.close();
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

/**
 * Launches a server on a port that is free; again where somebody held it for just the moment that took (whoever looks
 * whether a port is free opens it). Throws `port` (details `{port}`) when it stays taken, and what `launch` throws.
 */
export async function launchOn(
  { name, port }: { name: string; port: number },
  launch: () => Promise<void>,
): Promise<void> {
  for (let tries = 1; ; tries++) {
    await requireFreePorts([{ name, host: port, container: port }]);
    try {
      return await launch();
    } catch (error) {
      // Both servers give the system's words (strerror(3)); LC_ALL is C.
      const lines = error instanceof StackError ? error.lines : [];
      const isTaken = lines.some((line) => line.includes('Address already in use'));
      if (!isTaken) throw error;
      if (tries === PORT_TRIES) {
        throw new StackError('port', `port ${port} (${name}) is taken on this machine`, {
          details: { port },
          cause: error,
        });
      }
    }
  }
}

/** Waits until a server answers. Throws `process` with its last log lines when it ends or does not within the time. */
export async function waitForServer(
  server: ServerProcess,
  request: { name: string; logFile: string; isReady(): Promise<boolean>; milliseconds: number; signal: AbortSignal },
): Promise<void> {
  const deadline = performance.now() + request.milliseconds;
  while (!(await request.isReady())) {
    throwIfAborted(request.signal);
    const code = server.exitCode();
    const lines = async (): Promise<string[]> => lastLines(request.logFile, code !== undefined);
    if (code !== undefined)
      throw new StackError('process', `${request.name} ended as it started`, { lines: await lines() });
    if (performance.now() > deadline) {
      throw new StackError('process', `${request.name} did not answer in ${request.milliseconds / 1000} s`, {
        lines: await lines(),
      });
    }
    await pause(POLL_MS, request.signal);
  }
}

/** Ends one process: each signal in turn, with the time it is given. Throws `process` when it lives on. */
export async function endServer(
  name: string,
  pid: number,
  signals: readonly [signal: NodeJS.Signals, milliseconds: number][],
): Promise<void> {
  const startTime = await processStartTime(pid);
  for (const [signal, milliseconds] of signals) {
    if (startTime === undefined || (await processStartTime(pid)) !== startTime) return;
    sendSignal(pid, signal);
    const deadline = performance.now() + milliseconds;
    while ((await processStartTime(pid)) === startTime && performance.now() < deadline) await wait(POLL_MS);
  }
  if (startTime !== undefined && (await processStartTime(pid)) === startTime) {
    throw new StackError('process', `${name} (pid ${pid}) does not end, not even by SIGKILL`);
  }
}

/**
 * True when the process lives and works in the folder, as a server does in that of its data: so a pid file that a crash or
 * reboot left is not taken for a server when its number has gone to another program.
 */
export async function isServerAt(pid: number, folder: string): Promise<boolean> {
  if ((await processStartTime(pid)) === undefined) return false;
  const [works, data] = await Promise.all([ifReadable(readWorkingFolder(pid)), ifReadable(realpath(folder))]);
  return works !== undefined && works === data;
}

/** Returns the processes that work in the folder. Known on Linux alone; elsewhere none is seen. */
export async function listServersAt(folder: string): Promise<number[]> {
  if (process.platform !== 'linux') return [];
  const pids = listNumbers('/proc');
  const found = await Promise.all(pids.map((pid) => isServerAt(pid, folder)));
  return pids.filter((_, index) => found[index]);
}

async function readWorkingFolder(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') return readlinkSync(`/proc/${pid}/cwd`);
  return /^n(.*)$/m.exec(await askTool('lsof', ['-a', '-p', String(pid), '-d', 'cwd', '-Fn']))?.[1];
}

/** Returns the last lines of a log; none when there is no log. */
async function lastLines(file: string, hasEnded: boolean): Promise<string[]> {
  if (hasEnded) await waitForKeeper(logFilesOf(file));
  const lines: string[] = [];
  for await (const line of readNewestLines(logFilesOf(file), LAST_LINES)) lines.push(line.text);
  return lines;
}
