import { withLock } from '../../adapters/lock.ts';
import { pause } from '../../adapters/pause.ts';
import { isUnseen } from '../../adapters/process/ask-tool.ts';
import { openTmux, type Tmux } from '../../adapters/tmux/tmux.ts';
import { tmuxLockOf } from '../../domain/layout.ts';
import type { RunRecord } from '../../domain/runs/run.ts';
import type { Stack } from '../core/stack.ts';

/** A server ends about when its last session does. */
const END_MS = 2000;
const POLL_MS = 20;

/** Returns the private tmux server of a root: two roots never see each other's, and who ends one ends no other. */
export function tmuxOf({ rootId, env }: Pick<Stack, 'rootId' | 'env'>): Tmux {
  return openTmux(`stack-${rootId}`, env);
}

/** Does what may start the server, while nobody clears away what one that is gone has left. */
export async function withServer<Result>({ root, signal }: Stack, work: () => Promise<Result>): Promise<Result> {
  return withLock(tmuxLockOf(root), work, { signal });
}

/** Clears away what the server has left, where that ends with runs that have ended. One that does not answer is left. */
export async function clearServer(stack: Stack, ended: readonly Pick<RunRecord, 'ticket' | 'id'>[]): Promise<void> {
  const tmux = tmuxOf(stack);
  const names = ended.map(sessionOf);
  const clear = async (): Promise<void> => {
    for (
      const deadline = performance.now() + END_MS;
      performance.now() < deadline;
      await pause(POLL_MS, stack.signal)
    ) {
      const panes = await tmux.listPanes();
      if (!panes.some(({ session }) => names.includes(session))) break;
    }
    await tmux.clear();
  };
  await withServer(stack, clear).catch((error: unknown) => {
    if (!isUnseen(error)) throw error;
  });
}

/** Returns the name of a run's session, known before there is one. A dot means something else to tmux; no ticket has an `=`. */
export function sessionOf({ ticket, id }: Pick<RunRecord, 'ticket' | 'id'>): string {
  return `${id}-${ticket.replaceAll('.', '=')}`;
}
