import type { StackState } from '../../domain/instance.ts';
import { hasOwnData } from '../../domain/own.ts';
import type { Stack } from '../core/stack.ts';
import type { Work } from '../core/work.ts';
import { ALL_KINDS, listKinds } from './kinds.ts';

/** Returns what there is still of a ticket's data, a name each. */
export async function listOwnData(work: Work): Promise<string[]> {
  if (!hasOwnData(work.record)) return [];
  return (await Promise.all(listKinds(work.record.own).map((kind) => kind.listLeft(work)))).flat();
}

/** Returns the tickets whose own databases are gone although their servers answer, with their names. Never throws. */
export async function listLostDatabases(
  stack: Stack,
  state: StackState,
): Promise<[ticket: string, database: string][]> {
  return (await Promise.all(ALL_KINDS.map(async (kind) => (await kind.listLost?.(stack, state)) ?? []))).flat();
}
