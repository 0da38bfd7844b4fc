import {
  abortConflicted,
  advanceConflicted,
  beginConflicted,
  type Conflicted,
  findUnderWay,
  type Standing,
} from '../../adapters/git/change/conflicted.ts';
import { listLostByAbort } from '../../adapters/git/change/lost-by-abort.ts';
import { findObstacle, moveWithFiles } from '../../adapters/git/change/move-files.ts';
import { reasonOf } from '../../adapters/git/change/move-ref.ts';
import { listAddedBy, listInPlaceOf, listOverwritten } from '../../adapters/git/change/overwritten.ts';
import { readStaged } from '../../adapters/git/change/staged.ts';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import { nameFew } from '../../domain/few.ts';
import {
  type InstanceRecord,
  type Resolving,
  type ResolvingFor,
  requireDedicated,
  type Start,
} from '../../domain/instance.ts';
import { beginChange, type Journal, type Move, withJournal } from '../core/journal.ts';
import type { Stack } from '../core/stack.ts';
import { type ChangedRepo, failure, hindered, inEach, refusal } from './result.ts';

/** What is done about conflicts: made in the worktrees, finished, or given up. */
export type ConflictStep = 'resolve' | 'continue' | 'abort';

/** A repo in which git cannot bring two together without a person: what a plain merge or rebase in its worktree needs. */
export interface Clash extends Resolving {
  branch: string;
  /** The branch's own commits, the oldest first. */
  commits: readonly string[];
}

/** What became of a repo whose conflicts are resolved; `from` and `to` are about the ticket's branch. */
export interface ResolvedRepo extends ChangedRepo {
  /** What is brought in. */
  base: string;
  way?: Resolving['way'] | undefined;
  /** Paths that are to be resolved. */
  conflicts?: string[] | undefined;
  start?: Start | undefined;
  /** What is to be known besides, a line each. */
  notes?: string[] | undefined;
}

type Repos = Record<string, ResolvedRepo>;
type OnStart = Conflicted['onStart'];

function verbOf({ resolvingFor }: InstanceRecord): ResolvingFor['verb'] {
  return resolvingFor?.verb ?? 'sync';
}

/** Returns the refusal of what cannot be done while conflicts are being resolved. */
export function beingResolved(record: InstanceRecord): StackError {
  const { ticket } = record;
  return new StackError('conflict', `conflicts of ${ticket} are being resolved`, {
    hint: `\`stack ${verbOf(record)} ${ticket} --continue\` goes on once they are, \`--abort\` puts all back`,
  });
}

/** Throws `usage` where no conflicts of a ticket are being resolved, or those of another verb are. */
export function requireResolving(record: InstanceRecord, verb: ResolvingFor['verb']): Record<string, Resolving> {
  const { ticket, resolving } = record;
  if (!resolving)
    throw new StackError('usage', `no conflicts of ${ticket} are being resolved`, {
      hint: `\`stack ${verb} ${ticket}\` finds out whether there are any, and \`--resolve\` begins`,
    });
  if (verbOf(record) === verb) return resolving;
  throw new StackError('usage', `what is being resolved in ${ticket} is of \`stack ${verbOf(record)}\``, {
    hint: `\`stack ${verbOf(record)} ${ticket} --continue\` goes on once it is, \`--abort\` puts all back`,
  });
}

/** Throws `usage` for what says how to begin beside what ends it. */
export function requireNothingElse(step: ConflictStep | undefined, flags: Readonly<Record<string, boolean>>): void {
  if (step !== 'abort' && step !== 'continue') return;
  const clash = Object.keys(flags).find((flag) => flags[flag]);
  if (clash === undefined) return;
  throw new StackError('usage', `--${step} and ${clash} exclude each other`, {
    hint: `--${step} alone goes on with what \`--resolve\` has begun`,
  });
}

/**
 * Makes the conflicted state in the worktrees of some repos, once nothing of theirs would be in its way; the record has them first. Returns
 * what became of each. Throws `git`, `files`, `state`.
 */
