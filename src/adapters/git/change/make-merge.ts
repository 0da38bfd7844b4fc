import { isAncestor } from '../commits.ts';
import { commitTree, type MergePlace, withMerging } from '../merge/merging.ts';
import { listOwnCommits, readCommit, replayAsObjects, treeOf } from './replay.ts';

/** `no-ff`: a merge commit; `squash`: one commit; `rebase`: each commit of the branch once more, on top. */
export type MergeWay = 'no-ff' | 'squash' | 'rebase';

export interface WantedMerge {
  /** Full ids of commits: what is merged into, and what comes in. */
  onto: string;
  incoming: string;
  way: MergeWay;
  /** Of the merge commit, or of the squashed one, as a person says it. */
  message: string | undefined;
  /** The same where nobody says it; what is squashed of one commit alone keeps that one's, and its author. */
  usual: string;
}

/**
 * What a merge came to: the commit that has both; `conflicts`: the files, relative to the repo; `failed`: what git does not merge, and
 * why. Where nothing came in, `commit` is `onto`.
 */
export type MadeMerge = { commit: string } | { conflicts: string[] } | { failed: string };

/**
 * Merges one commit into another, as objects of the repo: no ref, index or file of any checkout is changed, and no hook runs. What is in
 * there already, merged, squashed or rebased, brings nothing. Throws `git`, `interrupted`.
 */
export async function makeMerge(place: MergePlace & { signal: AbortSignal }, wanted: WantedMerge): Promise<MadeMerge> {
  const { folder } = place;
  const { onto, incoming, way, message = wanted.usual } = wanted;
  if (await isAncestor(folder, incoming, onto)) return { commit: onto };
  const [merged] = await withMerging(place, ({ merge }) => merge([{ ours: onto, theirs: incoming }]), { keep: true });
  if (!merged || 'failed' in merged) return { failed: merged?.failed ?? 'git says nothing' };
  const { tree, conflicts } = merged;
  // What was squashed would conflict with itself, commit by commit.
  if (conflicts.length === 0 && tree === (await treeOf(folder, onto))) return { commit: onto };
  const own = await listOwnCommits(folder, incoming, [onto]);
  if (way === 'rebase') return replay(place, { onto, incoming, ...own });
  if (conflicts.length > 0) return { conflicts: listPaths(conflicts) };
  if (way === 'no-ff') return { commit: await commitTree(place, { tree, parents: [onto, incoming], message }) };
  const isOne = own.commits.length === 1 && own.merges === 0 && wanted.message === undefined;
  const about = isOne ? await readCommit(folder, own.commits[0] ?? '') : { message };
  return { commit: await commitTree(place, { ...about, tree, parents: [onto] }) };
}

async function replay(
  { folder, signal }: MergePlace & { signal: AbortSignal },
  { onto, incoming, commits, merges }: Pick<WantedMerge, 'onto' | 'incoming'> & { commits: string[]; merges: number },
): Promise<MadeMerge> {
  // They stand on top already.
  if (merges === 0 && (await isAncestor(folder, onto, incoming))) return { commit: incoming };
  const brought = await replayAsObjects({ worktree: folder, signal }, { commits, onto });
  return 'conflicts' in brought ? { conflicts: listPaths(brought.conflicts) } : brought;
}

function listPaths(conflicts: readonly { path: string }[]): string[] {
  return [...new Set(conflicts.map(({ path }) => path))];
}
