import { stat } from 'node:fs/promises';
import { uptime } from 'node:os';
import { StackError } from '../../domain/errors.ts';
import type { WorkloadRef } from '../../domain/runtime.ts';
import { ifThere } from '../files/file-errors.ts';
import { seenOr } from './ask-tool.ts';
import { momentOf, processStartTime } from './identity.ts';
import { keptUntil } from './log-keeper.ts';
import { isPortFree, listPortHolders } from './ports.ts';
import { exitFileOf, filesOf, type ProcessRecord, readRecord } from './record.ts';
import { readNames } from './table.ts';

/** How exactly a beginning is known: Linux counts it in ticks of 10 ms, `ps` tells it in whole seconds. */
const ROUNDING_MS = process.platform === 'linux' ? 50 : 2000;

/** A program that a workload left behind. */
interface Astray {
  pid: number;
  name: string;
}

/**
 * Returns the programs that serve on a workload's ports although all of it has ended: those that left its group and its
 * environment, as a daemon does. Only one that began while the workload ran is taken for that: another may have the port by
 * right since then. Where nobody can look who serves there, that is a warning.
 */
async function findAstray(root: string, record: ProcessRecord): Promise<Astray[]> {
  const ports = record.ports.map(({ host }) => host);
  const pids = await seenOr([], listPortHolders(process.platform === 'linux' ? ports : await listTaken(ports)));
  if (pids.length === 0) return [];
  const endedAt = await readEnd(root, record);
  const astray: number[] = [];
  for (const pid of pids) {
    const beganAt = await readBeginning(pid);
    if (beganAt === undefined) continue;
    if (beganAt >= record.startedAt - ROUNDING_MS && beganAt <= endedAt + ROUNDING_MS) astray.push(pid);
  }
  if (astray.length === 0) return [];
  const names = await readNames(astray);
  return astray.map((pid) => ({ pid, name: names.get(pid) ?? 'a program' }));
}

/** lsof goes through every open file of the machine: a port that is free needs no such look. */
async function listTaken(ports: readonly number[]): Promise<number[]> {
  const free = await Promise.all(ports.map(isPortFree));
  return ports.filter((_, index) => !free[index]);
}

/** Throws `leftover` where `findAstray` finds one. */
export async function requireNoneAstray(root: string, record: ProcessRecord): Promise<void> {
  const astray = await findAstray(root, record);
  if (astray.length === 0) return;
  const pids = astray.map(({ pid }) => pid);
  throw new StackError('leftover', describeAstray(record.service, astray), {
    hint: `it left its session and environment; \`kill ${pids.join(' ')}\` ends it, then run this again`,
    details: { service: record.service, pids },
  });
}

/** Says which program of a workload, if any, keeps its port although all of it has ended. */
export async function explainAstray(
  root: string,
  ref: Pick<WorkloadRef, 'instance' | 'service'>,
): Promise<string | undefined> {
  const record = await readRecord(root, ref);
  const astray = record ? await findAstray(root, record) : [];
  if (astray.length === 0) return undefined;
  return `${describeAstray(ref.service, astray)}: \`kill ${astray.map(({ pid }) => pid).join(' ')}\` ends it`;
}

/** Says what a service has left behind. */
function describeAstray(service: string, astray: readonly Astray[]): string {
  const programs = astray.map(({ pid, name }) => `${name} (pid ${pid})`).join(', ');
  return `${service} has left ${programs}, which goes on and keeps its port`;
}

/** Unix milliseconds since when nothing of a workload runs, as far as that was noted; now where it was not. */
async function readEnd(root: string, record: ProcessRecord): Promise<number> {
  const files = filesOf(root, record);
  const ends = await Promise.all([
    // Written for the last time when it was told to stop.
    record.stopped ? readTime(files.record) : undefined,
    readTime(exitFileOf(root, record)),
    keptUntil(files, record.run),
  ]);
  return Math.min(Date.now(), ...ends.filter((end) => end !== undefined));
}

async function readTime(file: string): Promise<number | undefined> {
  return (await ifThere(stat(file)))?.mtimeMs;
}

/** Unix milliseconds; undefined when it has ended, and where nobody can look. */
async function readBeginning(pid: number): Promise<number | undefined> {
  const startTime = (await seenOr(undefined, processStartTime(pid))) ?? '';
  if (process.platform !== 'linux') return momentOf(startTime);
  const ticks = Number.parseInt(startTime, 10);
  return Number.isNaN(ticks) ? undefined : Date.now() - uptime() * 1000 + ticks * 10;
}
