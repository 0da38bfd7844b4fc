import { createReadStream } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { replaceFile } from '../../adapters/files/files.ts';
import { withLock } from '../../adapters/lock.ts';
import { runAttached } from '../../adapters/process/exec.ts';
import { endMarked } from '../../adapters/process/group.ts';
import { identifyProcess, selfIdentity } from '../../adapters/process/identity.ts';
import { launch, requireRunnable } from '../../adapters/process/launch.ts';
import { logFilesOf } from '../../adapters/process/log-files.ts';
import { closePipe } from '../../adapters/process/log-keeper.ts';
import { openLog } from '../../adapters/process/logs.ts';
import { MARKER } from '../../adapters/process/table.ts';
import { findTmuxFault } from '../../adapters/tmux/tmux.ts';
import { StackError } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import { runsLockOf } from '../../domain/layout.ts';
import { agentsMarker } from '../../domain/names.ts';
import { planAgentCommand } from '../../domain/runs/agent-command.ts';
import { renderLauncher } from '../../domain/runs/launcher.ts';
import type { AgentPreset } from '../../domain/runs/preset.ts';
import { isAtWork, type RunPlace, type RunRecord } from '../../domain/runs/run.ts';
import { DEFAULT_LOG_BYTES, type ExecOptions } from '../../domain/runtime.ts';
import { requireFree, requireInstance } from '../core/claim.ts';
import type { Stack } from '../core/stack.ts';
import { writeAgentFiles } from './agent-files.ts';
import { readTicketEnv } from './env.ts';
import { observeRuns } from './observe.ts';
import { hookOf, loadAgentPreset, requireInstalled } from './preset.ts';
import { filesOf, forgetRun, reserveRun, writeRun } from './record.ts';
import { sessionOf, tmuxOf } from './server.ts';

export interface RunRequest {
  ticket: string;
  /** A command line as it is, or an agent that a preset knows. */
  how: { argv: readonly string[] } | { agent: string; resume?: { session?: string } };
  /** What it is called; undefined: after its program. */
  name: string | undefined;
  prompt: string | Uint8Array | undefined;
  /** True: it goes on by itself, and nobody waits for it. */
  detached: boolean;
  /** True: it begins although another agent has the ticket. */
  share: boolean;
}

/** A run that has begun; in the foreground it has ended, too. */
export interface BegunRun {
  run: RunRecord;
  exitCode?: number;
}

/** What a run begins with. */
interface Command {
  argv: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  stdin: string | undefined;
}

/**
 * Begins an agent in a ticket's folder with the ticket's variables, once it is written down; a second one is refused while one is at
 * work. Throws `conflict`, `not-found`, `busy`, `process`, `config`, `files`, `unseen`.
 */
export async function startRun(stack: Stack, request: RunRequest, streams: ExecOptions): Promise<BegunRun> {
  const state = await stack.store.read();
  const record = await requireHome(stack, requireInstance(state, request.ticket).ticket);
  const env: Record<string, string> = {
    ...pickOwn(stack.env),
    ...(await readTicketEnv(stack, state, record)),
    PWD: record.folder,
  };
  const preset = 'agent' in request.how ? await loadAgentPreset(request.how.agent, stack) : undefined;
  if (preset) await requireInstalled(preset, stack);
  if ('argv' in request.how) await requireRunnable(request.how.argv, record.folder, env.PATH ?? '');
  const place = request.detached ? await choosePlace(stack, preset) : 'foreground';
  const making = async (): Promise<() => Promise<BegunRun>> => {
    const run = await reserve(stack, record, request, place);
    return unlessFailed(stack, run, async () => {
      await requireHome(stack, record.ticket);
      const command = await prepare(stack, { record, run, preset, headless: isHeadless(run, streams) }, request, env);
      if (place === 'foreground') return () => unlessFailed(stack, run, () => attach(stack, run, command, streams));
      await (place === 'tmux' ? beginInTmux : beginInBackground)(stack, run, command);
      return async () => ({ run });
    });
  };
  // Who ends all runs of the ticket waits for this one to be one.
  return (await withLock(runsLockOf(stack.root, record.ticket), making, { signal: stack.signal }))();
}

