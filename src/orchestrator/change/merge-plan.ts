import { findLocal } from '../../adapters/git/branch.ts';
import { type MadeMerge, type MergeWay, makeMerge } from '../../adapters/git/change/make-merge.ts';
import { findObstacle } from '../../adapters/git/change/move-files.ts';
import { listOwnCommits } from '../../adapters/git/change/replay.ts';
import { findRequestBase, listProposed } from '../../adapters/git/change/request-base.ts';
import { readStaged } from '../../adapters/git/change/staged.ts';
import { findCommit } from '../../adapters/git/repo.ts';
import { readOwnEntry } from '../../adapters/git/worktree/entry.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { type DedicatedRepo, dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import type { Stack } from '../core/stack.ts';
import { findHindrance, findOutdated } from './hindrance.ts';
import { findGoal, isApart, nameLeaving } from './lower.ts';
import { type ChangedRepo, hindered, noWorktree, refusal } from './result.ts';

/** What is wished of a merge of tickets. */
export interface MergeWish {
  /** The branch that they go into, in all repos; undefined: each into its own base. */
  into?: string | undefined;
  way: MergeWay;
  /** Of the merge commits, or the squashed ones. */
  message?: string | undefined;
  /** True: what is not committed stays out; else it is a refusal. */
  committed: boolean;
}

/** A repo into whose base tickets are merged. */
export interface MergedRepo extends ChangedRepo {
  /** The branch that they go into; `from` and `to` are where it was and is. */
  base?: string | undefined;
  /** The tickets that bring something. */
  brings?: string[] | undefined;
  /** How many commits of theirs come in. */
  commits?: number | undefined;
  /** Relative to the repo. */
  conflicts?: string[] | undefined;
  /** What is to be known besides, a line each. */
  notes?: string[] | undefined;
  /** The remote that the base was pushed to; null: it was to be, and is merged here alone. */
  pushed?: string | null | undefined;
  /** What it is refused for, where that has a cure of its own: not all is committed, or there is no branch to go into. */
  cause?: 'uncommitted' | 'base' | undefined;
  /** The ticket that it stands on, which is to be merged with it. */
  lower?: string | undefined;
}

/** A merge that is made, of which no ref tells yet. */
export interface ReadyMerge {
  ticket: string;
  own: DedicatedRepo;
  base: string;
  /** Full ids of the commits that the base is at, and would be at. */
  from: string;
  to: string;
  brings: string[];
  commits: number;
}

/** What comes into a repo, in this order. */
interface Incoming {
  ticket: string;
  own: DedicatedRepo;
}

/** What is known of a merge, by repo: what is ready, or why nothing is. */
export type Planned = Record<string, ReadyMerge | MergedRepo>;

/** Returns the commits that the bases were at as a merge was planned, by repo. */
export function listBases(planned: Planned): Record<string, string> {
  const bases = Object.entries(planned).map(([repo, { from = '' }]) => [repo, from] as const);
  return Object.fromEntries(bases);
}

export function isReady(one: ReadyMerge | MergedRepo): one is ReadyMerge {
  return 'own' in one;
}

/** Where bases would be, by `headOf`, that other merges have been made for and not moved to yet. */
type Heads = ReadonlyMap<string, string>;

/** Returns what tells a base of one repo from all others. */
export function headOf(gitCommonDir: string, base: string): string {
  return `${gitCommonDir}\0${base}`;
}

/** What other merges have to do with one. */
export interface MergeBeside {
  /** What it goes on top of in place of the bases. */
  heads: Heads;
  /** Tickets that are merged before it: a branch that was made from one of theirs goes where that one goes. */
  before: readonly InstanceRecord[];
}

/**
 * Merges tickets in the order named, in each repo that one of them has a copy of, as objects: no ref moves and no checkout is written to.
 * Throws `git`, `interrupted`.
 */
export async function planMerge(
  stack: Stack,
  records: readonly InstanceRecord[],
  wish: MergeWish,
  config: StackConfig | undefined,
  { heads, before }: MergeBeside = { heads: new Map(), before: [] },
): Promise<Planned> {
  const repos = new Map<string, Incoming[]>();
  for (const { ticket, repo, own } of listIncoming(records))
    repos.set(repo, [...(repos.get(repo) ?? []), { ticket, own }]);
  const planned = await Promise.all(
    [...repos].map(async ([repo, incoming]): Promise<[string, ReadyMerge | MergedRepo]> => {
      const question = { incoming, wish, configured: config?.repos[repo]?.base, heads };
      const others = listIncoming(before).filter((one) => one.repo === repo);
      return [repo, await planRepo(stack, { ...question, before: others })];
    }),
  );
  return Object.fromEntries(planned);
}

function listIncoming(records: readonly InstanceRecord[]) {
  return records.flatMap((record) =>
    dedicatedRepos(record).map(([repo, own]) => ({ ticket: record.ticket, repo, own })),
  );
}

interface RepoQuestion {
  incoming: readonly Incoming[];
  wish: MergeWish;
  /** The base that stack.yml names. */
  configured: string | undefined;
  heads: Heads;
  before: readonly Incoming[];
}

