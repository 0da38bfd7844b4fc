import { askTool, askToolNow, blind } from './ask-tool.ts';
import { lookTogether } from './together.ts';

/** What `ps` tells of one process. */
export interface PsRow {
  pid: number;
  group: number;
  parent: number;
  /** It has ended, and its number is kept until its parent has asked for its exit code. */
  zombie: boolean;
  /** Stopped by SIGSTOP or its terminal. */
  paused: boolean;
  /** When it began, to the second and in UTC: `Fri Nov 27 17:34:56 2026`. */
  began: string;
}

type PsTable = ReadonlyMap<number, PsRow>;

/** One `-o` each: on macOS what follows a `=` is all header, commas included. `lstart` is five words, and the last. */
const COLUMNS = ['pid', 'pgid', 'ppid', 'stat', 'lstart'].flatMap((column) => ['-o', `${column}=`]);

const EVERYTHING = ['-A', ...COLUMNS];
const LEAVING_MS = 2000;

/** Milliseconds in which one `ps` is enough for who polls. */
export const RECENT_MS = 1000;

/**
 * Returns all processes of this machine as `ps` tells them, by number, as they were at `since` (of `performance.now()`) or later.
 * Those who ask at the same time get the same answer: one `ps` is for all of them. Throws `unseen`.
 */
export const readPsTable = lookTogether(async (): Promise<PsTable> => parseTable(await askTool('ps', EVERYTHING)));

/**
 * Returns the row of a process that is there, as `kill` has just told; undefined where `ps` does not know it. A row of the last
 * second is believed, that there is none never. Throws `unseen`.
 */
export async function findPsRow(pid: number): Promise<PsRow | undefined> {
  const asked = performance.now();
  return (await readPsTable(asked - RECENT_MS)).get(pid) ?? (await readPsTable(asked)).get(pid);
}

/** Does the same at once, for who leaves: it waits two seconds for `ps` at most. Throws `unseen`. */
export function readPsTableNow(): PsTable {
  return parseTable(askToolNow('ps', EVERYTHING, { timeout: LEAVING_MS }));
}

function parseTable(text: string): PsTable {
  const rows = text.split('\n').flatMap((line) => parsePsLine(line) ?? []);
  if (rows.every(({ pid }) => pid !== process.pid)) throw blind('ps');
  return new Map(rows.map((row) => [row.pid, row]));
}

/** Returns the row of one line, undefined for an empty one. */
export function parsePsLine(line: string): PsRow | undefined {
  const [pid, group, parent, state = '', ...began] = line.trim().split(/\s+/);
  if (!pid || began.length === 0) return undefined;
  const [zombie, paused] = [state.startsWith('Z'), state.startsWith('T')];
  return { pid: Number(pid), group: Number(group), parent: Number(parent), zombie, paused, began: began.join(' ') };
}

/** Returns the arguments that ask `ps` for such a line of one process. */
export function psArgumentsFor(pid: number): string[] {
  return [...COLUMNS, '-p', String(pid)];
}
