import { isThere } from '../../adapters/files/files.ts';
import type { ServerStatus } from '../../adapters/servers/host-server.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { StackError } from '../../domain/errors.ts';
import type { InstanceRecord, SharedLease, StackState } from '../../domain/instance.ts';
import { inFolder } from '../../domain/layout.ts';
import { HOST_RUNTIME, type RuntimeName, traitsOf } from '../../domain/runtime.ts';
import { resolveShared, sharedVariable } from '../../domain/shared.ts';
import { listLeases } from '../core/leases.ts';
import type { Stack } from '../core/stack.ts';
import type { Work } from '../core/work.ts';
import { listSharedPorts, type SharedPort } from './ports.ts';
import { hashLogin, takesPassword } from './settings.ts';

/** What runs each shared service that stack runs itself; those with a `url:` are not in it. */
export type SharedProviders = Record<string, SharedLease['provider']>;

/** The shared services stack can run without an engine. */
export const EMBEDDABLE = new Set(['postgres', 'redis']);
const PORTS_AFTER_FIRST = 998;

/**
 * Chooses what runs each shared service: as stack.yml says, else where its data is, else a server on this machine where all
 * that runs are processes of it, or no engine answers; else compose.
 */
export async function planShared(stack: Stack, config: StackConfig, state: StackState): Promise<SharedProviders> {
  const providers: SharedProviders = {};
  const needsEngine = mayBeContained(config) || Object.values(state.instances).some(isContained);
  for (const name of listOwnShared(stack, config)) {
    const provider = config.shared.services[name]?.provider ?? 'auto';
    const lease = state.shared[name];
    providers[name] = provider === 'auto' ? await chooseProvider(stack, name, { lease, needsEngine }) : provider;
  }
  return providers;
}

/** True unless stack.yml, or `--runtime`, has every service as a process of this machine. */
export function mayBeContained({ runtime, services }: StackConfig): boolean {
  const runtimes = Object.values(services).map((service) => service.runtime);
  return (runtimes.length > 0 ? runtimes : [runtime]).some((one) => one !== HOST_RUNTIME);
}

/** A ticket that was made in containers stays there, whatever stack.yml says today. */
function isContained({ services }: InstanceRecord): boolean {
  return Object.values(services).some((service) => traitsOf(service).network);
}

/** Returns the shared services of stack.yml that stack runs itself: all but those with a `url:`. */
export function listOwnShared(stack: Stack, config: StackConfig): string[] {
  return Object.entries(config.shared.services).flatMap(([name, settings]) =>
    resolveShared(name, settings, stack.values).url === undefined ? [name] : [],
  );
}

/** True for one that has been ready in an engine: data may be in there. */
function isInEngine(lease: SharedLease | undefined): boolean {
  return lease?.provider === 'compose' && !lease.fresh;
}

async function chooseProvider(
  stack: Stack,
  name: string,
  { lease, needsEngine }: { lease: SharedLease | undefined; needsEngine: boolean },
): Promise<SharedLease['provider']> {
  if (await isThere(embeddedFolder(stack, name))) return 'embedded';
  if (isInEngine(lease) || !EMBEDDABLE.has(name)) return 'compose';
  if (!needsEngine) return 'embedded';
  return (await stack.checkEngine()).ok ? 'compose' : 'embedded';
}

/** Returns the folder that holds the data of a shared service that runs without an engine. */
export function embeddedFolder(stack: Stack, name: string): string {
  return inFolder(stack.root, 'shared', name);
}

/** Says which shared services have their data in an engine, and how to go on without it; undefined where none has. */
export function explainComposed(providers: SharedProviders, leases: StackState['shared']): string | undefined {
  const names = Object.keys(providers).filter((name) => providers[name] === 'compose' && isInEngine(leases[name]));
  if (names.length === 0) return undefined;
  const [are, them, run] = names.length > 1 ? ['are', 'them', 'empty ones run'] : ['is', 'it', 'an empty one runs'];
  const way = names.every((name) => EMBEDDABLE.has(name))
    ? `; with \`provider: embedded\` for ${them} in stack.yml ${run} without it`
    : '';
  return `${names.join(' and ')} of this stack ${are} in there, with all data${way}`;
}

