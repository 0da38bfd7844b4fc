import { findObstacle, moveWithFiles } from '../../adapters/git/change/move-files.ts';
import { reasonOf } from '../../adapters/git/change/move-ref.ts';
import { requireMerging } from '../../adapters/git/merge/merging.ts';
import { throwIfAborted } from '../../domain/errors.ts';
import { type InstanceRecord, requireDedicated } from '../../domain/instance.ts';
import { type Move, withChangeLock, withJournal } from '../core/journal.ts';
import type { Stack } from '../core/stack.ts';
import { inAllRepos, requireChangeable, type TicketChange } from './result.ts';
import { isMove, planSync, type SyncedRepo, type SyncMove, type SyncWish } from './sync-plan.ts';

export interface SyncOptions extends SyncWish {
  ticket: string;
  /** True: all is found out, and nothing moves. */
  dryRun: boolean;
}

export type TicketSync = TicketChange<SyncedRepo> & { dryRun: boolean };

/**
 * Brings the news of the bases into the branches of a ticket, with the files of their worktrees: in all repos, or in none. Bases are
 * fetched first; they do not move. Returns what became of each repo. Throws `not-found`, `busy`, `conflict`, `git` (older than 2.38
 * too), `interrupted`.
 */
export async function syncTicket(stack: Stack, options: SyncOptions): Promise<TicketSync> {
  const record = await requireChangeable(stack, options.ticket);
  await requireMerging();
  return withChangeLock(stack, record.ticket, async () => {
    const { dryRun } = options;
    const planned = await inAllRepos(record, async (repo, own) => {
      const plan = await planSync(stack, { repo, own, wish: options });
      return isMove(plan) ? checkFiles(record, repo, plan) : plan;
    });
    throwIfAborted(stack.signal);
    const isHeldUp = Object.values(planned).some(({ result }) => result === 'refused' || result === 'conflict');
    const repos = isHeldUp || dryRun ? planned : await moveAll(stack, record, planned);
    return { ticket: record.ticket, dryRun, repos: isHeldUp ? stayAll(repos) : repos };
  });
}

/** What is not committed stays where it is, so it must have nothing to do with the news. */
async function checkFiles(record: InstanceRecord, repo: string, move: SyncMove): Promise<SyncedRepo> {
  const { gitCommonDir } = requireDedicated(record, repo);
  const { branch, from, to } = move;
  const obstacle = await findObstacle({ gitCommonDir, branch, from, to });
  return obstacle ? { ...move, to: from, result: 'refused', reason: obstacle.reason, hint: obstacle.hint } : move;
}

/** Nothing has moved, whatever would have. */
function stayAll(repos: Record<string, SyncedRepo>): Record<string, SyncedRepo> {
  return Object.fromEntries(Object.entries(repos).map(([repo, one]) => [repo, { ...one, to: one.from }]));
}

async function moveAll(
  stack: Stack,
  record: InstanceRecord,
  planned: Record<string, SyncedRepo>,
): Promise<Record<string, SyncedRepo>> {
  const moves = Object.entries(planned).flatMap(([repo, one]): (Move & SyncMove)[] =>
    isMove(one) ? [{ ...one, repo }] : [],
  );
  if (moves.length === 0) return planned;
  const journal = moves.map(({ repo, branch, from, to, tip }): Move => {
    const base = requireDedicated(record, repo).base;
    return { repo, branch, from, to, files: true, start: { base, commit: tip } };
  });
  const madeAt = Math.floor(Date.now() / 1000);
  await withJournal(stack, { version: 1, ticket: record.ticket, verb: 'sync', madeAt, moves: journal }, async () => {
    for (const { repo, branch, from, to } of moves) {
      throwIfAborted(stack.signal);
      const { gitCommonDir } = requireDedicated(record, repo);
      await moveWithFiles({ gitCommonDir, branch, from, to }, reasonOf('sync'));
    }
    return { done: true, result: undefined };
  });
  const told = Object.entries(planned).map(([repo, one]): [string, SyncedRepo] => [
    repo,
    isMove(one) ? { ...one, result: 'updated' } : one,
  ]);
  return Object.fromEntries(told);
}
