import { openResultCache } from '../../adapters/state/result-cache.ts';
import { ifAnswered } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import { collisionsFileOf } from '../../domain/layout.ts';
import { findNotify } from '../core/notify.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { findCollisions } from '../review/collisions.ts';
import { createFindBase, readWork } from '../review/work.ts';
import { announceCollisions, describeClash, groupClashes } from './announce.ts';

/**
 * Warns of each ticket that this one collides with, and of what of its own could not be looked at; tells of what has begun, as
 * `announceCollisions` does. That costs a question to git a repo while the ticket has done nothing, and none while it is alone. What cannot
 * be found out is not told. Throws `interrupted`.
 */
export async function tellCollisions(stack: Stack, record: InstanceRecord): Promise<void> {
  if (!(await hasWorkBesideOthers(stack, record))) return;
  const { ticket } = record;
  const found = await ifAnswered(findCollisions(stack, [ticket]));
  if (!found) return;
  for (const { tickets, pairs } of groupClashes(found.pairs)) {
    const [one, two] = tickets;
    const text = describeClash([ticket, one === ticket ? two : one], pairs);
    stack.emit({ type: 'warning', text });
  }
  for (const [index, { tickets }] of found.unseen.entries()) {
    if (tickets.includes(ticket)) stack.emit({ type: 'warning', text: `not compared: ${found.problems[index]}` });
  }
  await ifAnswered(announceCollisions(stack, found, [ticket]));
}

/** The same without the warnings: where nobody is to be told nothing is looked at. Throws `interrupted`. */
export async function announceFor(stack: Stack, record: InstanceRecord): Promise<void> {
  if ((await findNotify(stack)) === undefined || !(await hasWorkBesideOthers(stack, record))) return;
  const found = await ifAnswered(findCollisions(stack, [record.ticket]));
  if (found) await ifAnswered(announceCollisions(stack, found, [record.ticket]));
}

async function hasWorkBesideOthers(stack: Stack, record: InstanceRecord): Promise<boolean> {
  const { instances } = await stack.store.read();
  const others = Object.values(instances).filter(({ ticket, phase }) => ticket !== record.ticket && phase === 'ready');
  const shared = dedicatedRepos(record).filter(([repo]) =>
    others.some(({ repos }) => repos[repo]?.mode === 'dedicated'),
  );
  if (shared.length === 0) return false;
  const [config, cache] = await Promise.all([configIfReadable(stack), openResultCache(collisionsFileOf(stack.root))]);
  const { signal } = stack;
  const works = await Promise.all(
    shared.map(([repo, own]) => {
      const about = { ticket: record.ticket, own, repoBase: config?.repos[repo]?.base };
      return ifAnswered(readWork(about, { cache, findBase: createFindBase(own.worktree, signal), signal }));
    }),
  );
  return works.some((work) => work && (work.head !== work.base || work.uncommitted.signature !== ''));
}