async function planRepo(stack: Stack, question: RepoQuestion): Promise<ReadyMerge | MergedRepo> {
  const { incoming, wish, heads } = question;
  for (const one of incoming) {
    const refused = await lookAtTicket(one, wish);
    if (refused) return refused;
  }
  const found = await findBase(stack, question);
  if ('result' in found) return found;
  const { base, from, lower } = found;
  const [first] = incoming;
  if (!first) return refusal(base, 'there is nothing to merge');
  const outdated = await findOutdated(first.own, base);
  if (outdated) return outdated;
  const made = await mergeInTurn(stack, question, found);
  const { branch, gitCommonDir } = first.own;
  if (lower !== undefined && ('result' in made || made.to !== from)) return refuseLower(first, base, lower);
  if ('result' in made) return made;
  if (made.to === from)
    return { result: 'unchanged', branch, base, from, to: from, reason: `${base} has all of it already` };
  // Only who is about to move a base has to do with what is checked out.
  const move = { gitCommonDir, branch: base, from, to: made.to };
  const obstacle = heads.size === 0 ? await findObstacle(move, { signal: stack.signal, filters: false }) : undefined;
  if (obstacle) return { ...hindered(branch, obstacle), base, from, to: from };
  return { ...made, ticket: first.ticket, own: first.own, base, from };
}

/** A branch of a ticket that is not merged is that ticket's to move. */
function refuseLower({ ticket, own }: Incoming, base: string, lower: string): MergedRepo {
  const reason = `it stands on ${base}, of ${lower}, which is not merged`;
  const hint = `\`stack merge ${lower} ${ticket}\` merges both; --into ${base} adds it to ${lower}`;
  return { ...refusal(own.branch, reason, hint), lower };
}

/** Returns why a ticket's branch cannot be merged as it is. */
async function lookAtTicket({ ticket, own }: Incoming, { committed }: MergeWish): Promise<MergedRepo | undefined> {
  const { worktree, gitCommonDir, branch } = own;
  const entry = await readOwnEntry(worktree, gitCommonDir);
  if (!entry) return noWorktree(own, ticket);
  const staged = await readStaged(worktree);
  const hindrance = await findHindrance(own, entry, staged);
  if (hindrance || committed) return hindrance;
  const changed = new Set([...staged.staged.keys(), ...staged.changed]).size;
  const counts = [
    ...(changed > 0 ? [`${changed} changed`] : []),
    ...(staged.untracked > 0 ? [`${staged.untracked} new`] : []),
  ];
  if (counts.length === 0) return undefined;
  const hint = `\`stack commit ${ticket}\` commits it first; --committed leaves it out`;
  return { ...refusal(branch, `work is not committed: ${counts.join(', ')}`, hint), cause: 'uncommitted' };
}

interface Goal {
  base: string;
  /** The ticket whose branch that is, which is not merged itself. */
  lower?: string | undefined;
}

/** Returns the branch that a repo's tickets go into, and the commit that it is at; else why there is none. */
async function findBase(stack: Stack, question: RepoQuestion): Promise<(Goal & { from: string }) | MergedRepo> {
  const { incoming, heads } = question;
  const known = new Map<string, Goal | MergedRepo>();
  const bases = new Map<string, string>();
  let lower: string | undefined;
  for (const one of incoming) {
    const goal = await findGoalOf(stack, one, question, known);
    if ('result' in goal) return goal;
    lower ??= goal.lower;
    bases.set(one.ticket, goal.base);
  }
  const [first] = incoming;
  const [base = '', ...others] = new Set(bases.values());
  const branch = first?.own.branch ?? '';
  if (others.length > 0) {
    const each = [...bases].map(([ticket, name]) => `${ticket} into ${name}`).join(', ');
    const hint = '--into BRANCH names one for all; or merge one after the other';
    return { ...refusal(branch, `their bases differ: ${each}`, hint), cause: 'base' };
  }
  const gitCommonDir = first?.own.gitCommonDir ?? '';
  const from = heads.get(headOf(gitCommonDir, base)) ?? (await findLocal(gitCommonDir, base))?.commit;
  if (from !== undefined) return { base, from, lower };
  const isThere = (await findCommit(gitCommonDir, [`refs/remotes/origin/${base}`])) !== undefined;
  const make = isThere ? `\`git branch ${base} origin/${base}\` in ${first?.own.path} makes it; ` : '';
  const hint = `${make}--into BRANCH merges into another one`;
  return { ...refusal(branch, `there is no local branch ${base}`, hint), base };
}

/** `known` has what was found before, and what is being found, so that tickets that stand on each other come to an end. */
async function findGoalOf(
  stack: Stack,
  { ticket, own }: Incoming,
  question: RepoQuestion,
  known: Map<string, Goal | MergedRepo>,
): Promise<Goal | MergedRepo> {
  const { incoming, before, wish } = question;
  const found = known.get(ticket);
  if (found) return found;
  known.set(ticket, { base: own.base });
  // One that is merged with this one stands for what that goes into.
  const parent =
    wish.into === undefined && own.ownsBranch
      ? [...before, ...incoming].find((one) => one.own !== own && one.own.ownsBranch && one.own.branch === own.base)
      : undefined;
  const goal = parent
    ? await findGoalOf(stack, parent, question, known)
    : await findGoalAlone(stack, { ticket, own }, wish.into, question.configured);
  known.set(ticket, goal);
  return goal;
}

