import type { Context } from '../../context.ts';
import { StackError } from '../../domain/errors.ts';
import { dedicatedRepos } from '../../domain/instance.ts';
import { renderSuggestion } from '../../domain/suggest.ts';
import { ticketOf } from '../../domain/ticket.ts';
import { namedTickets } from './tickets.ts';

/** A folder of a ticket. */
export interface TicketFolder {
  ticket: string;
  path: string;
}

/** Returns the folder that `[TICKET] [REPO]` means: of the ticket, or of its worktree. Throws `usage`, `not-found`. */
export async function findFolder(context: Context, args: readonly string[]): Promise<TicketFolder> {
  const [{ requireInstance }, stack, place] = await Promise.all([
    import('../../orchestrator/core/claim.ts'),
    context.stack(),
    context.place(),
  ]);
  const state = await stack.store.read();
  const [first = '', second] = args;
  // One word may be a repo where a folder tells the ticket.
  const isRepo = args.length === 1 && place.ticket !== undefined && !Object.hasOwn(state.instances, ticketOf(first));
  const [ticket = ''] = await namedTickets(context, isRepo ? [] : args.slice(0, 1));
  const repo = isRepo ? first : second;
  const record = requireInstance(state, ticket);
  if (repo === undefined) return { ticket, path: record.folder };
  const worktrees = new Map(dedicatedRepos(record).map(([name, { worktree }]) => [name, worktree]));
  const worktree = worktrees.get(repo);
  if (worktree !== undefined) return { ticket, path: worktree };
  const known = [...worktrees.keys()];
  throw new StackError(
    'not-found',
    `${ticket} has no copy of ${JSON.stringify(repo)}${renderSuggestion(repo, known)}`,
    {
      hint: `it has ${known.join(', ')}`,
    },
  );
}
