import { interrupted, StackError } from '../domain/errors.ts';

/** Where a person reads and answers. */
export interface Terminal {
  stdin: NodeJS.ReadStream;
  stderr: NodeJS.WriteStream;
  pid: number;
}

/**
 * Returns a person's answer to a question, shown escaped. Throws `confirm` where nobody is there to ask; it names `all` that
 * would be asked.
 */
export async function askPerson(
  { stdin, stderr, pid }: Terminal,
  question: string,
  { all, signal }: { all: readonly string[]; signal: AbortSignal },
): Promise<boolean> {
  if (!canAsk({ stdin, stderr })) {
    const what = all.length === 1 ? `${all[0]} Nobody is here to ask` : `nobody is here to ask ${all.length} questions`;
    const lines = all.length === 1 ? [] : [...all];
    throw new StackError('confirm', what, { hint: '--yes answers yes', lines, details: { questions: all } });
  }
  const [{ createInterface }, { revealText }] = await Promise.all([
    import('node:readline/promises'),
    import('../domain/config/commands.ts'),
  ]);
  const terminal = createInterface({ input: stdin, output: stderr });
  // Ctrl-D is no answer, and Ctrl-C comes as a key here.
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  terminal.once('SIGINT', () => process.kill(pid, 'SIGINT'));
  const asked = terminal.question(`${revealText(question)} [y/N] `, { signal }).catch((error: unknown) => {
    throw signal.aborted ? interrupted(signal.reason) : error;
  });
  const answer = await Promise.race([asked, closed]).finally(() => terminal.close());
  return /^y(es)?$/i.test(answer.trim());
}

/** True where a person can be asked: both ends are a terminal. */
export function canAsk({ stdin, stderr }: Pick<Terminal, 'stdin' | 'stderr'>): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}
