import path from 'node:path';
import { ifReadable } from '../../adapters/files/file-errors.ts';
import { removeDetached } from '../../adapters/git/worktree/detached.ts';
import { canonicalPath } from '../../adapters/git/worktree/entry.ts';
import { listWorktrees } from '../../adapters/git/worktree/list.ts';
import { ifAnswered, StackError } from '../../domain/errors.ts';
import { inFolder } from '../../domain/layout.ts';
import { isWithin } from '../../domain/within.ts';
import { isGoing, listPlans } from '../core/plans.ts';
import type { Stack } from '../core/stack.ts';
import { observeRuns } from '../runs/observe.ts';
import type { Evidence } from './evidence.ts';
import type { Finding } from './finding.ts';
import { offerRemoval } from './litter.ts';

/** A worktree that a review was given. */
interface ReviewWorktree {
  repoPath: string;
  gitCommonDir: string;
  path: string;
}

/** Finds the worktrees of reviews whose plan was killed: nobody goes on with it, and the reviewer has ended. */
export async function examineReviews(stack: Stack, { gitCommonDirs }: Evidence): Promise<Finding[]> {
  const plans = (await ifReadable(listPlans(stack))) ?? [];
  return (await Promise.all(plans.map((plan) => examinePlan(stack, plan, gitCommonDirs)))).flat();
}

async function examinePlan(stack: Stack, plan: string, gitCommonDirs: readonly string[]): Promise<Finding[]> {
  if (await isGoing(stack, plan)) return [];
  const left = await listLeft(stack, plan, gitCommonDirs);
  if (left.length === 0) return [];
  const what = `worktrees of reviews of the plan ${plan}, which nobody goes on with: ${left.map((one) => one.path).join(', ')}`;
  const remove = async (): Promise<void> => {
    if (await isGoing(stack, plan))
      throw new StackError('busy', `somebody goes on with the plan ${plan} by now`, { hint: 'it removes them itself' });
    for (const worktree of left) await removeDetached(worktree, stack.signal);
  };
  return [offerRemoval(what, remove)];
}

/** Agents outlive the command that began them: a reviewer that is at work needs its worktrees. */
async function listLeft(stack: Stack, plan: string, gitCommonDirs: readonly string[]): Promise<ReviewWorktree[]> {
  const reviews = await canonicalPath(inFolder(stack.root, 'plans', plan, 'reviews'));
  const found = await Promise.all(
    gitCommonDirs.map(async (gitCommonDir): Promise<ReviewWorktree[]> => {
      const all = (await ifAnswered(() => listWorktrees(gitCommonDir))) ?? [];
      const repoPath = all[0]?.path ?? gitCommonDir;
      return all.flatMap((one) => (isWithin(one.path, reviews) ? [{ repoPath, gitCommonDir, path: one.path }] : []));
    }),
  );
  const atWork = (await observeRuns(stack)).filter(({ view }) => view.state !== 'exited');
  const isUsed = (file: string): boolean => {
    const [ticket, run] = path.relative(reviews, file).split(path.sep);
    return atWork.some(({ view }) => view.ticket === ticket && view.name === run);
  };
  return found.flat().filter((one) => !isUsed(one.path));
}
