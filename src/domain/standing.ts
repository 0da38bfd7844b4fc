/** The gravest that is to be said of a ticket's work, the first that fits. `broken`: a repo that nobody could look at. */
const VERDICTS = ['broken', 'conflicted', 'dirty', 'unpushed', 'behind', 'merged', 'clean'] as const;
type Judgement = (typeof VERDICTS)[number];

/** `creating`, `destroying`: a command is at work on the ticket, and its work is not judged. */
export type Verdict = Judgement | 'creating' | 'destroying';

/** How a branch stands to another one. */
interface Distance {
  ref: string;
  /** How many commits only the branch has, and only the other. */
  ahead: number;
  behind: number;
}

/** How the work of a ticket stands in one repo. The JSON of `stack status`; fields may be added only. */
export interface RepoStanding {
  /** The ticket's own branch. */
  branch: string;
  /** What is checked out in the worktree; null for no branch. */
  on: string | null;
  base: string;
  /** What counts as the base: `main`, or `origin/main` where no branch here has its name; a commit once the base is gone. */
  baseRef: string;
  /** Commits that the base lacks, and commits of the base that came since. */
  ahead: number;
  behind: number;
  /** `rewritten`: it is not on top of the commit any more that the ticket began from. */
  baseState: 'same' | 'moved' | 'rewritten' | 'gone';
  /** The branch that the base follows, where it is at another commit. */
  baseUpstream: Distance | null;
  /** Files, or folders that git does not know. */
  staged: number;
  unstaged: number;
  untracked: number;
  conflicted: number;
  upstream: Distance | null;
  /** `merge`, `rebase`, `cherry-pick`, `revert`, `bisect`: what is under way. */
  operation: string | null;
  /** How the worktree comes back to where its branch can be worked on; null where it is there. */
  hint: string | null;
  /** True where nothing of its own is missing at a remote, as of the last fetch or push. */
  pushed: boolean;
  /** True where it has had work, and all of it is in the base or a main branch: merged, rebased, squashed or picked. */
  merged: boolean;
  head: { commit: string; subject: string; at: string } | null;
  /** What else is to be known, a line each. */
  notes: string[];
}

/** What is said of a repo that nobody could look at. */
export type UnseenRepo = Pick<RepoStanding, 'branch' | 'base'> & { problem: string };

/** How the work of a ticket stands. */
export interface TicketStanding {
  ticket: string;
  verdict: Verdict;
  repos: Record<string, RepoStanding | UnseenRepo>;
}

/** True for a repo that somebody could look at. */
export function isSeen(repo: RepoStanding | UnseenRepo): repo is RepoStanding {
  return !('problem' in repo);
}

/** Returns the repos of which each verdict but `clean` is true. */
export function judgeStanding(repos: TicketStanding['repos']): Record<Exclude<Judgement, 'clean'>, string[]> {
  const seen = Object.entries(repos).filter((entry): entry is [string, RepoStanding] => isSeen(entry[1]));
  const listWhere = (fits: (repo: RepoStanding) => boolean): string[] =>
    seen.flatMap(([name, repo]) => (fits(repo) ? [name] : []));
  const merged = listWhere((repo) => repo.merged);
  const isDone = merged.length > 0 && seen.every(([, { merged, ahead }]) => merged || ahead === 0);
  return {
    broken: Object.keys(repos).filter((name) => !seen.some(([one]) => one === name)),
    conflicted: listWhere(({ conflicted }) => conflicted > 0),
    dirty: listWhere((repo) => isDirty(repo) || repo.operation !== null),
    unpushed: listWhere((repo) => !repo.pushed && !repo.merged),
    // Who is done needs no news.
    behind: isDone ? [] : listWhere((repo) => repo.behind > 0 && !repo.merged),
    merged: isDone ? merged : [],
  };
}

/** Returns the verdict for a ticket: the first that fits one of its repos. */
export function findVerdict(repos: TicketStanding['repos']): Judgement {
  const found: Partial<Record<Judgement, string[]>> = judgeStanding(repos);
  return VERDICTS.find((verdict) => (found[verdict] ?? []).length > 0) ?? 'clean';
}

/** True where something is not committed. */
export function isDirty(repo: Pick<RepoStanding, 'staged' | 'unstaged' | 'untracked' | 'conflicted'>): boolean {
  return repo.staged + repo.unstaged + repo.untracked + repo.conflicted > 0;
}

/** Returns how somebody goes on with what is under way in a folder (`rebase`, `bisect`), and how they end it. */
export function hintToEnd(operation: string, folder: string): string {
  return operation === 'bisect'
    ? `\`git bisect good\` or \`git bisect bad\` in ${folder} goes on, \`git bisect reset\` ends it`
    : `\`git ${operation} --continue\` in ${folder} goes on, \`git ${operation} --abort\` puts it back`;
}

/** Returns how somebody comes back to a ticket's branch in its worktree. */
export function hintToSwitch(branch: string, worktree: string): string {
  return `\`git switch ${branch}\` in ${worktree} goes back to the ticket’s branch`;
}

/** Full ids of the commits that the branches of a ticket and their bases are at, by repo. */
export interface TicketOnBases {
  heads: Record<string, string>;
  bases: Record<string, string>;
}
