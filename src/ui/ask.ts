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
  const { revealText } = await import('../domain/config/commands.ts');
  const answer = await readAnswer({ stdin, stderr, pid }, `${revealText(question)} [y/N] `, signal);
  return /^y(es)?$/i.test(answer ?? '');
}

/**
 * Returns which of the choices a person picks, by its number, and asks again for anything else; an empty answer is the first.
 * Throws `interrupted`.
 */
export async function askChoice(
  terminal: Terminal,
  question: string,
  { choices, signal }: { choices: readonly string[]; signal: AbortSignal },
): Promise<number> {
  const { revealText } = await import('../domain/config/commands.ts');
  const lines = choices.map((choice, index) => `  ${index + 1}  ${revealText(choice)}`);
  terminal.stderr.write(`${[revealText(question), ...lines].join('\n')}\n`);
  for (;;) {
    const answer = await readAnswer(terminal, `1-${choices.length} [1] `, signal);
    if (!answer) return 0;
    const number = /^\d+$/.test(answer) ? Number(answer) : choices.indexOf(answer) + 1;
    if (number >= 1 && number <= choices.length) return number - 1;
  }
}

/** Undefined where the person closed their end. */
async function readAnswer(
  { stdin, stderr, pid }: Terminal,
  prompt: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { createInterface } = await import('node:readline/promises');
  const terminal = createInterface({ input: stdin, output: stderr });
  // Ctrl-D is no answer, and Ctrl-C comes as a key here.
  const closed = new Promise<undefined>((resolve) => terminal.once('close', () => resolve(undefined)));
  terminal.once('SIGINT', () => process.kill(pid, 'SIGINT'));
  const asked = terminal.question(prompt, { signal }).catch((error: unknown) => {
    throw signal.aborted ? interrupted(signal.reason) : error;
  });
  const answer = await Promise.race([asked, closed]).finally(() => terminal.close());
  return answer?.trim();
}

/** True where a person can be asked: both ends are a terminal. */
export function canAsk({ stdin, stderr }: Pick<Terminal, 'stdin' | 'stderr'>): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}
