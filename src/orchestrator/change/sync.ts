import { findObstacle, moveWithFiles } from '../../adapters/git/change/move-files.ts';
import { reasonOf } from '../../adapters/git/change/move-ref.ts';
import { requireMerging } from '../../adapters/git/merge/merging.ts';
import type { HeldLock } from '../../adapters/lock.ts';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import { type InstanceRecord, requireDedicated } from '../../domain/instance.ts';
import { type Move, withChangeLock, withJournal } from '../core/journal.ts';
import type { Stack } from '../core/stack.ts';
import { inAllRepos, requireChangeable, type TicketChange } from './result.ts';
import { isConflict, isMove, planSync, type SyncedRepo, type SyncMove, type SyncWish } from './sync-plan.ts';
import { abortAll, advanceAll, beginResolving, noteResolved } from './sync-resolve.ts';

/** What is done about conflicts: made in the worktrees, finished, or given up. */
type ConflictStep = 'resolve' | 'continue' | 'abort';

export interface SyncOptions extends Pick<SyncWish, 'way'> {
  ticket: string;
  /** True: all is found out, and nothing moves. */
  dryRun: boolean;
  step: ConflictStep | undefined;
}

export type TicketSync = TicketChange<SyncedRepo> & { dryRun: boolean };

type Repos = Record<string, SyncedRepo>;
type OnStart = HeldLock['addHelper'];

/**
 * Brings the news of the bases into the branches of a ticket, with the files of their worktrees: in all repos, or in none. Bases are
 * fetched first; they do not move. Returns what became of each repo. Throws `not-found`, `busy`, `conflict`, `git` (older than 2.38
 * too), `interrupted`, and `usage` where there is nothing to go on with.
 */
export async function syncTicket(stack: Stack, options: SyncOptions): Promise<TicketSync> {
  const { ticket } = await requireChangeable(stack, options.ticket);
  await requireMerging();
  return withChangeLock(stack, ticket, async ({ addHelper: onStart }) => {
    const record = await requireChangeable(stack, ticket);
    const { dryRun, step } = options;
    const result = (repos: Repos): TicketSync => ({ ticket, dryRun, repos });
    if (step === 'abort') return result(await abortAll(stack, record, onStart));
    if (step === 'continue') return result(await goOn(stack, record, onStart));
    if (record.resolving) throw beingResolved(record);
    const planned = await planAll(stack, record, { way: options.way, fetch: true });
    throwIfAborted(stack.signal);
    if (dryRun || !isHeldUp(planned))
      return result(dryRun ? planned : await moveAll(stack, record, { planned, onStart }));
    const isDecided = step === 'resolve' && !Object.values(planned).some(({ result: one }) => one === 'refused');
    return result(stayAll(isDecided ? await resolveAll(stack, record, { planned, onStart }) : planned));
  });
}

function beingResolved({ ticket }: InstanceRecord): StackError {
  return new StackError('conflict', `conflicts of ${ticket} are being resolved`, {
    hint: `\`stack sync ${ticket} --continue\` goes on once they are, \`--abort\` puts all back`,
  });
}

async function planAll(stack: Stack, record: InstanceRecord, wish: SyncWish): Promise<Repos> {
  return inAllRepos(record, async (repo, own) => {
    if (record.resolving && Object.hasOwn(record.resolving, repo)) return { result: 'updated', branch: own.branch };
    const plan = await planSync(stack, { repo, own, wish });
    return isMove(plan) ? checkFiles(record, repo, plan) : plan;
  });
}

function isHeldUp(repos: Repos): boolean {
  return Object.values(repos).some(({ result }) => result === 'refused' || result === 'conflict');
}

/** The conflicts come into the worktrees that have one; the other repos wait. */
async function resolveAll(
  stack: Stack,
  record: InstanceRecord,
  { planned, onStart }: { planned: Repos; onStart: OnStart },
): Promise<Repos> {
  const clashing = Object.entries(planned).flatMap(([repo, one]) => (isConflict(one) ? [[repo, one] as const] : []));
  return { ...planned, ...(await beginResolving(stack, record, { clashing: Object.fromEntries(clashing), onStart })) };
}

/** Once all is resolved the repos that waited get their news; what conflicts in them by now is to be resolved as well. */
async function goOn(stack: Stack, record: InstanceRecord, onStart: OnStart): Promise<Repos> {
  const advanced = await advanceAll(record, onStart);
  const isDone = Object.values(advanced).every(({ result }) => result === 'updated');
  if (!isDone) {
    const all = await inAllRepos(record, async (_, { branch }): Promise<SyncedRepo> => ({ result: 'waiting', branch }));
    return { ...all, ...advanced };
  }
  const planned = { ...(await planAll(stack, record, { way: undefined, fetch: false })), ...advanced };
  if (Object.values(planned).some(isConflict)) return stayAll(await resolveAll(stack, record, { planned, onStart }));
  if (isHeldUp(planned)) return stayAll(planned);
  const moved = await moveAll(stack, record, { planned, onStart });
  await noteResolved(stack, record);
  return moved;
}

/** What is not committed stays where it is, so it must have nothing to do with the news. */
async function checkFiles(record: InstanceRecord, repo: string, move: SyncMove): Promise<SyncedRepo> {
  const { gitCommonDir } = requireDedicated(record, repo);
  const { branch, from, to } = move;
  const obstacle = await findObstacle({ gitCommonDir, branch, from, to });
  return obstacle ? { ...move, to: from, result: 'refused', reason: obstacle.reason, hint: obstacle.hint } : move;
}

/** Nothing has moved, whatever would have; but for what was resolved. */
function stayAll(repos: Repos): Repos {
  const stay = (one: SyncedRepo): SyncedRepo => (one.result === 'updated' ? one : { ...one, to: one.from });
  return Object.fromEntries(Object.entries(repos).map(([repo, one]) => [repo, stay(one)]));
}

async function moveAll(
  stack: Stack,
  record: InstanceRecord,
  { planned, onStart }: { planned: Repos; onStart: OnStart },
): Promise<Repos> {
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
      await moveWithFiles({ gitCommonDir, branch, from, to }, { reason: reasonOf('sync'), onStart });
    }
    return { done: true, result: undefined };
  });
  const told = Object.entries(planned).map(([repo, one]): [string, SyncedRepo] => [
    repo,
    isMove(one) ? { ...one, result: 'updated' } : one,
  ]);
  return Object.fromEntries(told);
}
