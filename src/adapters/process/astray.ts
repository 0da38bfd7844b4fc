import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { StackError } from '../../domain/errors.ts';
import { listPortHolders } from './ports.ts';
import { exitFileOf, filesOf, type ProcessRecord } from './record.ts';
import { readNames } from './table.ts';

const run = promisify(execFile);
/** `ps` tells the age of a process in whole seconds. */
const ROUNDING_MS = 2000;

/**
 * Throws `leftover` where a program serves on a workload's ports although all of it has been ended: one that left its group
 * and its environment, as a daemon does. Only a program that began while the workload ran is taken for that: another may
 * have the port by right since the workload stopped.
 */
export async function requireNoneAstray(root: string, record: ProcessRecord): Promise<void> {
  const pids = await listPortHolders(record.ports.map(({ host }) => host));
  if (pids.length === 0) return;
  // The record is written for the last time when the workload is told to stop. One that ended by itself has an exit code.
  const marks = [filesOf(root, record).record, exitFileOf(root, record)];
  const times = await Promise.all(marks.map((file) => stat(file).catch(() => undefined)));
  const stoppedAt = Math.min(...times.map((found) => found?.mtimeMs ?? Date.now()));
  const astray: number[] = [];
  for (const pid of pids) {
    const beganAt = await readBeginning(pid);
    if (beganAt === undefined) continue;
    if (beganAt >= record.startedAt - ROUNDING_MS && beganAt <= stoppedAt + ROUNDING_MS) astray.push(pid);
  }
  if (astray.length === 0) return;
  const names = await readNames(astray);
  const programs = astray.map((pid) => `${names.get(pid) ?? 'a program'} (pid ${pid})`).join(', ');
  throw new StackError('leftover', `${record.service} has left ${programs}, which goes on and keeps its port`, {
    hint: `it left its session and environment; \`kill ${astray.join(' ')}\` ends it, then run this again`,
    details: { service: record.service, pids: astray },
  });
}

/** Unix milliseconds, to the second; undefined when it has ended. `etime` is POSIX: `[[dd-]hh:]mm:ss`. */
async function readBeginning(pid: number): Promise<number | undefined> {
  try {
    const { stdout } = await run('ps', ['-o', 'etime=', '-p', String(pid)]);
    const [, days = '0', hours = '0', minutes, seconds] =
      /^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)$/.exec(stdout.trim()) ?? [];
    if (minutes === undefined || seconds === undefined) return undefined;
    const age = ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
    return Date.now() - age * 1000;
  } catch {
    return undefined;
  }
}
