import { appendLine } from '../../adapters/files/append.ts';
import { notesFileOf } from '../../domain/layout.ts';
import { renderNote } from '../../domain/note.ts';
import { requireInstance } from '../core/claim.ts';
import type { Stack } from '../core/stack.ts';

/**
 * Adds a dated line to the notes in a ticket's folder, which people and agents read. Notes go with the ticket and are nobody's work.
 * Throws `not-found`; `files`, also where the folder is gone.
 */
export async function appendNote(stack: Stack, ticket: string, text: string): Promise<void> {
  const { folder } = requireInstance(await stack.store.read(), ticket);
  await appendLine(notesFileOf(folder), renderNote(new Date(), text));
}
