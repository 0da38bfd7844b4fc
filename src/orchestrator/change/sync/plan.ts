import {
  type Brought,
  isAnyPushed,
  listOwnCommits,
  mergeAsObjects,
  replayAsObjects,
} from '../../../adapters/git/change/replay.ts';
import { readStaged } from '../../../adapters/git/change/staged.ts';
import { isAncestor } from '../../../adapters/git/commits.ts';
import { findBase } from '../../../adapters/git/merge/bases.ts';
import { defaultBranch, findCommit, resolveBase } from '../../../adapters/git/repo.ts';
import { isOnceOf, readUpstream } from '../../../adapters/git/upstream.ts';
import { readOwnEntry } from '../../../adapters/git/worktree/entry.ts';
import { StackError } from '../../../domain/errors.ts';
import type { DedicatedRepo, InstanceRecord, Start } from '../../../domain/instance.ts';
import { quoteForShell } from '../../../domain/shell.ts';
import { configIfReadable, type Stack } from '../../core/stack.ts';
import { findHindrance } from '../hindrance.ts';
import { findEnd, findLower, isApart } from '../lower.ts';
import { type ChangedRepo, noWorktree, refusal } from '../result.ts';

/** How news come into a branch: its own commits go on top of them, or a merge commit brings them in. */
type SyncWay = 'rebase' | 'merge';

/** What became of a repo whose branch gets the news of its base. */
export interface SyncedRepo extends ChangedRepo {
  /** The name of the base whose news came. */
  base?: string | undefined;
  /** `forward`: the branch had nothing of its own. */
  way?: SyncWay | 'forward' | undefined;
  /** How many commits of the base came, and how many of the branch's own were made again. */
  news?: number | undefined;
  made?: number | undefined;
  /** Paths that git cannot bring together. */
  conflicts?: string[] | undefined;
  /** What the branch starts from then, as the record says it. */
  start?: Start | undefined;
  /** Paths among the news that ask for something to be run, or filled in; with `--setup` it is. */
  changed?: { lockfiles: string[]; migrations: string[]; env: string[] } | undefined;
  /** What is to be known besides, a line each. */
  notes?: string[] | undefined;
}

/** A repo in which git cannot bring the two together without a person. */
export interface SyncConflict extends SyncedRepo {
  result: 'conflict';
  way: SyncWay;
  from: string;
  base: string;
  /** Full id of the commit of the base that is brought in. */
  tip: string;
  /** The branch's own commits, the oldest first. */
  commits: string[];
}

/** A repo that is to move. */
export interface SyncMove extends SyncedRepo {
  result: 'waiting';
  from: string;
  to: string;
  /** Full id of the commit of the base that is in it then. */
  tip: string;
}

/** Fetches a base of a repo. Returns why that could not be, in one line. Throws `git`, `interrupted`. */
export type Refresh = (own: DedicatedRepo, base: string) => Promise<string | undefined>;

export interface SyncWish {
  /** Undefined: rebase while nothing is pushed and no merge is among the branch's own commits, else merge. */
  way: SyncWay | undefined;
  /** Brings a base up to date; undefined: what was fetched last counts. */
  refresh: Refresh | undefined;
  /** The ticket whose branches become the bases, with its copies of repos. */
  onto?: InstanceRecord | undefined;
}

/** True for a repo that a person is to resolve. */
export function isConflict(repo: SyncedRepo): repo is SyncConflict {
  return repo.result === 'conflict' && 'commits' in repo;
}

interface Tip {
  /** As it is told: `origin/main`. */
  name: string;
  commit: string;
  /** Commits that are not the ticket's own, beside the tip's. */
  foreign: string[];
  notes: string[];
  start: Start;
}

type FoundTip = Omit<Tip, 'start'>;

/** True for a repo that is to move. */
export function isMove(repo: SyncedRepo): repo is SyncMove {
  return repo.result === 'waiting' && repo.to !== undefined && repo.to !== repo.from;
}

/**
 * Returns what bringing the base's news into a repo's branch comes to: the commit it moves to, made already as objects of the repo, or
 * what is in the way. Fetches the base; moves nothing. Throws `git`, `files`, `interrupted`.
 */
