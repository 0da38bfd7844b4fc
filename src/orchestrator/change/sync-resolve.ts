import {
  abortConflicted,
  advanceConflicted,
  beginConflicted,
  type Conflicted,
  findUnderWay,
  type Standing,
} from '../../adapters/git/change/conflicted.ts';
import { findObstacle, moveWithFiles } from '../../adapters/git/change/move-files.ts';
import { reasonOf } from '../../adapters/git/change/move-ref.ts';
import { listOverwritten } from '../../adapters/git/change/overwritten.ts';
import { readStaged } from '../../adapters/git/change/staged.ts';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import { type InstanceRecord, type Resolving, requireDedicated } from '../../domain/instance.ts';
import { type Journal, type Move, withJournal } from '../core/journal.ts';
import type { Stack } from '../core/stack.ts';
import { inEach, refusal } from './result.ts';
import type { SyncConflict, SyncedRepo } from './sync-plan.ts';

type Repos = Record<string, SyncedRepo>;
type OnStart = Conflicted['onStart'];

/** Throws `usage` where no conflicts of a ticket are being resolved. */
function requireResolving({ ticket, resolving }: InstanceRecord): Record<string, Resolving> {
  if (resolving) return resolving;
  throw new StackError('usage', `no conflicts of ${ticket} are being resolved`, {
    hint: `\`stack sync ${ticket}\` finds out whether there are any, and \`--resolve\` begins`,
  });
}

/**
 * Makes the conflicted state in the worktrees of some repos, once nothing of theirs would be in its way; the record has them first. Returns
 * what became of each. Throws `git`, `files`, `state`.
 */
export async function beginResolving(
  stack: Stack,
  record: InstanceRecord,
  { clashing, onStart }: { clashing: Record<string, SyncConflict>; onStart: OnStart },
): Promise<Repos> {
  const dirty = await inEach(clashing, async (repo, one) => findDirty(requireDedicated(record, repo).worktree, one));
  if (Object.values(dirty).some(({ result }) => result === 'refused')) return dirty;
  const begun = Object.entries(clashing).map(([repo, { way, from, tip, base, start }]): [string, Resolving] => [
    repo,
    { way, from, tip, base, start },
  ]);
  await noteResolving(stack, record, { ...record.resolving, ...Object.fromEntries(begun) });
  return inEach(clashing, async (repo, one) => {
    const place = conflictedOf(record, repo, { ...one, onStart });
    const { branch } = one;
    const message = `Merge ${one.base} into ${branch}`;
    return tell(one, place, await beginConflicted(place, { commits: one.commits, message }));
  });
}

/** Goes on in all repos whose conflicts are resolved. Returns what became of each. Throws `git`, `usage`. */
export async function advanceAll(record: InstanceRecord, onStart: OnStart): Promise<Repos> {
  return inEach(requireResolving(record), async (repo, one) => {
    const place = conflictedOf(record, repo, { ...one, onStart });
    return tell({ branch: requireDedicated(record, repo).branch, ...one }, place, await advanceConflicted(place));
  });
}

/**
 * Puts all repos back to where they were before, or none: what is in the way in one is found before anything ends. Returns what became of
 * each. Throws `git`, `files`, `state`, `interrupted`.
 */
export async function abortAll(stack: Stack, record: InstanceRecord, onStart: OnStart): Promise<Repos> {
  const resolving = requireResolving(record);
  const look = () => inEach(resolving, (repo, one) => planAbort(record, repo, { ...one, onStart }));
  const tell = (looks: Record<string, AbortPlan>, stays: boolean): Repos =>
    Object.fromEntries(Object.entries(looks).map(([repo, { told }]) => [repo, stays ? stay(told) : told]));
  const first = await look();
  if (isHeldUp(first)) return tell(first, true);
  throwIfAborted(stack.signal);
  const faults = await inEach(resolving, (repo, one) =>
    abortConflicted(conflictedOf(record, repo, { ...one, onStart })),
  );
  const looks = await look();
  for (const [repo, fault] of Object.entries(faults)) {
    const plan = looks[repo];
    if (plan && fault !== undefined) plan.told = { ...plan.told, ...refusal(plan.told.branch, fault) };
  }
  if (isHeldUp(looks)) return tell(looks, true);
  const moves = Object.values(looks).flatMap(({ move }) => move ?? []);
  await moveBranches(stack, record, { moves, resolving: 'given up', onStart });
  return tell(looks, false);
}

/** What giving up comes to in a repo: where its merge or rebase was ended already, its branch goes back. */
interface AbortPlan {
  told: SyncedRepo;
  move?: Move;
}

