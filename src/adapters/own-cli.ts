import path from 'node:path';
import type { Readable } from 'node:stream';
import { execa } from 'execa';

/** Where a command of this same stack runs. */
interface Place {
  packageRoot: string;
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
}

export interface OwnCli extends Place {
  /** Takes what the command narrates and answers, as it comes. */
  output: NodeJS.WritableStream;
}

/** Runs a command of this same stack as a person would, in a process of its own. Returns its exit code and its answer. */
export async function runOwnCli(args: readonly string[], cli: OwnCli): Promise<{ exitCode: number; stdout: string }> {
  const child = execa(process.execPath, [binOf(cli), ...args], {
    cwd: cli.cwd,
    env: cli.env,
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
  });
  child.stdout.pipe(cli.output, { end: false });
  child.stderr.pipe(cli.output, { end: false });
  const { exitCode = 1, stdout } = await child;
  return { exitCode, stdout };
}

export interface OwnCall extends Place {
  /** Its standard input; default: none. */
  input: string | undefined;
  signal: AbortSignal;
  /** How many bytes of either output are kept: the last ones. */
  limit: number;
}

export interface OwnAnswer {
  exitCode: number;
  stdout: string;
  stderr: string;
  /** True where a beginning is missing. */
  cut: boolean;
}

/**
 * Runs a command of this same stack for another program. Aborted, it gets the signal that Ctrl-C sends, once, and is awaited while it
 * unwinds: a second one would make it leave at once, so it has a process group of its own.
 */
export async function callOwnCli(args: readonly string[], call: OwnCall): Promise<OwnAnswer> {
  const { cwd, env, input, signal, limit } = call;
  const child = execa(process.execPath, [binOf(call), ...args], {
    ...{ cwd, env, extendEnv: false, reject: false, buffer: false, detached: true, cleanup: false },
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
  } as const);
  let told = false;
  const interrupt = (): void => {
    if (!told) child.kill('SIGINT');
    told = true;
  };
  // `exit`: this process leaves without waiting.
  process.once('exit', interrupt);
  signal.addEventListener('abort', interrupt, { once: true });
  if (signal.aborted) interrupt();
  try {
    const [stdout, stderr, { exitCode = 1 }] = await Promise.all([
      readEnd(child.stdout, limit),
      readEnd(child.stderr, limit),
      child,
    ]);
    return { exitCode, stdout: stdout.text, stderr: stderr.text, cut: stdout.cut || stderr.cut };
  } finally {
    process.off('exit', interrupt);
    signal.removeEventListener('abort', interrupt);
  }
}

async function readEnd(stream: Readable, limit: number): Promise<{ text: string; cut: boolean }> {
  let kept: Buffer[] = [];
  let size = 0;
  let cut = false;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    kept.push(chunk);
    size += chunk.length;
    if (size <= 2 * limit) continue;
    kept = [Buffer.concat(kept).subarray(-limit)];
    size = limit;
    cut = true;
  }
  const whole = Buffer.concat(kept);
  return { text: whole.subarray(-limit).toString('utf8'), cut: cut || size > limit };
}

function binOf({ packageRoot }: Pick<Place, 'packageRoot'>): string {
  return path.join(packageRoot, 'bin/stack.js');
}
