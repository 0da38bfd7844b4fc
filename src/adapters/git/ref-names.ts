import { askGit } from './git.ts';

/**
 * Returns what a branch may start from, as one types it: branches, those of remotes, tags; the newest first. `free`: only branches
 * that a worktree may have, which no other has checked out. Throws `git`.
 */
export async function listRefNames(folder: string, { free = false } = {}): Promise<string[]> {
  const text = await askGit(folder, [
    ...['for-each-ref', '--sort=-creatordate', '--format=%(refname)%00%(symref)%00%(worktreepath)'],
    ...['refs/heads', 'refs/remotes', ...(free ? [] : ['refs/tags'])],
  ]);
  const refs = text.split('\n').map((line) => line.split('\0'));
  // A remote's HEAD is another name for one of its branches.
  const meant = refs.filter(([name, symbolic, worktree]) => name && !symbolic && !(free && worktree));
  return [...new Set(meant.map(([name = '']) => name.replace(/^refs\/(heads|remotes|tags)\//, '')))];
}
