import type { StackConfig } from '../../domain/config/config.ts';
import type { OwnRecord, StackState } from '../../domain/instance.ts';
import { hasOwnData } from '../../domain/own.ts';
import { isOwnable, type Ownable } from '../../domain/own-kinds.ts';
import type { Stack } from '../core/stack.ts';
import type { Work } from '../core/work.ts';
import { mysql } from './mysql/kind.ts';
import type { OwnKind } from './own-kind.ts';
import { postgres } from './postgres/kind.ts';
import { redis } from './redis/kind.ts';

/** What stack does with each shared service of which a ticket may have something of its own. */
const KINDS: Record<Ownable, OwnKind> = { postgres, redis, mysql };

/** All of them. */
export const ALL_KINDS: readonly OwnKind[] = Object.values(KINDS);

/** Returns what stack does with a shared service; undefined for one of which a ticket has nothing of its own. */
export function findKind(service: string): OwnKind | undefined {
  return isOwnable(service) ? KINDS[service] : undefined;
}

/** Returns the kinds of what a ticket has of its own. */
export function listKinds(own: OwnRecord | undefined): OwnKind[] {
  return ALL_KINDS.filter(({ service }) => own?.[service] !== undefined);
}

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

/** Returns the names of the databases that the stack shares. */
export function listDatabases(config: StackConfig): string[] {
  return Object.keys(config.shared.services).filter((name) => findKind(name)?.isEmpty !== undefined);
}
