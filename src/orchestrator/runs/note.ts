import path from 'node:path';
import { appendLine } from '../../adapters/files/append.ts';
import { StackError } from '../../domain/errors.ts';
import { notesFileOf, runFilesOf } from '../../domain/layout.ts';
import { renderNote } from '../../domain/note.ts';
import { renderEvent } from '../../domain/runs/state.ts';
import { requireInstance } from '../core/claim.ts';
import { notify } from '../core/notify.ts';
import type { Stack } from '../core/stack.ts';
import { filesOf, readRun } from './record.ts';

/**
 * Adds a dated line to the notes in a ticket's folder, which people and agents read. Notes go with the ticket and are nobody's work.
 * Throws `not-found`; `files`, also where the folder is gone.
 */
export async function appendNote(stack: Stack, ticket: string, text: string): Promise<void> {
  const { folder } = requireInstance(await stack.store.read(), ticket);
  await appendLine(notesFileOf(folder), renderNote(new Date(), text));
}

/**
 * Adds to a run's events what its agent says of itself: what it does, and a line that the ticket's notes get, too. `folder` is the run's
 * own, as its environment names it. The person is told by `notify:` of a question, and of the end. Throws `not-found`, `files`.
 */
export async function noteInRun(
  stack: Stack,
  folder: string,
  { status, text }: { status?: string; text?: string },
): Promise<string> {
  const [id = '', ticket = ''] = [path.basename(folder), path.basename(path.dirname(folder))];
  const run = folder === runFilesOf(stack.root, ticket, id).folder ? await readRun(stack, ticket, id) : undefined;
  if (!run)
    throw new StackError('not-found', `there is no run in ${folder}`, { hint: '$STACK_RUN_DIR is of another one' });
  const payload = JSON.stringify({
    ...(status !== undefined && { status }),
    ...(text !== undefined && { text }),
  });
  await appendLine(filesOf(stack, run).events, renderEvent({ name: 'note', at: Date.now() / 1000, payload }));
  if (text !== undefined) await appendNote(stack, ticket, `${run.name}: ${text}`);
  if (status === 'waiting' || status === 'done') {
    const asks = text === undefined ? '' : `: ${text}`;
    await notify(stack, { event: status, tickets: [ticket], text: `${run.name} in ${ticket} is ${status}${asks}` });
  }
  return ticket;
}
