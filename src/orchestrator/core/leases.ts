import type { PortConfig, StackConfig } from '../../domain/config/config.ts';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import {
  BASELINE,
  type InstanceRecord,
  requireService,
  type ServiceRecord,
  type StackState,
} from '../../domain/instance.ts';
import { leaseOn, listHolders } from '../../domain/leases.ts';
import type { StepProgress } from '../../domain/step.ts';
import type { Stack } from './stack.ts';
import { putRecord, requireConfig, type Work } from './work.ts';

/** How many other ports are tried when something takes the leased one between probe and start. */
const LEASE_TRIES = 5;

/** Returns every port that is promised to somebody in this root. */
export function listLeases(state: Pick<StackState, 'shared' | 'baseline' | 'instances'>): Set<number> {
  return new Set(listHolders(state).map(([port]) => port));
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
  request: { name: string; key: string; port: NormalPort; preferBaseline: boolean },
  leased: Set<number>,
): Promise<number> {
  const { name, key, port, preferBaseline } = request;
  const preferred = preferBaseline ? port.baseline : undefined;
  const host = await stack.ports.find({ name: `${name}.${key}`, preferred, from: port.from, to: port.to }, leased);
  leased.add(host);
  service.ports[key] = leaseOn(host, port, service);
  return host;
}

/** Gives up a lease that something else listens on and takes another. Throws `port`. */
export async function moveLease(work: Work, service: string, taken: number): Promise<void> {
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
  work.stack.emit({ type: 'warning', text: `${service}: port ${taken} is taken, leased ${host} instead` });
}

/**
 * Returns what `start` returns. Each time an error of it says that a port is taken, `move` leases another one and it starts
 * again, five times at most. Throws what either throws, `interrupted`.
 */
export async function startOnLease<Result>(
  { signal, note }: Pick<StepProgress, 'signal' | 'note'>,
  start: () => Promise<Result>,
  move: (taken: number) => Promise<void>,
): Promise<Result> {
  for (let moves = 0; ; moves++) {
    throwIfAborted(signal);
    try {
      return await start();
    } catch (error) {
      const taken = takenPort(error);
      if (taken === undefined || moves === LEASE_TRIES) throw error;
      note(`port ${taken} is taken`);
      await move(taken);
    }
  }
}

/** The port an error says is taken; undefined for any other error. */
function takenPort(error: unknown): number | undefined {
  if (!(error instanceof StackError) || error.code !== 'port') return undefined;
  return (error.details as { port?: number } | undefined)?.port;
}
