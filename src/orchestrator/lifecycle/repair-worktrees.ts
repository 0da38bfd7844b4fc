import { isThere } from '../../adapters/files/files.ts';
import { findRepairable, isKnownTo, rejoinWorktree, restoreBranch } from '../../adapters/git/worktree/repair.ts';
import { ifAnswered } from '../../domain/errors.ts';
import { type DedicatedRepo, dedicatedRepos } from '../../domain/instance.ts';
import { requireFree, requireInstances } from '../core/claim.ts';
import { requireOwnThings } from '../core/ownership.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { factsOf } from '../prepare/repos.ts';

/**
 * Repairs what somebody did to the git side of tickets, where nothing can be lost by it: follows a main checkout to where
 * stack.yml has it now, joins worktrees to their repo again, and with `branches` makes a deleted branch again where it was:
 * the rest is needed to look at the ticket at all. What else there is stays as it is. Throws `not-found`, `busy`,
 * `conflict`, `git`.
 */
export async function repairWorktrees(
  stack: Stack,
  tickets: readonly string[],
  { branches }: { branches: boolean },
): Promise<void> {
  for (const record of requireInstances(await stack.store.read(), tickets)) {
    if (record.phase !== 'ready') continue;
    await requireFree(stack, record);
    await requireOwnThings(stack, record);
    for (const [repo, own] of dedicatedRepos(record)) {
      const moved = await followRepo(stack, record.ticket, repo, own);
      await repairWorktree(stack, repo, { ...own, ...moved }, branches && !own.adopted);
    }
  }
}

type Place = Pick<DedicatedRepo, 'path' | 'gitCommonDir'>;

async function followRepo(
  stack: Stack,
  ticket: string,
  repo: string,
  { gitCommonDir, worktree }: DedicatedRepo,
): Promise<Place | undefined> {
  if (await isThere(gitCommonDir)) return undefined;
  const config = await configIfReadable(stack);
  if (!config || !Object.hasOwn(config.repos, repo)) return undefined;
  const facts = await ifAnswered(() => factsOf(stack, config, repo));
  if (!facts || !(await isKnownTo(facts.gitCommonDir, worktree))) return undefined;
  const place = { path: facts.top, gitCommonDir: facts.gitCommonDir };
  await stack.store.update(async (draft) => {
    const record = draft.instances[ticket];
    const own = record?.repos[repo];
    if (!record || own?.mode !== 'dedicated') return;
    await requireFree(stack, record);
    Object.assign(own, place);
  });
  stack.emit({ type: 'info', text: `${repo} is at ${place.path} now: ${ticket} follows` });
  return place;
}

async function repairWorktree(stack: Stack, repo: string, own: DedicatedRepo, branches: boolean): Promise<void> {
  const fault = await findRepairable(own);
  if (fault === 'cut-off') await rejoinWorktree({ ...own, repoPath: own.path });
  if (fault !== 'branch-gone' || !branches) return;
  const commit = await restoreBranch({ ...own, repoPath: own.path }, own.baseCommit);
  const text = `${repo}: the branch that its worktree is on was deleted; it is back at ${commit.slice(0, 10)}`;
  stack.emit({ type: 'warning', text });
}
