import type { StackConfig } from '../../domain/config/config.ts';
import { findKindFacts } from '../../domain/own-kinds.ts';
import { resolveShared } from '../../domain/shared.ts';
import type { Stack } from '../core/stack.ts';

/** Other ways to say localhost. */
const THIS_MACHINE = new Set(['127.0.0.1', '[::1]']);

/** Names the server that a shared service is: `stack` for one that stack runs, host and port of one of the team's own. */
export function placeOf(service: string, { values }: Pick<Stack, 'values'>, config: StackConfig | undefined): string {
  const { url } = resolveShared(service, config?.shared.services[service] ?? {}, values);
  if (url === undefined) return 'stack';
  const { hostname, port } = new URL(url);
  return `${THIS_MACHINE.has(hostname) ? 'localhost' : hostname}:${port || findKindFacts(service)?.port}`;
}

/** Says a place as `placeOf` gives it: `Redis at db.local:6379`. */
export function describePlace(program: string, at: string): string {
  return at === 'stack' ? `the ${program} that stack ran` : `${program} at ${at}`;
}
