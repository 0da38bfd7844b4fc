import { askGit, tryGit } from '../git.ts';
import { mergeTrees } from '../merge/merging.ts';
import { type Conflicted, readOperation } from './conflicted.ts';
import { listInPlaceOf, listPaths } from './overwritten.ts';
import { readStaged } from './staged.ts';

/**
 * Returns the work in a worktree that git would throw away with the merge or rebase under way there, although it is no part of that,
 * relative to the worktree. Throws `git`, `files`.
 */
export async function listLostByAbort({ worktree, from, tip }: Conflicted): Promise<string[]> {
  const { head = from, staged, changed } = await readStaged(worktree);
  // The end of a merge takes what is staged; that of a rebase is a hard reset to the commit it began from.
  if ((await readOperation(worktree)) === 'a merge')
    return [
      ...(await leaveOutMerged(worktree, { head, tip }, [...staged.keys()])),
      ...(await listInPlaceOf(worktree, await listMissing(worktree, head))),
    ];
  const picked = await tryGit(worktree, ['rev-parse', '--verify', '--quiet', 'REBASE_HEAD']);
  const now = picked.exitCode === 0 ? picked.stdout.trim() : undefined;
  const known = [...new Set([...staged.keys(), ...changed])];
  const lost = now === undefined ? known : await leaveOutMerged(worktree, { head, tip: now, base: `${now}^` }, known);
  return [...lost, ...(await listInPlaceOf(worktree, await listMissing(worktree, from)))];
}

/** Returns the files of a commit that the index lacks: they come back, over whatever git ignores in their place. */
async function listMissing(worktree: string, commit: string): Promise<string[]> {
  const options = ['--cached', '--name-only', '--diff-filter=D', '-z', '--no-renames'];
  return (await askGit(worktree, ['diff-index', ...options, commit, '--'])).split('\0').filter(Boolean);
}

/** Git brings it under another name where the other side has renamed it: so the merge is made once more, as objects. */
async function leaveOutMerged(
  worktree: string,
  { head, tip, base }: { head: string; tip: string; base?: string },
  names: readonly string[],
): Promise<string[]> {
  if (names.length === 0) return [];
  const { tree, conflicts } = await mergeTrees({ folder: worktree }, head, tip, base);
  const listed = await listPaths(worktree, head, tree);
  const merged = new Set([...listed.map(({ name }) => name), ...conflicts.map((one) => one.path)]);
  return names.filter((name) => !merged.has(name));
}
