import { createReadStream } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { replaceFile } from '../../adapters/files/files.ts';
import { runAttached } from '../../adapters/process/exec.ts';
import { identifyProcess } from '../../adapters/process/identity.ts';
import { launch } from '../../adapters/process/launch.ts';
import { logFilesOf } from '../../adapters/process/log-files.ts';
import { closePipe } from '../../adapters/process/log-keeper.ts';
import { openLog } from '../../adapters/process/logs.ts';
import { MARKER } from '../../adapters/process/table.ts';
import { renderLauncher } from '../../domain/runs/launcher.ts';
import type { RunRecord } from '../../domain/runs/run.ts';
import { DEFAULT_LOG_BYTES, type ExecOptions } from '../../domain/runtime.ts';
import type { Stack } from '../core/stack.ts';
import { filesOf, writeRun } from './record.ts';
import { sessionOf, tmuxOf, withServer } from './server.ts';

/** A run that has begun; in the foreground it has ended, too. */
export interface BegunRun {
  run: RunRecord;
  exitCode?: number;
}

/** What a run begins with. */
export interface Command {
  argv: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  stdin: string | undefined;
}

/** Begins a run by itself, and writes down what leads it. Throws `process`, `files`, `unseen`. */
export async function beginDetached(stack: Stack, run: RunRecord, command: Command): Promise<void> {
  await (run.place === 'tmux' ? beginInTmux : beginInBackground)(stack, run, command);
}

/**
 * Runs an agent to its end as a child of this very command, as it would be of a shell; `begun` is called once it is known what leads it.
 * Throws `process`, `files`, `interrupted`; it has ended then.
 */
export async function attach(
  stack: Stack,
  { run, command }: { run: RunRecord; command: Command },
  streams: ExecOptions,
  begun: () => void,
): Promise<BegunRun> {
  const from = command.stdin === undefined ? undefined : await open(command.stdin);
  const stdin = from && (createReadStream('', { fd: from.fd, autoClose: false }) as unknown as NodeJS.ReadStream);
  try {
    const how = stdin ? { ...streams, stdin, tty: false } : streams;
    const exitCode = await runAttached(command.argv, command, how, async (pid) => {
      run.process = { ...identifyProcess(pid), leads: !how.tty };
      await writeRun(stack, run);
      begun();
    });
    await replaceFile(filesOf(stack, run).exit, `${exitCode}\n`);
    return { run, exitCode };
  } finally {
    await from?.close();
  }
}

/** Its environment is in a file that nobody else may read, and that is gone once it has begun. */
async function beginInTmux(stack: Stack, run: RunRecord, command: Command): Promise<void> {
  const { start, exit, log } = filesOf(stack, run);
  await writeFile(start, renderLauncher({ ...command, exit, screen: log }), { mode: 0o600 });
  const kept = ['TERM', 'TMUX', 'TMUX_PANE', MARKER].map((name) => `${name}="$${name}"`).join(' ');
  const pane = await withServer(stack, () =>
    tmuxOf(stack).start({
      ...{ name: sessionOf(run), cwd: command.cwd, env: { [MARKER]: run.marker }, size: { columns: 200, rows: 50 } },
      argv: ['/bin/sh', '-c', `exec env -i ${kept} /bin/sh "$0"`, start],
    }),
  );
  Object.assign(run, { process: { ...identifyProcess(pane.pid), leads: true }, pane: pane.id });
  await writeRun(stack, run);
}

async function beginInBackground(stack: Stack, run: RunRecord, command: Command): Promise<void> {
  const { log, exit } = filesOf(stack, run);
  const { argv, stdin, cwd, env } = command;
  const output = await openLog(logFilesOf(log), { run: run.id, max: DEFAULT_LOG_BYTES, searchPath: env.PATH });
  const whole = stdin === undefined ? argv : ['/bin/sh', '-c', 'exec "$@" <"$0"', stdin, ...argv];
  try {
    const launched = await launch({ argv: whole, cwd, env, output, exitFile: exit });
    try {
      run.process = { ...identifyProcess(launched.pid), leads: true };
      await writeRun(stack, run);
      await launched.release();
    } catch (error) {
      await launched.cancel();
      throw error;
    }
  } finally {
    await closePipe(output);
  }
}
