import { readFileSync } from 'node:fs';
import { ifReadableNow } from '../files/file-errors.ts';

/** What Linux tells of a process in `/proc/<pid>/stat` (proc(5)). */
export interface ProcessStat {
  /** The program's name, at most 15 characters. */
  name: string;
  /** One letter: `R`, `S`, `T`, … */
  state: string;
  /** It has ended, and its number is kept until its parent has asked for its exit code. */
  zombie: boolean;
  parent: number;
  group: number;
  /** What it has had of processors, in clock ticks. */
  cpuTicks: number;
  /** When it began, in clock ticks since the machine started. */
  startTicks: string;
}

/**
 * Returns what Linux tells of a process; undefined where there is none of that number or it may not be looked at. Field 2 is
 * the program's name in brackets and may hold anything, so the rest is counted from the last bracket.
 */
export function readStat(pid: number): ProcessStat | undefined {
  const text = ifReadableNow(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  if (text === undefined) return undefined;
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  const [state = '', parent, group] = fields;
  return {
    name: text.slice(text.indexOf('(') + 1, end),
    state,
    zombie: state === 'Z' || state === 'X',
    ...{ parent: Number(parent), group: Number(group), startTicks: fields[19] ?? '' },
    cpuTicks: Number(fields[11]) + Number(fields[12]),
  };
}

/** True while a process of that number runs. A zombie has ended, and stays for good where nobody asks for its exit code (containers). */
export function isRunning(pid: number): boolean {
  return askForPid(pid) !== 'none' && readStat(pid)?.zombie !== true;
}

/** Tells whether a process of that number is there, be it another user's (`forbidden`) or a zombie. */
export function askForPid(pid: number): 'there' | 'none' | 'forbidden' {
  if (!Number.isInteger(pid) || pid <= 0) return 'none';
  try {
    process.kill(pid, 0);
    return 'there';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? 'forbidden' : 'none';
  }
}

/** Sends a signal to a process, or to the group of a negative number. Nothing where it has ended, or is not ours to end. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}
