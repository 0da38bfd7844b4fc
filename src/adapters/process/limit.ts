import { execFile } from 'node:child_process';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { StackError, tolerate } from '../../domain/errors.ts';
import type { WorkloadRef, WorkloadSpec } from '../../domain/runtime.ts';
import { ifReadable } from '../files/file-errors.ts';
import { isThere } from '../files/files.ts';

type Limited = Pick<WorkloadSpec, 'name' | 'memoryBytes' | 'cpus'>;

/** How a workload is kept within its limits. */
interface Limits {
  /** Returns the argv that runs its command. */
  wrap(argv: readonly string[]): readonly string[];
  /** Takes the process that leads it in, before its command begins. */
  hold(pid: number): Promise<void>;
  /** Why they cannot be kept; undefined where they are, and where there are none. */
  fault?: string;
}

const FREE: Limits = { wrap: (argv) => argv, hold: async () => undefined };

/** Where the kernel's control groups are. */
const CGROUPS = '/sys/fs/cgroup';
const PERIOD_US = 100_000;
/** How the kernel refuses who may make no group, or no limit of that kind. */
const REFUSED = ['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EINVAL', 'ENOSPC'] as const;
const ASK_MS = 5000;

const run = promisify(execFile);

/**
 * Makes what keeps a workload's processes within its limits: a scope of the person's systemd, else a control group that this process
 * may make. Where there is neither they are not kept: then it is the last to have a processor (`nice`). Address space is never limited:
 * Node needs far more of it than memory.
 */
export async function prepareLimits(spec: Limited, env: Readonly<Record<string, string>>): Promise<Limits> {
  if (spec.memoryBytes === undefined && spec.cpus === undefined) return FREE;
  if (process.platform === 'linux') {
    const scope = describeScope(spec);
    if (await holdsScope(scope, spec, env)) return { ...FREE, wrap: (argv) => [...scope, ...argv] };
    const groups = await makeGroups(spec);
    if (groups) return { ...FREE, hold: (pid) => enter(groups, pid) };
  }
  const fault =
    process.platform === 'linux'
      ? 'neither a systemd of yours nor a control group that you may make is there'
      : 'this system limits no group of processes';
  return { ...FREE, fault, ...(spec.cpus !== undefined && { wrap: (argv) => ['nice', '-n', '10', ...argv] }) };
}

/** Removes the control groups of a workload that has ended. None is done; one that is in use stays for the next time. */
export async function dropLimits({ name }: Pick<WorkloadRef, 'name'>): Promise<void> {
  if (process.platform !== 'linux') return;
  for (const { folder } of await listGroups(name)) await tolerate(rmdir(folder), 'ENOENT', 'EBUSY', ...REFUSED);
}

function describeScope({ memoryBytes, cpus }: Limited): string[] {
  const memory = memoryBytes === undefined ? [] : ['-p', `MemoryMax=${memoryBytes}`, '-p', 'MemorySwapMax=0'];
  const quota = cpus === undefined ? [] : ['-p', `CPUQuota=${Math.round(cpus * 100)}%`];
  return ['systemd-run', '--user', '--scope', '--quiet', '--collect', ...memory, ...quota, '--'];
}

/** A person's systemd may run without having been handed the controllers: so what it sets is read. */
async function holdsScope(scope: readonly string[], spec: Limited, env: Readonly<Record<string, string>>) {
  const look = 'cd "/sys/fs/cgroup$(sed -n s/^0:://p /proc/self/cgroup)" && cat memory.max cpu.max';
  const [program = '', ...words] = [...scope, '/bin/sh', '-c', look];
  // Whatever it fails with, it makes no scope.
  const shown = await run(program, words, { env, timeout: ASK_MS }).then(
    ({ stdout }) => stdout,
    () => undefined,
  );
  const [memory, cpu = ''] = shown?.split('\n') ?? [];
  const [quota, period] = cpu.split(' ').map(Number);
  return (
    shown !== undefined &&
    (spec.memoryBytes === undefined || Number(memory) <= spec.memoryBytes) &&
    (spec.cpus === undefined || Number(quota) / Number(period) <= spec.cpus + 0.01)
  );
}