export async function planSync(
  stack: Stack,
  { ticket, repo, own, wish }: { ticket: string; repo: string; own: DedicatedRepo; wish: SyncWish },
): Promise<SyncedRepo> {
  const { worktree, gitCommonDir, branch } = own;
  const entry = await readOwnEntry(worktree, gitCommonDir);
  if (!entry) return noWorktree(own, ticket);
  const staged = await readStaged(worktree);
  const hindrance = await findHindrance(own, entry, staged);
  const { head } = staged;
  if (hindrance || head === undefined) return hindrance ?? noWorktree(own, ticket);
  const named = await nameStart(stack, { repo, own, wish });
  const found = await findTip(stack, { repo, own, refresh: wish.refresh, base: named.base });
  if ('result' in found) return found;
  const start: Start = { ...named.start, baseCommit: found.commit };
  const tip: Tip = { ...found, notes: [...named.notes, ...found.notes], start };
  // What stood on a ticket that is gone still has the commits of that.
  const isOn = await isAncestor(worktree, tip.commit, head);
  const isLeft =
    named.left !== undefined &&
    (await isApart(worktree, own.baseCommit, tip.commit)) &&
    (await isAncestor(worktree, own.baseCommit, head));
  const moved = { branch, base: tip.name, from: head, notes: tip.notes, start };
  if (isOn && !isLeft) return { ...moved, result: 'unchanged', to: head };
  // Where the branch was there before the ticket, it begins elsewhere than where the ticket found it.
  const begins = own.base === own.branch ? [] : [own.baseCommit];
  const known = await Promise.all([...begins, ...tip.foreign].map((one) => findCommit(worktree, [one])));
  const foreign = [tip.commit, ...known.filter((one) => one !== undefined)];
  const [mine, news] = await Promise.all([
    listOwnCommits(worktree, head, foreign),
    listOwnCommits(worktree, tip.commit, [head]),
  ]);
  const came = await bring(stack, own, { ticket, tip, mine: { ...mine, head, foreign, isOn, isLeft }, wish });
  // With commits that were thrown away it goes on standing on what is gone: who merges it is told of them.
  const isKept = named.left === 'gone' && isLeft && came.way === 'merge';
  const about = isKept ? { ...moved, notes: found.notes, start: undefined } : moved;
  if ('commit' in came.brought && came.brought.commit === head)
    return { ...about, result: 'unchanged', to: head, notes: [...about.notes, ...came.notes] };
  return judge({ ...about, news: news.commits.length + news.merges, notes: [...about.notes, ...came.notes] }, came, {
    ticket,
    tip: tip.commit,
    commits: mine.commits,
  });
}

interface Mine {
  commits: string[];
  merges: number;
  head: string;
  foreign: string[];
  /** True where the branch has all of the base. */
  isOn: boolean;
  /** True where it has something of another one that it is to leave. */
  isLeft: boolean;
}

type Came = { way: SyncWay | 'forward'; brought: Brought; notes: string[] };

async function bring(
  { signal }: Stack,
  { worktree, branch }: DedicatedRepo,
  { ticket, tip, mine, wish }: { ticket: string; tip: Tip; mine: Mine; wish: SyncWish },
): Promise<Came> {
  const { commits, merges, head, foreign, isOn, isLeft } = mine;
  if (commits.length + merges === 0 || (await isAncestor(worktree, head, tip.commit)))
    return { way: 'forward', brought: { commit: tip.commit, made: 0, dropped: [] }, notes: [] };
  const isPushed = await isAnyPushed(worktree, head, foreign);
  const way = wish.way ?? (isPushed || merges > 0 ? 'merge' : 'rebase');
  if (way === 'merge') {
    const notes = isLeft ? [tellKept({ isPushed, merges })] : [];
    if (isOn) return { way, brought: { commit: head, made: 0, dropped: [] }, notes };
    const message = `Merge ${tip.name} into ${branch}`;
    const brought = await mergeAsObjects({ worktree, signal }, { ours: head, theirs: tip.commit, message });
    return { way, brought, notes };
  }
  const brought = await replayAsObjects({ worktree, signal }, { commits, onto: tip.commit });
  const notes = [
    ...(merges > 0 ? [`${merges} of its own merges are left out, as \`git rebase\` does`] : []),
    ...('dropped' in brought ? brought.dropped.map((subject) => `in the base already: ${subject}`) : []),
    ...(isPushed ? [`it was pushed before: \`stack push ${ticket} --force-with-lease\` replaces what is there`] : []),
  ];
  return { way, brought, notes };
}

function tellKept({ isPushed, merges }: { isPushed: boolean; merges: number }): string {
  const inMerges = merges > 0 ? ', which are in its merges' : '';
  return `it keeps the commits of what it stood on${isPushed ? ', which are pushed' : inMerges}; --rebase leaves them out`;
}

function judge(
  about: Omit<SyncedRepo, 'result'>,
  { way, brought }: Came,
  { ticket, tip, commits }: { ticket: string; tip: string; commits: string[] },
): SyncedRepo {
  const { from = '', base } = about;
  if ('failed' in brought)
    return {
      ...{ ...about, result: 'failed', reason: `git cannot bring ${base} in: ${brought.failed}`, hint: brought.hint },
      ...{ to: from, way },
    };
  if ('conflicts' in brought) {
    const { conflicts, at } = brought;
    const paths = [...new Set(conflicts.map(({ path }) => path))].sort();
    const reason = `would conflict with ${base}${at ? `, at ${at.commit.slice(0, 7)} “${at.subject}”` : ''}`;
    const hint = `\`stack sync ${ticket} --resolve\` makes it in the worktree, where it can be resolved`;
    const said = conflicts.map(({ path, kind }) => `${path} (${kind})`);
    return {
      ...about,
      result: 'conflict',
      to: from,
      way,
      reason,
      conflicts: paths,
      said,
      hint,
      tip,
      commits,
    } as SyncConflict;
  }
  return { ...about, result: 'waiting', to: brought.commit, made: brought.made, way, tip } as SyncMove;
}

