import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { interrupted, StackError } from '../../domain/errors.ts';
import type { ExecOptions, LogLine } from '../../domain/runtime.ts';
import { isThere } from '../files/files.ts';
import { makeSplitter } from '../split-lines.ts';
import { seenOr } from './ask-tool.ts';
import { endGroup, endWhole, type GroupIdentity } from './group.ts';
import { guardArgv } from './guard.ts';
import { processStartTime } from './identity.ts';
import { endWithMe } from './kill-with-parent.ts';
import { findProgram, keepLibraries } from './launch.ts';
import { MARKER } from './table.ts';

/** What a command left in the background may hold its output open: after this silence nobody waits for the end of it. */
const SILENCE_MS = 300;

export interface Surroundings {
  cwd: string;
  /** The whole environment. */
  env: Readonly<Record<string, string>>;
}

/**
 * Runs a command with the caller's streams and gives its exit code, 128 + signal when one ended it. A stream that is a file
 * or terminal is handed on as it is, so the child has a true terminal. As in a shell 127 stands for a program that is not
 * there and 126 for one that may not be run. Throws `process` when it cannot be started for another reason, `interrupted`
 * when aborted; what `began` throws, which is told the number of its process. The command has ended then.
 */
export async function runAttached(
  argv: readonly string[],
  where: Surroundings,
  options: ExecOptions,
  began: (pid: number) => Promise<void> = async () => undefined,
): Promise<number> {
  const child = await startChild(
    argv,
    { ...where, env: { ...where.env, ...options.env } },
    {
      // On a terminal it stays in stack's group, or it would be a background job that may not read the keyboard.
      detached: !options.tty,
      stdio: [options.stdin, options.stdout, options.stderr].map((stream) => descriptorOf(stream) ?? 'pipe'),
    },
  ).catch(async (error: unknown) => tellUnstarted(error, where, options));
  if (typeof child === 'number') return child;
  const closed = once(child, 'close');
  const takeBack = options.tty ? leaveKeyboard() : () => undefined;
  if (child.stdin) connectStdin(options.stdin, child.stdin);
  child.stdout?.pipe(options.stdout, { end: false });
  child.stderr?.pipe(options.stderr, { end: false });
  try {
    await began(child.pid!).catch(async (error: unknown) => {
      // Nobody would know of it.
      await endChild(child, !options.tty);
      throw error;
    });
    const code = await waitForEnd(child, options.signal, () => endChild(child, !options.tty));
    await drain(child, closed, [options.stdout, options.stderr]);
    return code;
  } finally {
    takeBack();
    if (child.stdin) options.stdin.unpipe(child.stdin);
  }
}

/**
 * A Ctrl-C goes to all who are on the terminal. What it means says the program that somebody works in: a prompt drops its line and
 * goes on. Returns what lets this process hear of it again.
 */
function leaveKeyboard(): () => void {
  const listeners = process.listeners('SIGINT');
  const hearNothing = (): void => undefined;
  process.on('SIGINT', hearNothing);
  for (const listener of listeners) process.off('SIGINT', listener);
  return () => {
    for (const listener of listeners) process.on('SIGINT', listener);
    process.off('SIGINT', hearNothing);
  };
}

/** What becomes of a command: told before it begins, and once all of it has ended. */
export interface RunWatch {
  onLine(line: LogLine): void;
  /** Writes down what is about to run, and returns what deletes that again. */
  note(group: GroupIdentity): Promise<() => Promise<void>>;
}

/**
 * Runs a command to its end in a group of its own, gives its lines as they come and then the exit code. What it left in the
 * background is ended, and all of it is when this process is killed. Throws `process` when it cannot be started, `interrupted`
 * when aborted; nothing of it runs then.
 */
