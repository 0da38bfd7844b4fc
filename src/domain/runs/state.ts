import { parseFields } from '../json.ts';
import { withoutControls } from '../plain-text.ts';
import type { AgentEvent, AgentNews } from './preset.ts';
import type { RunCost, RunSource, RunState } from './run.ts';

/** Something that an agent, its hook or a person said of what it does. */
export interface Sign {
  /** Unix milliseconds. */
  at: number;
  source: 'note' | 'hook' | 'send';
  state?: RunState | undefined;
  text?: string | undefined;
  /** How many tasks of it go on by themselves. */
  background?: number | undefined;
}

/** A program paints the end of a turn about when its hook tells of it. */
const AFTERWORD_MS = 10_000;

/** All that is known of a run, from the outside and from itself. */
export interface RunFacts {
  startedAt: number;
  now: number;
  /** `coming`: it is being begun; `unknown`: nobody could look. */
  life: 'coming' | 'alive' | 'gone' | 'unknown';
  /** How it ended; a `code` of null is that of one that was killed. */
  end?: { at: number; code: number | null } | undefined;
  /** In the order they came. */
  signs: readonly Sign[];
  /** Unix milliseconds of what it printed last; undefined where nobody sees that. */
  printedAt?: number | undefined;
  /** What its terminal is seen to show, as far as a preset knows that. */
  shown?: Pick<AgentNews, 'state' | 'text'> | undefined;
  /** True where its hooks tell of the end of a turn, and never of the begin of one. */
  endsAlone?: boolean;
  /** True where it was begun with no task: it waits for the first word at its input. */
  isIdle?: boolean;
  /** After so many milliseconds without a sign it is quiet. */
  quietAfter: number;
}

/** What an agent does, since when (Unix milliseconds), and how that is known. */
export interface Judgement {
  state: RunState;
  since: number;
  source: RunSource;
  text: string | null;
}

/**
 * Returns what an agent does. Its end counts first, then what it said itself; what it prints proves that it works, and never that it
 * does not: a program that is silent may think.
 */
export function judgeRun(facts: RunFacts): Judgement {
  const { startedAt, life, end, signs } = facts;
  const told = signs.reduce<Hearing>(hear, { is: undefined, asked: undefined, hasEnded: false }).is;
  const text = told?.text ?? null;
  if (life === 'coming') return { state: 'starting', since: startedAt, source: 'system', text };
  if (life === 'gone')
    return {
      state: 'exited',
      since: end?.at ?? startedAt,
      source: end && end.code !== null ? 'exit code' : 'system',
      text,
    };
  if (life === 'unknown') return { state: 'unknown', since: signs.at(-1)?.at ?? startedAt, source: 'tmux', text };
  const is = told ?? {
    state: 'working',
    since: startedAt,
    source: facts.printedAt === undefined ? 'system' : 'output',
    text,
  };
  const now = goOn(facts, is);
  return now.state === 'working' || now.state === 'starting' ? watch(facts, listen(facts, now)) : now;
}

/** What it told last may be over without its hooks: a person has typed the next task, or is to type the first. */
function goOn({ signs, printedAt, endsAlone, isIdle }: RunFacts, is: Judgement): Judgement {
  if (is.state === 'starting' && isIdle) return { ...is, state: 'waiting' };
  if (is.state !== 'done' || is.source !== 'hook' || !endsAlone || printedAt === undefined) return is;
  const endedAt = signs.findLast(({ state }) => state === 'done')?.at ?? is.since;
  if (printedAt - endedAt <= AFTERWORD_MS) return { ...is, since: endedAt };
  return { ...is, state: 'working', since: printedAt, source: 'output' };
}

interface Hearing {
  is: Judgement | undefined;
  /** What it has said in this turn that it waits for. */
  asked: string | null | undefined;
  /** True where its hook has told of the end of a turn, and of no other since. */
  hasEnded: boolean;
}

function hear(before: Hearing, sign: Sign): Hearing {
  // What somebody types there answers what it asked.
  const isNote = sign.source !== 'hook';
  const asked = isNote ? readQuestion(sign) : sign.state === 'working' && before.hasEnded ? undefined : before.asked;
  const hasEnded = isNote || sign.state === undefined ? before.hasEnded : sign.state === 'done';
  return { is: follow(before.is, weigh(sign, asked)), asked, hasEnded };
}

function readQuestion({ state, text }: Sign): string | null | undefined {
  return state === 'waiting' ? (text ?? null) : undefined;
}

