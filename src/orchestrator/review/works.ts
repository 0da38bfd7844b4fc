import { openResultCache } from '../../adapters/state/result-cache.ts';
import { messageOf, StackError } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import { collisionsFileOf } from '../../domain/layout.ts';
import { requireFree } from '../core/claim.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { createFindBase, type RepoWork, readWork } from './work.ts';

/** What a ticket has done, by repo. */
export interface TicketWorks {
  works: Record<string, RepoWork>;
  /** Repos that could not be looked at, and why. */
  problems: string[];
  unseen: string[];
}

/**
 * Returns what a ticket has done in some repos; none named: in all of its own. Throws `not-found`, `interrupted`; `busy` while the
 * ticket is being made or taken apart.
 */
export async function readWorks(stack: Stack, record: InstanceRecord, only: readonly string[]): Promise<TicketWorks> {
  if (record.phase !== 'ready') await requireFree(stack, record);
  const { signal } = stack;
  const [config, cache] = await Promise.all([configIfReadable(stack), openResultCache(collisionsFileOf(stack.root))]);
  const own = dedicatedRepos(record);
  const stranger = only.find((repo) => !own.some(([name]) => name === repo));
  if (stranger !== undefined) {
    throw new StackError('not-found', `${record.ticket} has no ${stranger} of its own`, {
      hint: `its repos: ${own.map(([name]) => name).join(', ') || 'none'}`,
    });
  }
  const asked = own.filter(([repo]) => only.length === 0 || only.includes(repo));
  const read = await Promise.all(
    asked.map(async ([repo, own]): Promise<{ works: [string, RepoWork][]; problems: string[]; unseen: string[] }> => {
      const question = { ticket: record.ticket, own, repoBase: config?.repos[repo]?.base };
      try {
        const work = await readWork(question, { cache, findBase: createFindBase(own.worktree, signal), signal });
        const { leftOut } = work.uncommitted;
        const text = `${repo}: ${leftOut} new files are left out: they are too many, or too large`;
        return { works: [[repo, work]], problems: leftOut > 0 ? [text] : [], unseen: [] };
      } catch (error) {
        if (!(error instanceof StackError) || error.code === 'interrupted') throw error;
        return { works: [], problems: [`${repo}: ${messageOf(error)}`], unseen: [repo] };
      }
    }),
  );
  await cache.save();
  return {
    works: Object.fromEntries(read.flatMap(({ works }) => works)),
    problems: read.flatMap(({ problems }) => problems),
    unseen: read.flatMap(({ unseen }) => unseen),
  };
}
