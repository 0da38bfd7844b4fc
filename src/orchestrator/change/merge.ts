import { findLocal } from '../../adapters/git/branch.ts';
import { findObstacle, moveWithFiles } from '../../adapters/git/change/move-files.ts';
import { reasonOf } from '../../adapters/git/change/move-ref.ts';
import { requireMerging } from '../../adapters/git/merge/merging.ts';
import type { HeldLock } from '../../adapters/lock.ts';
import { messageOf, StackError, throwIfAborted } from '../../domain/errors.ts';
import { dedicatedRepos } from '../../domain/instance.ts';
import {
  beginChange,
  type Journal,
  type Move,
  settleAllChanges,
  withChangeLock,
  withJournal,
} from '../core/journal.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import {
  isReady,
  listBases,
  type MergedRepo,
  type MergeWish,
  type Planned,
  planMerge,
  type ReadyMerge,
} from './merge-plan.ts';
import { pushBases } from './merge-push.ts';
import { abortMerge, advanceMerge, beginMerge, requireOne } from './merge-resolve.ts';
import { beingResolved, type ConflictStep, isResolved, moveBranches } from './resolve.ts';
import { hindered, refusal, requireChangeable, type TicketChange } from './result.ts';
import { readHeads, type Verified, verifyCommits } from './verify.ts';

export interface MergeOptions extends MergeWish {
  /** In the order in which they are merged. */
  tickets: readonly string[];
  /** Says whether what was merged is good; undefined: what stack.yml says, where that says something. */
  verify?: string | undefined;
  /** True: with the services running. */
  start: boolean;
  /** True: the bases are pushed afterwards. */
  push: boolean;
  /** True: says what would be merged, and moves nothing. */
  dryRun: boolean;
  /** With `continue` what was said as the conflicts were made counts, but for `verify`. */
  step?: ConflictStep | undefined;
}

export type TicketMerge = TicketChange<MergedRepo> & {
  tickets: string[];
  dryRun: boolean;
  step?: ConflictStep | undefined;
  /** What verified it; undefined where nothing was to. */
  verified?: Verified | undefined;
};

/**
 * Merges tickets into their bases, in all repos or in none. All merges are made as objects first; then the bases move, with the files of
 * checkouts that are on them. Returns what became of each repo. Throws `not-found`, `busy`, `conflict`, `git` (older than 2.38 too),
 * `files`, `interrupted`, and `usage` where there is nothing to go on with.
 */
export async function mergeTickets(stack: Stack, options: MergeOptions): Promise<TicketMerge> {
  const { tickets, step } = options;
  if (step) requireOne(tickets, step);
  await requireMerging();
  await Promise.all(tickets.map((ticket) => requireChangeable(stack, ticket)));
  // One that was cut off may have moved some of the bases already.
  await settleAllChanges(stack);
  if (step !== 'abort' && step !== 'continue') return mergeAll(stack, options);
  const { repos, next } = await withLocks(stack, tickets, (held) => endResolving(stack, options, held));
  return next ? mergeAll(stack, next) : resultOf(options, repos);
}

function resultOf({ tickets, dryRun, step }: MergeOptions, repos: Record<string, MergedRepo>): TicketMerge {
  return { ticket: tickets[0] ?? '', tickets: [...tickets], dryRun, ...(step && { step }), repos };
}

/** Returns what became of each repo and, once all is resolved, the merge that goes on. */
async function endResolving(
  stack: Stack,
  options: MergeOptions,
  held: HeldLock,
): Promise<{ repos: Record<string, MergedRepo>; next?: MergeOptions }> {
  const record = await requireChangeable(stack, options.tickets[0] ?? '');
  if (options.step === 'abort') return { repos: await abortMerge(stack, { record, held }) };
  const { repos, wish } = await advanceMerge({ record, held }, options.verify);
  if (isResolved(repos)) return { repos, next: { ...options, ...wish, verify: options.verify } };
  const waiting = dedicatedRepos(record).map(([repo, { branch }]) => [repo, { result: 'waiting', branch }] as const);
  return { repos: { ...Object.fromEntries(waiting), ...repos } };
}

