import type { Program } from '../../domain/runtime.ts';
import { listMembers } from './group.ts';
import { listListeners } from './ports.ts';
import type { ProcessRecord } from './record.ts';
import { findMarked, readEnvironment, readName } from './table.ts';

/** Returns the live processes of a workload with the env each has. Known on Linux alone: macOS shows nobody another's. */
export async function listPrograms(record: ProcessRecord | undefined): Promise<Program[]> {
  if (!record || process.platform !== 'linux') return [];
  const members = (await listMembers(record)).flatMap(describeProgram);
  const leases = record.ports.map(({ host }) => host);
  if (members.some(({ ports }) => ports?.some((port) => leases.includes(port)))) return members;
  // What serves may have left the group; all processes of the machine are looked through for it.
  const known = new Set(members.map(({ name }) => name));
  const marked = (await findMarked(record.name)).flatMap(({ pid }) => describeProgram(pid));
  return [...members, ...marked.filter(({ name }) => !known.has(name))];
}

function describeProgram(pid: number): Program[] {
  const env = readEnvironment(pid);
  if (!env) return [];
  const listeners = listListeners([pid]);
  const ports = listeners.map(({ port }) => port);
  const open = listeners.filter((listener) => listener.open).map(({ port }) => port);
  return [{ name: `pid ${pid} (${readName(pid) ?? 'gone'})`, env, ports, open }];
}
