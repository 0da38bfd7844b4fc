import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { WriteStream } from 'node:tty';
import type { Container, Exec } from 'dockerode';
import { bestEffort, StackError, throwIfAborted } from '../../domain/errors.ts';
import type { ExecOptions, WorkloadRef } from '../../domain/runtime.ts';
import type { Connection } from './connection.ts';
import { inspectContainer } from './container.ts';
import { readStatus } from './error.ts';
import { createDemuxer } from './lines.ts';

/** How long a command has to end after TERM before it is killed. */
const TERM_MS = 3000;
const POLL_MS = 10;
/** A command whose output has ended is over within this, or has closed it itself. */
const CLOSED_MS = 1000;
const RESIZE_TRIES = 20;
/** 128 and the number of PIPE: what a program ends with whose output nobody reads. */
const BROKEN_PIPE = 141;
/** Tells the processes of one exec from all others of the container: the engine cannot end an exec. */
const MARK = 'STACK_EXEC';

/** Runs a command in a workload's container, as `Runtime.exec` says. Throws `not-found`, `engine`, `interrupted`. */
export async function execInContainer(
  conn: Connection,
  ref: WorkloadRef,
  argv: readonly string[],
  options: ExecOptions,
): Promise<number> {
  throwIfAborted(options.signal);
  const mark = randomUUID();
  const { container, exec } = await createExec(conn, ref, argv, mark, options);
  const stream = await exec.start({ hijack: true, stdin: true, Tty: options.tty });
  let ending: Promise<void> | undefined;
  const end = (): void => {
    ending ??= endExec(container, exec, mark, stream);
  };
  options.signal.addEventListener('abort', end, { once: true });
  try {
    await joinStreams(stream, exec, options, end);
    if (!ending && (await isStillOn(exec, CLOSED_MS)) && (await isCutOff(container, mark))) {
      await endExec(container, exec, mark, stream);
      throw new StackError('engine', `the Docker engine at ${conn.where} broke off in the middle of the output`, {
        hint: 'the command was ended; see whether the engine, or what stands between, was restarted, and run it again',
      });
    }
    while (!ending && (await isStillOn(exec, CLOSED_MS)));
  } finally {
    options.signal.removeEventListener('abort', end);
  }
  await ending;
  throwIfAborted(options.signal);
  return ending ? BROKEN_PIPE : readExitCode(exec);
}

function notRunning({ service, instance }: WorkloadRef): StackError {
  return new StackError('not-found', `${service} of ${instance} does not run`, {
    hint: `\`stack start ${instance}\` starts it`,
  });
}

async function createExec(
  conn: Connection,
  ref: WorkloadRef,
  argv: readonly string[],
  mark: string,
  { tty, env }: ExecOptions,
): Promise<{ container: Container; exec: Exec }> {
  const info = await inspectContainer(conn, ref.name);
  if (!info?.State.Running) throw notRunning(ref);
  const container = conn.client.getContainer(info.Id);
  try {
    // Folder, user and env are the container's own.
    const exec = await container.exec({
      Cmd: [...argv],
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: tty,
      Env: [
        `${MARK}=${mark}`,
        ...(tty ? [`TERM=${conn.term}`] : []),
        ...Object.entries(env ?? {}).map(([key, value]) => `${key}=${value}`),
      ],
    });
    return { container, exec };
  } catch (error) {
    // 409: it stopped, or is paused, since we looked.
    if (readStatus(error) === 404 || readStatus(error) === 409) throw notRunning(ref);
    throw error;
  }
}

/**
 * Passes stdin in and output out until the command closes its side; a terminal is raw meanwhile, and put back after.
 * Calls `onGone` when nobody takes the output any more.
 */