/** Throws `config` when a container would have to reach a server that listens on 127.0.0.1 alone. */
export function checkReach(providers: SharedProviders, services: Record<string, { runtime: RuntimeName }>): void {
  const embedded = Object.keys(providers).filter((name) => providers[name] === 'embedded');
  const inside = Object.entries(services).find(([, service]) => traitsOf(service).network);
  if (embedded.length === 0 || !inside) return;
  throw new StackError(
    'config',
    `${inside[0]} runs in a container and cannot reach the embedded ${embedded.join(' and ')}`,
    { hint: 'set `runtime: process`, or `provider: compose` for the shared services, in stack.yml' },
  );
}

/**
 * Leases a port for each shared service that has none yet, and with `follow` for those that are to have another now. Call it
 * with the state lock held. Throws `port`.
 */
export async function leaseShared(
  stack: Stack,
  config: StackConfig,
  draft: StackState,
  { providers, follow = false }: { providers: SharedProviders; follow?: boolean },
): Promise<void> {
  const leased = listLeases(draft);
  for (const [name, provider] of Object.entries(providers)) {
    const before = draft.shared[name];
    const askServer = async (): Promise<ServerStatus> => (await stack.hostServer(name)).status();
    const isFree = follow || !before || (provider === 'embedded' && (await askServer()).state === 'stopped');
    const isGiven = await givePassword(stack, config, { name, provider, isFree });
    if (isGiven && before) tellPassword(stack, name);
    const login = before?.login ?? hashLogin(stack, config, name);
    const kept = { ...(before?.settings !== undefined && { settings: before.settings }), ...(login && { login }) };
    if (provider === 'compose') {
      const ports = await listSharedPorts(stack, config, name);
      draft.shared[name] = { ...(await leaseComposed(stack, ports, { name, before, leased, follow })), ...kept };
      continue;
    }
    const wished = resolveShared(name, config.shared.services[name] ?? {}, stack.values).port;
    if (wished === undefined) continue;
    const known = before && { host: before.port, wished: before.wished };
    const ownPort = async (): Promise<number | undefined> => (await askServer()).port;
    const { host: port, wished: noted } = await leaseOne(stack, { name, wished, known, follow, ownPort }, leased);
    draft.shared[name] = { port, provider, wished: noted, ...kept, ...noteLeft(before) };
  }
}

/** What was begun in an engine is named there, and taken away, whenever that answers. */
function noteLeft(before: SharedLease | undefined): Pick<SharedLease, 'leftInEngine'> {
  return before?.provider === 'compose' || before?.leftInEngine ? { leftInEngine: true } : {};
}

/**
 * Makes up a password for a shared service that has none of stack.yml's. Servers of an older stack have a usual one, or none:
 * those that run get theirs by `up`, since whoever is connected has the old one. True when one was made.
 */
async function givePassword(
  stack: Stack,
  config: StackConfig,
  { name, provider, isFree }: { name: string; provider: SharedLease['provider']; isFree: boolean },
): Promise<boolean> {
  await stack.ownPasswords();
  const settings = config.shared.services[name] ?? {};
  if (!EMBEDDABLE.has(name) || stack.values(sharedVariable(name, 'password')) || settings.password) return false;
  if (provider === 'compose' && !(await takesPassword(stack, config, name))) {
    // It has what the compose file says, also where another server had one of stack's before.
    await stack.ownPasswords({ drop: [name] });
    return false;
  }
  return isFree && stack.ownPasswords({ make: name });
}

/** Makes up passwords for composed services that lack one, before their containers are made. */
export async function giveComposedPasswords(
  { stack, leases }: Pick<Work, 'stack' | 'leases'>,
  config: StackConfig,
  names: readonly string[],
): Promise<void> {
  await stack.store.update(async () => {
    for (const name of names) {
      if (!(await givePassword(stack, config, { name, provider: 'compose', isFree: true }))) continue;
      tellPassword(stack, name);
      leases.moved.add(name);
    }
  });
}

function tellPassword(stack: Stack, name: string): void {
  const text = `${name}: it has a password of its own now; what runs of a ticket gets it with \`stack start\``;
  stack.emit({ type: 'info', text });
}