function isHeldUp(looks: Record<string, AbortPlan>): boolean {
  return Object.values(looks).some(({ told }) => told.result === 'refused');
}

function stay(told: SyncedRepo): SyncedRepo {
  return told.result === 'refused' ? told : { ...told, result: 'waiting', notes: undefined };
}

async function planAbort(
  record: InstanceRecord,
  repo: string,
  one: Resolving & { onStart: OnStart },
): Promise<AbortPlan> {
  const { gitCommonDir, branch, worktree } = requireDedicated(record, repo);
  const { from, base } = one;
  const refuse = (reason: string, hint?: string): AbortPlan => ({
    told: { ...refusal(branch, reason, hint), base, from, to: from },
  });
  const underWay = await findUnderWay(conflictedOf(record, repo, one));
  if (typeof underWay === 'object') return refuse(underWay.refused);
  const { head = from, branch: on } = await readStaged(worktree);
  const told: SyncedRepo = { result: 'undone', branch, base, from, to: from };
  if (underWay === 'this' || head === from) return { told };
  if (on !== branch) return refuse(`it is on ${on ?? 'no branch'}, not on ${branch}`);
  const obstacle = await findObstacle({ gitCommonDir, branch, from: head, to: from });
  if (obstacle) return refuse(obstacle.reason, obstacle.hint);
  const notes = [
    `what it had come to: \`git merge --ff-only ${head.slice(0, 7)}\` or \`git reset\` in ${worktree} goes there`,
  ];
  return { told: { ...told, notes }, move: { repo, branch, from: head, to: from, files: true } };
}

/** Moves the branches of some repos with their files, all or none. Throws `git`, `files`, `state`, `interrupted`. */
export async function moveBranches(
  stack: Stack,
  record: InstanceRecord,
  { onStart, ...change }: Pick<Journal, 'moves' | 'resolving'> & { onStart: OnStart },
): Promise<void> {
  const about = { version: 1, ticket: record.ticket, verb: 'sync', madeAt: Math.floor(Date.now() / 1000) } as const;
  await withJournal(stack, { ...about, ...change }, async () => {
    for (const { repo, branch, from, to = from } of change.moves) {
      throwIfAborted(stack.signal);
      if (to === from) continue;
      const { gitCommonDir } = requireDedicated(record, repo);
      const how = { reason: reasonOf('sync'), onStart, signal: stack.signal };
      await moveWithFiles({ gitCommonDir, branch, from, to }, how);
    }
    return { done: true, result: undefined };
  });
}

/** Notes what is being resolved in the record, before it begins. */
async function noteResolving(
  stack: Stack,
  record: InstanceRecord,
  resolving: Record<string, Resolving>,
): Promise<void> {
  record.resolving = resolving;
  await stack.store.update((draft) => {
    const own = draft.instances[record.ticket];
    if (own) own.resolving = resolving;
  });
}

function conflictedOf(
  record: InstanceRecord,
  repo: string,
  { way, from, tip, onStart }: Resolving & { onStart: OnStart },
): Conflicted {
  return { worktree: requireDedicated(record, repo).worktree, way, from, tip, onStart };
}

/** Git's own merge and rebase want nothing changed that git knows. */
async function findDirty(worktree: string, one: SyncConflict): Promise<SyncedRepo> {
  const { staged, changed } = await readStaged(worktree);
  // Git takes ignored files for its own.
  const overwritten = await listOverwritten(worktree, one.from, one.tip);
  const files = [...new Set([...staged.keys(), ...changed, ...overwritten])];
  if (files.length === 0) return one;
  const hint = `commit it, or put it aside with \`git stash\` in ${worktree}, before conflicts are resolved there`;
  return { ...one, result: 'refused', reason: `there is uncommitted work: ${files.join(', ')}`, hint };
}

function tell(
  { branch, base, from, tip, way, notes }: Resolving & { branch: string; notes?: string[] | undefined },
  { worktree }: Conflicted,
  standing: Standing,
): SyncedRepo {
  const about = { branch, base, from, tip, way, notes };
  if (standing.at === 'open') {
    const { paths } = standing;
    if (paths.length === 0) return { ...about, result: 'waiting', to: from };
    const hint = `resolve them in ${worktree}, \`git add\` them, then \`stack sync --continue\``;
    return {
      ...about,
      result: 'conflict',
      to: from,
      conflicts: paths,
      reason: `to be resolved: ${paths.join(', ')}`,
      hint,
    };
  }
  if (standing.at === 'done') return { ...about, result: 'updated', to: standing.commit };
  const reason = standing.at === 'off' ? `its ${way} was given up` : standing.reason;
  return { ...about, ...refusal(branch, reason, '`stack sync --abort` puts all repos back'), to: from };
}