async function mergeAll(stack: Stack, options: MergeOptions): Promise<TicketMerge> {
  const { tickets } = options;
  // Before they are planned: what has not moved until the end is what was merged.
  const heads = await Promise.all(tickets.map(async (ticket) => readHeads(await requireChangeable(stack, ticket))));
  const planned = await withLocks(stack, tickets, (held) => planOrResolve(stack, options, held));
  const result = (repos: Record<string, MergedRepo>): TicketMerge => resultOf(options, repos);
  if (isHeldUp(planned) || options.dryRun) return result(settleAll(planned));
  throwIfAborted(stack.signal);
  const isNew = listReady(planned).length > 0;
  const verified = isNew ? await verify(stack, planned, { options, heads }) : undefined;
  if (verified && verified.exitCode !== 0) return { ...result(settleAll(planned)), verified };
  // It may have taken long.
  if (verified) await settleAllChanges(stack);
  const moved = await withLocks(stack, tickets, (held) => moveAll(stack, planned, { options, held }));
  const repos = options.push && isMerged(moved) ? await pushBases(stack, tickets, moved) : moved;
  return { ...result(repos), ...(verified && { verified }), ...(stack.signal.aborted && { interrupted: true }) };
}

/** What was resolved for it is forgotten with it, or with the first merge that finds all of it there. */
async function moveAll(
  stack: Stack,
  planned: Planned,
  { options: { tickets, step }, held }: { options: MergeOptions; held: HeldLock },
): Promise<Record<string, MergedRepo>> {
  const [ticket = ''] = tickets;
  const resolving = step && 'done';
  // One may have been destroyed while it was verified.
  const [record] = await Promise.all(tickets.map((one) => requireChangeable(stack, one)));
  if (listReady(planned).length > 0) return moveBases(stack, planned, { ticket, held, resolving });
  if (record?.resolving) await moveBranches(stack, record, { moves: [], resolving, onStart: held.addHelper });
  return settleAll(planned);
}

function isMerged(repos: Record<string, MergedRepo>): boolean {
  return Object.values(repos).every(({ result }) => result === 'merged' || result === 'unchanged');
}

/** What conflicts comes into the ticket's worktrees, where that is wished; what git has resolved by itself is planned once more. */
async function planOrResolve(stack: Stack, options: MergeOptions, held: HeldLock): Promise<Planned> {
  const planned = await plan(stack, options);
  const clashing = Object.entries(planned).flatMap(([repo, one]) =>
    !isReady(one) && one.result === 'conflict' ? [[repo, one] as const] : [],
  );
  const others = Object.values(planned).filter((one) => !isReady(one) && one.result !== 'unchanged');
  if (!options.step || options.dryRun || clashing.length === 0 || clashing.length < others.length) return planned;
  const record = await requireChangeable(stack, options.tickets[0] ?? '');
  const begun = await beginMerge(stack, { record, held }, { clashing: Object.fromEntries(clashing), options });
  return isResolved(begun) ? planOrResolve(stack, { ...options, step: 'continue' }, held) : { ...planned, ...begun };
}

/** A ticket stands for it that has what was merged, and the tickets' own commits where nothing was. */
async function verify(
  stack: Stack,
  planned: Planned,
  { options, heads }: { options: MergeOptions; heads: readonly Record<string, string>[] },
): Promise<Verified | undefined> {
  const line = options.verify ?? (await configIfReadable(stack))?.verify;
  if (line === undefined) return undefined;
  const records = await Promise.all(options.tickets.map((ticket) => requireChangeable(stack, ticket)));
  const commits = Object.entries(planned).flatMap(([repo, { to }]) => (to === undefined ? [] : [[repo, to]]));
  const own = [...new Set(records.flatMap((record) => Object.keys(record.own ?? {})))];
  const [only, ...others] = heads;
  return verifyCommits(stack, {
    ...{ ticket: options.tickets[0] ?? '', line, own },
    start: options.start,
    commits: Object.fromEntries(commits),
    alone: only && others.length === 0 ? { heads: only, bases: listBases(planned) } : undefined,
  });
}

/**
 * In one order, so that two that wait for each other cannot be. `work` is handed the lock of the ticket that is named first, whose journal
 * it is.
 */
async function withLocks<Result>(
  stack: Stack,
  tickets: readonly string[],
  work: (held: HeldLock) => Promise<Result>,
): Promise<Result> {
  const [leader] = tickets;
  const lock = async ([first = '', ...rest]: readonly string[], known?: HeldLock): Promise<Result> =>
    withChangeLock(stack, first, async (held) => {
      const own = first === leader ? held : known;
      return rest.length > 0 ? lock(rest, own) : work(own ?? held);
    });
  return lock([...tickets].sort());
}

async function plan(stack: Stack, options: MergeOptions): Promise<Planned> {
  const records = await Promise.all(options.tickets.map((ticket) => requireChangeable(stack, ticket)));
  const resolving = records.find((record) => record.resolving);
  if (resolving && options.step !== 'continue') throw beingResolved(resolving);
  return planMerge(stack, records, options, await configIfReadable(stack));
}

