import { askGit } from './git.ts';

/** Returns how many bytes the files of a commit have together, as git has them; submodules are not counted. Throws `git`. */
export async function measureTree(repo: string, commit: string): Promise<number> {
  const text = await askGit(repo, ['ls-tree', '-r', '-l', '-z', '--full-tree', commit]);
  // Mode, type, id, size and name; a submodule has `-` for a size.
  const sizes = text.split('\0').map((entry) => Number(/^\d+ blob \w+ +(\d+)\t/.exec(entry)?.[1] ?? 0));
  return sizes.reduce((total, one) => total + one, 0);
}
