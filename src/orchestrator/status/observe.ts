import { probePort } from '../../adapters/net/probe.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { messageOf, throwIfAborted } from '../../domain/errors.ts';
import { type InstanceRecord, listRecords, type StackState } from '../../domain/instance.ts';
import { networkName } from '../../domain/names.ts';
import { listOwnDatabases, listOwnServers, listRunnable } from '../../domain/own.ts';
import { type RuntimeName, runtimeOf, traitsOf, type WorkloadStatus } from '../../domain/runtime.ts';
import { resolveShared } from '../../domain/shared.ts';
import { listSharedContainers } from '../core/network.ts';
import type { Stack } from '../core/stack.ts';

/** What there is of a shared service. */
interface SharedSeen {
  status: string;
  /** True: its container runs and is not in the stack's network. */
  cutOff: boolean;
  /** Ports of its container at which other machines reach it. */
  open?: number[];
}

/** What the outside world says runs, keyed `instance/service`; the shared services by their names. */
export interface Observed {
  workloads: Map<string, WorkloadStatus>;
  shared: Map<string, SharedSeen>;
  /** The runtimes that could be asked: of the others nobody knows what runs. */
  answered: Set<RuntimeName>;
  /** Own databases that are gone. */
  lost: [ticket: string, database: string][];
  /** What tickets' own servers do, keyed `instance/service`; none for those that nobody could ask. */
  servers: Map<string, string>;
}

type SharedServices = StackConfig['shared']['services'];

/** Asks, and gives `otherwise` when nobody answers. */
type Ask = <Answer>(question: () => Promise<Answer[]>, otherwise?: Answer[]) => Promise<Answer[]>;

/**
 * Asks every runtime that something may run in, and where the shared services are. With `onlyThese` nothing is asked about other
 * tickets than those of `state`. Who does not answer is a warning.
 */
export async function observeWorld(
  stack: Stack,
  wanted: SharedServices,
  state: StackState,
  { onlyThese }: { onlyThese: boolean },
): Promise<Observed> {
  // What was never started cannot run: its runtime need not even answer.
  const started = listRecords(state).filter((record) => record.started);
  const runtimes = new Set(started.flatMap(listRuntimes));
  const complaints = new Set<string>();
  const ask: Ask = async (question, otherwise = []) =>
    question().catch((error: unknown) => {
      throwIfAborted(stack.signal);
      complaints.add(messageOf(error));
      return otherwise;
    });
  const answered = new Set<RuntimeName>();
  const askRuntime = async (name: RuntimeName): Promise<WorkloadStatus[]> => {
    const runtime = await stack.runtime(name);
    const asked = started.filter((record) => listRuntimes(record).includes(name));
    const tickets = onlyThese ? asked.map(({ ticket }) => ticket) : [undefined];
    const found = await Promise.all(tickets.map((ticket) => runtime.status(stack.rootId, ticket)));
    answered.add(name);
    return found.flat();
  };
  const [lost, shared, ...statuses] = await Promise.all([
    observeLost(stack, state),
    ask(() => observeShared(stack, wanted, state, ask)),
    ...[...runtimes].map((name) => ask(() => askRuntime(name))),
  ]);
  for (const text of complaints) stack.emit({ type: 'warning', text });
  const workloads = new Map(statuses.flat().map((status) => [`${status.instance}/${status.service}`, status]));
  const servers = await observeServers(stack, listRecords(state), { workloads, answered });
  return { workloads, shared: new Map(shared), answered, lost, servers: new Map(servers) };
}

function listRuntimes(record: InstanceRecord): RuntimeName[] {
  return listRunnable(record).map((one) => runtimeOf(one));
}

/** What tickets' own servers do. What asks those of this machine itself is loaded only where there is one. */
async function observeServers(
  stack: Stack,
  records: readonly InstanceRecord[],
  { workloads, answered }: Pick<Observed, 'workloads' | 'answered'>,
): Promise<[string, string][]> {
  const found = records.flatMap(({ ticket, own }) =>
    listOwnServers(own).map(async ([service, server]): Promise<[string, string][]> => {
      const key = `${ticket}/${service}`;
      const seen = answered.has(runtimeOf(server)) ? [workloads.get(key)?.state ?? 'stopped'] : [];
      if (traitsOf(server).engine) return seen.map((state) => [key, state]);
      const { findKind } = await import('../data/kinds.ts');
      return [[key, (await findKind(service)?.observeServer?.(stack, ticket)) ?? 'unknown']];
    }),
  );
  return (await Promise.all(found)).flat();
}

/** Loaded only where some ticket has a database of its own. */
async function observeLost(stack: Stack, state: StackState): Promise<Observed['lost']> {
  if (Object.values(state.instances).every(({ own }) => listOwnDatabases(own).length === 0)) return [];
  const { listLostDatabases } = await import('../data/kinds.ts');
  return listLostDatabases(stack, state);
}

/** What runs of the shared services, each asked where it lives. */
async function observeShared(
  stack: Stack,
  wanted: SharedServices,
  state: StackState,
  ask: Ask,
): Promise<[string, SharedSeen][]> {
  const leases = Object.entries(state.shared);
  const composed = leases.filter(([, { provider }]) => provider === 'compose');
  const unknown = composed.map(([name]): [string, SharedSeen] => [name, { status: 'unknown', cutOff: false }]);
  const found = await Promise.all([
    ...Object.entries(wanted).map(([name, settings]) => observeForeign(stack, name, settings)),
    composed.length > 0 ? ask(() => observeComposed(stack), unknown) : [],
    ...leases.map(async ([name, { provider }]): Promise<[string, SharedSeen][]> => {
      if (provider !== 'embedded') return [];
      const { state: status } = await (await stack.hostServer(name)).status();
      return [[name, { status, cutOff: false }]];
    }),
  ]);
  return found.flat();
}

async function observeForeign(
  stack: Stack,
  name: string,
  settings: SharedServices[string],
): Promise<[string, SharedSeen][]> {
  const { url, port } = resolveShared(name, settings, stack.values);
  if (url === undefined || port === undefined) return [];
  const silent = await probePort(port, new URL(url).hostname);
  return [[name, { status: silent === undefined ? 'running' : 'stopped', cutOff: false }]];
}

async function observeComposed(stack: Stack): Promise<[string, SharedSeen][]> {
  const containers = await listSharedContainers(stack);
  const network = networkName(stack.name, stack.rootId);
  return containers.map(({ service, state, networks, ports }) => {
    const runs = state === 'healthy' || state === 'running';
    const open = ports.flatMap((port) => (port.open ? [port.host] : []));
    return [service, { status: runs ? 'running' : state, cutOff: runs && !networks.includes(network), open }];
  });
}
