import { parseJson } from '../json.ts';
import type { RunSource, RunState } from './run.ts';

/** Something that an agent, its hook or a person said of what it does. */
export interface Sign {
  /** Unix milliseconds. */
  at: number;
  source: 'note' | 'hook';
  state?: RunState | undefined;
  text?: string | undefined;
  /** How many tasks of it go on by themselves. */
  background?: number | undefined;
}

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
  const told = signs.reduce<Judgement | undefined>(hear, undefined);
  const text = told?.text ?? null;
  if (life === 'coming') return { state: 'starting', since: startedAt, source: 'process', text };
  if (life === 'gone')
    return {
      state: 'exited',
      since: end?.at ?? startedAt,
      source: end && end.code !== null ? 'exit code' : 'process',
      text,
    };
  if (life === 'unknown') return { state: 'unknown', since: signs.at(-1)?.at ?? startedAt, source: 'tmux', text };
  const is = told ?? {
    state: 'working',
    since: startedAt,
    source: facts.printedAt === undefined ? 'process' : 'output',
    text,
  };
  return is.state === 'working' ? listen(facts, is) : is;
}

/** The same state said again is no change of it. Tasks that go on keep an agent from being done. */
function hear(before: Judgement | undefined, { at, source, state, text, background }: Sign): Judgement | undefined {
  const isBusy = state === 'done' && background !== undefined && background > 0;
  const now = isBusy ? 'working' : (state ?? before?.state);
  if (now === undefined) return text === undefined ? before : { state: 'working', since: at, source, text };
  const said = text ?? (isBusy ? `${background} in the background` : undefined);
  if (before?.state === now) return { ...before, text: said ?? before.text };
  return { state: now, since: at, source: state === undefined && before ? before.source : source, text: said ?? null };
}

/** Where nothing is ever heard of an agent its silence says nothing. */
function listen({ startedAt, now, signs, printedAt, quietAfter }: RunFacts, is: Judgement): Judgement {
  if (signs.length === 0 && printedAt === undefined) return is;
  const heardAt = Math.max(startedAt, printedAt ?? 0, signs.at(-1)?.at ?? 0);
  if (now - heardAt < quietAfter) return is;
  return { ...is, state: 'quiet', since: heardAt };
}

/** A line of a run's events: `UNIX-SECONDS NAME PAYLOAD`, the payload being JSON on one line, or nothing. */
export interface RunEvent {
  name: string;
  /** Unix milliseconds. */
  at: number;
  payload: unknown;
}

/** Returns the events that are in a text; a line that is none is left out, as one that is just being written. */
export function parseEvents(text: string): RunEvent[] {
  const lines = text.split('\n').slice(0, -1);
  return lines.flatMap((line) => {
    const [, seconds, name, rest = ''] = /^(\d{9,11}(?:\.\d+)?) (\S+)(?: (.*))?$/.exec(line) ?? [];
    if (seconds === undefined || name === undefined) return [];
    return [{ name, at: Number(seconds) * 1000, payload: rest === '' ? undefined : parseJson(rest) }];
  });
}
