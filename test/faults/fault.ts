/**
 * A part of a command's run: a step of its list, one write of the state file, or `elsewhere` for all that is between them.
 * Parts are not listed anywhere: they are what a run of the real command goes through.
 */
export interface Part {
  direction: 'forward' | 'backward' | 'record' | 'elsewhere';
  /** `worktree front`, `write 2`. */
  id: string;
}

/**
 * Where in a part: before it is begun, after its effect and before anybody knows, or just before the n-th thing it
 * changes outside (a file, a git or other program it starts, a request that changes the engine, a statement in Postgres).
 */
export type Point = 'before' | 'after' | number;

export interface Fault extends Part {
  point: Point;
  /**
   * `kill` ends the process with SIGKILL; `throw` fails the part as a full disk would, or that one change as what was asked
   * for it would (the disk, a program, the engine, Postgres); `crash` ends the programs it started too, a few milliseconds
   * into the last one, or into what a server was asked for. So does `kill` with a time, without the programs.
   */
  how: 'kill' | 'throw' | 'crash';
  /** How many milliseconds into what it has begun. */
  ms?: number;
}

/** What a run went through, as the command itself tells it. */
export interface Passage extends Part {
  /** False for a step that found its thing as it should be. */
  applied: boolean;
  /** What it changed outside, in order: `mkdir`, `git worktree add`. */
  changes: string[];
}

/** What the run of a command with faults notes, a line of JSON each. */
export type Note =
  | { part: Part; event: 'passed' | 'applied' }
  | { part: Part; event: 'change'; change: string }
  | { fault: Fault };

/** The environment variable that hands a run its faults and names the file for its notes. */
export const ORDERS = 'STACK_TEST_FAULTS';

export interface Orders {
  faults: Fault[];
  notes: string;
}

/** Returns what a run went through from its notes; a part that comes again (a second pass) is one. */
export function listPassages(notes: readonly Note[]): Passage[] {
  const passages = new Map<string, Passage>();
  for (const note of notes) {
    if (!('part' in note)) continue;
    const key = `${note.part.direction} ${note.part.id}`;
    const passage = passages.get(key) ?? { ...note.part, applied: false, changes: [] };
    passages.set(key, passage);
    if (note.event === 'applied') passage.applied = true;
    if (note.event === 'change') passage.changes.push(note.change);
  }
  return [...passages.values()];
}

/** Returns a fault in words: `kill after forward worktree front`. */
export function describeFault({ how, point, direction, id, ms }: Fault): string {
  const where = typeof point === 'number' ? `${ms === undefined ? 'at' : 'into'} change ${point} of` : point;
  return `${how} ${where} ${direction} ${id}`;
}
