import path from 'node:path';
import { inFolder } from '../../domain/layout.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';

/** Returns the folder that keeps the data of tickets that were destroyed. */
export function dumpsFolder(stack: Pick<Stack, 'root'>): string {
  return inFolder(stack.root, 'dumps');
}

/** Returns a file in there; a name from a record leads nowhere else. */
export function dumpFile(stack: Pick<Stack, 'root'>, name: string): string {
  return path.join(dumpsFolder(stack), path.basename(name));
}

/** Returns how long saved data is kept; undefined while stack.yml cannot be read: it may say longer than anybody would guess. */
export async function keptDays(stack: Pick<Stack, 'config'>): Promise<number | undefined> {
  return (await configIfReadable(stack))?.dumps.keepDays;
}
