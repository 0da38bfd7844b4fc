import { openResultCache } from '../../adapters/state/result-cache.ts';
import { ifAnswered } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import { collisionsFileOf } from '../../domain/layout.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { type CollidingPair, findCollisions } from './collisions.ts';
import { createFindBase, readWork } from './work.ts';

/**
 * Warns of each ticket that this one collides with. That costs a question to git a repo while the ticket has done nothing, and none
 * while it is alone. What cannot be found out is not told. Throws `interrupted`.
 */
export async function tellCollisions(stack: Stack, record: InstanceRecord): Promise<void> {
  const { instances } = await stack.store.read();
  const others = Object.values(instances).filter(({ ticket, phase }) => ticket !== record.ticket && phase === 'ready');
  const shared = dedicatedRepos(record).filter(([repo]) =>
    others.some(({ repos }) => repos[repo]?.mode === 'dedicated'),
  );
  if (shared.length === 0) return;
  const [config, cache] = await Promise.all([configIfReadable(stack), openResultCache(collisionsFileOf(stack.root))]);
  const { signal } = stack;
  const works = await Promise.all(
    shared.map(([repo, own]) => {
      const about = { ticket: record.ticket, own, repoBase: config?.repos[repo]?.base };
      return ifAnswered(readWork(about, { cache, findBase: createFindBase(own.worktree, signal), signal }));
    }),
  );
  if (works.every((work) => !work || (work.head === work.base && work.uncommitted.signature === ''))) return;
  const found = await ifAnswered(findCollisions(stack, [record.ticket]));
  for (const [other, pairs] of groupByOther(record.ticket, found?.pairs ?? [])) {
    const isConflict = pairs.some(({ kind }) => kind === 'conflict');
    const paths = pairs.flatMap(({ repo, paths: inRepo }) => inRepo.map((path) => `${repo}/${path}`));
    const more = paths.length > SHOWN ? `, and ${paths.length - SHOWN} more` : '';
    const what = isConflict ? `conflicts with ${other}` : `touches what ${other} does`;
    const text = `${record.ticket} ${what}: ${paths.slice(0, SHOWN).join(', ')}${more}; \`stack conflicts\` tells how`;
    stack.emit({ type: 'warning', text });
  }
}

const SHOWN = 3;

function groupByOther(ticket: string, pairs: readonly CollidingPair[]): Map<string, CollidingPair[]> {
  const groups = new Map<string, CollidingPair[]>();
  for (const pair of pairs) {
    const [one, two] = pair.tickets;
    const other = one === ticket ? two : one;
    groups.set(other, [...(groups.get(other) ?? []), pair]);
  }
  return groups;
}