export async function beginResolving(
  stack: Stack,
  record: InstanceRecord,
  { clashing, wish, onStart }: { clashing: Record<string, Clash>; wish: ResolvingFor; onStart: OnStart },
): Promise<Repos> {
  const refused = await findRefused(record, clashing);
  if (Object.keys(refused).length > 0) return refused;
  const begun = Object.entries(clashing).map(([repo, { way, from, tip, base, start }]): [string, Resolving] => {
    const before = record.resolving?.[repo];
    return [repo, { way, from, tip, base, start, back: before && (before.back ?? before.from) }];
  });
  await noteResolving(stack, record, { ...record.resolving, ...Object.fromEntries(begun) }, wish);
  return inEach(clashing, async (repo, one) => {
    const place = conflictedOf(record, repo, { ...one, onStart });
    const message = `Merge ${one.base} into ${one.branch}`;
    return tell(record, one, place, await beginConflicted(place, { commits: one.commits, message }));
  });
}

/** Goes on in all repos whose conflicts are resolved. Returns what became of each. Throws `git`. */
export async function advanceAll(
  record: InstanceRecord,
  resolving: Readonly<Record<string, Resolving>>,
  onStart: OnStart,
): Promise<Repos> {
  return inEach(resolving, async (repo, one) => {
    const place = conflictedOf(record, repo, { ...one, onStart });
    const { branch } = requireDedicated(record, repo);
    return tell(record, { branch, ...one }, place, await advanceConflicted(place));
  });
}

/** True once nothing of them is left to a person. */
export function isResolved(repos: Record<string, ChangedRepo>): boolean {
  return Object.values(repos).every(({ result }) => result === 'updated');
}

/**
 * Puts all repos back to where they were before, or none: what is in the way in one is found before anything ends. Returns what became of
 * each. Throws `git`, `files`, `state`, `interrupted`.
 */
export async function abortAll(
  stack: Stack,
  record: InstanceRecord,
  resolving: Readonly<Record<string, Resolving>>,
  onStart: OnStart,
): Promise<Repos> {
  const look = () => inEach(resolving, (repo, one) => planAbort(stack, record, repo, { ...one, onStart }));
  const tellEach = (looks: Record<string, AbortPlan>, stays: boolean): Repos =>
    Object.fromEntries(Object.entries(looks).map(([repo, { told }]) => [repo, stays ? stay(told) : told]));
  const first = await look();
  if (isHeldUp(first)) return tellEach(first, true);
  throwIfAborted(stack.signal);
  const faults = await inEach(resolving, (repo, one) =>
    abortConflicted(conflictedOf(record, repo, { ...one, onStart })),
  );
  const looks = await look();
  for (const [repo, fault] of Object.entries(faults)) {
    const plan = looks[repo];
    if (plan && fault !== undefined) plan.told = { ...plan.told, ...failure(plan.told.branch, fault) };
  }
  if (isHeldUp(looks)) return tellEach(looks, true);
  const moves = Object.values(looks).flatMap(({ move }) => move ?? []);
  await moveBranches(stack, record, { moves, resolving: 'given up', onStart });
  return tellEach(looks, false);
}

/** What giving up comes to in a repo: where its merge or rebase was ended already, its branch goes back. */
interface AbortPlan {
  told: ResolvedRepo;
  move?: Move;
}

function isHeldUp(looks: Record<string, AbortPlan>): boolean {
  return Object.values(looks).some(({ told }) => isInTheWay(told));
}

function isInTheWay({ result }: ResolvedRepo): boolean {
  return result === 'refused' || result === 'failed';
}

function stay(told: ResolvedRepo): ResolvedRepo {
  return isInTheWay(told) ? told : { ...told, result: 'waiting', notes: undefined };
}

