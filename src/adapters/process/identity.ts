import { readFileSync } from 'node:fs';
import { ifReadableNow } from '../files/file-errors.ts';
import { askTool, askToolNow, isUnseen, seenOr } from './ask-tool.ts';
import { askForPid, readStat } from './stat.ts';

/** A process and the moment it began: with both, a number that the system has given out again is not taken for it. */
export interface ProcessIdentity {
  pid: number;
  /** As the system tells it; compared, never read. Empty where the system does not tell. */
  startTime: string;
}

let boot: string | undefined;
let self: ProcessIdentity | undefined;

/** Returns when a process began, undefined when there is none of that number; a zombie counts as ended. Throws `unseen` where nobody could look. */
export async function processStartTime(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') return readStartTime(pid);
  return parsePs(await askTool('ps', psArguments(pid)));
}

/** Returns the identity of this process. Asks the system once. */
export function selfIdentity(): ProcessIdentity {
  self ??= identifyProcess(process.pid);
  return self;
}

/** Returns the identity of a process that was just started, at once: its number must be written down before anything else. */
export function identifyProcess(pid: number): ProcessIdentity {
  return { pid, startTime: startTimeNow(pid) ?? '' };
}

/** True while that very process lives. One that may not, or cannot be looked at counts as alive. */
export async function isAlive(owner: ProcessIdentity): Promise<boolean> {
  const answer = askForPid(owner.pid);
  if (answer === 'none') return false;
  if (owner.startTime === '') return true;
  const startTime = await seenOr(owner.startTime, processStartTime(owner.pid));
  // Hidden from us (another user's, /proc mounted with hidepid) is not the same as gone; a zombie of ours is.
  if (startTime === undefined) return answer === 'forbidden';
  return startTime === owner.startTime;
}

function startTimeNow(pid: number): string | undefined {
  if (process.platform === 'linux') return readStartTime(pid);
  try {
    return parsePs(askToolNow('ps', psArguments(pid)));
  } catch (error) {
    if (!isUnseen(error)) throw error;
    return undefined;
  }
}

function psArguments(pid: number): string[] {
  // One `-o` each: on macOS what follows a `=` is all header, commas included.
  return ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)];
}

function parsePs(text: string): string | undefined {
  const [state, ...start] = text.trim().split(/\s+/);
  return !state || state.startsWith('Z') ? undefined : start.join(' ');
}

/** The start is told in ticks since boot, so the boot's id goes with it. */
function readStartTime(pid: number): string | undefined {
  const found = readStat(pid);
  if (!found || found.zombie) return undefined;
  boot ??= ifReadableNow(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  return boot && `${found.startTicks}@${boot}`;
}
