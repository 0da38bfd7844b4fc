import { once } from 'node:events';
import type { LogLine } from '../../src/domain/runtime.ts';

/** What a program of the fake runtime is given in place of a process. */
export interface FakeProcess {
  /** Which call of the runtime it is run for. */
  readonly purpose: 'start' | 'exec' | 'run';
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Absolute path of the folder it runs in. */
  readonly cwd: string;
  readonly stdin: AsyncIterable<unknown>;
  write(stream: LogLine['stream'], text: string): void;
  /** Aborted when it is told to end. */
  readonly ended: AbortSignal;
}

/** Runs in this process in place of one; gives the exit code. */
export type FakeProgram = (process: FakeProcess) => Promise<number>;

const TERMINATED = 143;

/** A workload stays until it is told to end; a command ends with 0 at once. */
export const idle: FakeProgram = async ({ purpose, ended }) => {
  if (purpose !== 'start') return 0;
  await whenAborted(ended);
  return TERMINATED;
};

/** Runs a command: a list is one program, a shell line may join several by `&&`. Gives the exit code. */
export async function runCommand(
  program: FakeProgram,
  command: string | readonly string[] | undefined,
  parts: Omit<FakeProcess, 'argv'>,
): Promise<number> {
  const programs = typeof command === 'string' ? command.split('&&').map(splitWords) : [command ?? []];
  for (const argv of programs) {
    const code = await program({ ...parts, argv });
    if (code !== 0) return code;
  }
  return 0;
}

function splitWords(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

/** Comes back once the signal is aborted. */
export async function whenAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

/** Gives a `write` that hands whole lines on, and what hands on the last one. */
export function splitLines(onLine: (line: LogLine) => void): { write: FakeProcess['write']; flush: () => void } {
  const pending = { stdout: '', stderr: '' };
  return {
    write: (stream, text) => {
      const lines = (pending[stream] + text).split('\n');
      pending[stream] = lines.pop() ?? '';
      for (const line of lines) onLine({ stream, text: line });
    },
    flush: () => {
      for (const stream of ['stdout', 'stderr'] as const) {
        if (pending[stream] !== '') onLine({ stream, text: pending[stream] });
        pending[stream] = '';
      }
    },
  };
}
