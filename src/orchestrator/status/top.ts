import { readFreeBytes } from '../../adapters/files/disk-use.ts';
import { listRecords } from '../../domain/instance.ts';
import type { RuntimeName } from '../../domain/runtime.ts';
import type { InstanceStatus, ServiceStatus, ServiceView } from '../../domain/view.ts';
import { type DiskUse, measureDisk, measureUsage, type Usage } from '../capacity/usage.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { lookAtStack } from './view.ts';

/** What something uses; null: nothing, since it is at rest, or it cannot be measured. */
interface Used {
  /** How many processors it keeps busy. */
  cpus: number | null;
  memoryBytes: number | null;
  /** Of a service: its container and its volumes. Of a ticket: its folders too. */
  diskBytes: number | null;
}

interface ServiceUse extends Used {
  runtime: RuntimeName;
  status: ServiceStatus;
  /** What stack.yml lets it use. */
  limits: { cpus: number | null; memoryBytes: number | null };
}

interface TicketUse extends Used {
  ticket: string;
  status: InstanceStatus;
  services: Record<string, ServiceUse>;
}

/** The JSON of `stack top`; fields may be added only. */
export interface TopView {
  tickets: TicketUse[];
  baseline: Used & { services: Record<string, ServiceUse> };
  /** What is left on the disk that the root is on. */
  freeBytes: number;
  /** Services that use more than stack.yml lets them, a line each. */
  problems: string[];
}

/** Returns what all tickets use, or some of them, and the baseline. Takes a second, in which processors are counted. */
export async function observeTop(stack: Stack, tickets?: readonly string[]): Promise<TopView> {
  const { view, state } = await lookAtStack(stack, tickets);
  const shown = view.instances.map(({ ticket }) => ticket);
  const records = listRecords(state).filter(({ ticket, folder }) => folder === '' || shown.includes(ticket));
  const [usage, disk, config, freeBytes] = await Promise.all([
    measureUsage(stack, records),
    measureDisk(stack, records),
    configIfReadable(stack),
    readFreeBytes(stack.root),
  ]);
  const of = (instance: string, services: Record<string, ServiceView>): Record<string, ServiceUse> =>
    Object.fromEntries(
      Object.entries(services).map(([name, { runtime, status }]): [string, ServiceUse] => {
        const { cpus = null, memoryBytes = null } = config?.services[name] ?? {};
        const used = describe(usage.get(`${instance}/${name}`), disk.services.get(`${instance}/${name}`));
        return [name, { runtime, status, ...used, limits: { cpus, memoryBytes } }];
      }),
    );
  const found = view.instances.map(({ ticket, status, services }): TicketUse => {
    const uses = of(ticket, services);
    return { ticket, status, ...sumUp(uses, disk.tickets.get(ticket), disk), services: uses };
  });
  const below = of('baseline', view.baseline.services);
  const problems = found.flatMap(({ ticket, services }) => findExcess(ticket, services));
  return { tickets: found, baseline: { ...sumUp(below, 0, disk), services: below }, freeBytes, problems };
}

function describe(usage: Usage | undefined, bytes: number | undefined): Used {
  return { cpus: usage?.cpus ?? null, memoryBytes: usage?.memoryBytes ?? null, diskBytes: bytes ?? null };
}

function sumUp(services: Record<string, Used>, folders: number | undefined, { services: known }: DiskUse): Used {
  const add = (values: readonly (number | null)[]): number | null => {
    const there = values.filter((value) => value !== null);
    return there.length === 0 ? null : there.reduce((total, one) => total + one, 0);
  };
  const all = Object.values(services);
  const disk = known.size === 0 ? [] : all.map(({ diskBytes }) => diskBytes);
  return {
    cpus: add(all.map(({ cpus }) => cpus)),
    memoryBytes: add(all.map(({ memoryBytes }) => memoryBytes)),
    diskBytes: folders === undefined ? null : add([folders, ...disk]),
  };
}

function findExcess(ticket: string, services: Record<string, ServiceUse>): string[] {
  return Object.entries(services).flatMap(([name, { memoryBytes, cpus, limits }]) => [
    ...(memoryBytes !== null && limits.memoryBytes !== null && memoryBytes > limits.memoryBytes
      ? [`${ticket}: ${name} has more memory than its \`memory:\` of stack.yml`]
      : []),
    // A look is never exact.
    ...(cpus !== null && limits.cpus !== null && cpus > limits.cpus * 1.1
      ? [`${ticket}: ${name} keeps more processors busy than its \`cpus:\` of stack.yml`]
      : []),
  ]);
}
