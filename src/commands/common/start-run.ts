import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Context } from '../../context.ts';
import { messageOf, StackError, tolerate } from '../../domain/errors.ts';
import type { RunView } from '../../domain/runs/run.ts';
import type { Stack } from '../../orchestrator/core/stack.ts';
import type { RunRequest } from '../../orchestrator/runs/start.ts';
import { askForRoom } from './ask-for-room.ts';
import { chooseOne } from './tickets.ts';
import type { Verb } from './verb.ts';

/** How an agent is to run. */
export interface RunFlags {
  detach?: boolean;
  name?: string;
  prompt?: string;
  promptFile?: string;
  share?: boolean;
  agent?: string;
  rm?: boolean;
}

/** The flags of `RunFlags`. */
export const RUN_FLAGS: Verb['flags'] = [
  ['-d, --detach', 'let it go on by itself, in a terminal that `stack attach` leads to'],
  ['--agent <preset>', 'a known agent in the place of a command: claude, codex, …'],
  ['--name <name>', 'what it is called; else after its program'],
  ['--prompt <text>', 'what it is to do: on its standard input, and in the file $STACK_PROMPT_FILE'],
  ['--prompt-file <file>', 'the same from a file; `-` is standard input'],
  ['--share', 'also in a ticket in which another agent is at work'],
  ['--rm', 'destroy the ticket once it has ended, where nothing was changed there; else ask'],
];

/** Flags that are about an agent alone. */
export const RUN_OPTIONS = [
  'detach',
  'name',
  'prompt',
  'promptFile',
  'share',
  'agent',
  'rm',
] as const satisfies (keyof RunFlags)[];

/** What `stack run` answers with; of one in the foreground its own output is the answer. */
export interface BegunView {
  view: RunView | undefined;
  text: string;
  exitCode: number;
}

/** Returns what an agent is to do, byte for byte; undefined for nothing. Throws `usage`. */
export async function readPrompt(context: Context, options: RunFlags): Promise<string | Uint8Array | undefined> {
  const said = chooseOne({ prompt: options.prompt !== undefined, 'prompt-file': options.promptFile !== undefined }, [
    'prompt',
    'prompt-file',
  ]);
  if (said !== 'prompt-file') return options.prompt;
  const { promptFile = '' } = options;
  if (promptFile === '-') return readInput(context);
  try {
    return await readFile(path.resolve(context.host.cwd, promptFile));
  } catch (error) {
    throw new StackError(
      'usage',
      `--prompt-file: cannot read ${promptFile}: ${(error as NodeJS.ErrnoException).code}`,
      { hint: 'it is a file, or `-` for standard input', cause: error },
    );
  }
}

async function readInput({ host: { stdin } }: Context): Promise<Uint8Array> {
  if (!stdin.isTTY) return Buffer.concat(await stdin.toArray());
  throw new StackError('usage', '--prompt-file -: nothing comes on the standard input', {
    hint: '`stack run TICKET --prompt-file - … < task.md`',
  });
}

interface Wish {
  ticket: string;
  command: readonly string[];
  options: RunFlags & { start: boolean; wait: boolean; resume?: boolean; run?: string | undefined };
  prompt: string | Uint8Array | undefined;
}

/** Begins an agent in a ticket, which is started first where it is at rest. Throws what `startRun` and `startInstance` throw. */
export async function runIn(context: Context, { ticket, command, options, prompt }: Wish): Promise<BegunView> {
  const what = requireWhat(`run ${ticket}`, command, options);
  const [{ requireStartable, startRun }, { viewRuns }, stack] = await Promise.all([
    import('../../orchestrator/runs/start.ts'),
    import('../../orchestrator/runs/observe.ts'),
    context.stack(),
  ]);
  const how = what ?? (await findEnded(stack, ticket, options.run));
  const share = options.share === true;
  if (options.start) {
    await requireStartable(stack, { ticket, how, share });
    await wake(context, ticket, options.wait);
  }
  const { stdin, stdout, stderr } = context.host;
  const detached = options.detach === true;
  if (!detached) await context.endNarration();
  const begun = await startRun(
    stack,
    { ticket, how, name: options.name, prompt, detached, share },
    { tty: stdin.isTTY === true && stdout.isTTY === true, stdin, stdout, stderr, signal: context.signal },
  );
  if (options.rm) await removeAfter(context, begun.run.ticket);
  if (!detached) return { view: undefined, text: '', exitCode: begun.exitCode ?? 1 };
  const { name, id } = begun.run;
  const runs = await viewRuns(stack, begun.run.ticket);
  const view = runs.find((run) => run.id === id);
  const isAlone = runs.every((run) => run.id === id || run.state === 'exited');
  const which = isAlone ? ticket : `${ticket} --run ${id}`;
  const go =
    begun.run.place === 'tmux'
      ? `\`stack attach ${which}\` goes there`
      : `\`stack capture ${which}\` shows what it prints`;
  return { view, text: `${name} is at work in ${ticket} (run ${id}); ${go}`, exitCode: 0 };
}