/** Returns what is ready of a merge, by repo. */
export function listReady(planned: Planned): [string, ReadyMerge][] {
  return Object.entries(planned).flatMap(([repo, one]): [string, ReadyMerge][] => (isReady(one) ? [[repo, one]] : []));
}

function isHeldUp(planned: Planned): boolean {
  return Object.values(planned).some((one) => !isReady(one) && one.result !== 'unchanged');
}

function settleAll(planned: Planned, result: MergedRepo['result'] = 'waiting'): Record<string, MergedRepo> {
  const all = Object.entries(planned).map(([repo, one]): [string, MergedRepo] => [
    repo,
    isReady(one) ? settle(one, result) : one,
  ]);
  return Object.fromEntries(all);
}

function settle({ own, base, from, to, brings, commits }: ReadyMerge, result: MergedRepo['result']): MergedRepo {
  const about = { result, branch: own.branch, base, brings, commits, from };
  return { ...about, to: result === 'merged' ? to : from };
}

/**
 * Moves all bases of what is ready, or none: what is in the way of one is found before the first one moves. Call it with the change lock
 * of the ticket held, whose journal it is. Returns what became of each repo. Throws `git`, `files`, `interrupted`.
 */
export async function moveBases(
  stack: Stack,
  planned: Planned,
  { ticket, held, resolving }: { ticket: string; held: HeldLock } & Pick<Journal, 'resolving'>,
): Promise<Record<string, MergedRepo>> {
  const ready = listReady(planned);
  const refused = await findRefused(stack, ready);
  if (refused.size > 0) return { ...settleAll(planned), ...Object.fromEntries(refused) };
  const moves = ready.map(
    ([repo, one]): Move => ({ repo, ticket: one.ticket, branch: one.base, from: one.from, to: one.to, files: true }),
  );
  throwIfAborted(stack.signal);
  const journal = beginChange({ ticket, verb: 'merge', moves, resolving });
  const { result: stopped, left } = await withJournal(stack, journal, held.addHelper, async () => {
    for (const [repo, one] of ready) {
      const failed = await moveBase(stack, one, { repo, held });
      if (failed) return { done: false, result: { repo, failed } };
    }
    return { done: true, result: undefined };
  });
  if (!stopped) return settleAll(planned, 'merged');
  const begun = ready.slice(
    0,
    ready.findIndex(([repo]) => repo === stopped.repo),
  );
  const undone = begun.map(([repo, one]): [string, MergedRepo] => {
    return [repo, settle(one, left.includes(repo) ? 'merged' : 'undone')];
  });
  return { ...settleAll(planned), ...Object.fromEntries(undone), [stopped.repo]: stopped.failed };
}

async function findRefused(
  { signal }: Stack,
  ready: readonly [string, ReadyMerge][],
): Promise<Map<string, MergedRepo>> {
  const found = await Promise.all(
    ready.map(async ([repo, one]): Promise<[string, MergedRepo][]> => {
      const { own, base, from, to } = one;
      const { gitCommonDir, branch } = own;
      const now = (await findLocal(gitCommonDir, base))?.commit;
      if (now !== from)
        return [
          [repo, { ...refusal(branch, `${base} has moved meanwhile`, 'run the command again'), base, from, to: now }],
        ];
      const obstacle = await findObstacle({ gitCommonDir, branch: base, from, to }, { signal, filters: true });
      return obstacle ? [[repo, { ...hindered(branch, obstacle), base, from, to: from }]] : [];
    }),
  );
  return new Map(found.flat());
}

/** Returns why a base cannot be moved; undefined when it is. */
async function moveBase(
  stack: Stack,
  { own, base, from, to }: ReadyMerge,
  { repo, held }: { repo: string; held: HeldLock },
): Promise<MergedRepo | undefined> {
  const { gitCommonDir, branch } = own;
  const title = `merge into ${base}`;
  const about = { id: `merge ${repo}`, subject: repo, title };
  const begun = performance.now();
  const ms = (): number => Math.round(performance.now() - begun);
  stack.emit({ type: 'step-started', ...about });
  try {
    const how = { reason: reasonOf('merge'), onStart: held.addHelper, signal: stack.signal };
    await moveWithFiles({ gitCommonDir, branch: base, from, to }, how);
  } catch (error) {
    if (!(error instanceof StackError) || (error.code !== 'git' && error.code !== 'conflict')) throw error;
    stack.emit({ type: 'step-failed', ...about, message: messageOf(error), ms: ms() });
    const result = error.code === 'conflict' ? 'refused' : 'failed';
    return { result, branch, base, from, to: from, reason: messageOf(error), hint: error.hint };
  }
  stack.emit({ type: 'step-done', ...about, outcome: 'made', ms: ms() });
  return undefined;
}
