import type { PortConfig, StackConfig } from '../../domain/config/config.ts';
import { StackError } from '../../domain/errors.ts';
import {
  BASELINE,
  type InstanceRecord,
  requireService,
  type ServiceRecord,
  type SharedLease,
  type StackState,
} from '../../domain/instance.ts';
import type { Stack } from './stack.ts';
import { putRecord, requireConfig, type Work } from './work.ts';

/** Gives the ports of this machine that a shared service is promised. */
export function listSharedHosts({ port, ports = {} }: SharedLease): number[] {
  return [...new Set([port, ...Object.values(ports).map(({ host }) => host)])];
}

/** Gives every port that is promised to somebody in this root. */
export function listLeases(state: Pick<StackState, 'shared' | 'baseline' | 'instances'>): Set<number> {
  const records = [...Object.values(state.instances), ...(state.baseline ? [state.baseline] : [])];
  const ports = records
    .flatMap((record) => Object.values(record.services))
    .flatMap((service) => Object.values(service.ports));
  const servers = records.flatMap(({ own }) => own?.redis?.server?.port ?? []);
  return new Set([
    ...ports.map((port) => port.host),
    ...servers,
    ...Object.values(state.shared).flatMap(listSharedHosts),
  ]);
}

/**
 * Leases what the record's services still lack. Call it with the state lock held; `draft` must hold all other records.
 * Throws `port` when a range is exhausted.
 */
export async function leasePorts(
  stack: Stack,
  draft: StackState,
  record: InstanceRecord,
  config: StackConfig,
): Promise<void> {
  const leased = new Set([...listLeases(draft), ...listLeases({ ...draft, instances: { own: record }, shared: {} })]);
  for (const [name, service] of Object.entries(record.services)) {
    for (const [key, port] of Object.entries(config.services[name]?.ports ?? {})) {
      if (service.ports[key]) continue;
      const preferBaseline = record.ticket === BASELINE;
      const host = await lease(stack, service, { name, key, port, preferBaseline }, leased);
      if (!preferBaseline || port.baseline === undefined || port.baseline === host) continue;
      stack.emit({ type: 'warning', text: `${name}: port ${port.baseline} is taken, leased ${host} instead` });
    }
  }
}

type NormalPort = PortConfig & { to: number };

async function lease(
  stack: Stack,
  service: ServiceRecord,
  wish: { name: string; key: string; port: NormalPort; preferBaseline: boolean },
  leased: Set<number>,
): Promise<number> {
  const { name, key, port, preferBaseline } = wish;
  const preferred = preferBaseline ? port.baseline : undefined;
  const host = await stack.ports.find({ name: `${name}.${key}`, preferred, from: port.from, to: port.to }, leased);
  leased.add(host);
  service.ports[key] = { host, container: service.runtime === 'docker' ? (port.container ?? host) : host };
  return host;
}

/** Gives up a lease that something else listens on and takes another. The new port. Throws `port`. */
export async function moveLease(work: Work, service: string, taken: number): Promise<number> {
  const config = await requireConfig(work);
  const own = requireService(work.record, service);
  const [key] = Object.entries(own.ports).find(([, port]) => port.host === taken) ?? [];
  const port = key === undefined ? undefined : config.services[service]?.ports[key];
  if (key === undefined || !port) throw new Error(`${service} holds no lease on ${taken}`);
  const host = await work.stack.store.update(async (draft) => {
    const leased = listLeases(draft).add(taken);
    const moved = await lease(work.stack, own, { name: service, key, port, preferBaseline: false }, leased);
    putRecord(draft, work.record);
    return moved;
  });
  work.leases.moved.add(service);
  return host;
}

/** Gives the port an error says is taken; undefined for any other error. */
export function takenPort(error: unknown): number | undefined {
  if (!(error instanceof StackError) || error.code !== 'port') return undefined;
  return (error.details as { port?: number } | undefined)?.port;
}
