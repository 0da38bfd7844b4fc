import { askAboutFiles } from '../risk/filters.ts';

/** What a commit in a worktree would find there. Paths are relative to it. */
export interface Staged {
  /** Full id of the commit that HEAD is at; undefined on a branch without a commit. */
  head: string | undefined;
  /** Undefined when no branch is checked out. */
  branch: string | undefined;
  /** What is staged of each file: the id of its content, zeros for one that goes. */
  staged: ReadonlyMap<string, string>;
  /** Files that git knows, and that differ from what is staged of them. */
  changed: string[];
  /** Files of a merge that nobody has resolved yet. */
  unmerged: string[];
  /** How many files, or folders of such, git does not know. */
  untracked: number;
}

/** Returns what a commit in a worktree would find there. Throws `git`. */
export async function readStaged(worktree: string): Promise<Staged> {
  const options = ['--porcelain=v2', '--branch', '-z', '--no-ahead-behind', '--no-renames', '--untracked-files=normal'];
  const entries = (await askAboutFiles(worktree, ['status', ...options])).split('\0');
  const after = (mark: string): string[] =>
    entries.flatMap((entry) => (entry.startsWith(mark) ? [entry.slice(mark.length)] : []));
  const files = entries.filter((entry) => entry.startsWith('1 ')).map(readFile);
  const [branch] = after('# branch.head ');
  return {
    head: after('# branch.oid ').find((id) => id !== '(initial)'),
    branch: branch === '(detached)' ? undefined : branch,
    staged: new Map(files.filter(({ index }) => index !== '.').map(({ path, id }) => [path, id])),
    changed: files.filter(({ disk, submodule }) => disk !== '.' && isCommittable(submodule)).map(({ path }) => path),
    unmerged: after('u ').map((entry) => entry.split(' ').slice(9).join(' ')),
    untracked: after('? ').length,
  };
}

/** `1 M. N... 100644 100644 100644 <in HEAD> <in the index> <path>` */
function readFile(entry: string) {
  const [, state = '', submodule = '', , , , , id = '', ...words] = entry.split(' ');
  return { index: state[0] ?? '.', disk: state[1] ?? '.', submodule, id, path: words.join(' ') };
}

/** Of a submodule (`SC..`) a commit takes which commit is checked out there, and nothing of its files. */
function isCommittable(submodule: string): boolean {
  return submodule.startsWith('N') || submodule[1] === 'C';
}
