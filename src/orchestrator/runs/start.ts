import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { withLock } from '../../adapters/lock.ts';
import { endMarked } from '../../adapters/process/group.ts';
import { selfIdentity } from '../../adapters/process/identity.ts';
import { requireRunnable } from '../../adapters/process/launch.ts';
import { MARKER } from '../../adapters/process/table.ts';
import { findTmuxFault } from '../../adapters/tmux/tmux.ts';
import { StackError } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import { runsLockOf } from '../../domain/layout.ts';
import { agentsMarker } from '../../domain/names.ts';
import { planAgentCommand } from '../../domain/runs/agent-command.ts';
import type { AgentPreset } from '../../domain/runs/preset.ts';
import { describeHolder, isAtWork, isLiving, type RunPlace, type RunRecord } from '../../domain/runs/run.ts';
import type { ExecOptions } from '../../domain/runtime.ts';
import { requireFree, requireInstance } from '../core/claim.ts';
import { holdRoom } from '../core/room.ts';
import type { Stack } from '../core/stack.ts';
import { writeAgentFiles } from './agent-files.ts';
import { attach, type BegunRun, beginDetached, type Command } from './begin.ts';
import { nameTold, readApartEnv, readRunEnv } from './env.ts';
import { type LiveRun, observeRuns } from './observe.ts';
import { hookOf, requireAgent } from './preset.ts';
import { filesOf, forgetRun, pruneRuns, reserveRun, writeRun } from './record.ts';

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
  /** It stands in another folder, with what it is told alone: nothing of the ticket's. */
  apart?: Apart | undefined;
}

/** Where an agent works that is to know nothing of its ticket. */
export interface Apart {
  folder: string;
  repos: { name: string; path: string }[];
  env: Record<string, string>;
}

/**
 * Begins an agent in a ticket's folder with the ticket's variables, once it is written down; a second one is refused while one is at
 * work. In the foreground it has `streams`. Throws `conflict`, `not-found`, `busy`, `process`, `config`, `files`, `unseen`.
 */
export async function startRun(stack: Stack, request: RunRequest, streams?: ExecOptions): Promise<BegunRun> {
  const state = await stack.store.read();
  const record = await requireHome(stack, requireInstance(state, request.ticket).ticket);
  const { apart } = request;
  const env = apart ? { ...readApartEnv(stack, apart.folder), ...apart.env } : await readRunEnv(stack, state, record);
  const preset = 'agent' in request.how ? await requireAgent(request.how.agent, stack) : undefined;
  if ('argv' in request.how) await requireRunnable(request.how.argv, apart?.folder ?? record.folder, env.PATH ?? '');
  const place = request.detached ? await choosePlace(stack, preset) : 'foreground';
  const making = async (): Promise<() => Promise<BegunRun>> => {
    const run = await takeAgentRoom(stack, () => reserve(stack, record, request, place));
    return unlessFailed(stack, run, async () => {
      await requireHome(stack, record.ticket);
      const command = await prepare(
        stack,
        { record, run, preset, headless: isHeadless(run, streams?.tty) },
        request,
        env,
      );
      if (streams && place === 'foreground') return beginHere(stack, { run, command }, streams);
      await beginDetached(stack, run, command);
      return async () => ({ run });
    });
  };
  // Who ends all runs of the ticket waits for this one to be one.
  return (await withLock(runsLockOf(stack.root, record.ticket), making, { signal: stack.signal }))();
}

/**
 * Says what would keep an agent from beginning before anything is done for it: a preset that is not there, another agent in the ticket.
 * Throws `not-found`, `config`, `process`, `conflict`, `files`.
 */
export async function requireStartable(
  stack: Stack,
  { ticket, how, share }: Pick<RunRequest, 'ticket' | 'how' | 'share'>,
): Promise<void> {
  const record = requireInstance(await stack.store.read(), ticket);
  if ('agent' in how) await requireAgent(how.agent, stack);
  requireUntaken(record.ticket, await observeRuns(stack, record.ticket), share);
  await requireAgentRoom(stack);
}

/** Returns what `record` returns: it writes down one more agent, and nobody else's comes in between. Throws what `requireAgentRoom` throws. */
async function takeAgentRoom<Recorded>(stack: Stack, record: () => Promise<Recorded>): Promise<Recorded> {
  if ((await stack.config()).limits.agents === undefined) return record();
  return holdRoom(stack, async () => {
    await requireAgentRoom(stack);
    return record();
  });
}

