import path from 'node:path';
import { makeFolder } from '../../adapters/files/files.ts';
import { noteWritten } from '../../adapters/git/worktree/note-written.ts';
import { logFilesOf } from '../../adapters/process/log-files.ts';
import { openLogWriter } from '../../adapters/process/logs.ts';
import { readNewestLines } from '../../adapters/process/read-log.ts';
import type { RepoCommand, StackConfig } from '../../domain/config/config.ts';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import { BASELINE, type InstanceRecord, requireDedicated } from '../../domain/instance.ts';
import { setupLogOf } from '../../domain/layout.ts';
import { pickPassed } from '../../domain/pass-env.ts';
import { DEFAULT_LOG_BYTES, HOST_RUNTIME, type LogLine } from '../../domain/runtime.ts';
import type { Step, StepId, StepProgress } from '../../domain/step.ts';
import { listNames } from '../../domain/template.ts';
import { requireConfig, saveRecord, type Work } from '../core/work.ts';
import { listDatabases } from '../data/kinds.ts';
import { noteBeside } from '../safety/beside.ts';
import { folderOf } from '../safety/risks.ts';
import { buildSpec } from '../workloads/spec.ts';
import { sharedIds } from './ids.ts';
import { explainLack } from './lack.ts';
import { type CommandPlace, refuseStrayData } from './stray-data.ts';

const SHOWN_LINES = 30;

/** Returns what a repo's setup and migrate commands printed, as much as is kept, or the last lines of it. */
export function readSetupLog(
  root: string,
  ticket: string,
  repo: string,
  count?: number,
): ReturnType<typeof readNewestLines> {
  return readNewestLines(logFilesOf(setupLogOf(root, ticket, repo)), count);
}

/**
 * True when a repo's set-up may be what fills the data: it has no `migrate:` commands for that, and its services are handed an
 * address of a shared service.
 */
function mayFillData(config: StackConfig, repo: string): boolean {
  if ((config.repos[repo]?.migrate ?? []).length > 0) return false;
  const shared = Object.keys(config.shared.services);
  return Object.keys(config.services).some(
    (name) => config.services[name]?.repo === repo && isHanded(config, name, shared),
  );
}

/** True when a service is handed an address of one of these shared services, or another part of one. */
export function isHanded({ services }: StackConfig, service: string, shared: readonly string[]): boolean {
  const names = Object.values(services[service]?.env ?? {}).flatMap(listNames);
  return names.some((name) => shared.includes(name.split('.')[0] ?? ''));
}

/**
 * Returns the service in whose surroundings a repo's commands run: the repo's first, and for what is about data its first that
 * is handed a database; undefined for a repo without services.
 */
export function findHost(
  { services }: InstanceRecord,
  config: StackConfig,
  { repo, kind }: Pick<CommandPlace, 'repo' | 'kind'>,
): string | undefined {
  const own = Object.keys(services).filter((name) => services[name]?.repo === repo);
  const databases = kind === 'setup' ? [] : listDatabases(config);
  return own.find((name) => isHanded(config, name, databases)) ?? own[0];
}

/**
 * The `setup:` or `migrate:` commands of a repo, run once where a service of it runs (`findHost`); their output is kept in `.stack/logs/`.
 * What they make is in the worktree, the volumes and the database, and goes with them. A set-up that has nothing to do with data
 * does not wait for it.
 */
export function repoCommandsStep(work: Work, repo: string, kind: 'setup' | 'migrate'): Step {
  const record = requireDedicated(work.record, repo);
  const services = Object.keys(work.record.services).filter((name) => work.record.services[name]?.repo === repo);
  const done = kind === 'setup' ? 'setUp' : 'migrated';
  const waitsForData = kind === 'migrate' || work.config === undefined || mayFillData(work.config, repo);
  const listCommands = async () => (await requireConfig(work)).repos[repo]?.[kind] ?? [];
  return {
    id: { kind, of: repo },
    subject: repo,
    title: `${kind} commands`,
    after: [{ kind: 'copy', of: repo }],
    afterIfListed: [
      ...(kind === 'migrate' ? [{ kind: 'setup', of: repo } as const] : []),
      { kind: 'env-file', of: repo },
      // What was there before is not of its making.
      { kind: 'saved-files' },
      { kind: 'network' },
      ...(waitsForData ? sharedIds(work) : []),
      ...services.flatMap((of): StepId[] => [
        { kind: 'image', of },
        { kind: 'volumes', of },
      ]),
    ],
    async inspect() {
      return record[done] || (await listCommands()).length === 0 ? 'present' : 'absent';
    },
    async apply(progress) {
      const service = findHost(work.record, await requireConfig(work), { repo, kind });
      await runRepoCommands(work, { repo, service, kind }, await listCommands(), progress);
      record[done] = true;
      await saveRecord(work);
    },
    ownedByOther: true,
    async revert() {
      // A command that was killed while they ran may have left them running.
      await (await work.stack.runtime(HOST_RUNTIME)).endRuns?.(runsOf(work, repo));
    },
  };
}

/** Returns what tells a repo's own commands from others. */
export function runsOf({ stack, record }: Work, repo: string): { rootId: string; instance: string; repo: string } {
  return { rootId: stack.rootId, instance: record.ticket, repo };
}

