import { StackError } from '../../domain/errors.ts';
import { nameFew } from '../../domain/few.ts';
import type { InstanceRecord } from '../../domain/instance.ts';
import { addToQueue, leaveQueue } from '../change/queue/queue.ts';
import { readStandings } from '../review/standing.ts';
import { readWorks } from '../review/works.ts';
import { type Driven, look, write } from './driven.ts';

/** Throws `dirty` for a ticket of which something is not committed: neither a reviewer nor the next ticket sees that. Throws `git`, too. */
export async function requireCommitted({ stack, ticket }: Driven, record: InstanceRecord): Promise<void> {
  const { works, problems, unseen } = await readWorks(stack, record, []);
  if (unseen.length > 0) throw new StackError('git', problems.join('; '));
  const left = Object.entries(works).flatMap(([repo, { uncommitted }]) => {
    const { changed, leftOut } = uncommitted;
    const names = [...(changed.length > 0 ? [nameFew(changed)] : []), ...(leftOut > 0 ? [`${leftOut} new files`] : [])];
    return names.length > 0 ? [`${repo}: ${names.join(', ')}`] : [];
  });
  if (left.length === 0) return;
  throw new StackError('dirty', `work is not committed: ${left.join('; ')}`, {
    hint: `\`git add\` what is new, and \`stack commit ${ticket.argument} -a -m …\``,
  });
}

/** Hands on what is done: to the queue, or to the person. Throws `dirty`, and what `addToQueue` throws. */
export async function finish(driven: Driven, record: InstanceRecord): Promise<void> {
  await requireCommitted(driven, record);
  if (!driven.ticket.merge) return write(driven, { event: 'done' });
  const { stack } = driven;
  const { ticket } = record;
  try {
    await addToQueue(stack, [ticket], []);
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    // What was stopped may have been merged by then.
    if (error.code === 'conflict' && (await isMerged(driven, record)))
      return write(driven, { event: 'merged', reason: 'its bases have all of it' });
    if (error.code !== 'exists') throw error;
  }
  await write(driven, { event: 'queue' });
  const { next } = await look(driven);
  // Who has stopped it meanwhile has not seen it in the queue.
  if (next.do === 'rest' && next.why === 'stopped') await leaveQueue(stack, [{ ticket, madeAt: record.createdAt }]);
}

async function isMerged({ stack }: Driven, { ticket }: InstanceRecord): Promise<boolean> {
  const [standing] = await readStandings(stack, [ticket]);
  return standing?.verdict === 'merged';
}
