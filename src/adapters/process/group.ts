import { realpath } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { StackError } from '../../domain/errors.ts';
import { ifReadable } from '../files/file-errors.ts';
import { seenOr } from './ask-tool.ts';
import { isAlive, isOfThisBoot, isSameStart, momentOf, type ProcessIdentity, processStartTime } from './identity.ts';
import { isWithin, listWorkingFolders } from './inside.ts';
import { noteStrays } from './kill-with-parent.ts';
import { listListenersOfEach } from './ports.ts';
import { RECENT_MS } from './ps-table.ts';
import { isRunning, sendSignal } from './stat.ts';
import { findMarked, hasAny, listGroup, listProcesses, listStarted, type ProcessRow, readMarker } from './table.ts';

/** How long a group may take to end after SIGTERM. */
const GRACE_MS = 10_000;
const POLL_MS = 15;
/** `ps` tells of a start in whole seconds. */
const SECOND_MS = 1000;
/**
 * Between being released and having begun the command a launcher takes SIGTERM and goes on: so a young group is told more
 * than once. One that has run for a while is not, since a second SIGTERM makes some programs drop what they were finishing.
 */
const YOUNG_MS = 2_000;
const INSIST_MS = 200;

/** When a group without its leader was last seen to be the one it is taken for. */
const lastOurs = new Map<string, number>();

export interface GroupIdentity {
  /** Number of the group and of its leader. */
  pid: number;
  /** Start time of the leader. */
  startTime: string;
  /** The workload its processes carry as their marker. */
  name: string;
  /** Unix milliseconds of the start, where a launcher leads. */
  startedAt?: number;
  /** Where its command was started. */
  cwd?: string;
  /** True for one that this process has just started, and not yet let go of: its number is nobody else's. */
  isChild?: boolean;
}

/** Returns the live processes of a group: its leader, or what is left when the leader is dead. None when it has ended. Throws `unseen`. */
export async function listMembers(group: GroupIdentity): Promise<number[]> {
  return (await listRows(group)).map(({ pid }) => pid);
}

/**
 * True while one of a group that lives has been stopped by SIGSTOP: nothing of it answers then. A look at the table since
 * `since` (of `performance.now()`) tells, too. False where nobody can look.
 */
export async function isPaused(group: GroupIdentity, since?: number): Promise<boolean> {
  return (await seenOr([], listRows(group, since))).some(({ paused }) => paused);
}

/** Lets a group go on that was stopped by SIGSTOP. */
export function resumeGroup(group: GroupIdentity): void {
  signalAll([-group.pid], 'SIGCONT');
}

async function listRows(group: GroupIdentity, since = performance.now()): Promise<ProcessRow[]> {
  if (!mayLive(group)) return [];
  const startTime = await processStartTime(group.pid);
  // The number of a living group is given to no new process: another start time means that ours has ended.
  if (startTime !== undefined && !isLeader(group, startTime)) return [];
  const members = await listGroup(group.pid, since);
  return startTime !== undefined || (await isOurs(members, group, since)) ? members : [];
}

/** False where nobody need look at processes to know that it has ended. */
function mayLive({ pid, startTime }: GroupIdentity): boolean {
  return hasAny(pid) && isOfThisBoot(startTime);
}

/** True while the leader or any other member of the group lives, and where some group of that number does and nobody can look at it. */
export async function isGroupAlive(group: GroupIdentity): Promise<boolean> {
  return seenOr(true, isSeenAlive(group));
}

/** Returns the same; throws `unseen` where some group of that number lives, and nobody can look whether it is that one. */
export async function isSeenAlive(group: GroupIdentity): Promise<boolean> {
  if (!mayLive(group)) return false;
  const startTime = await processStartTime(group.pid);
  if (startTime !== undefined) return isLeader(group, startTime);
  return (await listRows(group, performance.now() - RECENT_MS)).length > 0;
}

/**
 * Ends a group: SIGTERM, up to ten seconds, SIGKILL. A watcher passes the first SIGTERM on to the program it watches, and
 * lives: once those that did the work have ended, all are told again. Then what its processes had started outside of the group,
 * where `endMarked` may not know it. Gone is done. Throws `process` when one lives on, and `unseen` where nobody can look whether it
 * is that group still.
 */
export async function endGroup(group: GroupIdentity): Promise<void> {
  const send = async (signal: NodeJS.Signals): Promise<void> => signalAll([-group.pid], signal);
  const isYoung = Date.now() - (group.startedAt ?? 0) < YOUNG_MS;
  const members = await (group.isChild ? seenOr([], listRows(group)) : listRows(group));
  const strays = await seenOr([], listStrays(group.pid, members));
  noteStrays(group.pid, strays);
  const workers = await listWorkers(members);
  const insist = async (): Promise<boolean> => {
    if (isYoung || workers.length === 0) return isYoung;
    const started = await Promise.all(workers.map((pid) => seenOr('', processStartTime(pid))));
    return started.every((startTime) => startTime === undefined);
  };
  await end({ name: group.name, send, isAlive: () => isGroupAlive(group), insist });
  if (strays.length > 0) await endStrays(group.name, strays);
}

/**
 * Returns what a group's members have started and what has left it: once who started it has ended, nothing leads to it. None on
 * Linux, where it is known by its marker. Throws `unseen`.
 */
export async function listStrays(group: number, members?: readonly ProcessRow[]): Promise<ProcessIdentity[]> {
  if (process.platform === 'linux') return [];
  members ??= await listGroup(group);
  if (members.length === 0) return [];
  const started = listStarted(
    await listProcesses(),
    members.map((member) => member.pid),
  );
  const strays = started.filter((row) => row.group !== group && !row.zombie);
  const found = await Promise.all(strays.map(async (row) => ({ ...row, startTime: await processStartTime(row.pid) })));
  return found.flatMap(({ startTime, ...row }) => (startTime === undefined ? [] : [{ pid: row.pid, startTime }]));
}

