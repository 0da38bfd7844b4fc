import { stat } from 'node:fs/promises';
import { ifThere } from '../../adapters/files/file-errors.ts';
import { isThere } from '../../adapters/files/files.ts';
import { isUnseen, seenOr } from '../../adapters/process/ask-tool.ts';
import { isAlive } from '../../adapters/process/identity.ts';
import { findMarked } from '../../adapters/process/table.ts';
import type { Pane } from '../../adapters/tmux/tmux.ts';
import { ifAnswered } from '../../domain/errors.ts';
import { readAgentScreen, tellsEndsAlone } from '../../domain/runs/agent-event.ts';
import type { AgentNews, AgentPreset } from '../../domain/runs/preset.ts';
import { isAtWork, type RunRecord, type RunView } from '../../domain/runs/run.ts';
import { judgeRun, type RunFacts, type Sign, sumCosts } from '../../domain/runs/state.ts';
import type { Stack } from '../core/stack.ts';
import { noteEnd, type RunEnd, readEnd } from './listen/end.ts';
import { readHearsay } from './listen/signs.ts';
import { loadAgentPreset } from './preset.ts';
import { filesOf, listRunRecords } from './record.ts';
import { sessionOf, tmuxOf } from './server.ts';

/** An agent that works gives a sign more often than this. */
const QUIET_AFTER_MS = 5 * 60_000;

/** A run as it is now. */
export interface LiveRun {
  run: RunRecord;
  view: RunView;
  /** True while it may change something, or begin to without a word of its hooks. */
  holds: boolean;
  /** Its pane, while it has one. */
  pane?: Pane | undefined;
  /** What it calls the session that it may go on with. */
  session?: string;
}

/** Returns the runs of a ticket, or of all, as they are now. One that was never begun is none. Throws `files`. */
export async function observeRuns(stack: Stack, ticket?: string): Promise<LiveRun[]> {
  const runs = await listRunRecords(stack, ticket);
  const known = await Promise.all(runs.map(async (run) => ({ run, end: await readEnd(stack, run) })));
  const isAsked = known.some(({ run, end }) => run.place === 'tmux' && !end);
  const panes = isAsked ? await askPanes(stack) : [];
  const all = await Promise.all(known.map((one) => observeRun(stack, one, panes)));
  return all.filter((one) => one !== undefined);
}

/** Returns what `stack runs` tells of a ticket, or of all. */
export async function viewRuns(stack: Stack, ticket?: string): Promise<RunView[]> {
  return (await observeRuns(stack, ticket)).map(({ view }) => view);
}

/** Undefined: tmux does not answer, or is not there. */
async function askPanes(stack: Stack): Promise<Pane[] | undefined> {
  return tmuxOf(stack)
    .listPanes()
    .catch((error: unknown) => {
      if (!isUnseen(error)) throw error;
      stack.emit({ type: 'warning', text: `what runs in tmux is not known: ${error.message}` });
      return undefined;
    });
}

async function observeRun(
  stack: Stack,
  { run, end }: { run: RunRecord; end: RunEnd | undefined },
  panes: readonly Pane[] | undefined,
): Promise<LiveRun | undefined> {
  const pane = run.place === 'tmux' && !end ? panes?.find((one) => isOf(run, one)) : undefined;
  const found = end || pane ? [] : await listOwn(run);
  const pids = found ?? [];
  const life = await tellLife(run, { pane, isAsked: panes !== undefined, hasEnded: end !== undefined, pids });
  if (life === 'never') return undefined;
  const { signs, printed } = await readHearsay(stack, run);
  const facts: RunFacts = {
    ...{ startedAt: run.startedAt, now: Date.now(), life, signs, quietAfter: QUIET_AFTER_MS },
    ...(end ? {} : await readManners(stack, run, { pane, signs })),
    end: end ?? (life === 'gone' ? await tellEnd(stack, run, found !== undefined) : undefined),
  };
  const pid = pane?.pid ?? run.process?.pid ?? pids[0] ?? null;
  const news = [...signs, ...printed];
  const said = printed.findLast(({ text }) => text !== undefined)?.text;
  const view = describeRun(run, facts, { pane, pid, cost: sumCosts(news) ?? null, said });
  const session = news.findLast((one) => one.session !== undefined)?.session;
  const holds = isAtWork(view) || (view.state === 'done' && facts.endsAlone === true);
  return { run, view, holds, ...(pane && { pane }), ...(session !== undefined && { session }) };
}

