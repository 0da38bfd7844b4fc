import { readBranch } from '../../adapters/git/change/move-ref.ts';
import { type LoggedCommit, listLog, showLog } from '../../adapters/git/merge/show-log.ts';
import { findCommit } from '../../adapters/git/repo.ts';
import { requireInstance } from '../core/claim.ts';
import type { Stack } from '../core/stack.ts';
import { openSeen, type SeenMarks } from './seen.ts';
import type { RepoWork } from './work.ts';
import { readWorks } from './works.ts';

/** The commits of a ticket. */
export interface TicketLog {
  ticket: string;
  /** `on`: what is checked out, whose commits these are; null for no branch. `since`: when the commits that are left out were seen; null for never. */
  repos: Record<
    string,
    { branch: string; on: string | null; base: string; since?: string | null; commits: LoggedCommit[]; text: string }
  >;
  /** Repos that could not be looked at, and why. */
  problems: string[];
  /** What else is to be said, a line each. */
  notes: string[];
}

interface LogWanted {
  ticket: string;
  repos: readonly string[];
  color: boolean;
  /** True: commits that were seen are left out, also where they were rebased since. */
  sinceSeen: boolean;
  /** True: a person sees them now. */
  isLook: boolean;
}

/**
 * Returns the commits that a ticket has and its bases have not, the newest first, and as git prints them. Throws `not-found`, `git`,
 * `interrupted`; `busy` while the ticket is being made or taken apart.
 */
export async function logTicket(
  stack: Stack,
  { ticket, repos, color, sinceSeen, isLook }: LogWanted,
): Promise<TicketLog> {
  const record = requireInstance(await stack.store.read(), ticket);
  const { works, problems } = await readWorks(stack, record, repos);
  const seen = sinceSeen || isLook ? await openSeen(stack.root, record) : undefined;
  const logs = await Promise.all(
    Object.entries(works).map(async ([repo, work]) => {
      const { own, base, head } = work;
      const last = sinceSeen ? await findLast(stack, seen, repo, work) : undefined;
      const range = { base, head, seen: last?.head };
      const how = { signal: stack.signal };
      const [on = null, commits, text] = await Promise.all([
        readBranch(own.worktree),
        listLog(own.worktree, range, how),
        showLog(own.worktree, { ...range, color }, how),
      ]);
      return [
        repo,
        { branch: own.branch, on, base, ...(sinceSeen && { since: last?.at ?? null }), commits, text },
      ] as const;
    }),
  );
  if (isLook) await seen?.lookAtLog(Object.fromEntries(Object.entries(works).map(([repo, { head }]) => [repo, head])));
  const isNew = logs.length > 0 && sinceSeen && logs.every(([, { since }]) => since === null);
  const notes = isNew ? [`${record.ticket} was not looked at before: all of it is shown`] : [];
  return { ticket: record.ticket, repos: Object.fromEntries(logs), problems, notes };
}

/** A commit that git has no more tells nothing. */
async function findLast({ signal }: Stack, seen: SeenMarks | undefined, repo: string, { own }: RepoWork) {
  const last = seen?.findLogged(repo);
  return last && (await findCommit(own.worktree, [last.head], signal)) !== undefined ? last : undefined;
}