export async function runGroup(
  argv: readonly string[],
  where: Surroundings,
  { onLine, note }: RunWatch,
  signal: AbortSignal,
): Promise<number> {
  const name = where.env[MARKER] ?? '';
  const guarded = guardArgv(keepLibraries(argv, where.env), `${MARKER}=${name}`);
  const child = await startChild(guarded, where, { detached: true, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  const gate = child.stdio[3] as Writable;
  // The group may have been killed from outside; that shows as its end, not as a broken pipe.
  gate.on('error', () => {});
  const lines = Promise.all([pumpLines(child.stdout!, 'stdout', onLine), pumpLines(child.stderr!, 'stderr', onLine)]);
  const startTime = (await seenOr('', processStartTime(child.pid!))) ?? '';
  const noted = { pid: child.pid!, startTime, name, cwd: where.cwd };
  // Not in the note: whoever reads that is another process.
  const group = { ...noted, isChild: true };
  const survive = endWithMe(group.pid, { signal: 'SIGKILL', marker: name });
  let forget = async (): Promise<void> => {};
  try {
    forget = await note(noted);
    gate.write('go\n');
    return await waitForEnd(child, signal, () => endGroup(group));
  } finally {
    gate.end('done\n');
    await endWhole(group);
    survive();
    await forget();
    await drain(child, lines, []);
    gate.destroy();
  }
}

async function startChild(argv: readonly string[], where: Surroundings, options: SpawnOptions): Promise<ChildProcess> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { ...options, cwd: where.cwd, env: { ...where.env } });
  try {
    await once(child, 'spawn');
  } catch (error) {
    throw await explainSpawnError(error as NodeJS.ErrnoException, program, where);
  }
  return child;
}

/** Returns the exit code a shell would give, and says why; throws what is no fault of the program's. */
async function tellUnstarted(error: unknown, { cwd }: Surroundings, { stderr }: ExecOptions): Promise<number> {
  const reason = error instanceof StackError ? (error.details as { reason?: string } | undefined)?.reason : undefined;
  const code = { ENOENT: 127, EACCES: 126 }[reason ?? ''];
  if (code === undefined || !(await isThere(cwd))) throw error;
  stderr.write(`${(error as Error).message}\n`);
  return code;
}

async function explainSpawnError(
  error: NodeJS.ErrnoException,
  program: string,
  { cwd, env }: Surroundings,
): Promise<StackError> {
  // A folder on the PATH that may not be looked into makes the system say so of a program that is nowhere.
  const isNowhere = error.code === 'EACCES' && (await findProgram(program, cwd, env.PATH ?? '')) === undefined;
  const code = isNowhere ? 'ENOENT' : error.code;
  const reasons: Record<string, string> = { ENOENT: 'was not found', EACCES: 'is not executable' };
  const reason = reasons[code ?? ''] ?? `cannot be run: ${error.message}`;
  return new StackError('process', `${program} ${reason}`, { details: { reason: code }, cause: error });
}

async function waitForEnd(child: ChildProcess, signal: AbortSignal, end: () => Promise<void>): Promise<number> {
  const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : Promise.resolve();
  let ending: Promise<void> | undefined;
  const abort = (): void => {
    ending = end();
  };
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  try {
    await exited;
    await ending;
  } finally {
    signal.removeEventListener('abort', abort);
  }
  if (ending) throw interrupted(signal.reason);
  return child.exitCode ?? 128 + constants.signals[child.signalCode ?? 'SIGKILL'];
}

async function endChild(child: ChildProcess, group: boolean): Promise<void> {
  const pid = child.pid!;
  const startTime = await seenOr('', processStartTime(pid));
  if (startTime === undefined) return;
  if (group) await endGroup({ pid, startTime, name: '', isChild: true });
  else child.kill('SIGTERM');
}

/** Waits until all that the command printed has been passed on. */
async function drain(
  child: ChildProcess,
  ended: Promise<unknown>,
  targets: readonly NodeJS.WritableStream[],
): Promise<void> {
  const isSlow = (): boolean => targets.some((target) => (target as Writable).writableNeedDrain);
  let passed: number | undefined;
  for (;;) {
    const timer = wait(SILENCE_MS, 'silence', { ref: false });
    if ((await Promise.race([ended, timer])) !== 'silence') return;
    const now = bytesOf(child.stdout) + bytesOf(child.stderr);
    if (now === passed && !isSlow()) return;
    passed = now;
  }
}

function bytesOf(stream: Readable | null): number {
  return (stream as { bytesRead?: number } | null)?.bytesRead ?? 0;
}

async function pumpLines(from: Readable, stream: LogLine['stream'], onLine: (line: LogLine) => void): Promise<void> {
  const splitter = makeSplitter();
  for await (const chunk of from) for (const line of splitter.push(chunk)) onLine({ stream, ...line });
  for (const line of splitter.rest()) onLine({ stream, ...line });
}

/** The child may end before it has read all: that is no error of ours. */
function connectStdin(from: Readable, to: Writable): void {
  to.on('error', () => {});
  from.pipe(to);
}

function descriptorOf(stream: unknown): number | undefined {
  const { fd } = stream as { fd?: unknown };
  return typeof fd === 'number' ? fd : undefined;
}
