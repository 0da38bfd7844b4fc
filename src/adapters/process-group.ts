import { setTimeout as wait } from 'node:timers/promises';
import { processStartTime } from './process-identity.ts';
import { findMarked, listProcesses, readMarker } from './process-table.ts';

/** How long a group may take to end after SIGTERM. */
const GRACE_MS = 10_000;
const POLL_MS = 15;

export interface GroupIdentity {
  /** Number of the group and of its leader. */
  pid: number;
  /** Start time of the leader. */
  startTime: string;
  /** The workload its processes carry as their marker. */
  name: string;
}

/** Gives the live processes of a group: its leader, or what is left when the leader is dead. None when it has ended. */
export async function listMembers(group: GroupIdentity): Promise<number[]> {
  if (!hasAny(group.pid)) return [];
  const startTime = await processStartTime(group.pid);
  // The number of a living group is given to no new process: another start time means that ours has ended.
  if (startTime !== undefined && startTime !== group.startTime) return [];
  const members = (await listProcesses()).filter((row) => row.group === group.pid && !row.zombie).map(({ pid }) => pid);
  return startTime !== undefined || isOurs(members, group) ? members : [];
}

/** True while the leader or any other member of the group lives. */
export async function isGroupAlive(group: GroupIdentity): Promise<boolean> {
  if (!hasAny(group.pid)) return false;
  const startTime = await processStartTime(group.pid);
  if (startTime !== undefined) return startTime === group.startTime;
  return (await listMembers(group)).length > 0;
}

/** Ends a group: SIGTERM, up to ten seconds, SIGKILL. Gone is done. */
export async function endGroup(group: GroupIdentity): Promise<void> {
  const isAlive = (): Promise<boolean> => isGroupAlive(group);
  await end(
    () => signalAll([-group.pid], 'SIGTERM'),
    () => signalAll([-group.pid], 'SIGKILL'),
    isAlive,
  );
}

/** Ends every process that carries the workload's name, those that left its group included. None is done. */
export async function endMarked(workload: string): Promise<void> {
  const pids = async (): Promise<number[]> => (await findMarked(workload)).map(({ pid }) => pid);
  await end(
    async () => signalAll(await pids(), 'SIGTERM'),
    async () => signalAll(await pids(), 'SIGKILL'),
    async () => (await pids()).length > 0,
  );
}

async function end(
  ask: () => void | Promise<void>,
  force: () => void | Promise<void>,
  isAlive: () => Promise<boolean>,
): Promise<void> {
  if (!(await isAlive())) return;
  await ask();
  if (await endsWithin(GRACE_MS, isAlive)) return;
  await force();
  await endsWithin(GRACE_MS, isAlive);
}

async function endsWithin(milliseconds: number, isAlive: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  while (await isAlive()) {
    if (performance.now() > deadline) return false;
    await wait(POLL_MS);
  }
  return true;
}

/** Zombies count here, so a yes is no answer yet. */
function hasAny(group: number): boolean {
  try {
    process.kill(-group, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** With its leader dead a group is known by its members' marker, where the system shows it. */
function isOurs(members: readonly number[], group: GroupIdentity): boolean {
  return process.platform !== 'linux' || members.some((pid) => readMarker(pid) === group.name);
}

/** A stopped (SIGSTOP) process acts on SIGTERM only once it goes on. */
function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    for (const one of [signal, 'SIGCONT'] as const) {
      try {
        process.kill(pid, one);
      } catch {
        // It has ended meanwhile, or is not ours to end; whoever asked looks again.
      }
    }
  }
}
