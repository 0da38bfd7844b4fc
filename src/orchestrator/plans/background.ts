import { rm } from 'node:fs/promises';
import path from 'node:path';
import { readFileIfThere } from '../../adapters/files/files.ts';
import { pause } from '../../adapters/pause.ts';
import { identifyProcess, isAlive } from '../../adapters/process/identity.ts';
import { launch } from '../../adapters/process/launch.ts';
import { logFilesOf } from '../../adapters/process/log-files.ts';
import { closePipe } from '../../adapters/process/log-keeper.ts';
import { openLog } from '../../adapters/process/logs.ts';
import { readNewestLines } from '../../adapters/process/read-log.ts';
import { EXIT_CODES, StackError, throwIfAborted } from '../../domain/errors.ts';
import { type PlanFiles, planFilesOf } from '../../domain/layout.ts';
import { DEFAULT_LOG_BYTES } from '../../domain/runtime.ts';
import { isGoing } from '../core/plans.ts';
import type { Stack } from '../core/stack.ts';

const POLL_MS = 50;

/** Goes on with a plan in a command of its own, which outlives this one; returns once that is at it, or has ended. Throws `process`, `files`. */
export async function runInBackground(stack: Stack, plan: string): Promise<void> {
  const { root, packageRoot } = stack;
  const files = planFilesOf(root, plan);
  const env = Object.fromEntries(
    Object.entries(stack.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  const bin = path.join(packageRoot, 'bin', 'stack.js');
  const argv = [process.execPath, bin, '--root', root, 'plan', 'resume', '--plan', plan];
  await rm(files.exit, { force: true });
  const output = await openLog(logFilesOf(files.log), { run: plan, max: DEFAULT_LOG_BYTES, searchPath: env.PATH });
  try {
    const launched = await launch({ argv, cwd: root, env, output, exitFile: files.exit });
    const leader = identifyProcess(launched.pid);
    await launched.release();
    while (!(await isGoing(stack, plan))) {
      if (!(await isAlive(leader))) return await requireNoFault(files);
      await pause(POLL_MS, stack.signal);
      throwIfAborted(stack.signal);
    }
    stack.emit({ type: 'info', text: `the plan ${plan} goes on in the background; what it says is in ${files.log}` });
  } finally {
    await closePipe(output);
  }
}

/** What has ended by now may have had nothing to do, or wait for a person; else it could not even begin. */
async function requireNoFault({ exit, log }: PlanFiles): Promise<void> {
  const code = Number((await readFileIfThere(exit)) || EXIT_CODES.process);
  if (code === 0 || code === EXIT_CODES.conflict) return;
  let last = '';
  for await (const { text } of readNewestLines(logFilesOf(log), 1)) last = text;
  throw new StackError('process', `what was to go on in the background has ended with exit code ${code}`, {
    hint: `its output is in ${log}`,
    ...(last !== '' && { lines: [last] }),
  });
}