/** Ends what has left a group, as `listStrays` gives it. Throws `process` when one lives on. */
export async function endStrays(name: string, strays: readonly ProcessIdentity[]): Promise<void> {
  const list = async (): Promise<number[]> => {
    const alive = await Promise.all(strays.map(isAlive));
    return strays.flatMap(({ pid }, index) => (alive[index] ? [pid] : []));
  };
  await endAll(name, list);
}

/** Ends a group as `endGroup` does, and what carries its name and has left it. Gone is done. Throws `process`, `unseen`. */
export async function endWhole(group: GroupIdentity): Promise<void> {
  await endGroup(group);
  if (group.name !== '') await endMarked(group.name);
}

/**
 * Ends every process that carries the workload's name, those that left its group included. None is done. Throws `process`
 * when one lives on.
 */
export async function endMarked(workload: string): Promise<void> {
  await endAll(workload, () => findMarked(workload));
}

/** Elsewhere than on Linux a list is several `ps`: while one of a list of the last second lives no other is asked for. */
async function endAll(name: string, list: () => Promise<number[]>): Promise<void> {
  let [pids, asked]: [number[], number] = [[], 0];
  const look = async (): Promise<number[]> => {
    asked = performance.now();
    pids = await list();
    return pids;
  };
  const send = async (signal: NodeJS.Signals): Promise<void> => signalAll(await look(), signal);
  const isAnyAlive = async (): Promise<boolean> =>
    (performance.now() - asked < RECENT_MS && pids.some(isRunning)) || (await look()).length > 0;
  await end({ name, send, isAlive: isAnyAlive, insist: async () => false });
}

interface Ending {
  name: string;
  send(signal: NodeJS.Signals): Promise<void>;
  isAlive(): Promise<boolean>;
  /** True: it is asked again. */
  insist(): Promise<boolean>;
}

async function end(ending: Ending): Promise<void> {
  if (!(await ending.isAlive())) return;
  const deadline = performance.now() + GRACE_MS;
  while (performance.now() < deadline) {
    await ending.send('SIGTERM');
    const again = performance.now() + INSIST_MS;
    const isDone = async (): Promise<boolean> =>
      !(await ending.isAlive()) || (performance.now() > again && (await ending.insist()));
    await comesWithin(deadline - performance.now(), isDone);
    if (!(await ending.isAlive())) return;
  }
  await ending.send('SIGKILL');
  if (await comesWithin(GRACE_MS, async () => !(await ending.isAlive()))) return;
  throw new StackError('process', `the processes of ${ending.name} do not end, not even by SIGKILL`, {
    hint: 'they may wait for a disk or a network that does not answer; try again later',
  });
}

/** Those of a group that listen, or, where none does, those that started nobody: they do what the others are there for. */
async function listWorkers(rows: readonly ProcessRow[]): Promise<number[]> {
  const pids = rows.map(({ pid }) => pid);
  const listeners = pids.length > 1 ? await seenOr(undefined, listListenersOfEach(pids)) : undefined;
  const listening = pids.filter((pid) => listeners?.get(pid)?.length);
  if (listening.length > 0) return listening;
  const parents = new Set(rows.map(({ parent }) => parent));
  return pids.filter((pid) => !parents.has(pid));
}

async function comesWithin(milliseconds: number, isDone: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  while (!(await isDone())) {
    if (performance.now() > deadline) return false;
    await wait(POLL_MS);
  }
  return true;
}

/** The start time alone is not enough: the record may name a process that was never ours. What is hidden from us counts. */
function isLeader({ pid, name, ...group }: GroupIdentity, startTime: string): boolean {
  const isTold = !group.isChild || group.startTime !== '';
  return (
    (!isTold || isSameStart(startTime, group.startTime)) && (name === '' || [undefined, name].includes(readMarker(pid)))
  );
}

/**
 * With its leader dead a group is known by its members' marker, where the system shows it. Elsewhere, by members that all began
 * after the leader, and one of which works in its folder: the number may be a stranger's by now.
 * A yes since `since` (of `performance.now()`) is enough for who polls: `lsof` is slow.
 */
async function isOurs(members: readonly ProcessRow[], group: GroupIdentity, since: number): Promise<boolean> {
  if (members.some(({ pid }) => readMarker(pid) === group.name)) return true;
  if (group.isChild) return true;
  if (process.platform === 'linux') return false;
  if (members.length === 0 || group.cwd === undefined) return false;
  const asked = performance.now();
  const key = JSON.stringify([group.pid, group.startTime, group.cwd]);
  if ((lastOurs.get(key) ?? Number.NEGATIVE_INFINITY) >= since) return true;
  const earliest = (momentOf(group.startTime) ?? Number.POSITIVE_INFINITY) - SECOND_MS;
  const began = await Promise.all(members.map(({ pid }) => processStartTime(pid)));
  if (began.some((startTime) => startTime !== undefined && !((momentOf(startTime) ?? 0) >= earliest))) return false;
  const folder = (await ifReadable(realpath(group.cwd))) ?? group.cwd;
  const folders = await listWorkingFolders(members.map(({ pid }) => pid));
  const isIn = [...folders.values()].some((at) => isWithin(at, folder));
  if (isIn) lastOurs.set(key, asked);
  return isIn;
}

/** A stopped (SIGSTOP) process acts on SIGTERM only once it goes on. */
function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    for (const one of [signal, 'SIGCONT'] as const) sendSignal(pid, one);
  }
}
