import { rm } from 'node:fs/promises';
import path from 'node:path';
import { removeIfEmpty } from '../../adapters/files/files.ts';
import { inFolder } from '../../domain/layout.ts';
import type { Stack } from '../core/stack.ts';

/** Returns the folder with all that a ticket's own servers keep on the disk. */
export function ownFolder(stack: Pick<Stack, 'root'>, ticket: string): string {
  return inFolder(stack.root, 'own', ticket);
}

/** Deletes all that a ticket's own servers keep on the disk. Missing is done. */
export async function removeOwnFolder(stack: Pick<Stack, 'root'>, ticket: string): Promise<void> {
  const folder = ownFolder(stack, ticket);
  await rm(folder, { recursive: true, force: true });
  // Others may have theirs beside it.
  await removeIfEmpty(path.dirname(folder));
}