async function joinStreams(stream: Duplex, exec: Exec, options: ExecOptions, onGone: () => void): Promise<void> {
  const { tty, stdin } = options;
  const isRaw = tty && stdin.isTTY;
  const resize = (): void => void resizeTo(exec, options.stdout as Partial<WriteStream>);
  if (isRaw) stdin.setRawMode(true);
  if (tty) {
    resize();
    options.stdout.on('resize', resize);
  }
  stdin.pipe(stream);
  const targets = [options.stdout, options.stderr];
  for (const target of targets) target.on('error', onGone);
  try {
    await copyOutput(stream, options);
  } finally {
    stdin.unpipe(stream);
    // A stdin that is still read from would keep the process alive.
    stdin.pause();
    for (const target of targets) target.off('error', onGone);
    options.stdout.off('resize', resize);
    if (isRaw) stdin.setRawMode(false);
  }
}

async function copyOutput(stream: Duplex, { tty, stdout, stderr }: ExecOptions): Promise<void> {
  const demux = createDemuxer();
  try {
    for await (const chunk of stream) {
      const frames = tty ? [{ stream: 'stdout', bytes: chunk as Buffer }] : demux(chunk as Buffer);
      for (const frame of frames) {
        const target = frame.stream === 'stderr' ? stderr : stdout;
        if (!target.write(frame.bytes)) await once(target, 'drain');
      }
    }
  } catch (error) {
    if (!isHangup(error)) throw error;
  }
}

/** The command ended, or was ended, while its stdin was still being written. */
function isHangup(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EPIPE' || code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE';
}

/** The terminal exists a moment after the engine says that the command has begun. */
async function resizeTo(exec: Exec, { rows, columns }: Partial<WriteStream>): Promise<void> {
  if (!rows || !columns) return;
  for (let tries = 0; tries < RESIZE_TRIES; tries++) {
    const done = await exec.resize({ h: rows, w: columns }).then(
      () => true,
      () => false,
    );
    if (done) return;
    await delay(POLL_MS);
  }
}

async function readExitCode(exec: Exec): Promise<number> {
  for (;;) {
    const { Running, ExitCode } = await exec.inspect();
    if (!Running) return ExitCode ?? 0;
    await delay(POLL_MS);
  }
}

async function endExec(container: Container, exec: Exec, mark: string, stream: Duplex): Promise<void> {
  await signalMarked(container, mark, 'TERM');
  // With the container the exec is gone as well.
  if (await bestEffort(isStillOn(exec, TERM_MS))) await signalMarked(container, mark, 'KILL');
  stream.destroy();
}

/** True when a command has not ended within so many milliseconds. */
async function isStillOn(exec: Exec, milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  for (;;) {
    if (!(await exec.inspect()).Running) return false;
    if (performance.now() > deadline) return true;
    await delay(POLL_MS);
  }
}

/**
 * True for a command that holds its own output open: the engine ends the stream only once that is closed, so it was not the
 * engine. In an image without a shell nobody knows.
 */
async function isCutOff(container: Container, mark: string): Promise<boolean> {
  const script = `for e in /proc/[0-9]*/environ; do
    p=\${e%/environ}
    grep -q "$1" "$e" 2>/dev/null && grep -q '^PPid:.0$' "$p/status" || continue
    ls -l "$p/fd/1" "$p/fd/2" | grep -q -e 'pipe:' -e '/dev/pts/' && exit 0
  done
  exit 1`;
  return (await runBeside(container, script, mark).then(readExitCode)) === 0;
}

async function runBeside(container: Container, script: string, mark: string): Promise<Exec> {
  const exec = await container.exec({ Cmd: ['sh', '-c', script, 'sh', `${MARK}=${mark}`] });
  // An answer that is not read to its end keeps its socket, and with it the process.
  (await exec.start({ Detach: true })).resume();
  return exec;
}

/** Children inherit the mark, so the whole tree is found. An image without a shell is left to end by itself. */
async function signalMarked(container: Container, mark: string, signal: 'TERM' | 'KILL'): Promise<void> {
  const script = `for e in /proc/[0-9]*/environ; do
    if grep -q "$1" "$e" 2>/dev/null; then p=\${e%/environ}; kill -${signal} "\${p#/proc/}"; fi
  done`;
  // The container may have ended meanwhile, and all its processes with it.
  await bestEffort(runBeside(container, script, mark));
}
