import { readdirSync, readFileSync } from 'node:fs';
import { ifReadableNow } from '../files/file-errors.ts';
import { askTool, seenOr } from './ask-tool.ts';
import { RECENT_MS, readPsTable } from './ps-table.ts';
import { showVariable } from './shown-env.ts';
import { askForPid, readStat } from './stat.ts';

export interface ProcessRow {
  pid: number;
  /** The process group; equal to the pid of its leader, which may be dead. */
  group: number;
  /** A zombie has ended; its number is kept until its parent has asked for its exit code. */
  zombie: boolean;
  /** Stopped by SIGSTOP or its terminal, until SIGCONT. */
  paused: boolean;
  parent: number;
}

/** Variable that every process of a workload inherits; its value is the workload's name, unique on the machine. */
export const MARKER = 'STACK_WORKLOAD';

/**
 * Returns every process of this machine that may be looked at. Linux reads /proc; elsewhere `ps` is asked,
 * where nobody has since `since` (of `performance.now()`). Throws `unseen`.
 */
export async function listProcesses(since = performance.now()): Promise<ProcessRow[]> {
  if (process.platform === 'linux') {
    return listNumbers('/proc').flatMap((pid) => readRow(pid) ?? []);
  }
  return [...(await readPsTable(since)).values()];
}

/**
 * Returns the live members of a process group. The table is not read at one moment: a member that was forked meanwhile, by one
 * that has ended since, is not in it, so that none is believed only when it is seen twice. Throws `unseen`.
 */
export async function listGroup(group: number, since?: number): Promise<ProcessRow[]> {
  const look = async (from?: number): Promise<ProcessRow[]> =>
    (await listProcesses(from)).filter((row) => row.group === group && !row.zombie && askForPid(row.pid) !== 'none');
  const found = hasAny(group) ? await look(since) : [];
  return found.length === 0 && hasAny(group) ? look() : found;
}

/** True while a member of the group lives; for who polls. Where nobody can look one does. */
export async function hasMembers(group: number): Promise<boolean> {
  const rows = listGroup(group, performance.now() - RECENT_MS);
  return (await seenOr(undefined, rows))?.length !== 0;
}

/** Returns those of a table's rows that some processes have started, and what these have, as long as who started them lives. */
export function listStarted<Row extends { pid: number; parent: number }>(
  rows: readonly Row[],
  by: readonly number[],
): Row[] {
  const found: Row[] = [];
  const known = new Set(by);
  for (let before = -1; before < known.size; ) {
    before = known.size;
    for (const row of rows) {
      if (!known.has(row.parent) || known.has(row.pid)) continue;
      known.add(row.pid);
      found.push(row);
    }
  }
  return found;
}

/** Zombies count here, and stay where nobody reaps orphans (containers), so a yes is no answer yet. */
export function hasAny(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function readRow(pid: number): ProcessRow | undefined {
  const found = readStat(pid);
  if (!found) return undefined;
  const { group, parent, zombie, state } = found;
  return { pid, group, parent, zombie, paused: state === 'T' };
}

/** Returns the workload that a process was started for, undefined when it is none of ours or cannot be looked into. Linux alone. */
export function readMarker(pid: number): string | undefined {
  const environment = readText(`/proc/${pid}/environ`);
  const entry = environment?.split('\0').find((pair) => pair.startsWith(`${MARKER}=`));
  return entry?.slice(MARKER.length + 1);
}

/**
 * Returns the workloads that live processes were started for, by their numbers; with `pids` of those alone, with `workload` as far
 * as they are that one's. This process is never among them. Linux reads /proc; elsewhere it is what `ps` shows, and none where it cannot be asked.
 */
export async function readMarkers(pids?: readonly number[], workload?: string): Promise<Map<number, string>> {
  const counts = (marker: string): boolean => workload === undefined || isMarked(marker, [workload]);
  const isAsked = (pid: number): boolean => pid !== process.pid && (pids === undefined || pids.includes(pid));
  if (pids?.length === 0) return new Map();
  if (process.platform !== 'linux') {
    const shown = showVariable(MARKER, (pid, marker) => isAsked(pid) && counts(marker));
    return seenOr(new Map<number, string>(), shown);
  }
  const numbers = pids ?? (await listProcesses()).filter(({ zombie }) => !zombie).map(({ pid }) => pid);
  return new Map(
    numbers.filter(isAsked).flatMap((pid) => {
      const marker = readMarker(pid);
      return marker === undefined || !counts(marker) ? [] : [[pid, marker]];
    }),
  );
}

/** Returns the environment a process was started with; undefined when it has ended, or may not be looked into. Linux alone. */
export function readEnvironment(pid: number): Record<string, string> | undefined {
  const pairs = readText(`/proc/${pid}/environ`)
    ?.split('\0')
    .filter((pair) => pair.includes('='));
  if (!pairs || pairs.length === 0) return undefined;
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

/** Returns the names of processes' programs, as far as the system tells. */
export async function readNames(pids: readonly number[]): Promise<Map<number, string>> {
  const stdout = await seenOr('', askTool('ps', ['-o', 'pid=', '-o', 'comm=', '-p', pids.join(',')]));
  const rows = stdout.split('\n').flatMap((line) => {
    const [, pid, name] = /^\s*(\d+)\s+(?:.*\/)?(.+?)\s*$/.exec(line) ?? [];
    return pid && name ? [[Number(pid), name] as const] : [];
  });
  return new Map(rows);
}

/** Returns the name of a process's program. Linux alone. */
export function readName(pid: number): string | undefined {
  return readText(`/proc/${pid}/comm`)?.trim();
}

/**
 * Returns the live processes that carry a workload's name, wherever they have moved, and those of its set-up commands
 * (`name#…`). This process is never among them. Elsewhere than on Linux those that `ps` shows it of.
 */
export async function findMarked(workload: string): Promise<number[]> {
  return [...(await readMarkers(undefined, workload)).keys()];
}

/** Returns the workloads that live processes were started for, `name#…` for set-up commands; likewise. */
export async function listMarked(): Promise<string[]> {
  return [...new Set((await readMarkers()).values())];
}

/** True for what the processes of one of the workloads carry, and those of its set-up commands. */
export function isMarked(marker: string | undefined, workloads: readonly string[]): boolean {
  return marker !== undefined && workloads.some((name) => marker === name || marker.startsWith(`${name}#`));
}

/** Returns the entries of a folder that are numbers; none when the folder cannot be read. */
export function listNumbers(folder: string): number[] {
  return (ifReadableNow(() => readdirSync(folder)) ?? []).map(Number).filter(Number.isInteger);
}

/** Undefined when the process has ended meanwhile, or belongs to somebody else. */
function readText(file: string): string | undefined {
  return ifReadableNow(() => readFileSync(file, 'utf8'));
}