/** A name stands beside numbers of runs, in tables and behind `--run`. */
const NAME = /^[\p{L}_][\p{L}\p{N}._-]{0,39}$/u;

/** Undefined: the agent that has ended is to go on. `verb` is what one types before the command. Throws `usage`, also for what is no name. */
export function requireWhat(
  verb: string,
  command: readonly string[],
  { agent, resume, run, name, ...options }: Omit<RunFlags, 'run'> & { resume?: boolean; run?: string | undefined },
): RunRequest['how'] | undefined {
  if (options.rm && options.detach)
    throw new StackError('usage', '--rm waits for the end, and -d for nothing', {
      hint: 'leave one of them away; `stack destroy TICKET` refuses where work would be lost',
    });
  if (name !== undefined && !NAME.test(name))
    throw new StackError('usage', `--name: ${JSON.stringify(name)} is no name for an agent`, {
      hint: 'letters, digits, `.`, `_` and `-`, a letter first, 40 at most',
    });
  if (run !== undefined && !resume)
    throw new StackError('usage', '--run says which agent goes on, and `--resume` is missing', {
      hint: `stack ${verb} --resume --run ${run}`,
    });
  const said = [command.length > 0 && 'a command', agent !== undefined && '--agent', resume && '--resume'].filter(
    Boolean,
  );
  if (said.length > 1)
    throw new StackError('usage', `${said.join(' and ')} exclude each other`, { hint: 'leave one of them away' });
  if (command.length > 0) return { argv: command };
  if (agent !== undefined) return { agent };
  if (resume) return undefined;
  throw new StackError('usage', 'no command to run', {
    hint: `put it behind \`--\`: stack ${verb} -- my-agent; or name an agent: \`--agent claude\``,
  });
}

/** The agent has ended, whatever becomes of its ticket: that is said, and its exit code stays. */
async function removeAfter(context: Context, ticket: string): Promise<void> {
  const { takeAway } = await import('../../orchestrator/change/take-away.ts');
  const ask = async (question: string): Promise<boolean> => (await tolerate(context.ask(question), 'confirm')) ?? false;
  try {
    const is = await takeAway(await context.stack(), ticket, ask);
    const text =
      'stays' in is
        ? `${ticket} stays: ${is.stays.join('; ')}; \`stack destroy ${ticket}\` takes it away`
        : `${ticket} is gone${is.saved ? `; \`stack restore ${ticket}\` brings it back` : ': nothing was changed there'}`;
    context.emit({ type: 'info', text });
  } catch (error) {
    if (!(error instanceof StackError) || error.code === 'interrupted') throw error;
    context.emit({ type: 'warning', text: `${ticket} stays: ${messageOf(error)}` });
  }
  await context.endNarration();
}

async function findEnded(stack: Stack, ticket: string, named: string | undefined): Promise<RunRequest['how']> {
  const { findResumable } = await import('../../orchestrator/runs/pick.ts');
  return findResumable(stack, ticket, named);
}

/** An agent begins once what it works on answers. */
async function wake(context: Context, ticket: string, wait: boolean): Promise<void> {
  const stack = await context.stack();
  const { observeInstances } = await import('../../orchestrator/status/view.ts');
  const { requireInstance } = await import('../../orchestrator/core/claim.ts');
  const record = requireInstance(await stack.store.read(), ticket);
  const [instance] = (await observeInstances(stack, [record.ticket])).instances;
  if (instance?.status === 'running' || Object.keys(record.services).length === 0) return;
  const { startInstance } = await import('../../orchestrator/lifecycle/start.ts');
  await startInstance(stack, record.ticket, {
    extent: wait ? 'ready' : 'started',
    rebuild: false,
    ask: askForRoom(context),
  });
}

/** What names one of a ticket's agents. */
export const RUN_FLAG = ['--run <run>', 'which agent: its number or name'] as const;