interface LeaseRequest {
  name: string;
  wished: number;
  known: { host: number; wished?: number | undefined } | undefined;
  follow: boolean;
  /** The port that the very server to be leased for has already. */
  ownPort?(): Promise<number | undefined>;
}

/** Keeps a lease, unless stack.yml asks for another port than when it was made, and that is to be followed. */
async function leaseOne(
  stack: Stack,
  { name, wished, known, follow, ownPort }: LeaseRequest,
  leased: Set<number>,
): Promise<{ host: number; wished: number }> {
  const isAsked = follow && known?.wished !== undefined && known.wished !== wished && known.host !== wished;
  const own = known && !isAsked ? undefined : await ownPort?.();
  // Our own server is in nobody's way: it is told to move where stack.yml asks for that alone.
  const isOwn = own !== undefined && (own === wished || !known);
  const host = known && !isAsked ? known.host : isOwn ? own : await findPort(stack, name, wished, leased);
  leased.add(host);
  return { host, wished: follow ? wished : (known?.wished ?? wished) };
}

interface ComposedLeases {
  name: string;
  before: SharedLease | undefined;
  leased: Set<number>;
  follow: boolean;
}

async function leaseComposed(
  stack: Stack,
  ports: readonly SharedPort[],
  { name, before, leased, follow }: ComposedLeases,
): Promise<SharedLease> {
  const named: NonNullable<SharedLease['ports']> = {};
  let first: SharedLease | undefined;
  for (const port of ports) {
    const known =
      (port.name === undefined ? undefined : before?.ports?.[port.name]) ??
      (first || !before ? undefined : { host: before.port, wished: before.wished });
    const request = { name, wished: port.wished, known, follow };
    const { host, wished } = port.fixed
      ? { host: port.wished, wished: port.wished }
      : await leaseOne(stack, request, leased);
    leased.add(host);
    first ??= { port: host, provider: 'compose', container: port.container, wished };
    if (port.name !== undefined) named[port.name] = { host, container: port.container, wished };
  }
  if (!first) throw new Error(`${name} has no port`);
  const isFresh = !isInEngine(before);
  return { ...first, ...(Object.keys(named).length > 0 && { ports: named }), ...(isFresh && { fresh: true }) };
}

/** Gives up the leases of shared services that something else listens on and takes others. Throws `port`. */
export async function moveSharedLease(work: Work, config: StackConfig, taken: number): Promise<void> {
  const { stack, shared } = work;
  await stack.store.update(async (draft) => {
    const leased = listLeases(draft).add(taken);
    for (const [name, lease] of Object.entries(draft.shared)) {
      const named = Object.values(lease.ports ?? {}).find(({ host }) => host === taken);
      if (lease.port !== taken && !named) continue;
      await requireMovable(stack, config, { name, lease, taken });
      const port = await findPort(stack, name, taken, leased);
      if (lease.port === taken) lease.port = port;
      if (named) named.host = port;
      shared[name] = lease;
      work.leases.moved.add(name);
    }
  });
}

/** Throws `port` where the compose file holds a number that no lease can change. */
async function requireMovable(
  stack: Stack,
  config: StackConfig,
  { name, lease, taken }: { name: string; lease: SharedLease; taken: number },
): Promise<void> {
  const ports = lease.provider === 'compose' ? await listSharedPorts(stack, config, name) : [];
  const fixed = ports.find((port) => port.fixed && port.wished === taken);
  if (!fixed) return;
  throw new StackError('port', `${name}: port ${taken} is taken on this machine`, {
    hint: `end what listens there, or write \`\${${fixed.variable}:-${taken}}\` for it in the compose file, so that stack can lease another`,
  });
}

async function findPort(stack: Stack, name: string, wished: number, leased: ReadonlySet<number>): Promise<number> {
  const port = await stack.ports.find({ name, from: wished, to: Math.min(wished + PORTS_AFTER_FIRST, 65_535) }, leased);
  if (port !== wished) {
    stack.emit({ type: 'warning', text: `${name}: port ${wished} is taken, leased ${port} instead` });
  }
  return port;
}