/**
 * Runs some commands, one after the other. What they write into a ticket is noted, since it is nobody's work. Throws as the first
 * that fails, and `config` where they would change a database that is not the ticket's.
 */
export async function runRepoCommands(
  work: Work,
  where: CommandPlace,
  commands: readonly RepoCommand[],
  progress: StepProgress,
): Promise<void> {
  const { record } = work;
  const own = requireDedicated(record, where.repo);
  const run = async (): Promise<void> => {
    for (const command of commands) await runRepoCommand(work, where, command, progress);
  };
  if (record.ticket === BASELINE) return run();
  await refuseStrayData(work, where, commands);
  await noteBeside(
    () => folderOf(record),
    () => noteWritten({ ...own, repoPath: own.path }, run),
    (made) => {
      if (Object.keys(made).length > 0) record.beside = { ...record.beside, ...made };
    },
  );
}

/**
 * Runs one of a repo's own commands in the surroundings of a service. At its deadline it is ended with all that it
 * started. Throws `process` with the last lines when it fails or is not done in time, `interrupted`.
 */
async function runRepoCommand(
  work: Work,
  where: CommandPlace,
  command: RepoCommand,
  progress: StepProgress,
): Promise<void> {
  throwIfAborted(progress.signal);
  progress.note(command.shown);
  const file = setupLogOf(work.stack.root, work.record.ticket, where.repo);
  await makeFolder(path.dirname(file));
  const log = openLogWriter(logFilesOf(file), DEFAULT_LOG_BYTES);
  const tail: string[] = [];
  try {
    log.write(`$ ${command.shown}`);
    const fault = await runToEnd(work, where, command, progress, ({ text, bytes }) => {
      log.write(bytes ?? text);
      tail.push(text);
      if (tail.length > SHOWN_LINES) tail.shift();
      if (text.trim() !== '') progress.note(text.trim());
    });
    if (!fault) return;
    const lack = await explainLack(work, where.repo, await surroundings(work, where), tail);
    throw commandError(where, command, { ...fault, file, tail, lack });
  } finally {
    log.close();
  }
}

/** How a command went wrong: its own exit code, or the seconds after which it was ended. */
type Fault = { exitCode: number } | { seconds: number };

async function runToEnd(
  work: Work,
  where: CommandPlace,
  { run }: RepoCommand,
  { signal }: StepProgress,
  onLine: (line: LogLine) => void,
): Promise<Fault | undefined> {
  const { runtime, spec } = await surroundings(work, where);
  const seconds = (await requireConfig(work)).repos[where.repo]?.setupTimeoutSeconds ?? 0;
  const deadline = AbortSignal.timeout(seconds * 1000);
  try {
    const exitCode = await runtime.run(spec, run, onLine, AbortSignal.any([signal, deadline]));
    throwIfAborted(signal);
    return exitCode === 0 ? undefined : { exitCode };
  } catch (error) {
    if (deadline.aborted && !signal.aborted) return { seconds };
    throw error;
  }
}

function commandError(
  { repo, kind }: CommandPlace,
  { shown }: RepoCommand,
  { file, tail, lack, ...fault }: Fault & { file: string; tail: string[]; lack: string | undefined },
): StackError {
  const late = 'seconds' in fault;
  const end = late ? `was not done after ${fault.seconds} s and was ended` : `ended with exit code ${fault.exitCode}`;
  const output = `all of its output is in ${file}`;
  const hint = lack === undefined ? output : `${lack}; ${output}`;
  return new StackError('process', `${kind} of ${repo} failed: \`${shown}\` ${end}`, {
    hint: late ? `${hint}; \`setup_timeout:\` of ${repo} in stack.yml gives it longer` : hint,
    lines: tail,
    details: { repo, command: shown, log: file, ...fault },
  });
}

/** A repo's first service lends its runtime, image and env; a repo without services is set up on this machine. */
async function surroundings(work: Work, { repo, service }: Pick<CommandPlace, 'repo' | 'service'>) {
  const passed = pickPassed(work.stack.env, (await requireConfig(work)).repos[repo]?.passEnv ?? []);
  if (service !== undefined) {
    const runtime = await work.stack.runtime(work.record.services[service]?.runtime ?? HOST_RUNTIME);
    const spec = await buildSpec(work, service);
    return { runtime, spec: { ...spec, env: { ...passed, ...spec.env } } };
  }
  const { worktree, gitCommonDir } = requireDedicated(work.record, repo);
  const { root, rootId, name: stack } = work.stack;
  const ticket = work.record.ticket;
  const spec = {
    ...{ root, rootId, stack, repo, gitCommonDir, source: worktree, instance: ticket, service: repo },
    ...{ name: `${ticket}-${repo}-setup`, dir: '', workingDir: worktree, image: undefined, command: undefined },
    ...{
      env: { ...passed, STACK_TICKET: ticket, STACK_ROOT: root },
      ports: [],
      volumes: [],
      network: '',
      aliases: [],
      hash: '',
    },
  };
  return { runtime: await work.stack.runtime(HOST_RUNTIME), spec };
}
