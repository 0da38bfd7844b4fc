import { askGit, tryGit } from '../git.ts';

/** One worktree as git lists it; the main one comes first. */
export interface ListedWorktree {
  path: string;
  /** Undefined when HEAD is detached. */
  branch: string | undefined;
  /** Full commit id; undefined for a bare repo. */
  head: string | undefined;
  bare: boolean;
  /** True when its folder is gone. */
  prunable: boolean;
}

/** Returns all worktrees of a repo, the main one first. Throws `git`. */
export async function listWorktrees(folder: string): Promise<ListedWorktree[]> {
  const listed = await tryGit(folder, ['worktree', 'list', '--porcelain', '-z']);
  if (listed.exitCode === 0) return parseWorktrees(listed.stdout);
  // `-z` came with git 2.36; before it a path with a line break cannot be told from two lines.
  return parseWorktrees((await askGit(folder, ['worktree', 'list', '--porcelain'])).replaceAll('\n', '\0'));
}

/** Reads `git worktree list --porcelain -z`. Attributes that newer versions add are passed over. */
function parseWorktrees(text: string): ListedWorktree[] {
  return text
    .split('\0\0')
    .filter((block) => block.startsWith('worktree '))
    .map((block) => {
      const values = new Map(block.split('\0').map(splitAttribute));
      return {
        path: values.get('worktree') ?? '',
        branch: values.get('branch')?.replace(/^refs\/heads\//, ''),
        head: values.get('HEAD'),
        bare: values.has('bare'),
        prunable: values.has('prunable'),
      };
    });
}

function splitAttribute(line: string): [string, string] {
  const space = line.indexOf(' ');
  return space === -1 ? [line, ''] : [line.slice(0, space), line.slice(space + 1)];
}
