import { type BranchEnd, judgeBranch } from '../../adapters/git/risk/judge-branch.ts';
import { StackError } from '../../domain/errors.ts';
import { type DedicatedRepo, dedicatedRepos, listWorkedOn } from '../../domain/instance.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { findForge, findProposedBase } from './proposal.ts';

/**
 * Returns the tickets whose branches are all merged, as of the last fetch or as their forge says. One that nobody has committed
 * anything to is not among them: it has yet to begin. A forge that cannot be asked is told of. Throws `git`, `interrupted`.
 */
export async function listMergedTickets(stack: Stack): Promise<string[]> {
  const [state, config] = await Promise.all([stack.store.read(), configIfReadable(stack)]);
  const judged = await Promise.all(
    listWorkedOn(state).map(async (record) => {
      const states = await Promise.all(
        dedicatedRepos(record).map(([repo, own]) => judgeHereOrThere(stack, own, config?.repos[repo]?.base)),
      );
      return record.phase === 'ready' && states.includes('merged') && !states.includes('open') ? [record.ticket] : [];
    }),
  );
  return judged.flat();
}

async function judgeHereOrThere(stack: Stack, own: DedicatedRepo, configured: string | undefined): Promise<BranchEnd> {
  const { end, tip } = await judgeBranch(own);
  // Whoever deletes a branch with their own hands is done with it.
  if (end === 'gone') return 'merged';
  if (end !== 'open' || tip === undefined) return end;
  return (await isMergedThere(stack, { own, configured, tip })) ? 'merged' : 'open';
}

/** True when the forge has merged just this commit: squashed and changed there, or not fetched since. */
async function isMergedThere(
  stack: Stack,
  { own, configured, tip }: { own: DedicatedRepo; configured: string | undefined; tip: string },
): Promise<boolean> {
  try {
    const place = await findProposedBase(own, configured);
    const at = 'reason' in place ? place : await findForge(stack, place);
    const found = 'reason' in at ? undefined : await at.forge?.find(own.branch);
    return found?.state === 'merged' && found.head === tip;
  } catch (error) {
    if (!(error instanceof StackError) || error.code === 'interrupted') throw error;
    const text = `whether ${own.branch} is merged there: ${error.message}`;
    stack.emit({ type: 'warning', text: error.hint ? `${text}: ${error.hint}` : text });
    return false;
  }
}
