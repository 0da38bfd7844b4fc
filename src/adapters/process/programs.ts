import type { Program } from '../../domain/runtime.ts';
import { seenOr } from './ask-tool.ts';
import { listMembers } from './group.ts';
import { type Listener, listListenersOfEach } from './ports.ts';
import type { ProcessRecord } from './record.ts';
import { readVariables, showEnvironments } from './shown-env.ts';
import { findMarked, MARKER, readEnvironment, readName, readNames } from './table.ts';

/**
 * Returns the live processes of a workload with the env each has: all of it on Linux, elsewhere what `ps` shows of the variables
 * that are `asked` about, which are given with what each should hold.
 */
export async function listPrograms(
  record: ProcessRecord | undefined,
  asked: Readonly<Record<string, string>>,
): Promise<Program[]> {
  if (!record) return [];
  const describe =
    process.platform === 'linux' ? readPrograms : (pids: number[]) => askForPrograms(record, pids, asked);
  // Where nobody can look at processes, none is shown.
  const members = await describe(await seenOr([], listMembers(record)));
  const leases = record.ports.map(({ host }) => host);
  if (members.some(({ ports }) => ports?.some((port) => leases.includes(port)))) return members;
  // What serves may have left the group; all processes of the machine are looked through for it.
  const known = new Set(members.map(({ name }) => name));
  const marked = await describe(await findMarked(record.name));
  return [...members, ...marked.filter(({ name }) => !known.has(name))];
}

async function readPrograms(pids: readonly number[]): Promise<Program[]> {
  const listeners = await listListenersOfEach(pids);
  return pids.flatMap((pid) => {
    const env = readEnvironment(pid);
    return env ? [{ ...describeProgram(pid, readName(pid), listeners.get(pid)), env }] : [];
  });
}

/**
 * One whose environment has no marker of ours is not shown it whole. macOS takes `DYLD_…` out of the environment of its own
 * programs: a shell that lacks one may well have set it for the program that it started.
 */
async function askForPrograms(
  record: ProcessRecord,
  pids: readonly number[],
  asked: Readonly<Record<string, string>>,
): Promise<Program[]> {
  if (pids.length === 0) return [];
  const [environments, listeners, names] = await Promise.all([
    seenOr(new Map<number, string>(), showEnvironments(pids)),
    seenOr(undefined, listListenersOfEach(pids)),
    readNames(pids),
  ]);
  return pids.map((pid) => {
    const shown = environments.get(pid) ?? '';
    const isWhole = readVariables(shown, { [MARKER]: record.name }).env[MARKER] === record.name;
    const { env, unseen } = isWhole ? readVariables(shown, asked) : { env: {}, unseen: Object.keys(asked) };
    const taken = Object.keys(asked).filter((key) => key.startsWith('DYLD_') && env[key] === undefined);
    return { ...describeProgram(pid, names.get(pid), listeners?.get(pid)), env, unseen: [...unseen, ...taken] };
  });
}

function describeProgram(
  pid: number,
  name: string | undefined,
  listeners: readonly Listener[] | undefined,
): Pick<Program, 'name' | 'ports' | 'open'> {
  const open = listeners?.filter((listener) => listener.open).map(({ port }) => port) ?? [];
  return { name: `pid ${pid} (${name ?? 'gone'})`, ports: listeners?.map(({ port }) => port), open };
}