/** Of a run that did not begin nothing is left. */
async function unlessFailed<Result>(stack: Stack, run: RunRecord, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (run.process === undefined) {
      await endMarked(run.marker);
      await forgetRun(stack, run);
    }
    throw error;
  }
}

/** The ticket may be about to go. Throws `busy`, `not-found`. */
async function requireHome(stack: Stack, ticket: string): Promise<InstanceRecord> {
  const record = requireInstance(await stack.store.read(), ticket);
  await requireFree(stack, record);
  if (record.phase === 'ready') return record;
  throw new StackError('busy', `${ticket} is half ${record.phase === 'creating' ? 'made' : 'destroyed'}`, {
    hint: `\`stack ${record.phase === 'creating' ? 'create' : 'destroy'} ${ticket}\` finishes that`,
  });
}

/** Another run's variables speak of another run, and so do those of a terminal that it is not on. */
function pickOwn(env: Stack['env']): Record<string, string> {
  const isLeft = (name: string): boolean =>
    /^(STACK_RUN(_DIR)?|STACK_PROMPT_FILE|TMUX|TMUX_PANE)$/.test(name) || name === MARKER;
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined || isLeft(name) ? [] : [[name, value]])),
  );
}

/** Throws `usage` for an agent that needs a terminal where there can be none. */
async function choosePlace(stack: Stack, preset: AgentPreset | undefined): Promise<RunPlace> {
  const fault = await findTmuxFault(stack.env);
  if (fault === undefined) return 'tmux';
  if (preset && !preset.headless)
    throw new StackError('usage', `${preset.title} needs a terminal, and ${fault}`, {
      hint: 'install tmux 3.2 or newer, or leave out `-d`',
    });
  stack.emit({
    type: 'info',
    text: `${fault}: it runs without a terminal, and \`stack attach\` cannot go there; tmux 3.2 or newer can`,
  });
  return 'background';
}

/** From here on it is known, whatever becomes of this command. */
async function reserve(stack: Stack, record: InstanceRecord, request: RunRequest, place: RunPlace): Promise<RunRecord> {
  const { ticket } = record;
  const others = (await observeRuns(stack, ticket)).map(({ view }) => view);
  const holder = others.find(isAtWork);
  if (holder && !request.share) {
    throw new StackError('conflict', `${ticket} is taken: ${holder.name} (run ${holder.id}) is ${holder.state} there`, {
      hint: `\`stack runs ${ticket}\` shows it, \`stack stop ${ticket} --run ${holder.id}\` ends it; \`--share\` lets both work there`,
      details: holder,
    });
  }
  const { how } = request;
  const agent = 'agent' in how ? how.agent : path.basename(how.argv[0] ?? '');
  const names = others.filter(({ state }) => state !== 'exited').map(({ name }) => name);
  const name = chooseName(request.name, agent, names);
  const id = await reserveRun(stack, ticket);
  const run: RunRecord = {
    ...{ version: 1, rootId: stack.rootId, ticket, id, name, agent, cwd: record.folder, place },
    argv: 'argv' in how ? how.argv : [],
    ...('agent' in how && { preset: how.agent }),
    marker: `${agentsMarker(stack.rootId, ticket)}#${id}`,
    ...{ startedAt: Date.now(), owner: selfIdentity() },
  };
  await writeRun(stack, run);
  return run;
}

function chooseName(wanted: string | undefined, agent: string, taken: readonly string[]): string {
  if (wanted !== undefined && taken.includes(wanted))
    throw new StackError('exists', `a run called ${JSON.stringify(wanted)} is there`, {
      hint: 'choose another `--name`',
    });
  for (let count = 1; ; count++) {
    const name = wanted ?? (count === 1 ? agent : `${agent}-${count}`);
    if (!taken.includes(name)) return name;
  }
}

interface Subject {
  record: InstanceRecord;
  run: RunRecord;
  preset: AgentPreset | undefined;
  headless: boolean;
}

function isHeadless({ place }: RunRecord, { tty }: ExecOptions): boolean {
  return place === 'background' || (place === 'foreground' && !tty);
}

