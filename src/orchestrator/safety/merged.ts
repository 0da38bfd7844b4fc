import { findLocal } from '../../adapters/git/branch.ts';
import { isMerged } from '../../adapters/git/risk/merged.ts';
import { type DedicatedRepo, dedicatedRepos } from '../../domain/instance.ts';
import type { Stack } from '../core/stack.ts';

/**
 * Returns the tickets whose branches are all merged, as of the last fetch. One that nobody has committed anything to is not
 * among them: it has yet to begin.
 */
export async function listMergedTickets(stack: Stack): Promise<string[]> {
  const { instances } = await stack.store.read();
  const judged = await Promise.all(
    Object.values(instances).map(async (record) => {
      const states = await Promise.all(dedicatedRepos(record).map(([, repo]) => judgeBranch(repo)));
      return record.phase === 'ready' && states.includes('merged') && !states.includes('open') ? [record.ticket] : [];
    }),
  );
  return judged.flat();
}

/** `untouched`: stack made the branch, and it is where it began. */
async function judgeBranch(own: DedicatedRepo): Promise<'merged' | 'open' | 'untouched'> {
  const { path: cwd, branch, base, baseCommit, ownsBranch } = own;
  const local = await findLocal(cwd, branch);
  // Whoever deletes a branch with their own hands is done with it.
  if (!local) return 'merged';
  if (ownsBranch && local.commit === baseCommit) return 'untouched';
  return (await isMerged({ cwd, branch, base, tip: local.commit })) ? 'merged' : 'open';
}
