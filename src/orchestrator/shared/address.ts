import type { SharedServiceConfig } from '../../domain/config/config.ts';
import type { OwnServer, SharedLease } from '../../domain/instance.ts';
import { resolveShared, sharedUrl } from '../../domain/shared.ts';
import type { Stack } from '../core/stack.ts';

// Addresses as this machine reaches them; passwords are left out of what people paste into chats.

/** Returns the address of a shared service. Throws `config` for a `url:` that is none. */
export function addressOfShared(
  { values }: Pick<Stack, 'values'>,
  service: string,
  settings: SharedServiceConfig,
  lease: Pick<SharedLease, 'port'> | undefined,
): string {
  const resolved = { ...resolveShared(service, settings, values), password: undefined };
  const host = resolved.url === undefined ? 'localhost' : new URL(resolved.url).hostname;
  return sharedUrl(resolved, host, lease?.port ?? resolved.port ?? 0);
}

/** Returns the address of a server that a ticket has for itself. Throws `config` as above. */
export function addressOfOwn(
  { values }: Pick<Stack, 'values'>,
  service: string,
  settings: SharedServiceConfig,
  server: Pick<OwnServer, 'port'>,
): string {
  const common = { ...resolveShared(service, settings, values), url: undefined };
  return sharedUrl({ ...common, database: undefined, password: undefined }, 'localhost', server.port ?? 0);
}
