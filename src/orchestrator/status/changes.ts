import { ifAnswered } from '../../domain/errors.ts';
import { type DedicatedRepo, dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import { isDirty } from '../../domain/standing.ts';
import type { RepoMarks } from '../../domain/view.ts';
import { requireOwnThings } from '../core/ownership.ts';
import type { Stack } from '../core/stack.ts';
import { openLooks, type RepoLook, readChanges } from '../review/changes.ts';

/** What is marked of tickets' repos, by ticket and repo; of one that cannot be looked at nothing is. */
export type Marks = ReadonlyMap<string, Readonly<Record<string, RepoMarks>>>;

/**
 * Returns how the worktrees of tickets stand, by one question to git each. A ticket that is being made or taken apart is left out. No index,
 * ref, file or setting changes. Throws `interrupted`.
 */
export async function observeMarks(stack: Stack): Promise<Marks> {
  const state = await stack.store.read();
  const records = Object.values(state.instances).filter(({ phase }) => phase === 'ready');
  const { lookAt, cache } = await openLooks(stack);
  const readOne = async (record: InstanceRecord): Promise<[string, Record<string, RepoMarks>]> => {
    const owned = await ifAnswered(requireOwnThings(stack, record).then(() => true));
    const found = dedicatedRepos(owned ? record : { repos: {} }).map(async ([repo, own]) => {
      const marks = await ifAnswered(readMarks(own, lookAt(repo, own)));
      return marks ? [[repo, marks] as const] : [];
    });
    return [record.ticket, Object.fromEntries((await Promise.all(found)).flat())];
  };
  const marks = new Map(await Promise.all(records.map(readOne)));
  await cache.save();
  return marks;
}

async function readMarks(own: DedicatedRepo, look: RepoLook): Promise<RepoMarks> {
  const { standing, on, ahead, behind, pushed } = await readChanges(own, look);
  return { dirty: isDirty(standing), ahead, behind, pushed, switched: on !== own.branch };
}
