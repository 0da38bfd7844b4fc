import { type LoggedCommit, listLog, showLog } from '../../adapters/git/merge/show-log.ts';
import { requireInstance } from '../core/claim.ts';
import type { Stack } from '../core/stack.ts';
import { readWorks } from './works.ts';

/** The commits of a ticket. */
export interface TicketLog {
  ticket: string;
  repos: Record<string, { branch: string; base: string; commits: LoggedCommit[]; text: string }>;
  /** Repos that could not be looked at, and why. */
  problems: string[];
}

/** Returns the commits that a ticket has and its bases have not, the newest first, and as git prints them. Throws `not-found`, `git`. */
export async function logTicket(
  stack: Stack,
  { ticket, repos, color }: { ticket: string; repos: readonly string[]; color: boolean },
): Promise<TicketLog> {
  const record = requireInstance(await stack.store.read(), ticket);
  const { works, problems } = await readWorks(stack, record, repos);
  const logs = await Promise.all(
    Object.entries(works).map(async ([repo, { own, base, head }]) => {
      const range = { base, head };
      const [commits, text] = await Promise.all([listLog(own.worktree, range), showLog(own.worktree, range, color)]);
      return [repo, { branch: own.branch, base, commits, text }] as const;
    }),
  );
  return { ticket: record.ticket, repos: Object.fromEntries(logs), problems };
}
