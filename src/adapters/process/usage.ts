import { readFileSync } from 'node:fs';
import type { WorkloadUsage } from '../../domain/runtime.ts';
import { ifReadableNow } from '../files/file-errors.ts';
import { askTool, seenOr } from './ask-tool.ts';
import { listMembers } from './group.ts';
import type { ProcessRecord } from './record.ts';
import { readStat } from './stat.ts';
import { isMarked, readMarkers } from './table.ts';

/** Of `/proc/<pid>/stat`: the same on every Linux that Node runs on. */
const TICKS_A_SECOND = 100;

type Used = Pick<WorkloadUsage, 'cpuSeconds' | 'memoryBytes'>;

/** Returns what the workloads use that run, those of their processes that have left their groups included. */
export async function readUsage(records: readonly ProcessRecord[]): Promise<WorkloadUsage[]> {
  if (records.length === 0) return [];
  const markers = [...(await readMarkers())];
  const groups = await Promise.all(
    records.map(async (record) => {
      const marked = markers.flatMap(([pid, marker]) => (isMarked(marker, [record.name]) ? [pid] : []));
      return { record, pids: [...new Set([...(await seenOr([], listMembers(record))), ...marked])] };
    }),
  );
  const pids = groups.flatMap((group) => group.pids);
  const used = process.platform === 'linux' ? readAll(pids) : await askForAll(pids);
  return groups.flatMap(({ record: { instance, service }, pids }) => {
    const found = pids.flatMap((pid) => used.get(pid) ?? []);
    const sum = (key: keyof Used): number => found.reduce((total, one) => total + one[key], 0);
    return found.length === 0
      ? []
      : [{ instance, service, cpuSeconds: sum('cpuSeconds'), memoryBytes: sum('memoryBytes') }];
  });
}

function readAll(pids: readonly number[]): Map<number, Used> {
  const read = pids.flatMap((pid): [number, Used][] => {
    const stat = readStat(pid);
    return stat && !stat.zombie
      ? [[pid, { cpuSeconds: stat.cpuTicks / TICKS_A_SECOND, memoryBytes: readMemory(pid) }]]
      : [];
  });
  return new Map(read);
}

/** What several processes share counts once between them where the kernel tells (Linux 4.14), else for each. */
function readMemory(pid: number): number {
  const read = (file: string, key: string): number | undefined => {
    const text = ifReadableNow(() => readFileSync(`/proc/${pid}/${file}`, 'utf8'));
    const found = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(text ?? '')?.[1];
    return found === undefined ? undefined : Number(found) * 1024;
  };
  return read('smaps_rollup', 'Pss') ?? read('status', 'VmRSS') ?? 0;
}

async function askForAll(pids: readonly number[]): Promise<Map<number, Used>> {
  if (pids.length === 0) return new Map();
  const columns = ['pid', 'rss', 'time'].flatMap((column) => ['-o', `${column}=`]);
  const stdout = await seenOr('', askTool('ps', [...columns, '-p', pids.join(',')]));
  const rows = stdout.split('\n').flatMap((line): [number, Used][] => {
    const [pid, kilobytes, time] = line.trim().split(/\s+/);
    if (pid === undefined || kilobytes === undefined || time === undefined) return [];
    return [[Number(pid), { cpuSeconds: parseTime(time), memoryBytes: Number(kilobytes) * 1024 }]];
  });
  return new Map(rows);
}

/** `1:02.34` on macOS, `2-03:04:05` elsewhere. */
function parseTime(time: string): number {
  const [, days = '0', rest = ''] = /^(?:(\d+)-)?(.*)$/.exec(time) ?? [];
  return rest.split(':').reduce((total, part) => total * 60 + Number(part), 0) + Number(days) * 86_400;
}
