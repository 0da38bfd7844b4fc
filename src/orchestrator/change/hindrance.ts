import { findNoIdentity } from '../../adapters/git/change/commit.ts';
import type { Staged } from '../../adapters/git/change/staged.ts';
import { isAncestor } from '../../adapters/git/commits.ts';
import { isOnceOf, readUpstream } from '../../adapters/git/upstream.ts';
import { listOperations, type WorktreeEntry } from '../../adapters/git/worktree/entry.ts';
import { nameFew } from '../../domain/few.ts';
import type { DedicatedRepo } from '../../domain/instance.ts';
import { hintToEnd, hintToSwitch } from '../../domain/standing.ts';
import { type ChangedRepo, refusal } from './result.ts';

/** Returns why the branch of a ticket cannot be worked on in its worktree as it is; undefined where it can. Throws `git`. */
export async function findHindrance(
  { worktree, branch }: DedicatedRepo,
  entry: WorktreeEntry,
  staged: Pick<Staged, 'branch' | 'head' | 'unmerged'>,
): Promise<ChangedRepo | undefined> {
  const [operation] = await listOperations(entry);
  if (operation !== undefined) {
    return refusal(branch, `${operation} is under way`, hintToEnd(operation.replace(/^an? /, ''), worktree));
  }
  if (staged.unmerged.length > 0)
    return refusal(branch, `files are in conflict: ${nameFew(staged.unmerged)}`, `resolve them in ${worktree}`);
  const back = hintToSwitch(branch, worktree);
  if (staged.branch === undefined) return refusal(branch, 'no branch is checked out', back);
  if (staged.branch !== branch) return refusal(branch, `it is on ${staged.branch}, not on ${branch}`, back);
  if (staged.head === undefined)
    return refusal(branch, `${branch} has no commit yet`, `make the first one in ${worktree}`);
  const nobody = await findNoIdentity(worktree);
  if (nobody === undefined) return undefined;
  const hint = 'git config --global user.name "Your Name"; git config --global user.email you@example.com';
  return refusal(branch, `git does not know who you are: ${nobody}`, hint);
}

/**
 * Returns why a branch cannot go into a base: its remote has rewritten that, and the branch stands on what is there now, with which the base
 * here would seem to conflict. Throws `git`.
 */
export async function findOutdated({ path, branch }: DedicatedRepo, base: string): Promise<ChangedRepo | undefined> {
  const upstream = await readUpstream({ path, base });
  if (!upstream || upstream.ahead === 0 || upstream.behind === 0) return undefined;
  const { name, commit } = upstream;
  if (!(await isOnceOf(path, name, base)) || !(await isAncestor(path, commit, `refs/heads/${branch}`)))
    return undefined;
  const hint = `\`git reset --keep ${name}\` on ${base}, in ${path}, takes it there; --into BRANCH merges into another one`;
  return refusal(
    branch,
    `${branch} stands on ${name}, which was rewritten, and ${base} here is from before that`,
    hint,
  );
}