async function planAbort(
  { signal }: Stack,
  record: InstanceRecord,
  repo: string,
  one: Resolving & { onStart: OnStart },
): Promise<AbortPlan> {
  const { gitCommonDir, branch, worktree } = requireDedicated(record, repo);
  const { base } = one;
  const from = one.back ?? one.from;
  const refuse = (reason: string, hint?: string): AbortPlan => ({
    told: { ...refusal(branch, reason, hint), base, from, to: from },
  });
  const place = conflictedOf(record, repo, one);
  const underWay = await findUnderWay(place);
  if (typeof underWay === 'object') return refuse(underWay.refused);
  const lost = underWay === 'this' ? await listLostByAbort(place) : [];
  if (lost.length > 0)
    return refuse(
      `uncommitted work that is no part of the ${one.way} would be lost: ${lost.join(', ')}`,
      `move it out of ${worktree}; there \`git restore --staged --worktree\` takes back what git knows of it`,
    );
  const { head = from, branch: on } = await readStaged(worktree);
  const told: ResolvedRepo = { result: 'undone', branch, base, from, to: from };
  if (underWay === 'this' || head === from) return { told };
  if (on !== branch) return refuse(`it is on ${on ?? 'no branch'}, not on ${branch}`);
  const obstacle = await findObstacle({ gitCommonDir, branch, from: head, to: from }, { signal, filters: true });
  if (obstacle) return { told: { ...hindered(branch, obstacle), base, from, to: from } };
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
  const verb = verbOf(record);
  await withJournal(stack, beginChange({ ticket: record.ticket, verb, ...change }), onStart, async () => {
    for (const { repo, branch, from, to = from } of change.moves) {
      throwIfAborted(stack.signal);
      if (to === from) continue;
      const { gitCommonDir } = requireDedicated(record, repo);
      const how = { reason: reasonOf(verb), onStart, signal: stack.signal };
      await moveWithFiles({ gitCommonDir, branch, from, to }, how);
    }
    return { done: true, result: undefined };
  });
}

/** Notes what is being resolved in the record, and what for, before it begins. */
async function noteResolving(
  stack: Stack,
  record: InstanceRecord,
  resolving: Record<string, Resolving>,
  resolvingFor: ResolvingFor,
): Promise<void> {
  Object.assign(record, { resolving, resolvingFor });
  await stack.store.update((draft) => {
    const own = draft.instances[record.ticket];
    if (own) Object.assign(own, { resolving, resolvingFor });
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
async function findRefused(record: InstanceRecord, clashing: Readonly<Record<string, Clash>>): Promise<Repos> {
  const looked = await inEach(clashing, async (repo, { branch, base, from, tip, way, commits }) => {
    const { worktree } = requireDedicated(record, repo);
    const { staged, changed } = await readStaged(worktree);
    // Git takes ignored files for its own, those too that one commit brings and a later one has no more.
    const overwritten = await listOverwritten(worktree, from, tip);
    const onTheWay = way === 'rebase' ? await listInPlaceOf(worktree, await listAddedBy(worktree, commits)) : [];
    const files = [...new Set([...staged.keys(), ...changed, ...overwritten, ...onTheWay])];
    const hint = `commit it, or put it aside with \`git stash\` in ${worktree}, before conflicts are resolved there`;
    const refused = refusal(branch, `there is uncommitted work: ${nameFew(files)}`, hint);
    return files.length === 0 ? [] : [[repo, { ...refused, base, from, to: from }] as const];
  });
  return Object.fromEntries(Object.values(looked).flat());
}

function tell(
  record: InstanceRecord,
  { branch, base, from, way, notes }: Resolving & { branch: string; notes?: string[] | undefined },
  { worktree }: Conflicted,
  standing: Standing,
): ResolvedRepo {
  const about = { branch, base, from, way, notes };
  if (standing.at === 'done') return { ...about, result: 'updated', to: standing.commit };
  const command = `${verbOf(record)} ${record.ticket}`;
  if (standing.at === 'open') {
    const { paths } = standing;
    const hint = `resolve them in ${worktree}, \`git add\` them, then \`stack ${command} --continue\``;
    const reason = `to be resolved: ${paths.join(', ')}`;
    return { ...about, result: 'conflict', to: from, conflicts: paths, reason, hint };
  }
  const reason = standing.at === 'off' ? `its ${way} was given up` : standing.reason;
  const cure = standing.at === 'refused' ? standing.cure : undefined;
  const first = cure === undefined ? '' : `${cure}, then \`stack ${command} --continue\`; `;
  const become = standing.at === 'failed' ? failure : refusal;
  return { ...about, ...become(branch, reason, `${first}\`stack ${command} --abort\` puts all repos back`), to: from };
}
