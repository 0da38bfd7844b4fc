import { PassThrough, Readable } from 'node:stream';
import { StackError } from '../domain/errors.ts';
import type { ExecOptions } from '../domain/runtime.ts';

/** What a database's own program is to do. */
export interface ToolJob {
  /** For the error: `the copy of shop`. */
  doing: string;
  signal: AbortSignal;
  input?: Readable;
  output?: NodeJS.WritableStream;
}

/** Runs a tool without a terminal. Throws `database` with what it said when it fails; `isReason` finds the line that says why. */
export async function runTool(
  run: (streams: Omit<ExecOptions, 'env'>) => Promise<number>,
  { doing, signal, input, output }: ToolJob,
  isReason: RegExp,
): Promise<void> {
  const stderr = new PassThrough();
  const said: Buffer[] = [];
  stderr.on('data', (chunk: Buffer) => said.push(chunk));
  const code = await run({
    tty: false,
    stdin: (input ?? Readable.from([])) as unknown as NodeJS.ReadStream,
    stdout: output ?? new PassThrough().resume(),
    stderr,
    signal,
  });
  if (code === 0) return;
  const lines = Buffer.concat(said).toString().trim().split('\n').filter(Boolean).slice(-30);
  const reason = lines.find((line) => isReason.test(line)) ?? lines.at(-1) ?? `exit code ${code}`;
  throw new StackError('database', `${doing} failed: ${reason}`, { lines });
}

/** Returns an environment as a program is given it. */
export function dropUndefined(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
}