/** Throws `conflict`, with those that live, where one more agent would be more than `limits:` of stack.yml lets live. */
export async function requireAgentRoom(stack: Stack): Promise<void> {
  const most = (await stack.config()).limits.agents;
  if (most === undefined) return;
  const living = (await observeRuns(stack)).map(({ view }) => view).filter(isLiving);
  if (living.length < most) return;
  const [idle] = living
    .filter((view) => !isAtWork(view))
    .sort((one, other) => Date.parse(one.since) - Date.parse(other.since));
  const hint = idle
    ? `\`stack stop ${idle.ticket} --run ${idle.id}\` ends ${idle.name}, which has been done for longest`
    : 'all are at work: wait for one (`stack wait TICKET --for done`), or raise `limits: { agents }`';
  throw new StackError(
    'conflict',
    `${living.length === 1 ? 'an agent lives' : `${living.length} agents live`}, and \`limits: { agents: ${most} }\` lets no more`,
    {
      hint,
      lines: living.map((view) => describeHolder(view, ` in ${view.ticket}`)),
      details: { limit: 'agents', living },
    },
  );
}

/** Whoever ends it meanwhile has to know what leads it. Returns what waits for its end. */
async function beginHere(
  stack: Stack,
  what: { run: RunRecord; command: Command },
  streams: ExecOptions,
): Promise<() => Promise<BegunRun>> {
  let ended: Promise<BegunRun> | undefined;
  await new Promise<void>((begun, failed) => {
    ended = unlessFailed(stack, what.run, () => attach(stack, what, streams, begun));
    ended.then(() => begun(), failed);
  });
  return async () => ended!;
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
  const known = await observeRuns(stack, ticket);
  requireUntaken(ticket, known, request.share);
  const others = known.map(({ view }) => view);
  const { how } = request;
  const agent = 'agent' in how ? how.agent : path.basename(how.argv[0] ?? '');
  const names = others.filter(({ state }) => state !== 'exited').map(({ name }) => name);
  const name = chooseName(request.name, agent, names);
  const id = await reserveRun(stack, ticket);
  await pruneRuns(
    stack,
    ticket,
    known.map(({ run, view }) => ({ run, hasEnded: view.state === 'exited' })),
  );
  const run: RunRecord = {
    ...{
      version: 1,
      rootId: stack.rootId,
      ticket,
      id,
      name,
      agent,
      cwd: request.apart?.folder ?? record.folder,
      place,
    },
    argv: 'argv' in how ? how.argv : [],
    ...('agent' in how && { preset: how.agent }),
    marker: `${agentsMarker(stack.rootId, ticket)}#${id}`,
    ...{ startedAt: Date.now(), owner: selfIdentity() },
  };
  await writeRun(stack, run);
  return run;
}

/** Throws `conflict` while an agent is there, one that is done too: it goes on once somebody speaks to it. Unless both may. */
function requireUntaken(ticket: string, others: readonly LiveRun[], share: boolean): void {
  const holder = share ? undefined : others.find(({ view }) => isLiving(view))?.view;
  if (!holder) return;
  throw new StackError('conflict', `${ticket} is taken: ${describeHolder(holder, ' there')}`, {
    hint: `\`stack runs ${ticket}\` shows it, \`stack stop ${ticket} --run ${holder.id}\` ends it; \`--share\` lets both work there`,
    details: holder,
  });
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

function isHeadless({ place }: RunRecord, tty: boolean | undefined): boolean {
  return place === 'background' || (place === 'foreground' && !tty);
}

/** Writes what it reads, and returns what begins it. */
async function prepare(
  stack: Stack,
  subject: Subject,
  { prompt, how, apart }: RunRequest,
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
    ...{ folder: run.cwd, runDir: files.folder, hook: hookOf(stack), headless },
    repos: apart?.repos ?? dedicatedRepos(record).map(([name, { worktree }]) => ({ name, path: worktree })),
    ...(prompt !== undefined && { prompt: Buffer.from(prompt as string).toString('utf8'), promptFile: files.prompt }),
    ...('agent' in how && how.resume && { resume: how.resume }),
  });
  await writeAgentFiles(stack, record, plan);
  Object.assign(run, { argv: plan.argv, cwd: plan.cwd });
  await requireRunnable(plan.argv, plan.cwd, env.PATH ?? '');
  return {
    argv: plan.argv,
    cwd: plan.cwd,
    env: { ...all, ...nameTold(plan.env, env.STACK_ENV_NAMES), PWD: plan.cwd },
    stdin: plan.stdin && stdin,
  };
}
