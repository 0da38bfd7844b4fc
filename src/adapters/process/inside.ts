import { readlinkSync } from 'node:fs';
import { ifReadableNow } from '../files/file-errors.ts';
import { blind } from './ask-tool.ts';
import { listOpenFiles } from './lsof.ts';
import { readStat } from './stat.ts';
import { isMarked, listNumbers, listStarted, readMarkers } from './table.ts';

/** A process with its working directory in a folder that was asked about. */
export interface InsideProcess {
  pid: number;
  /** The program's name, as the system has it. */
  name: string;
  cwd: string;
}

interface Row extends InsideProcess {
  parent: number;
  group: number;
}

/** Workloads whose own processes do not count. */
export interface OwnWorkloads {
  /** As their processes carry them. */
  names: readonly string[];
  /** Process groups; where the system does not show what all processes carry, they are known by these, and by who started them. */
  groups: readonly number[];
}

/**
 * Returns the processes of this machine that work inside a folder, but for those of the workloads given, this command and
 * those it was started from, and what shares a process group with one of them (a pipe, an agent's helpers). Linux reads
 * /proc; elsewhere lsof is asked. Throws `unseen`.
 */
export async function listInside(folder: string, own: OwnWorkloads): Promise<InsideProcess[]> {
  const rows = await listRows();
  const isIn = ({ cwd }: Row): boolean => isWithin(cwd, folder);
  const callers = listCallers(rows);
  const near = callers.filter((row) => row.pid === process.pid || isIn(row)).map(({ group }) => group);
  const groups = new Set([...near, ...own.groups]);
  const numbers = new Set([...callers, ...listOwn(rows, own)].map(({ pid }) => pid));
  const found = rows.filter(
    (row) => isIn(row) && !numbers.has(row.pid) && !groups.has(row.group) && !isPassing(row.name),
  );
  const markers = await readMarkers(found.map(({ pid }) => pid));
  return found
    .filter(({ pid }) => !isMarked(markers.get(pid), own.names))
    .map(({ pid, name, cwd }) => ({ pid, name, cwd }));
}

/** True while a program of that name, or a helper named after it (`git-remote-https`), works in one of the folders. Throws `unseen`. */
export async function isProgramInside(program: string, folders: readonly string[]): Promise<boolean> {
  const rows = await listRows();
  return rows.some(
    ({ name, cwd }) =>
      (name === program || name.startsWith(`${program}-`)) && folders.some((folder) => isWithin(cwd, folder)),
  );
}

/** True for a folder, and for what is in it. */
export function isWithin(cwd: string, folder: string): boolean {
  return cwd === folder || cwd.startsWith(`${folder}/`);
}

async function listRows(): Promise<Row[]> {
  return process.platform === 'linux' ? listFromProc() : listFromLsof();
}

/** What the workloads have started, the groups it has left included; Linux shows it by what it carries. */
function listOwn(rows: readonly Row[], { groups }: OwnWorkloads): Row[] {
  if (process.platform === 'linux') return [];
  const members = rows.filter(({ group }) => groups.includes(group)).map(({ pid }) => pid);
  return listStarted(rows, members);
}

/** This process and all that led to it. */
function listCallers(rows: readonly Row[]): Row[] {
  const byPid = new Map(rows.map((row) => [row.pid, row]));
  const callers: Row[] = [];
  for (let row = byPid.get(process.pid); row && !callers.includes(row); row = byPid.get(row.parent)) callers.push(row);
  return callers;
}

/** Another command, or an editor, is just asking git; one that waits for a person has an editor in there too. */
function isPassing(name: string): boolean {
  return name === 'git';
}

function listFromProc(): Row[] {
  const here = readLink('/proc/self/ns/pid');
  return listNumbers('/proc').flatMap((pid) => {
    const cwd = readLink(`/proc/${pid}/cwd`);
    // A container has folders of its own, some of them called alike.
    if (cwd === undefined || readLink(`/proc/${pid}/ns/pid`) !== here) return [];
    return readRow(pid, cwd) ?? [];
  });
}

function readRow(pid: number, cwd: string): Row | undefined {
  const found = readStat(pid);
  return found && !found.zombie ? { pid, cwd, parent: found.parent, group: found.group, name: found.name } : undefined;
}

function readLink(file: string): string | undefined {
  return ifReadableNow(() => readlinkSync(file));
}

/** Returns the processes that work in that very folder. Throws `unseen`. */
export async function listWorkingAt(folder: string): Promise<InsideProcess[]> {
  return (await listRows()).filter(({ cwd }) => cwd === folder);
}

/** Returns the folders that processes work in, as far as they may be looked at. Throws `unseen`. */
export async function listWorkingFolders(pids: readonly number[]): Promise<Map<number, string>> {
  const rows =
    process.platform === 'linux'
      ? pids.map((pid) => ({ pid, cwd: readLink(`/proc/${pid}/cwd`) }))
      : await listFromLsof(['-a', '-p', pids.join(',')]);
  return new Map(rows.flatMap(({ pid, cwd }) => (cwd === undefined ? [] : [[pid, cwd] as const])));
}

async function listFromLsof(which: readonly string[] = []): Promise<Row[]> {
  const files = await listOpenFiles([...which, '-d', 'cwd']);
  if (which.length === 0 && files.every(({ pid }) => pid !== process.pid)) throw blind('lsof');
  return files.map(({ pid, parent, group, program, name }) => ({ pid, parent, group, name: program, cwd: name }));
}
