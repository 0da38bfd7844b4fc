import type { ContainerInfo, ContainerStats, VolumeInspectInfo } from 'dockerode';
import { LABELS } from '../../domain/names.ts';
import type { WorkloadDisk, WorkloadUsage } from '../../domain/runtime.ts';
import type { Connection } from './connection.ts';
import { orMissing } from './error.ts';
import { COMPOSE } from './spec.ts';

/** Returns what the containers of a root's workloads use that run. Throws what the engine throws. */
export async function readUsage(conn: Connection, rootId: string): Promise<WorkloadUsage[]> {
  const label = [`${LABELS.root}=${rootId}`, LABELS.hash, `${COMPOSE.oneOff}=False`];
  const found = await conn.client.listContainers({ filters: { label } });
  const read = await Promise.all(
    found.map(async ({ Id, Labels }) => {
      const stats = await orMissing(conn.client.getContainer(Id).stats({ stream: false, 'one-shot': true }));
      // One that has just ended has no figures.
      if (stats?.memory_stats?.usage === undefined) return [];
      const [instance = '', service = ''] = [Labels[LABELS.ticket], Labels[LABELS.service]];
      const cpuSeconds = stats.cpu_stats.cpu_usage.total_usage / 1e9;
      return [{ instance, service, cpuSeconds, memoryBytes: countMemory(stats) }];
    }),
  );
  return read.flat();
}

/** As `docker stats` counts: without the files that the kernel keeps at hand and drops first (cgroup v2 and v1). */
function countMemory({ memory_stats: { usage, stats } }: ContainerStats): number {
  const files: Partial<Record<string, number>> = { ...stats };
  return Math.max(0, usage - (files.total_inactive_file ?? files.inactive_file ?? 0));
}

/** Its type lacks what `size` brings. */
type Sized = ContainerInfo & { SizeRw?: number };

/** Returns what the containers of a root's workloads, and their volumes, take of the disk. Throws what the engine throws. */
export async function readDisk(conn: Connection, rootId: string): Promise<WorkloadDisk[]> {
  const label = [`${LABELS.root}=${rootId}`, `${COMPOSE.oneOff}=False`];
  const [containers, { Volumes }] = await Promise.all([
    conn.client.listContainers({ all: true, size: true, filters: { label } }),
    conn.client.df(),
  ]);
  const ownerOf = (labels: Readonly<Record<string, string>> | null) => ({
    instance: labels?.[LABELS.ticket] ?? '',
    service: labels?.[LABELS.service] ?? '',
  });
  return [
    // The field is left out while nothing was written.
    ...containers.map(({ Labels, SizeRw = 0 }: Sized) => ({ ...ownerOf(Labels), bytes: SizeRw })),
    ...((Volumes ?? []) as VolumeInspectInfo[])
      .filter(({ Labels }) => Labels?.[LABELS.root] === rootId)
      .map(({ Labels, UsageData }) => ({ ...ownerOf(Labels), bytes: Math.max(0, UsageData?.Size ?? 0) })),
  ];
}
