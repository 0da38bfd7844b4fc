import path from 'node:path';
import { StackError } from '../../domain/errors.ts';
import { isWithin } from '../../domain/within.ts';

/**
 * Returns paths, as typed in a folder, from the top, where each repo is a folder. The ticket's folder stands for all of its repos.
 * Throws `usage` for one that is in none of them.
 */
export function placePaths({
  paths,
  ...place
}: {
  paths: readonly string[];
  cwd: string;
  repos: readonly string[];
  worktrees: readonly string[];
}): string[] {
  return paths.flatMap((name) => placePath(name, place));
}

function placePath(
  name: string,
  { cwd, repos, worktrees }: { cwd: string; repos: readonly string[]; worktrees: readonly string[] },
): string[] {
  const file = path.resolve(cwd, name);
  const at = worktrees.findIndex((worktree) => isWithin(file, worktree));
  if (at !== -1) return [path.join(repos[at] ?? '', path.relative(worktrees[at] ?? '', file))];
  const below = repos.filter((_, index) => path.dirname(worktrees[index] ?? '') === file);
  if (below.length > 0) return below;
  const [first = ''] = path.normalize(name).split(path.sep);
  if (repos.includes(first)) return [path.normalize(name)];
  throw new StackError('usage', `${name} is in no repo of the ticket`, {
    hint: `put the repo’s name in front: ${repos.map((repo) => path.join(repo, name)).join(' or ')}`,
  });
}
