import { openTmux, type Tmux } from '../../adapters/tmux/tmux.ts';
import type { RunRecord } from '../../domain/runs/run.ts';
import type { Stack } from '../core/stack.ts';

/** Returns the private tmux server of a root: two roots never see each other's, and who ends one ends no other. */
export function tmuxOf({ rootId, env }: Pick<Stack, 'rootId' | 'env'>): Tmux {
  return openTmux(`stack-${rootId}`, env);
}

/** Returns the name of a run's session, known before there is one. A dot means something else to tmux; no ticket has an `=`. */
export function sessionOf({ ticket, id }: Pick<RunRecord, 'ticket' | 'id'>): string {
  return `${id}-${ticket.replaceAll('.', '=')}`;
}
