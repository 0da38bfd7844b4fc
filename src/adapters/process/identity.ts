import { readFileSync } from 'node:fs';
import { StackError } from '../../domain/errors.ts';
import { ifReadableNow } from '../files/file-errors.ts';
import { askToolNow, isUnseen, seenOr } from './ask-tool.ts';
import { findPsRow, parsePsLine, psArgumentsFor } from './ps-table.ts';
import { askForPid, readStat } from './stat.ts';

/** A process and the moment it began: with both, a number that the system has given out again is not taken for it. */
export interface ProcessIdentity {
  pid: number;
  /** As the system tells it, with the boot behind an `@`; compared by `isSameStart`. Empty where the system does not tell. */
  startTime: string;
}

let boot: string | undefined;
let self: ProcessIdentity | undefined;

/**
 * Returns when a process began, undefined when there is none of that number; a zombie counts as ended, and so does another
 * user's that is hidden from us. Throws `unseen` where one is there, and nobody could look at it.
 */
export async function processStartTime(pid: number): Promise<string | undefined> {
  if (askForPid(pid) === 'none') return undefined;
  const start = process.platform === 'linux' ? startOfStat(pid) : startOfRow(await findPsRow(pid));
  if (start !== undefined) return start === ENDED ? undefined : start;
  // It may have ended meanwhile.
  if (askForPid(pid) !== 'there') return undefined;
  throw new StackError('unseen', `cannot see what runs: process ${pid} is there, and the system tells nothing of it`, {
    hint: process.platform === 'linux' ? 'is /proc mounted?' : 'run stack outside of the sandbox that hides it',
  });
}

/** Returns the identity of this process. Asks the system once. */
export function selfIdentity(): ProcessIdentity {
  self ??= identifyProcess(process.pid);
  return self;
}

/** Returns the identity of a process that was just started, at once: its number must be written down before anything else. */
export function identifyProcess(pid: number): ProcessIdentity {
  const start = process.platform === 'linux' ? startOfStat(pid) : startNow(pid);
  return { pid, startTime: start === undefined || start === ENDED ? '' : start };
}

/** True while that very process lives. One that may not, or cannot be looked at counts as alive, but not once the machine was started again. */
export async function isAlive(owner: ProcessIdentity): Promise<boolean> {
  const answer = askForPid(owner.pid);
  if (answer === 'none' || !isOfThisBoot(owner.startTime)) return false;
  if (owner.startTime === '') return true;
  const startTime = await seenOr(owner.startTime, processStartTime(owner.pid));
  // Hidden from us (another user's, /proc mounted with hidepid) is not the same as gone; a zombie of ours is.
  if (startTime === undefined) return answer === 'forbidden';
  return isSameStart(startTime, owner.startTime);
}

/** True for two start times of one process. The boot counts where both tell it: one may come from an older stack, or from where nobody could ask. */
export function isSameStart(one: string, other: string): boolean {
  const [[start, boot], [otherStart, otherBoot]] = [one, other].map((text) => text.split('@')) as [string[], string[]];
  return start === otherStart && (!boot || !otherBoot || boot === otherBoot);
}

/** True where a process that began then may still run: unless the machine was started again since, as far as that is told. */
export function isOfThisBoot(startTime: string): boolean {
  const [, then] = startTime.split('@');
  return !then || readBoot() === '' || then === readBoot();
}

/** Returns the Unix milliseconds at which a process began, to the second; undefined on Linux, which counts in another way. */
export function momentOf(startTime: string): number | undefined {
  const moment = Date.parse(`${startTime.split('@')[0]} UTC`);
  return process.platform === 'linux' || Number.isNaN(moment) ? undefined : moment;
}

const ENDED = 'ended';

/** The start is told in ticks since boot. */
function startOfStat(pid: number): string | undefined {
  const found = readStat(pid);
  return found && (found.zombie ? ENDED : `${found.startTicks}@${readBoot()}`);
}

function startOfRow(row: { zombie: boolean; began: string } | undefined): string | undefined {
  return row && (row.zombie ? ENDED : `${row.began}@${readBoot()}`);
}

function startNow(pid: number): string | undefined {
  const text = ifTold(() => askToolNow('ps', psArgumentsFor(pid)));
  return text === undefined ? undefined : startOfRow(parsePsLine(text));
}

/** An id of the machine's present run; empty where the system does not tell. `kern.bootsessionuuid` is macOS's (xnu, kern_sysctl.c). */
function readBoot(): string {
  boot ??=
    process.platform === 'linux'
      ? ifReadableNow(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
      : ifTold(() => askToolNow('sysctl', ['-n', 'kern.bootsessionuuid']).trim());
  boot ??= '';
  return boot;
}

function ifTold(look: () => string): string | undefined {
  try {
    return look();
  } catch (error) {
    if (!isUnseen(error)) throw error;
    return undefined;
  }
}