interface Group {
  folder: string;
  /** What the kernel is told, file by file and in this order. */
  settings(spec: Limited): [file: string, value: string][];
}

/** The groups that a workload has: one in the single tree of version 2, one a controller in those of version 1. */
async function listGroups(name: string): Promise<Group[]> {
  const own = (await ifReadable(readFile('/proc/self/cgroup', 'utf8'))) ?? '';
  const leaf = `${name.replaceAll(/[^\w.-]/g, '-')}`;
  const at = async (mount: string, controller: string): Promise<string> => {
    const line = own.split('\n').find((one) => one.split(':')[1]?.split(',').includes(controller));
    const inside = path.join(mount, line?.split(':').slice(2).join(':') ?? '');
    // In a container it may be told as the machine sees it.
    return path.join((await isThere(inside)) ? inside : mount, leaf);
  };
  if (await isThere(`${CGROUPS}/cgroup.controllers`))
    return [{ folder: await at(CGROUPS, ''), settings: settingsOfTwo }];
  return [
    { folder: await at(`${CGROUPS}/memory`, 'memory'), settings: memoryOfOne },
    { folder: await at(`${CGROUPS}/cpu`, 'cpu'), settings: cpuOfOne },
  ];
}

/** What is not limited any more is said, too: a group may be left of an earlier start. */
function settingsOfTwo({ memoryBytes, cpus }: Limited): [string, string][] {
  return [
    ['memory.max', String(memoryBytes ?? 'max')],
    ['cpu.max', cpus === undefined ? 'max' : `${Math.round(cpus * PERIOD_US)} ${PERIOD_US}`],
  ];
}

function memoryOfOne({ memoryBytes }: Limited): [string, string][] {
  return memoryBytes === undefined ? [] : [['memory.limit_in_bytes', String(memoryBytes)]];
}

function cpuOfOne({ cpus }: Limited): [string, string][] {
  if (cpus === undefined) return [];
  return [
    ['cpu.cfs_period_us', String(PERIOD_US)],
    ['cpu.cfs_quota_us', String(Math.round(cpus * PERIOD_US))],
  ];
}

/** Undefined where the kernel, or who runs the machine, does not let us. */
async function makeGroups(spec: Limited): Promise<string[] | undefined> {
  const made: string[] = [];
  for (const { folder, settings } of await listGroups(spec.name)) {
    const wanted = settings(spec);
    if (wanted.length === 0) continue;
    if (!(await tolerate(makeGroup(folder, wanted), 'ENOENT', 'EBUSY', ...REFUSED))) {
      await dropLimits(spec);
      return undefined;
    }
    made.push(folder);
  }
  return made;
}

async function makeGroup(folder: string, wanted: readonly [file: string, value: string][]): Promise<true> {
  await mkdir(folder, { recursive: true });
  const file = (name: string): string => path.join(folder, name);
  // Version 2 has no controllers in a group until the one above it hands them down.
  if (!(await isThere(file(wanted[0]?.[0] ?? ''))))
    await writeFile(path.join(path.dirname(folder), 'cgroup.subtree_control'), '+memory +cpu', { flag: 'r+' });
  for (const [name, value] of wanted) await writeFile(file(name), value, { flag: 'r+' });
  return true;
}

async function enter(folders: readonly string[], pid: number): Promise<void> {
  try {
    for (const folder of folders) await writeFile(path.join(folder, 'cgroup.procs'), String(pid), { flag: 'r+' });
  } catch (cause) {
    throw new StackError('process', `cannot limit a process: ${(cause as Error).message}`, {
      hint: 'leave out `memory:` and `cpus:` of the service, or run it with `runtime: docker`',
      cause,
    });
  }
}
