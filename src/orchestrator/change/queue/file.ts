import path from 'node:path';
import { makeFolder, readFileIfThere, replaceFile } from '../../../adapters/files/files.ts';
import { withLock } from '../../../adapters/lock.ts';
import { StackError } from '../../../domain/errors.ts';
import { queueFileOf, queueLockOf } from '../../../domain/layout.ts';
import { parseQueue, type Queue, type QueueEntry } from '../../../domain/queue.ts';
import type { Stack } from '../../core/stack.ts';

/** Returns the queue as it is written down; one that is not there is empty. Throws `state` for one that cannot be read, `files`. */
export async function readQueue({ root }: Pick<Stack, 'root'>): Promise<Queue> {
  const file = queueFileOf(root);
  const text = await readFileIfThere(file);
  const queue = text === undefined ? ({ version: 1, entries: [] } satisfies Queue) : parseQueue(text);
  if (queue) return queue;
  throw new StackError('state', `the queue ${file} cannot be read`, {
    hint: 'a newer stack may have written it; else move it away, and add the tickets again',
  });
}

/**
 * Changes the queue while nobody else does, for milliseconds: what `change` throws leaves it as it was. Returns the queue as it is then.
 * Throws what `change` throws, `state`, `files`, `busy`, `interrupted`.
 */
export async function updateQueue(
  { root, signal }: Pick<Stack, 'root' | 'signal'>,
  change: (queue: Queue) => void,
): Promise<Queue> {
  const file = queueFileOf(root);
  await makeFolder(path.dirname(file));
  return withLock(
    queueLockOf(root),
    async () => {
      const queue = await readQueue({ root });
      const before = JSON.stringify(queue);
      change(queue);
      if (JSON.stringify(queue) !== before) await replaceFile(file, `${JSON.stringify(queue, undefined, 2)}\n`);
      return queue;
    },
    { signal },
  );
}

/** Changes what is known of one ticket; nothing where it is not in the queue any more. Throws what `updateQueue` throws. */
export async function updateEntry(
  stack: Pick<Stack, 'root' | 'signal'>,
  ticket: string,
  change: (entry: QueueEntry) => QueueEntry,
): Promise<void> {
  await updateQueue(stack, (queue) => {
    queue.entries = queue.entries.map((entry) => (entry.ticket === ticket ? change(entry) : entry));
  });
}