/** Returns the commit that is the base's newest as far as it is known, or why there is none. */
async function findTip(
  stack: Stack,
  { repo, own, refresh, base }: { repo: string; own: DedicatedRepo; refresh: Refresh | undefined; base: string },
): Promise<FoundTip | ChangedRepo> {
  const { worktree, branch } = own;
  const silent = await refresh?.(own, base);
  const notes = silent === undefined ? [] : [`${silent}; what is known of the last fetch counts`];
  const [local, upstream] = await Promise.all([findBase(worktree, base), readUpstream({ path: worktree, base })]);
  if (local === undefined) return findElsewhere(stack, { repo, own, base, notes });
  if (!upstream || upstream.behind === 0) {
    const there = upstream ? base : await nameThere(worktree, base);
    return { name: there, commit: local, foreign: [], notes };
  }
  const { name, commit, ahead, behind } = upstream;
  const there = { name, commit, foreign: [local], notes };
  // The branch is the base: what is ours in it is the work.
  if (base === branch) return { ...there, foreign: [] };
  if (ahead === 0) return there;
  if (await isOnceOf(worktree, name, base))
    return { ...there, notes: [...notes, `${name} was rewritten; the work is put on what it is now`] };
  const lacks = `${base} lacks ${behind} of ${name} and has ${ahead} of its own, so its own tip is taken`;
  return { name: base, commit: local, foreign: [], notes: [...notes, lacks] };
}

/** A base may have no branch here, or none any more, and one of a remote. */
async function nameThere(folder: string, base: string): Promise<string> {
  if ((await findCommit(folder, [`refs/heads/${base}`, `refs/remotes/${base}`])) !== undefined) return base;
  return (await findCommit(folder, [`refs/remotes/origin/${base}`])) === undefined ? base : `origin/${base}`;
}

interface NamedStart {
  /** The name of the base whose news come. */
  base: string;
  /** As the record has it. */
  start: Omit<Start, 'baseCommit'>;
  /** How that of another ticket has ended that the branch leaves. */
  left?: 'merged' | 'gone';
  notes: string[];
}

/** A branch that stands on another ticket's goes back to the base once that is merged, or gone. */
async function nameStart(
  stack: Stack,
  { repo, own, wish: { onto, refresh } }: { repo: string; own: DedicatedRepo; wish: SyncWish },
): Promise<NamedStart> {
  const { base, stackedOn } = own;
  const lower = await findLower(stack, own);
  const other = onto?.repos[repo];
  if (onto && other?.mode === 'dedicated') {
    const start = { base: other.branch, stackedOn: { ticket: onto.ticket, base: stackedOn?.base ?? base } };
    return { base: other.branch, start, notes: [] };
  }
  if (!lower) return { base: await nameBase(stack, repo, own), start: { base }, notes: [] };
  // The base first: what it got is what the other ticket may be merged by.
  await refresh?.(own, lower.base);
  const end = await findEnd(stack, own, lower, refresh);
  if (end === undefined) return { base, start: { base, stackedOn }, notes: [] };
  const notes = [`${lower.ticket} is ${end}, so it stands on ${lower.base} ${stackedOn ? 'again' : 'now'}`];
  return { base: lower.base, start: { base: lower.base }, left: end, notes };
}

/** A ticket on a branch that was there (`--on`) gets the news of the repo's own base. */
async function nameBase(stack: Stack, repo: string, { base, branch, worktree }: DedicatedRepo): Promise<string> {
  if (base !== branch) return base;
  const config = await configIfReadable(stack);
  const own = config && Object.hasOwn(config.repos, repo) ? config.repos[repo]?.base : undefined;
  return own ?? defaultBranch(worktree);
}

/** What is no branch here may be one of a remote, or a pull request. */
async function findElsewhere(
  stack: Stack,
  { repo, own, base, notes }: { repo: string; own: DedicatedRepo; base: string; notes: string[] },
): Promise<FoundTip | ChangedRepo> {
  const { path, branch, baseCommit } = own;
  try {
    const found = await resolveBase({ repo, path, ref: base, fetch: true, signal: stack.signal });
    return { name: base, commit: found.commit, foreign: [], notes };
  } catch (error) {
    if (!(error instanceof StackError) || (error.code !== 'not-found' && error.code !== 'git')) throw error;
    const back = `\`git -C ${quoteForShell(path)} branch ${base} ${baseCommit.slice(0, 7)}\` makes it again where the ticket began`;
    return refusal(branch, `its base ${base} is gone: ${error.message}`, back);
  }
}
