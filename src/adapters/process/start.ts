import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import { DEFAULT_LOG_BYTES, type WorkloadSpec } from '../../domain/runtime.ts';
import { requireNoneAstray } from './astray.ts';
import type { Surroundings } from './exec.ts';
import { endMarked, endWhole, isGroupAlive, resumeGroup } from './group.ts';
import { processStartTime } from './identity.ts';
import { type Launched, launch, requireRunnable, toArgv } from './launch.ts';
import { prepareLimits } from './limit.ts';
import { closePipe } from './log-keeper.ts';
import { openLog } from './logs.ts';
import { requireFreePorts } from './ports.ts';
import {
  deleteExitCodes,
  deleteFiles,
  exitFileOf,
  filesOf,
  type ProcessRecord,
  readRecord,
  writeRecord,
} from './record.ts';
import { MARKER } from './table.ts';

/** Starts a workload as `Runtime.start` says; `base` is the environment that the spec's is laid over. */
export async function startProcess(
  root: string,
  base: Readonly<Record<string, string>>,
  spec: WorkloadSpec,
  signal: AbortSignal,
): Promise<void> {
  throwIfAborted(signal);
  const argv = commandOf(spec);
  const former = await readRecord(root, spec);
  if (former && former.hash === spec.hash && (await isGroupAlive(former))) return resumeGroup(former);
  if (former) {
    await endWhole(former);
    // The record that knows of it is about to be written again, with another port where this one is taken.
    await requireNoneAstray(root, former);
  } else await endMarked(spec.name);
  const { cwd, env } = surroundingsOf(base, spec, spec.name);
  await requireRunnable(argv, cwd, env.PATH ?? '');
  await requireFreePorts(spec.ports);
  throwIfAborted(signal);
  await deleteExitCodes(root, spec);
  await launchRecorded(root, spec, argv, { cwd, env, formerStartedAt: former?.startedAt });
}

interface Where extends Surroundings {
  formerStartedAt: number | undefined;
}

/** The record is on disk before the command begins, so a crash in between leaves nothing that nobody knows of. */
async function launchRecorded(root: string, spec: WorkloadSpec, argv: readonly string[], where: Where): Promise<void> {
  const id = randomBytes(4).toString('hex');
  const exitFile = exitFileOf(root, { ...spec, run: id });
  const log = await openLog(filesOf(root, spec), {
    run: id,
    max: spec.logBytes ?? DEFAULT_LOG_BYTES,
    searchPath: where.env.PATH,
  });
  const startedAt = Date.now();
  let launched: Launched | undefined;
  try {
    const limits = await prepareLimits(spec, where.env);
    launched = await launch({ argv: limits.wrap(argv), cwd: where.cwd, env: where.env, output: log, exitFile });
    await writeRecord(root, await makeRecord(spec, where, { pid: launched.pid, startedAt, run: id }));
    await limits.hold(launched.pid);
    await launched.release();
  } catch (error) {
    await launched?.cancel();
    await deleteFiles(root, spec, { logs: false });
    throw error;
  } finally {
    await closePipe(log);
  }
}

async function makeRecord(
  spec: WorkloadSpec,
  where: Where,
  begun: { pid: number; startedAt: number; run: string },
): Promise<ProcessRecord> {
  const startTime = await processStartTime(begun.pid);
  if (startTime === undefined) throw new StackError('process', `${spec.service} ended before it began`);
  const { rootId, stack, instance, service, name, repo, hash, ports } = spec;
  const { cwd, formerStartedAt } = where;
  return {
    version: 1,
    rootId,
    stack,
    instance,
    service,
    name,
    repo,
    hash,
    ports,
    cwd,
    formerStartedAt,
    ...begun,
    startTime,
    stopped: false,
  };
}

/** Throws `config` when there is nothing to run: an image's own command is known to an engine alone. */
function commandOf(spec: WorkloadSpec): readonly string[] {
  if (spec.command !== undefined) return toArgv(spec.command);
  throw new StackError('config', `${spec.service} has no \`command:\`, which a host process needs`, {
    hint: `add \`command:\` to services.${spec.service} in stack.yml, or run it with \`runtime: docker\``,
  });
}

/** Returns the folder and environment of a workload's command; every process of it carries `marker`. */
export function surroundingsOf(
  base: Readonly<Record<string, string>>,
  spec: WorkloadSpec,
  marker: string,
): Surroundings {
  const cwd = path.join(spec.source, spec.dir);
  return { cwd, env: { ...base, ...spec.env, PWD: cwd, [MARKER]: marker } };
}
