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
import { findHindrance } from './hindrance.ts';
import { type ChangedRepo, refusal } from './result.ts';

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
  for (const { own } of incoming) {
    const refused = await lookAtTicket(own, wish);
    if (refused) return refused;
  }
  const found = await findBase(question);
  if ('result' in found) return found;
  const { base, from } = found;
  const [first] = incoming;
  if (!first) return refusal(base, 'there is nothing to merge');
  const made = await mergeInTurn(stack, question, found);
  if ('result' in made) return made;
  const { branch, gitCommonDir } = first.own;
  if (made.to === from)
    return { result: 'unchanged', branch, base, from, to: from, reason: `${base} has all of it already` };
  // Only who is about to move a base has to do with what is checked out.
  const move = { gitCommonDir, branch: base, from, to: made.to };
  const obstacle = heads.size === 0 ? await findObstacle(move, { signal: stack.signal, filters: false }) : undefined;
  if (obstacle) return { ...refusal(branch, obstacle.reason, obstacle.hint), base, from, to: from };
  return { ...made, ticket: first.ticket, own: first.own, base, from };
}

/** Returns why a ticket's branch cannot be merged as it is. */
async function lookAtTicket(own: DedicatedRepo, { committed }: MergeWish): Promise<MergedRepo | undefined> {
  const { worktree, gitCommonDir, branch } = own;
  const entry = await readOwnEntry(worktree, gitCommonDir);
  if (!entry)
    return refusal(branch, `there is no worktree at ${worktree}`, '`stack start` makes it again from its branch');
  const staged = await readStaged(worktree);
  const hindrance = await findHindrance(own, entry, staged);
  if (hindrance || committed) return hindrance;
  const changed = new Set([...staged.staged.keys(), ...staged.changed]).size;
  const counts = [
    ...(changed > 0 ? [`${changed} changed`] : []),
    ...(staged.untracked > 0 ? [`${staged.untracked} new`] : []),
  ];
  if (counts.length === 0) return undefined;
  const hint = '`stack commit` commits it first; --committed leaves it out';
  return refusal(branch, `work is not committed: ${counts.join(', ')}`, hint);
}

/** Returns the branch that a repo's tickets go into, and the commit that it is at; else why there is none. */
async function findBase(question: RepoQuestion): Promise<{ base: string; from: string } | MergedRepo> {
  const { incoming, before, heads } = question;
  const known = new Map<string, string>();
  for (const one of before) {
    const base = await findBaseOf(one, question, known);
    if (typeof base === 'string') known.set(one.ticket, base);
  }
  const bases = new Map<string, string>();
  for (const one of incoming) {
    const base = await findBaseOf(one, question, known);
    if (typeof base !== 'string') return base;
    known.set(one.ticket, base);
    bases.set(one.ticket, base);
  }
  const [first] = incoming;
  const [base = '', ...others] = new Set(bases.values());
  const branch = first?.own.branch ?? '';
  if (others.length > 0) {
    const each = [...bases].map(([ticket, name]) => `${ticket} into ${name}`).join(', ');
    const hint = '--into BRANCH names one for all; or merge one after the other';
    return refusal(branch, `their bases differ: ${each}`, hint);
  }
  const gitCommonDir = first?.own.gitCommonDir ?? '';
  const from = heads.get(headOf(gitCommonDir, base)) ?? (await findLocal(gitCommonDir, base))?.commit;
  if (from !== undefined) return { base, from };
  const hint = `\`git branch ${base} origin/${base}\` in ${first?.own.path} makes it`;
  return { ...refusal(branch, `there is no local branch ${base}`, hint), base };
}

async function findBaseOf(
  { own }: Incoming,
  { incoming, before, wish: { into }, configured }: RepoQuestion,
  known: ReadonlyMap<string, string>,
): Promise<string | MergedRepo> {
  const { branch, worktree } = own;
  const hint = '--into BRANCH names one';
  const wanted = into ?? (own.ownsBranch ? own.base : undefined);
  if (wanted !== undefined && (await findCommit(worktree, listPlaces(wanted))) === undefined)
    return refusal(branch, `there is no branch ${wanted} to merge into`, hint);
  // One that is merged with this one stands for what that goes into.
  const parent = [...before, ...incoming].find(
    (other) => other.own !== own && other.own.ownsBranch && other.own.branch === wanted,
  );
  const itsBase = parent && known.get(parent.ticket);
  const names = [itsBase ?? wanted, into === undefined ? configured : undefined];
  const found = await findRequestBase({ folder: worktree, names, remote: 'origin' });
  if (!found) return refusal(branch, 'it has no branch to be merged into', hint);
  const isMeant = into === undefined || found.branch === into || into.endsWith(`/${found.branch}`);
  return isMeant ? found.branch : refusal(branch, `${into} is no branch`, '--into takes the name of a branch');
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
