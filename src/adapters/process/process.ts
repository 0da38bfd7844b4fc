import { bestEffort, StackError, throwIfAborted } from '../../domain/errors.ts';
import { BASELINE } from '../../domain/instance.ts';
import { inFolder } from '../../domain/layout.ts';
import { isWorkloadOf } from '../../domain/names.ts';
import type { LogLine, LogOptions, Runtime, RuntimeCheck, WorkloadRef, WorkloadStatus } from '../../domain/runtime.ts';
import { isThere, removeIfEmpty } from '../files/files.ts';
import { sweepTemporaries } from '../files/temporary.ts';
import { pause } from '../pause.ts';
import { explainAstray, requireNoneAstray } from './astray.ts';
import { pickBaseEnv } from './env.ts';
import { runAttached, runGroup } from './exec.ts';
import { explainProcess } from './explain.ts';
import { endMarked, endWhole, isGroupAlive, isPaused } from './group.ts';
import { requireRunnable, toArgv } from './launch.ts';
import { dropLimits, prepareLimits } from './limit.ts';
import { endKeeper, isKept, readKeeper, repairKeeper, waitForKeeper } from './log-keeper.ts';
import { listPrograms } from './programs.ts';
import { type FollowedRun, readLog } from './read-log.ts';
import {
  deleteFiles,
  filesOf,
  listRecords,
  type ProcessRecord,
  readExitCode,
  readRecord,
  writeRecord,
} from './record.ts';
import { endRuns, nameRun, noteRun } from './run-record.ts';
import { startProcess, surroundingsOf } from './start.ts';
import { isRunning } from './stat.ts';
import { listMarked } from './table.ts';
import { readUsage } from './usage.ts';

/** How long the last lines of a group that has ended may take into its log. */
const DRAIN_MS = 1000;
const POLL_MS = 60;

export interface ProcessRuntime extends Runtime {
  /** Says why a workload is not ready, where the system shows it: another port, `::1` only, put into the background. */
  explain(ref: WorkloadRef): Promise<string | undefined>;
}

export interface ProcessRuntimeOptions {
  /** Real path of the root; records and logs are below its `.stack`. */
  root: string;
  rootId: string;
  /** The environment stack itself was started with; services get the part that `pickBaseEnv` gives. */
  env: Readonly<Record<string, string | undefined>>;
}

/** Returns the runtime that runs each service as a detached process group of this machine. */
export function createProcessRuntime(options: ProcessRuntimeOptions): ProcessRuntime {
  const { root, rootId } = options;
  const base = pickBaseEnv(options.env);
  return {
    name: 'process',
    check: async () => checkPlatform(),
    start: (spec, signal) => startProcess(root, base, spec, signal),
    async stop(ref) {
      const record = await readRecord(root, ref);
      if (!record) return;
      // Written first: should stack die meanwhile, the end is still known as a stop.
      if (!record.stopped) await writeRecord(root, { ...record, stopped: true });
      await endWhole(record);
      await dropLimits(record);
      await requireNoneAstray(root, record);
    },
    async remove(ref) {
      const record = await readRecord(root, ref);
      if (record) await endWhole(record);
      else if (isWorkloadOf(ref.name, { ...ref, rootId })) await endMarked(ref.name);
      if (record) await requireNoneAstray(root, record);
      await dropLimits(ref);
      await endKeeper(filesOf(root, ref));
      await deleteFiles(root, ref, { logs: true });
    },
    async status(asked, ...which) {
      const records = asked === rootId ? await listRecords(root, ...which) : [];
      return Promise.all(records.map((record) => statusOf(root, base, record)));
    },
    usage: async (asked) => (asked === rootId ? readUsage(await listRecords(root)) : []),
    explainLimits: async (spec) => (await prepareLimits(spec, base)).fault,
    watch: (ref, onChange, signal) => watch(root, ref, onChange, signal),
    logs: (ref, request) => readLogs(root, ref, request),
    async exec(workload, argv, request) {
      const record = await readRecord(root, workload);
      const cwd = record && (await isGroupAlive(record)) ? record.cwd : workload.cwd;
      if (cwd === undefined) throw notFound(workload, 'does not run');
      if (!(await isThere(cwd))) throw notFound(workload, `has no folder ${cwd}`);
      // Not marked: a shell that somebody works in is not ended with the service.
      return runAttached(argv, { cwd, env: { ...base, ...workload.env, PWD: cwd } }, request);
    },
    async run(spec, command, onLine, signal) {
      throwIfAborted(signal);
      const argv = toArgv(command);
      // A name of its own: ending what the command left must not end the service that runs beside it.
      const where = surroundingsOf(base, spec, nameRun(spec.name));
      await requireRunnable(argv, where.cwd, where.env.PATH ?? '');
      await endRuns(root, spec);
      return runGroup(argv, where, { onLine, note: (group) => noteRun(root, spec, group) }, signal);
    },
    async endRuns(of) {
      await endRuns(root, of);
      const folder = inFolder(root, 'run', of.instance);
      await sweepTemporaries(folder);
      await removeIfEmpty(folder);
    },
    programs: async (ref, asked) => listPrograms(await readRecord(root, ref), asked),
    async explain(ref) {
      const record = await readRecord(root, ref);
      return record && explainProcess(record, await readExitCode(root, record));
    },
    explainAstray: (ref) => explainAstray(root, ref),
    listMarked,
  };
}

