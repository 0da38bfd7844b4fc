import { tryGit } from './git.ts';
import { askAboutFiles } from './risk/filters.ts';
import { findLostBranch } from './risk/head-log.ts';
import { listAroundUnfilled, listLinked, listUnfilled } from './unfilled.ts';
import { listHiddenChanges } from './worktree/assume-unchanged.ts';
import type { WorktreeEntry } from './worktree/entry.ts';

/** What git sees in a worktree. Paths are relative to it; a folder ends in `/`. */
export interface WorktreeStatus {
  /** Full id of the commit that HEAD is at; undefined on a branch without a commit. */
  head: string | undefined;
  /** Undefined when no branch is checked out. */
  branch: string | undefined;
  /** True when that branch was there and is gone; HEAD is then the commit that it was at. */
  isLost?: boolean;
  changed: string[];
  /** The id that the index has of each changed file, or submodule, of which nothing is staged. */
  unstaged: ReadonlyMap<string, string>;
  /** Files of which the index has what neither HEAD nor the disk has. */
  halfStaged: ReadonlySet<string>;
  untracked: string[];
  ignored: string[];
}

/** Returns what git sees in a worktree, whatever the person's settings hide from `git status`. Throws `git`. */
export async function readStatus(worktree: string): Promise<WorktreeStatus> {
  const linked = listLinked(worktree);
  const [text, hidden, unfilled, around] = await Promise.all([
    askAboutFiles(worktree, [
      ...['status', '--porcelain=v2', '--branch', '-z', '--no-ahead-behind', '--no-renames'],
      ...['--untracked-files=normal', '--ignored=matching', '--ignore-submodules=none'],
    ]),
    listHiddenChanges(worktree),
    listUnfilled(worktree, linked),
    listAroundUnfilled(worktree, linked),
  ]);
  const entries = text.split('\0');
  const listAfter = (mark: string): string[] =>
    entries.flatMap((entry) => (entry.startsWith(mark) ? [entry.slice(mark.length)] : []));
  const [branch] = listAfter('# branch.head ');
  return {
    head: listAfter('# branch.oid ').find((id) => id !== '(initial)'),
    branch: branch === '(detached)' ? undefined : branch,
    changed: [...new Set([...entries.flatMap(readChanged), ...hidden, ...around])],
    unstaged: new Map(entries.flatMap(readUnstaged)),
    halfStaged: new Set(entries.filter((entry) => /^1 [^.]{2} /.test(entry)).flatMap(readChanged)),
    untracked: [...listAfter('? '), ...[...unfilled.keys()].map((folder) => `${folder}/`)],
    ignored: listAfter('! '),
  };
}

/**
 * Returns the same of a linked worktree, also where somebody has deleted the branch it is on. `made` is the branch that the worktree was made on. Throws `git`.
 */
export async function readOwnStatus(worktree: string, entry: WorktreeEntry, made: string): Promise<WorktreeStatus> {
  const status = await readStatus(worktree);
  if (status.head !== undefined || status.branch === undefined) return status;
  const head = (await findLostBranch(entry.folder, status.branch, made))?.commit;
  if (head === undefined || (await tryGit(worktree, ['cat-file', '-e', `${head}^{commit}`])).exitCode !== 0)
    return status;
  const options = ['--name-only', '-z', '--no-renames', '--no-ext-diff', '--no-textconv', '--ignore-submodules=none'];
  const names = await Promise.all(
    [['--cached'], []].map((which) => askAboutFiles(worktree, ['diff', ...options, ...which, head, '--'])),
  );
  const changed = [
    ...names
      .join('')
      .split('\0')
      .filter((name) => name !== ''),
    ...(await listHiddenChanges(worktree)),
  ];
  return { ...status, head, isLost: true, changed: [...new Set(changed)].sort() };
}

/** `1 .M N... 100644 100644 100644 <in HEAD> <in the index> <path>` */
function readUnstaged(entry: string): [string, string][] {
  const [kind, state = '', , ...fields] = entry.split(' ');
  return kind === '1' && state.startsWith('.') ? [[fields.slice(5).join(' '), fields[4] ?? '']] : [];
}

/** `1` has eight fields before the path, `u` (unmerged) ten; a path may hold spaces. */
function readChanged(entry: string): string[] {
  const fields = entry.startsWith('1 ') ? 8 : entry.startsWith('u ') ? 10 : 0;
  return fields === 0 ? [] : [entry.split(' ').slice(fields).join(' ')];
}
