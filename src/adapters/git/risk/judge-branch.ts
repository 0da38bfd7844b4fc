import type { DedicatedRepo } from '../../../domain/instance.ts';
import { findLocal } from '../branch.ts';
import { isUntouched } from './head-log.ts';
import { isMerged } from './merged.ts';

/** What became of the branch of a ticket; `untouched`: stack made it, and nobody has committed anything to it. */
export type BranchEnd = 'merged' | 'gone' | 'open' | 'untouched';

/** Returns how far the branch of a ticket is in one repo, as of the last fetch, and the commit it is at. Throws `git`, `files`. */
export async function judgeBranch(own: DedicatedRepo): Promise<{ end: BranchEnd; tip?: string }> {
  const { path: cwd, branch, base, ownsBranch } = own;
  const tip = (await findLocal(cwd, branch))?.commit;
  if (tip === undefined) return { end: 'gone' };
  if (ownsBranch && (await isUntouched(own, tip))) return { end: 'untouched', tip };
  return { end: (await isMerged({ cwd, branch, base, tip })) ? 'merged' : 'open', tip };
}