async function findGoalAlone(
  stack: Stack,
  { ticket, own }: Incoming,
  into: string | undefined,
  configured: string | undefined,
): Promise<Goal | MergedRepo> {
  const { branch, worktree } = own;
  const hint = '--into BRANCH names one';
  const goal: { base: string | undefined; lower?: string } =
    into === undefined && own.ownsBranch ? await findGoal(stack, own) : { base: into };
  const { base, lower } = goal;
  if (base !== undefined && (await findCommit(worktree, listPlaces(base))) === undefined)
    return { ...refusal(branch, `there is no branch ${base} to merge into`, hint), cause: 'base' };
  const refused = lower === undefined && into === undefined ? await refuseGone(own, ticket, base) : undefined;
  if (refused) return refused;
  const names = [base, into === undefined ? configured : undefined];
  const found = await findRequestBase({ folder: worktree, names, remote: 'origin' });
  if (!found) return { ...refusal(branch, 'it has no branch to be merged into', hint), cause: 'base' };
  const isMeant = into === undefined || found.branch === into || into.endsWith(`/${found.branch}`);
  return isMeant
    ? { base: found.branch, lower }
    : refusal(branch, `${into} is no branch`, '--into takes the name of a branch');
}

/** Returns the refusal of work on another ticket’s that was thrown away, and is not to come with it. */
async function refuseGone(
  own: DedicatedRepo,
  ticket: string,
  base: string | undefined,
): Promise<MergedRepo | undefined> {
  if (base === undefined || base === own.base || (await findLocal(own.path, own.base))) return undefined;
  const goal = await findCommit(own.path, listPlaces(base));
  if (goal === undefined || !(await isApart(own.path, own.baseCommit, goal))) return undefined;
  const reason = `it stands on ${own.base}, which is gone, and still has its commits`;
  const leave = await nameLeaving(own, ticket, goal);
  const hint = `${leave} puts it on ${base} without them; --into ${base} merges them too`;
  return refusal(own.branch, reason, hint);
}

function listPlaces(name: string): string[] {
  return ['refs/heads/', 'refs/remotes/', 'refs/remotes/origin/', 'refs/tags/', ''].map((place) => `${place}${name}`);
}

/** Each ticket goes on top of what those before it have made. */
async function mergeInTurn(
  { signal }: Stack,
  { incoming, wish }: RepoQuestion,
  { base, from }: { base: string; from: string },
): Promise<{ to: string; brings: string[]; commits: number } | MergedRepo> {
  let to = from;
  let commits = 0;
  const brings: string[] = [];
  for (const { ticket, own } of incoming) {
    const { branch, worktree, gitCommonDir } = own;
    const tip = (await findLocal(gitCommonDir, branch))?.commit;
    if (tip === undefined) return refusal(branch, `there is no branch ${branch} any more`);
    if (branch === base) continue;
    const usual = await nameMerge(worktree, { way: wish.way, branch, base, onto: to });
    const wanted = { onto: to, incoming: tip, way: wish.way, message: wish.message, usual };
    const made = await makeMerge({ folder: worktree, signal }, wanted);
    const stopped = explain(made, { ticket, base, before: brings });
    if (stopped) return { ...stopped, branch, base, from, to: from };
    if (!('commit' in made) || made.commit === to) continue;
    commits += (await listOwnCommits(worktree, tip, [to])).commits.length;
    to = made.commit;
    brings.push(ticket);
  }
  return { to, brings, commits };
}

/** As git names a merge; of what is squashed the subjects of its commits are listed. */
async function nameMerge(
  folder: string,
  { way, branch, base, onto }: { way: MergeWay; branch: string; base: string; onto: string },
): Promise<string> {
  if (way !== 'squash') return `Merge branch '${branch}'${['main', 'master'].includes(base) ? '' : ` into ${base}`}`;
  const subjects = (await listProposed(folder, branch, onto)).map(({ subject }) => `* ${subject}`);
  return [`Squash ${branch}`, '', ...subjects.reverse()].join('\n');
}

function explain(
  made: MadeMerge,
  { ticket, base, before }: { ticket: string; base: string; before: readonly string[] },
): Omit<MergedRepo, 'branch'> | undefined {
  const onto = before.length > 0 ? `${base} with ${before.join(', ')}` : base;
  if ('failed' in made) return { result: 'failed', reason: `git cannot merge ${ticket} into ${onto}: ${made.failed}` };
  if ('commit' in made) return undefined;
  const { conflicts } = made;
  const hint = `\`stack merge ${ticket} --resolve\` makes it in the ticket’s worktree, where it can be resolved`;
  const reason = `${ticket} and ${onto} change the same: ${conflicts.join(', ')}`;
  return { result: 'conflict', conflicts, reason, hint: before.length > 0 ? `merge ${before.join(', ')} first` : hint };
}
