import type { Program } from '../../domain/runtime.ts';
import { listMembers } from './group.ts';
import { listListeners } from './ports.ts';
import type { ProcessRecord } from './record.ts';
import { findMarked, readEnvironment, readName } from './table.ts';

/** Gives the live processes of a workload with the env each has. Known on Linux alone: macOS shows nobody another's. */
export async function listPrograms(record: ProcessRecord | undefined): Promise<Program[]> {
  if (!record || process.platform !== 'linux') return [];
  const marked = (await findMarked(record.name)).map(({ pid }) => pid);
  const pids = new Set([...(await listMembers(record)), ...marked]);
  return [...pids].flatMap((pid) => {
    const env = readEnvironment(pid);
    if (!env) return [];
    const ports = listListeners([pid]).map(({ port }) => port);
    return [{ name: `pid ${pid} (${readName(pid) ?? 'gone'})`, env, ports }];
  });
}
