import { checkExistingBranch, checkNewBranch, findLocal } from '../../adapters/git/branch.ts';
import { findCommit } from '../../adapters/git/repo.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { StackError } from '../../domain/errors.ts';
import type { DedicatedRepo, RepoRecord } from '../../domain/instance.ts';
import type { Rescue, RescuedRepo } from '../../domain/rescue.ts';
import type { Stack } from '../core/stack.ts';
import { describeCopy, factsOf, type PlanOptions, planRepos } from './repos.ts';

/**
 * Asks git, in all repos side by side, whether a ticket can be made again as it was saved. Makes nothing. Throws `config`
 * (stack.yml has lost a repo), `conflict` and `exists` (its branch is in use), `not-found` (its commits are gone).
 */
export async function planRescued(
  stack: Stack,
  config: StackConfig,
  rescue: Rescue,
  options: PlanOptions,
): Promise<Record<string, RepoRecord>> {
  const lost = Object.keys(rescue.repos).find(
    (repo) => rescue.repos[repo]?.mode === 'dedicated' && !config.repos[repo],
  );
  if (lost !== undefined) {
    throw new StackError(
      'config',
      `stack.yml has no repo ${lost} any more, and ${rescue.ticket} had its own copy of it`,
      { hint: `put it back; or take the work by hand from the rescue that \`stack restore --list --json\` names` },
    );
  }
  const planned = await Promise.all(
    Object.keys(config.repos).map(async (repo): Promise<Record<string, RepoRecord>> => {
      const saved = rescue.repos[repo];
      if (saved?.mode === 'dedicated') return { [repo]: await planOne(stack, config, { repo, saved }, options.folder) };
      // Borrowed as it was, wished for now, or new in stack.yml since.
      return planRepos(stack, config, { ...options, only: repo });
    }),
  );
  return Object.assign({}, ...planned);
}

async function planOne(
  stack: Stack,
  config: StackConfig,
  { repo, saved }: { repo: string; saved: RescuedRepo },
  folder: string,
): Promise<DedicatedRepo> {
  const facts = await factsOf(stack, config, repo);
  const { branch, base, baseCommit, ref } = saved;
  const question = { repo, path: facts.top, branch };
  const tip = saved.tip ?? saved.head?.commit ?? baseCommit;
  const wanted = [tip, saved.head?.commit, saved.files && ref].filter((one) => one !== undefined);
  const found = await Promise.all(wanted.map((one) => findCommit(facts.top, [one])));
  if (found.includes(undefined)) {
    throw new StackError('not-found', `${repo}: what was saved of ${branch} is not in the repo any more`, {
      hint: '`stack restore --list` shows what else there is',
      details: { repo, ref },
    });
  }
  const local = await findLocal(facts.top, branch);
  if (!local) await checkNewBranch(question);
  else if (local.commit === tip) await checkExistingBranch({ ...question, fetch: false });
  else throw movedError(repo, saved);
  const common = describeCopy(config, repo, facts, folder);
  return { ...common, branch, ownsBranch: local === undefined, base, baseCommit };
}

function movedError(repo: string, { branch, ref }: RescuedRepo): StackError {
  const hint = ref === undefined ? '' : `; \`git branch ${branch}-rescued ${ref}\` gives the work a branch of its own`;
  return new StackError(
    'conflict',
    `${repo} has a branch ${branch} that is not where it was when the ticket was saved`,
    { hint: `rename it, then run the command again${hint}`, details: { repo, branch, ref } },
  );
}
