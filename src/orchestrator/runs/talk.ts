import { appendLine } from '../../adapters/files/append.ts';
import { readFileIfThere } from '../../adapters/files/files.ts';
import { pause } from '../../adapters/pause.ts';
import type { Pane, Tmux } from '../../adapters/tmux/tmux.ts';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import { renderEvent, SENT_EVENT } from '../../domain/runs/state.ts';
import type { Stack } from '../core/stack.ts';
import type { LiveRun } from './observe.ts';
import { filesOf } from './record.ts';
import { sessionOf, tmuxOf } from './server.ts';

/** A program shows what it was sent within this, unless it is busy or does not read. */
const SHOWN_MS = 6000;
const POLL_MS = 50;

/** Returns what an agent shows, or showed last, of its terminal; without one, the end of what it printed. Throws `files`, `unseen`. */
export async function captureRun(stack: Stack, { run, pane }: LiveRun, lines: number | undefined): Promise<string> {
  const shown = pane
    ? await tmuxOf(stack).capture(pane.id, lines)
    : ((await readFileIfThere(filesOf(stack, run).log)) ?? '');
  const all = shown.trimEnd().split('\n');
  return (lines === undefined ? all : all.slice(-lines)).join('\n');
}

/** Gives this terminal to an agent's until the person leaves it (Ctrl-B d). Returns the exit code. Throws `not-found`. */
export async function attachRun(stack: Stack, live: LiveRun): Promise<number> {
  requirePane(live, '`stack capture` shows what it prints');
  return tmuxOf(stack).attach(sessionOf(live.run));
}

/**
 * Types a text into an agent's terminal, as one paste, and presses Enter once it is seen there. Neither is done twice: a busy program
 * reads it later. Throws `process` where it shows no sign of it, `not-found` where it has no terminal.
 */
export async function sendToRun(stack: Stack, live: LiveRun, text: string): Promise<void> {
  const pane = requirePane(live, 'give it a `--prompt` when it starts');
  const tmux = tmuxOf(stack);
  const act = async (): Promise<void> => {
    // Its hook may tell of the end of a short turn before Enter is seen.
    await appendLine(
      filesOf(stack, live.run).events,
      renderEvent({ name: SENT_EVENT, at: Date.now() / 1000, payload: '' }),
    );
    await tmux.press(pane.id, 'Enter');
  };
  await seeDone(stack, {
    tmux,
    pane,
    act: () => tmux.paste(pane.id, text),
    left: 'it may have arrived, without Enter',
  });
  await seeDone(stack, { tmux, pane, act, left: 'it has arrived, and Enter may have' });
}

interface Action {
  tmux: Tmux;
  pane: Pane;
  act(): Promise<void>;
  /** What is to be said where nothing is seen of it. */
  left: string;
}

/** Does something to a terminal, and waits until that shows something else. */
async function seeDone({ signal }: Stack, { tmux, pane, act, left }: Action): Promise<void> {
  const before = await tmux.look(pane.id);
  await act();
  const deadline = performance.now() + SHOWN_MS;
  while (performance.now() < deadline) {
    throwIfAborted(signal);
    if ((await tmux.look(pane.id)) !== before) return;
    await pause(POLL_MS, signal);
  }
  throw new StackError('process', `the agent shows nothing of what it was sent: ${left}`, {
    hint: 'look with `stack attach` before you send it again',
  });
}

function requirePane({ run, view, pane }: LiveRun, hint: string): Pane {
  if (pane) return pane;
  const why = view.state === 'exited' ? 'has ended' : 'has no terminal of its own';
  throw new StackError('not-found', `${run.name} (run ${run.id} of ${run.ticket}) ${why}`, {
    hint: view.state === 'exited' ? `\`stack capture ${run.ticket} --run ${run.id}\` shows how it ended` : hint,
  });
}
