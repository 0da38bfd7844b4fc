import { runGroup } from '../../adapters/process/exec.ts';
import { ownPath } from '../../adapters/search-path.ts';
import { messageOf, StackError, throwIfAborted } from '../../domain/errors.ts';
import { configIfReadable, type Stack } from './stack.ts';

/** Something that begins, and that a person wants to be told of wherever they are. */
export interface Notice {
  event: 'collision' | 'waiting' | 'done';
  tickets: readonly string[];
  /** A line for each thing that is to be said. */
  text: string;
}

const DEADLINE_MS = 10_000;
/** A variable holds 128 KB on Linux (MAX_ARG_STRLEN, execve(2)): so much is told, and the rest is counted. */
const MOST_LINES = 20;
const MOST_LETTERS = 1000;

/** Returns the command that a person is told by; undefined where there is none. Throws what `configIfReadable` throws. */
export async function findNotify(stack: Stack): Promise<string | undefined> {
  return (await configIfReadable(stack))?.notify;
}

/**
 * Tells a person by the command `notify:` of stack.yml; nothing where there is none. One that fails, hangs or is not trusted is warned
 * of. Throws `interrupted`.
 */
export async function notify(stack: Stack, { event, tickets, text }: Notice): Promise<void> {
  const line = await findNotify(stack);
  if (line === undefined) return;
  const why = await run(stack, line, {
    ...{ STACK_EVENT: event, STACK_TICKETS: tickets.join(' '), STACK_TEXT: cutLines(text), STACK_ROOT: stack.root },
  }).catch((error: unknown) => {
    throwIfAborted(stack.signal);
    if (error instanceof StackError && error.code === 'interrupted') return `it took more than ${DEADLINE_MS / 1000} s`;
    if (error instanceof StackError) return messageOf(error);
    throw error;
  });
  if (why !== undefined) stack.emit({ type: 'warning', text: `nobody was told by \`notify:\`: ${why}` });
}

function cutLines(text: string): string {
  const lines = text.split('\n');
  const shown = lines.slice(0, MOST_LINES).map((line) => line.slice(0, MOST_LETTERS));
  return [...shown, ...(lines.length > MOST_LINES ? [`and ${lines.length - MOST_LINES} more`] : [])].join('\n');
}

async function run(stack: Stack, line: string, more: Record<string, string>): Promise<string | undefined> {
  await stack.requireTrust();
  const said: string[] = [];
  const code = await runGroup(
    ['/bin/sh', '-c', line],
    { cwd: stack.root, env: { ...stack.env, ...ownPath(stack.env), ...more } },
    { onLine: ({ text }) => said.push(text), note: async () => async () => undefined },
    AbortSignal.any([stack.signal, AbortSignal.timeout(DEADLINE_MS)]),
  );
  if (code === 0) return undefined;
  const last = said.at(-1);
  return last === undefined ? `exit code ${code}` : `exit code ${code}: ${last}`;
}
