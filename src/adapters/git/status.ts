import { askGit } from './git.ts';
import { listHiddenChanges } from './hidden.ts';

/** What git sees in a worktree. Paths are relative to it; a folder ends in `/`. */
export interface WorktreeStatus {
  /** Full id of the commit that HEAD is at. */
  head: string;
  /** Undefined when no branch is checked out. */
  branch: string | undefined;
  changed: string[];
  untracked: string[];
  ignored: string[];
}

/** Gives what git sees in a worktree, whatever the person's settings hide from `git status`. Throws `git`. */
export async function readStatus(worktree: string): Promise<WorktreeStatus> {
  const [text, hidden] = await Promise.all([
    askGit(worktree, [
      ...['status', '--porcelain=v2', '--branch', '-z', '--no-ahead-behind', '--no-renames'],
      ...['--untracked-files=normal', '--ignored=matching', '--ignore-submodules=none'],
    ]),
    listHiddenChanges(worktree),
  ]);
  const entries = text.split('\0');
  const listAfter = (mark: string): string[] =>
    entries.flatMap((entry) => (entry.startsWith(mark) ? [entry.slice(mark.length)] : []));
  const [branch] = listAfter('# branch.head ');
  return {
    head: listAfter('# branch.oid ')[0] ?? '',
    branch: branch === '(detached)' ? undefined : branch,
    changed: [...new Set([...entries.flatMap(readChanged), ...hidden])],
    untracked: listAfter('? '),
    ignored: listAfter('! '),
  };
}

/** `1` has eight fields before the path, `u` (unmerged) ten; a path may hold spaces. */
function readChanged(entry: string): string[] {
  const fields = entry.startsWith('1 ') ? 8 : entry.startsWith('u ') ? 10 : 0;
  return fields === 0 ? [] : [entry.split(' ').slice(fields).join(' ')];
}
