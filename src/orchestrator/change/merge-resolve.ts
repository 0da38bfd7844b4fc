import { findLocal } from '../../adapters/git/branch.ts';
import { listOwnCommits } from '../../adapters/git/change/replay.ts';
import type { HeldLock } from '../../adapters/lock.ts';
import { StackError } from '../../domain/errors.ts';
import { type InstanceRecord, type ResolvingFor, requireDedicated } from '../../domain/instance.ts';
import type { Stack } from '../core/stack.ts';
import type { MergedRepo } from './merge-plan.ts';
import {
  abortAll,
  advanceAll,
  beginResolving,
  type Clash,
  type ConflictStep,
  type ResolvedRepo,
  requireResolving,
} from './resolve.ts';
import { inEach } from './result.ts';

type MergeFor = Extract<ResolvingFor, { verb: 'merge' }>;
/** What is kept of how a merge was said, until it goes on. */
type Kept = Omit<MergeFor, 'verb' | 'verify'>;

/** A merge whose conflicts are resolved in the ticket's own worktrees: there the base comes into the branch, and nobody else is about. */
interface Resolution {
  record: InstanceRecord;
  held: HeldLock;
}

/** Throws `usage` where conflicts of several tickets at once would have to be resolved: those of one come of what another brings. */
export function requireOne(tickets: readonly string[], step: ConflictStep): void {
  if (tickets.length <= 1) return;
  throw new StackError('usage', `--${step} takes one ticket`, {
    hint: 'merge them one after the other; `--resolve` those that conflict by then',
  });
}

/**
 * Makes the conflicts of a merge in the worktrees of the repos that have one, by bringing the base into the ticket's branch: with a
 * merge, or a rebase where the ticket is to be rebased. Returns what became of each. Throws `git`, `files`, `state`.
 */
export async function beginMerge(
  stack: Stack,
  { record, held }: Resolution,
  {
    clashing: found,
    options,
  }: { clashing: Readonly<Record<string, MergedRepo>>; options: Kept & { verify?: string | undefined } },
): Promise<Record<string, MergedRepo>> {
  const { into, way, message, committed, push, start, verify } = options;
  const clashing = await inEach(found, (repo, { base = '', from = '' }) =>
    describeClash(record, repo, { base, tip: from, way: way === 'rebase' ? 'rebase' : 'merge' }),
  );
  const wish = { verb: 'merge', into, way, message, committed, push, start, verify: verify !== undefined } as const;
  return tellAll(await beginResolving(stack, record, { clashing, wish, onStart: held.addHelper }));
}

async function describeClash(
  record: InstanceRecord,
  repo: string,
  { base, tip, way }: Pick<Clash, 'base' | 'tip' | 'way'>,
): Promise<Clash> {
  const own = requireDedicated(record, repo);
  const from = (await findLocal(own.gitCommonDir, own.branch))?.commit ?? '';
  const { commits } = await listOwnCommits(own.worktree, from, [tip]);
  // It starts from what it got of its own base; another one, that it goes into this once, changes nothing about that.
  const { stackedOn } = own;
  const start = base === own.base ? { base, baseCommit: tip, stackedOn } : undefined;
  return { branch: own.branch, way, from, tip, base, commits, start };
}

/**
 * Goes on in all repos whose conflicts are resolved. Returns what became of each, and what the merge was to be. A line that verifies it
 * is not kept, so it is said again. Throws `usage`, `git`.
 */
export async function advanceMerge(
  { record, held }: Resolution,
  verify: string | undefined,
): Promise<{ repos: Record<string, MergedRepo>; wish: Kept }> {
  const resolving = requireResolving(record, 'merge');
  const { verb: _, verify: isVerified, ...wish } = record.resolvingFor as MergeFor;
  if (isVerified && verify === undefined)
    throw new StackError('usage', `the merge of ${record.ticket} was begun with --verify`, {
      hint: 'say that command again beside --continue',
    });
  return { repos: tellAll(await advanceAll(record, resolving, held.addHelper)), wish };
}

/** Puts the branches of a ticket back to where they were before the conflicts of its merge were made. Throws `usage`, `git`, `files`. */
export async function abortMerge(stack: Stack, { record, held }: Resolution): Promise<Record<string, MergedRepo>> {
  return tellAll(await abortAll(stack, record, requireResolving(record, 'merge'), held.addHelper));
}

/** Of a merge `from` and `to` are about the base, which is where it was. */
function tellAll(repos: Record<string, ResolvedRepo>): Record<string, MergedRepo> {
  const told = Object.entries(repos).map(([repo, { start: _, way: __, from: ___, to: ____, ...one }]) => [repo, one]);
  return Object.fromEntries(told);
}