/** A person may split a pane: then its session has others that are no agent's. */
function isOf(run: RunRecord, pane: Pane): boolean {
  if (run.pane === undefined) return pane.session === sessionOf(run);
  return pane.id === run.pane && pane.pid === run.process?.pid;
}

function describeRun(
  run: RunRecord,
  facts: RunFacts,
  { pane, pid, cost, said }: Pick<RunView, 'pid' | 'cost'> & { pane: Pane | undefined; said: string | undefined },
): RunView {
  const { since, text, ...judged } = judgeRun(facts);
  return {
    ...{ id: run.id, ticket: run.ticket, name: run.name, agent: run.agent },
    pid: facts.life === 'gone' ? null : pid,
    ...{
      ...judged,
      text: text ?? said ?? null,
      since: new Date(since).toISOString(),
      exitCode: facts.end?.code ?? null,
      cost,
    },
    tmux: pane ? { pane: pane.id } : null,
  };
}

/** What else is known of one that lives: how its preset tells of it, and its terminal. */
async function readManners(
  stack: Stack,
  run: RunRecord,
  { pane, signs }: { pane: Pane | undefined; signs: readonly Sign[] },
): Promise<Partial<RunFacts>> {
  const preset = run.preset === undefined ? undefined : await ifAnswered(loadAgentPreset(run.preset, stack));
  const output = await readOutput(stack, run, { pane, preset, signs });
  if (!preset) return output;
  const isIdle = run.place !== 'background' && !(await isThere(filesOf(stack, run).prompt));
  return { ...output, endsAlone: tellsEndsAlone(preset), isIdle };
}

/** When it printed something last, and what its terminal shows: where that can be seen. */
async function readOutput(
  stack: Stack,
  run: RunRecord,
  { pane, preset, signs }: { pane: Pane | undefined; preset: AgentPreset | undefined; signs: readonly Sign[] },
): Promise<Pick<RunFacts, 'printedAt' | 'shown'>> {
  if (pane) {
    const hasBegun = signs.some(({ source, state }) => source === 'hook' && state !== 'starting');
    const shown = preset && (await readScreen(stack, preset, { pane, hasBegun }));
    return { printedAt: pane.activeAt, shown };
  }
  return run.place === 'background' ? { printedAt: (await ifThere(stat(filesOf(stack, run).log)))?.mtimeMs } : {};
}

interface Look {
  pane: Pane | undefined;
  /** True where tmux has answered, or need not be asked. */
  isAsked: boolean;
  hasEnded: boolean;
  /** What carries the run's marker. */
  pids: readonly number[];
}

/** `never`: the command that was to begin it has ended before. */
async function tellLife(run: RunRecord, { pane, isAsked, hasEnded, pids }: Look): Promise<RunFacts['life'] | 'never'> {
  if (hasEnded) return 'gone';
  if (pane) return 'alive';
  if (run.place !== 'tmux' && run.process && (await isAlive(run.process))) return 'alive';
  // It has left the shell that led it, or its server has died under it.
  if (pids.length > 0) return 'alive';
  if (run.process) return run.place === 'tmux' && !isAsked ? 'unknown' : 'gone';
  if (await isAlive(run.owner)) return 'coming';
  return isAsked || run.place !== 'tmux' ? 'never' : 'unknown';
}

/** Undefined: nobody could look. */
async function listOwn(run: RunRecord): Promise<number[] | undefined> {
  if (run.place !== 'tmux' && run.process && (await isAlive(run.process))) return [run.process.pid];
  return seenOr(undefined, findMarked(run.marker));
}

/** What nobody could look for is not written down as gone. */
async function tellEnd(stack: Stack, run: RunRecord, isSeen: boolean): Promise<RunEnd> {
  return isSeen ? noteEnd(stack, run) : { at: run.startedAt, code: null };
}

async function readScreen(
  stack: Stack,
  preset: AgentPreset,
  { pane, hasBegun }: { pane: Pane; hasBegun: boolean },
): Promise<AgentNews | undefined> {
  if (!preset.screen) return undefined;
  const screen = await ifAnswered(tmuxOf(stack).capture(pane.id, 0));
  return screen === undefined ? undefined : readAgentScreen(preset, screen, hasBegun);
}