/** Writes what it reads, and returns what begins it. */
async function prepare(
  stack: Stack,
  subject: Subject,
  { prompt, how }: RunRequest,
  env: Record<string, string>,
): Promise<Command> {
  const { record, run, preset, headless } = subject;
  const files = filesOf(stack, run);
  await writeFile(files.events, '', { mode: 0o600 });
  if (prompt !== undefined) await writeFile(files.prompt, prompt, { mode: 0o600 });
  const given = prompt !== undefined && { STACK_PROMPT_FILE: files.prompt };
  const all = { ...env, STACK_RUN: run.id, STACK_RUN_DIR: files.folder, [MARKER]: run.marker, ...given };
  const stdin = prompt === undefined ? undefined : files.prompt;
  if (!preset) return { argv: run.argv, cwd: run.cwd, env: all, stdin };
  const plan = planAgentCommand(preset, {
    ...{ folder: record.folder, runDir: files.folder, hook: hookOf(stack), headless },
    repos: dedicatedRepos(record).map(([name, { worktree }]) => ({ name, path: worktree })),
    ...(prompt !== undefined && { prompt: Buffer.from(prompt as string).toString('utf8'), promptFile: files.prompt }),
    ...('agent' in how && how.resume && { resume: how.resume }),
  });
  await writeAgentFiles(stack, record, plan);
  Object.assign(run, { argv: plan.argv, cwd: plan.cwd });
  await requireRunnable(plan.argv, plan.cwd, env.PATH ?? '');
  return { argv: plan.argv, cwd: plan.cwd, env: { ...all, ...plan.env, PWD: plan.cwd }, stdin: plan.stdin && stdin };
}

/** The agent is a child of this very command, as it would be of a shell. */
async function attach(stack: Stack, run: RunRecord, command: Command, streams: ExecOptions): Promise<BegunRun> {
  const from = command.stdin === undefined ? undefined : await open(command.stdin);
  const stdin = from && (createReadStream('', { fd: from.fd, autoClose: false }) as unknown as NodeJS.ReadStream);
  try {
    const how = stdin ? { ...streams, stdin, tty: false } : streams;
    const exitCode = await runAttached(command.argv, command, how, async (pid) => {
      run.process = { ...identifyProcess(pid), leads: !how.tty };
      await writeRun(stack, run);
    });
    await replaceFile(filesOf(stack, run).exit, `${exitCode}\n`);
    return { run, exitCode };
  } finally {
    await from?.close();
  }
}

/** Its environment is in a file that nobody else may read, and that is gone once it has begun. */
async function beginInTmux(stack: Stack, run: RunRecord, command: Command): Promise<void> {
  const { start, exit, log } = filesOf(stack, run);
  await writeFile(start, renderLauncher({ ...command, exit, screen: log }), { mode: 0o600 });
  const kept = ['TERM', 'TMUX', 'TMUX_PANE', MARKER].map((name) => `${name}="$${name}"`).join(' ');
  const pane = await tmuxOf(stack).start({
    ...{ name: sessionOf(run), cwd: command.cwd, env: { [MARKER]: run.marker }, size: { columns: 200, rows: 50 } },
    argv: ['/bin/sh', '-c', `exec env -i ${kept} /bin/sh "$0"`, start],
  });
  Object.assign(run, { process: { ...identifyProcess(pane.pid), leads: true }, pane: pane.id });
  await writeRun(stack, run);
}

async function beginInBackground(stack: Stack, run: RunRecord, command: Command): Promise<void> {
  const { log, exit } = filesOf(stack, run);
  const { argv, stdin, cwd, env } = command;
  const output = await openLog(logFilesOf(log), { run: run.id, max: DEFAULT_LOG_BYTES, searchPath: env.PATH });
  const whole = stdin === undefined ? argv : ['/bin/sh', '-c', 'exec "$@" <"$0"', stdin, ...argv];
  try {
    const launched = await launch({ argv: whole, cwd, env, output, exitFile: exit });
    try {
      run.process = { ...identifyProcess(launched.pid), leads: true };
      await writeRun(stack, run);
      await launched.release();
    } catch (error) {
      await launched.cancel();
      throw error;
    }
  } finally {
    await closePipe(output);
  }
}