function checkPlatform(): RuntimeCheck {
  if (process.platform === 'win32') {
    return { ok: false, reason: 'host processes need Linux or macOS', hint: 'use WSL, or `runtime: docker`' };
  }
  return { ok: true, version: process.platform, where: 'this machine' };
}

async function statusOf(
  root: string,
  base: Readonly<Record<string, string>>,
  record: ProcessRecord,
): Promise<WorkloadStatus> {
  const { instance, service, repo, name, ports, hash, startedAt } = record;
  const known = { instance, service, repo, name, ports, hash, startedAt, logSince: startedAt };
  const status = { ...known, runtime: 'process' } as const;
  const since = performance.now();
  if (await isGroupAlive(record)) {
    await repairKeeper(filesOf(root, record), record.pid, base.PATH);
    return { ...status, state: (await isPaused(record, since)) ? 'paused' : 'running', exitCode: undefined };
  }
  const exitCode = await readExitCode(root, record);
  // No exit code: the whole group was killed from outside, or the machine went down.
  const state = record.stopped || exitCode === undefined ? 'stopped' : 'exited';
  return { ...status, state, exitCode };
}

/** The leader ends last of a group that is as it was started; of any other the slow look tells. */
async function watch(root: string, ref: WorkloadRef, onChange: () => void, signal: AbortSignal): Promise<void> {
  // What cannot be read now is told by who asks for the status.
  const record = await bestEffort(readRecord(root, ref));
  onChange();
  while (record && !signal.aborted && isRunning(record.pid)) await pause(POLL_MS, signal);
  onChange();
}

/** Both streams are one file, so that their lines stay in order; all are given as stdout. */
async function* readLogs(root: string, ref: WorkloadRef, options: LogOptions): AsyncGenerator<LogLine> {
  const record = await readRecord(root, ref);
  if (!record) throw notFound(ref, 'has not run');
  const files = filesOf(root, ref);
  if (!(await isGroupAlive(record))) await waitForKeeper(files);
  const run = followRun(root, record);
  for await (const line of readLog(files, record, options, run)) yield { stream: 'stdout', ...line };
}

/** A program that left its group may hold the output open for good: once the group is gone it is waited for a while alone. */
function followRun(root: string, record: ProcessRecord): FollowedRun {
  const files = filesOf(root, record);
  let endedAt: number | undefined;
  return {
    async isOver() {
      if ((await readRecord(root, record))?.run !== record.run) return true;
      if (await isGroupAlive(record)) return false;
      endedAt ??= performance.now();
      const keeper = await readKeeper(files);
      return keeper?.run !== record.run || !(await isKept(keeper)) || performance.now() > endedAt + DRAIN_MS;
    },
    async isCurrent() {
      return (await readKeeper(files))?.run === record.run;
    },
  };
}

function notFound(ref: WorkloadRef, what: string): StackError {
  return new StackError('not-found', `${ref.service} of ${ref.instance} ${what}`, {
    hint: ref.instance === BASELINE ? 'stack up' : `stack start ${ref.instance}`,
  });
}
