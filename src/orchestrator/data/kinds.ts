import type { OwnRecord } from '../../domain/instance.ts';
import { isOwnable, type Ownable } from '../../domain/own-kinds.ts';
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
