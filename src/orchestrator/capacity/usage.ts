import { measureFolders } from '../../adapters/files/disk-use.ts';
import { pause } from '../../adapters/pause.ts';
import { ifAnswered, throwIfAborted } from '../../domain/errors.ts';
import type { InstanceRecord } from '../../domain/instance.ts';
import { inFolder } from '../../domain/layout.ts';
import type { WorkloadUsage } from '../../domain/runtime.ts';
import type { Stack } from '../core/stack.ts';
import { askAnswering, askRuntimes } from '../workloads/observe.ts';

/** How far two looks are apart between which processors are counted. */
const SAMPLE_MS = 1000;

/** What a service uses now. */
export interface Usage {
  /** How many processors it keeps busy. */
  cpus: number;
  memoryBytes: number;
}

/**
 * Returns what the services of some instances use, keyed `instance/service`; those that are at rest, and those whose runtime does
 * not answer, are left out. Takes a second.
 */
export async function measureUsage(stack: Stack, records: readonly InstanceRecord[]): Promise<Map<string, Usage>> {
  const services = records.filter(({ started }) => started).flatMap((record) => Object.values(record.services));
  const look = async (): Promise<{ at: number; found: Map<string, WorkloadUsage> }> => {
    const used = await askAnswering(stack, services, (runtime) => runtime.usage(stack.rootId));
    return { at: performance.now(), found: new Map(used.map((one) => [`${one.instance}/${one.service}`, one])) };
  };
  if (services.length === 0) return new Map();
  const before = await look();
  await pause(SAMPLE_MS, stack.signal);
  throwIfAborted(stack.signal);
  const after = await look();
  const seconds = (after.at - before.at) / 1000;
  const measured = [...after.found].map(([key, { cpuSeconds, memoryBytes }]): [string, Usage] => {
    // What began in between has had all of it since.
    const spent = cpuSeconds - (before.found.get(key)?.cpuSeconds ?? 0);
    return [key, { cpus: Math.max(0, spent) / seconds, memoryBytes }];
  });
  return new Map(measured);
}

/** What instances take of the disk, in bytes. */
export interface DiskUse {
  /** Worktrees, logs and data by ticket; undefined where that cannot be measured. */
  tickets: Map<string, number | undefined>;
  /** Containers and volumes, keyed `instance/service`. */
  services: Map<string, number>;
}

/** Returns what some instances take of the disk; what the shared servers and images take is nobody's. */
export async function measureDisk(stack: Stack, records: readonly InstanceRecord[]): Promise<DiskUse> {
  const all = records.flatMap((record) => Object.values(record.services));
  const [folders, found] = await Promise.all([
    Promise.all(records.map((record) => measureFolders(listFolders(stack, record)))),
    ifAnswered(() => askRuntimes(stack, all, (runtime) => runtime.disk?.(stack.rootId))),
  ]);
  const services = new Map<string, number>();
  for (const { instance, service, bytes } of found ?? [])
    services.set(`${instance}/${service}`, (services.get(`${instance}/${service}`) ?? 0) + bytes);
  return { tickets: new Map(records.map(({ ticket }, index) => [ticket, folders[index]])), services };
}

/** The baseline's worktrees are the person's own checkouts. */
function listFolders({ root }: Stack, { ticket, folder }: InstanceRecord): string[] {
  const kept = (['logs', 'runs', 'own'] as const).map((name) => inFolder(root, name, ticket));
  return folder === '' ? kept : [folder, ...kept];
}