/**
 * Tasks that go on keep an agent from being done. One that has asked in its turn waits once that ends: its hook knows of the end alone.
 */
function weigh(sign: Sign, asked: string | null | undefined): Sign {
  const { state, text, background = 0 } = sign;
  if (state !== 'done') return sign;
  if (background > 0) return { ...sign, state: 'working', text: text ?? `${background} in the background` };
  if (sign.source === 'note' || asked === undefined) return sign;
  return { ...sign, source: 'note', state: 'waiting', text: asked ?? text };
}

/** The same state said again is no change of it. */
function follow(before: Judgement | undefined, { at, source, state, text }: Sign): Judgement {
  const said = text ?? null;
  // A word beside a question is not the question.
  if (before?.state === 'waiting' && state === undefined) return { ...before, text: before.text ?? said };
  if (before && (state === undefined || state === before.state)) return { ...before, text: said ?? before.text };
  return { state: state ?? 'working', since: at, source, text: said };
}

/** A question on the screen is one, whoever has not said so; it is no end, since nothing on a screen proves that. */
function watch({ now, printedAt, shown }: RunFacts, is: Judgement): Judgement {
  const at = printedAt ?? now;
  if (shown?.state === 'waiting') return { state: 'waiting', since: at, source: 'output', text: shown.text ?? null };
  return shown?.state === 'working' && is.state === 'quiet' ? { ...is, state: 'working' } : is;
}

/** Where nothing is ever heard of an agent its silence says nothing. */
function listen({ startedAt, now, signs, printedAt, quietAfter }: RunFacts, is: Judgement): Judgement {
  if (signs.length === 0 && printedAt === undefined) return is;
  const heardAt = Math.max(startedAt, printedAt ?? 0, signs.at(-1)?.at ?? 0);
  if (now - heardAt < quietAfter) return is;
  return { ...is, state: 'quiet', since: heardAt };
}

/** Returns the events that are in a text, `UNIX-SECONDS NAME PAYLOAD` a line; a line that is none is left out, as one that is just being written. */
export function parseEvents(text: string): AgentEvent[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.flatMap((line) => {
    const [, seconds, name, payload = ''] = /^(\d{9,11}(?:\.\d+)?) (\S+)(?: ([^\n]*))?$/.exec(line) ?? [];
    return seconds === undefined || name === undefined ? [] : [{ name, at: Number(seconds), payload }];
  });
}

/** Returns an event as the one line that it is in the file. */
export function renderEvent({ name, at, payload }: AgentEvent): string {
  return `${at.toFixed(3)} ${name}${payload === '' ? '' : ` ${payload}`}\n`;
}

/** The event of a text that `stack send` has typed. */
export const SENT_EVENT = 'sent';

/** Returns what an event of stack's own says: that of `stack note`, and that of `stack send`; undefined for one of a hook. */
export function readOwnEvent(event: AgentEvent): (AgentNews & Pick<Sign, 'source'>) | undefined {
  if (event.name === SENT_EVENT) return { source: 'send', state: 'working' };
  const note = readNote(event);
  return note && { ...note, source: 'note' };
}

/** Returns what `stack note` has said; undefined for another event. */
export function readNote({ name, payload }: AgentEvent): AgentNews | undefined {
  if (name !== 'note') return undefined;
  const { status, text } = parseFields<{ status: string; text: string }>(payload);
  return {
    ...(isNoted(status) && { state: status }),
    ...(typeof text === 'string' && { text: withoutControls(text) }),
    // Who says that it is done knows of nothing that goes on.
    ...(status === 'done' && { background: 0 }),
  };
}

/** What an agent may say of itself. */
export const NOTED_STATES = ['working', 'waiting', 'done'] as const;

/** True for what an agent may say of itself. */
export function isNoted(state: unknown): state is (typeof NOTED_STATES)[number] {
  return (NOTED_STATES as readonly unknown[]).includes(state);
}

/** Returns what all turns of a run have cost together; undefined where it has told nothing of that. */
export function sumCosts(news: readonly AgentNews[]): RunCost | undefined {
  return news.reduce<RunCost | undefined>((sum, { cost }) => {
    if (!cost) return sum;
    const { of, ...told } = cost;
    if (of === 'run' || !sum) return { usd: null, input: null, output: null, ...told };
    const add = (one: number | null, more: number | undefined): number | null =>
      more === undefined ? one : (one ?? 0) + more;
    return { usd: add(sum.usd, told.usd), input: add(sum.input, told.input), output: add(sum.output, told.output) };
  }, undefined);
}
