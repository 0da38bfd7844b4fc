/** Where an agent runs: on the terminal of who started it, in a pane of the private tmux server, or without any terminal. */
export type RunPlace = 'foreground' | 'tmux' | 'background';

/** What is known of one run of an agent in a ticket; written before anything of it begins. Never its environment. */
export interface RunRecord {
  version: 1;
  rootId: string;
  ticket: string;
  /** Unique in its ticket: a number. */
  id: string;
  /** What a person calls it; unique among the runs of its ticket that live. */
  name: string;
  /** The preset, or the program. */
  agent: string;
  argv: readonly string[];
  /** What tells how to read its events; undefined for a plain command. */
  preset?: string;
  cwd: string;
  place: RunPlace;
  /** What all of its processes carry in their environment. */
  marker: string;
  /** Unix milliseconds. */
  startedAt: number;
  /** The command of stack that begins it. */
  owner: ProcessIdentity;
  /** The shell that leads it; not there while nothing has begun. */
  process?: ProcessIdentity & { /** True where it leads a process group of its own. */ leads: boolean };
  pane?: string;
}

interface ProcessIdentity {
  pid: number;
  startTime: string;
}

/** What an agent does. `quiet` works and has given no sign for minutes; `unknown`: nobody can look. */
export type RunState = 'starting' | 'working' | 'waiting' | 'quiet' | 'done' | 'exited' | 'unknown';

/** How a state is known. */
export type RunSource = 'note' | 'hook' | 'send' | 'exit code' | 'system' | 'output' | 'tmux';

/** What an agent reports of dollars and tokens. */
export interface RunCost {
  usd: number | null;
  input: number | null;
  output: number | null;
}

/** One run as `stack runs --json` tells of it; fields may be added only. */
export interface RunView {
  id: string;
  ticket: string;
  name: string;
  agent: string;
  pid: number | null;
  state: RunState;
  /** ISO 8601. */
  since: string;
  source: RunSource;
  /** What it asks, does or said last; null where that is not known. */
  text: string | null;
  exitCode: number | null;
  /** What it has reported; null for nothing. */
  cost: RunCost | null;
  tmux: { pane: string } | null;
}

/** Returns what is said of an agent that has its ticket; `where` stands behind what it does. */
export function describeHolder({ name, id, state }: Pick<RunView, 'name' | 'id' | 'state'>, where = ''): string {
  const who = `${name} (run ${id})`;
  if (state === 'unknown') return `nobody can see what ${who} does${where}`;
  return `${who} is ${state}${where}${state === 'done' ? ', and has not ended: it may go on' : ''}`;
}

/** True while there is a process of it, as far as anybody knows. */
export function isLiving({ state }: Pick<RunView, 'state'>): boolean {
  return state !== 'exited';
}

/** True while an agent may change something, or waits to. */
export function isAtWork({ state }: Pick<RunView, 'state'>): boolean {
  return state !== 'exited' && state !== 'done';
}

const DAY_MS = 24 * 60 * 60_000;

/** Returns the runs that live, those that have ended within a day before `now` (Unix milliseconds), and the last one of each ticket. */
export function pickRecent(runs: readonly RunView[], now: number): RunView[] {
  const last = new Map(runs.map((run) => [run.ticket, run]));
  return runs.filter((run) => isLiving(run) || now - Date.parse(run.since) < DAY_MS || last.get(run.ticket) === run);
}

/** Returns what several runs have cost together; undefined for none. */
export function addCosts(costs: readonly RunCost[]): RunCost | undefined {
  const add = (one: number | null, other: number | null): number | null =>
    one === null && other === null ? null : (one ?? 0) + (other ?? 0);
  return costs.length === 0
    ? undefined
    : costs.reduce((sum, { usd, input, output }) => ({
        usd: add(sum.usd, usd),
        input: add(sum.input, input),
        output: add(sum.output, output),
      }));
}

/** Returns what an agent has reported of its cost as a person reads it: `$0.42, 12k tokens in, 800 out`. */
export function describeCost({ usd, input, output }: RunCost): string {
  const tokens = [
    input !== null && `${shortenCount(input)} tokens in`,
    output !== null && `${shortenCount(output)} out`,
  ];
  return [usd !== null && `$${usd.toFixed(2)}`, ...tokens].filter(Boolean).join(', ');
}

function shortenCount(count: number): string {
  if (count < 1000) return String(count);
  return count < 999_500 ? `${Math.round(count / 1000)}k` : `${(count / 1_000_000).toFixed(1)}M`;
}
