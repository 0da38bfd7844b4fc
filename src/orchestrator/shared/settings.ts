import { listVariables } from '../../domain/compose/interpolate.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import type { SharedLease, StackState } from '../../domain/instance.ts';
import { networkName, shortHash } from '../../domain/names.ts';
import { resolveShared, sharedVariable } from '../../domain/shared.ts';
import type { Stack } from '../core/stack.ts';
import { findComposeFile, listSharedPorts, type SharedPort } from './ports.ts';

type Leases = StackState['shared'];

/** Returns what the compose file's variables stand for. */
export async function listSharedVariables(
  stack: Stack,
  config: StackConfig,
  leases: Leases,
): Promise<Record<string, string>> {
  const { name, rootId, values: given } = stack;
  const variables: Record<string, string> = { STACK_NETWORK: networkName(name, rootId), STACK_ROOT_ID: rootId };
  for (const [service, settings] of Object.entries(config.shared.services)) {
    const lease = leases[service];
    const resolved = resolveShared(service, settings, given);
    const values = { ...resolved, port: lease?.port ?? resolved.port };
    for (const key of ['image', 'port', 'user', 'password', 'database'] as const) {
      if (values[key] !== undefined) variables[sharedVariable(service, key)] = String(values[key]);
    }
    if (lease?.provider === 'compose') {
      const ports = await listSharedPorts(stack, config, service);
      Object.assign(variables, ...ports.map((port) => leaseVariable(port, lease)));
    }
  }
  return variables;
}

/**
 * Returns what more the compose file's variables stand for: values of `.env` for the names that stand in the file, where the
 * environment has none.
 */
export async function listFileValues(stack: Stack, config: StackConfig): Promise<Record<string, string>> {
  const { sources } = await stack.readCompose(await findComposeFile(stack, config));
  const names = sources.flatMap(({ text }) => listVariables(text)).filter((name) => stack.env[name] === undefined);
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = stack.values(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function leaseVariable({ name, variable, fixed }: SharedPort, lease: SharedLease): Record<string, string> {
  const host = name === undefined ? lease.port : lease.ports?.[name]?.host;
  return fixed || host === undefined ? {} : { [variable]: String(host) };
}

/** Returns a hash of all that compose makes the shared services from: with another one `up` has something to make again. */
export async function hashShared(stack: Stack, config: StackConfig, leases: Leases): Promise<string> {
  const { sources } = await stack.readCompose(await findComposeFile(stack, config));
  const texts = sources.map(({ text }) => text);
  const variables = { ...(await listFileValues(stack, config)), ...(await listSharedVariables(stack, config, leases)) };
  return shortHash(JSON.stringify([texts.length === 1 ? texts[0] : texts, variables]));
}

/** True where the compose file gives a shared service the password that stack.yml, or stack, has for it. */
export async function takesPassword(stack: Stack, config: StackConfig, service: string): Promise<boolean> {
  const { services } = await stack.readCompose(await findComposeFile(stack, config));
  return listVariables(JSON.stringify(services[service] ?? {})).includes(sharedVariable(service, 'password'));
}

/** Returns a hash of what a shared service reads once, when its data is new; undefined where there is nothing of the kind. */
export function hashLogin(stack: Stack, config: StackConfig, service: string): string | undefined {
  const { user, password, database } = resolveShared(service, config.shared.services[service] ?? {}, stack.values);
  return user === undefined && database === undefined
    ? undefined
    : shortHash(JSON.stringify([user, password, database]));
}

/** Says which shared services keep another user, password or database than stack.yml has now. */
export function tellLogins(stack: Stack, config: StackConfig, leases: Leases): void {
  for (const [service, { login, provider }] of Object.entries(leases)) {
    if (provider === 'embedded' || login === undefined || login === hashLogin(stack, config, service)) continue;
    const text = `${service}: user, password and database count for new data alone; what is there keeps those it was made with, until \`stack down --volumes\``;
    stack.emit({ type: 'warning', text });
  }
}
