import type { AskOptions } from '../git.ts';
import { askAboutFiles } from '../risk/filters.ts';

/** How a worktree stands, as `git status` says it. */
export interface Standing {
  /** Full id of the commit that HEAD is at; undefined on a branch without a commit. */
  head: string | undefined;
  /** Undefined when no branch is checked out. */
  branch: string | undefined;
  /** How many files have something staged, have something that is not, are not known to git (or folders of such), are in conflict. */
  staged: number;
  unstaged: number;
  untracked: number;
  conflicted: number;
  /** The branch that it follows (`origin/feat-02`); the counts are undefined where that is gone. */
  upstream: { ref: string; ahead?: number; behind?: number } | undefined;
}

/** Returns how a worktree stands, by one process of git, whatever the person's settings hide or show. Throws `git`, `interrupted`. */
export async function readStanding(worktree: string, options: AskOptions = {}): Promise<Standing> {
  const args = ['--porcelain=v2', '--branch', '-z', '--ahead-behind', '--no-renames', '--untracked-files=normal'];
  return parseStanding(await askAboutFiles(worktree, ['status', ...args, '--ignore-submodules=none'], options));
}

/** Reads what `git status --porcelain=v2 --branch -z` prints (git-status(1)). */
function parseStanding(text: string): Standing {
  const entries = text.split('\0');
  const after = (mark: string): string[] =>
    entries.flatMap((entry) => (entry.startsWith(mark) ? [entry.slice(mark.length)] : []));
  // `1 MD N...`: the first letter is what the index has, the second what the disk has, `.` for the same.
  const tracked = after('1 ');
  const [branch] = after('# branch.head ');
  const [ref] = after('# branch.upstream ');
  const [, ahead, behind] = /^\+(\d+) -(\d+)$/.exec(after('# branch.ab ')[0] ?? '') ?? [];
  return {
    head: after('# branch.oid ').find((id) => id !== '(initial)'),
    branch: branch === '(detached)' ? undefined : branch,
    staged: tracked.filter((entry) => entry[0] !== '.').length,
    unstaged: tracked.filter((entry) => entry[1] !== '.').length,
    untracked: after('? ').length,
    conflicted: after('u ').length,
    upstream: ref === undefined ? undefined : { ref, ...(ahead && { ahead: Number(ahead), behind: Number(behind) }) },
  };
}
