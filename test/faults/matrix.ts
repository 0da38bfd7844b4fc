import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import type { Run } from '../support/product.ts';
import { findLocks } from './changes.ts';
import { clear, compare, forgetRescues, must, untilNone } from './clear.ts';
import { TICKET } from './corners.ts';
import { findLostData } from './data.ts';
import { describeFault, type Fault, listPassages, type Note, ORDERS, type Orders, type Passage } from './fault.ts';
import type { Random } from './random.ts';
import { NOTES, SAVABLE, type Subject } from './subjects.ts';
import { findLies } from './truth.ts';
import { type FaultWorld, ownsData, type Scene } from './world.ts';

/** One command with its faults: the first ones lead to where the last one strikes. */
export interface Case {
  scene: Scene;
  subject: Subject;
  faults: Fault[];
  /** Afterwards the same command comes again; else what is left is destroyed at once. */
  again: boolean;
  /** For people: `process: create: kill after forward worktree front, then again`. */
  title: string;
}

export interface Outcome {
  subject: string;
  part: string;
  point: string;
  title: string;
  kills: number;
  /** Why it failed; [] when it passed. */
  problems: string[];
}

/** What the child script needs to run. */
export interface Bench {
  script: string;
  scratch: string;
}

/** Runs a command with faults in a process of its own. Returns what it came to and what it noted. */
export async function runFaulted(
  bench: Bench,
  world: FaultWorld,
  args: readonly string[],
  faults: readonly Fault[],
): Promise<Run & { notes: Note[]; killed: boolean }> {
  const orders: Orders = {
    faults: [...faults],
    notes: path.join(bench.scratch, `${randomBytes(6).toString('hex')}.jsonl`),
  };
  const run = await execa(process.execPath, [bench.script, '--json', ...args], {
    cwd: world.root,
    env: { ...world.env, [ORDERS]: JSON.stringify(orders) },
    extendEnv: false,
    reject: false,
    stdin: 'ignore',
    // What the command started may hold its output open after it was killed.
    stdout: { file: `${orders.notes}.out` },
    stderr: { file: `${orders.notes}.err` },
  });
  const read = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  const notes = read(orders.notes)
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line): Note => JSON.parse(line));
  const [stdout, stderr] = [read(`${orders.notes}.out`), read(`${orders.notes}.err`)];
  return { code: run.exitCode ?? -1, killed: run.signal === 'SIGKILL', stdout, stderr, notes };
}

/** Returns every case of a command: it is run once in whole, and once more so that it unwinds, to see what it goes through. */
export async function listCases(
  bench: Bench,
  world: FaultWorld,
  subject: Subject,
  { random, whole }: { random: Random; whole: boolean },
): Promise<Case[]> {
  const forward = await passThrough(bench, world, subject, []);
  const base = { scene: world.scene, subject };
  const cases = forward.flatMap((passage) =>
    listFaults(passage, random, whole).map((fault) => ({ ...base, faults: [fault] })),
  );
  const last = forward.findLast(({ direction, applied }) => direction === 'forward' && applied);
  // Before it: in another run it may find all as it should be, and have nothing to do.
  const turn: Fault[] = last ? [{ direction: 'forward', id: last.id, point: 'before', how: 'throw' }] : [];
  const back = last ? await passThrough(bench, world, subject, turn) : [];
  const unwinding = back
    .filter(({ direction }) => direction === 'backward')
    .flatMap((passage) => listFaults(passage, random, whole).map((fault) => ({ ...base, faults: [...turn, fault] })));
  return [...cases, ...unwinding].map((one) => {
    const again = random.below(2) === 0;
    const what = one.faults.map(describeFault).join(', then ');
    return { ...one, again, title: `${world.scene}: ${subject.name}: ${what}${again ? ', then again' : ''}` };
  });
}

async function passThrough(bench: Bench, world: FaultWorld, subject: Subject, faults: Fault[]): Promise<Passage[]> {
  await subject.prepare(world);
  const run = await runFaulted(bench, world, subject.args, faults);
  if ((run.code === 0) !== (faults.length === 0))
    throw new Error(`${subject.name} ended with ${run.code}\n${run.stderr}`);
  const problems = await clearAway(world, subject);
  if (problems.length > 0) throw new Error(`${subject.name} cannot be cleared away: ${problems.join('; ')}`);
  return listPassages(run.notes);
}

/**
 * Before it, after it and inside it; a part that found all as it should be has a before alone. Inside is just before each
 * change it makes outside, or a few milliseconds into a program that it starts. `whole` takes every such place and every way
 * to fail; else one kill inside and one failure are drawn for each part.
 */
function listFaults({ direction, id, applied, changes }: Passage, random: Random, whole: boolean): Fault[] {
  const part = { direction, id };
  const numbers = changes.map((_, index) => index + 1);
  // What is between the steps of a command is all that one without steps has.
  const every = whole || direction === 'elsewhere';
  // `git worktree add`, `POST /containers/create`, `CREATE DATABASE`: those of files are one word, and done at once.
  const lasting = numbers.filter((point) => changes[point - 1]?.includes(' '));
  const edges = (['before', 'after'] as const).filter(
    (point) => direction !== 'elsewhere' && (applied || point === 'before'),
  );
  const kills = edges.map((point): Fault => ({ ...part, point, how: 'kill' }));
  const inside = [
    ...numbers.map((point): Fault => ({ ...part, point, how: 'kill' })),
    ...lasting.flatMap((point): Fault[] =>
      (['crash', 'kill'] as const).map((how) => ({ ...part, point, how, ms: random.below(25) })),
    ),
  ];
  const failures = [
    ...edges.map((point): Fault => ({ ...part, point, how: 'throw' })),
    ...numbers.map((point): Fault => ({ ...part, point, how: 'throw' })),
  ];
  if (every) return [...kills, ...inside, ...failures];
  return [...kills, ...random.shuffle(inside).slice(0, 1), ...random.shuffle(failures).slice(0, 1)];
}

/** Runs one case in a world that has nothing of ours, and leaves it so. Returns why it failed. */
export async function runCase(bench: Bench, world: FaultWorld, one: Case): Promise<Outcome> {
  const { subject, faults } = one;
  const struck = faults.at(-1)!;
  const outcome = {
    subject: subject.name,
    part: `${struck.direction} ${struck.id}`,
    point: typeof struck.point === 'number' ? 'inside' : struck.point,
    title: one.title,
    kills: struck.how === 'throw' ? 0 : 1,
  };
  try {
    return { ...outcome, problems: await findProblems(bench, world, one) };
  } catch (error) {
    return { ...outcome, problems: [(error as Error).message] };
  }
}

async function findProblems(bench: Bench, world: FaultWorld, { subject, faults, again }: Case): Promise<string[]> {
  const before = world.photographFiles();
  await subject.prepare(world);
  const faulted = await runFaulted(bench, world, subject.args, faults);
  // When the machine goes down git leaves its locks, for the next command to clear.
  const locks = faults.at(-1)?.how === 'crash' ? [] : await untilNone(async () => findLocks(world));
  const problems = [
    ...judgeRun(faulted, faults, subject),
    ...locks,
    ...(await findTraces(world, subject, { again, before })),
  ];
  return problems.length === 0
    ? []
    : [...problems, `the faulted run said: ${faulted.stdout}${faulted.stderr.slice(0, 2000)}`];
}

/** Returns what is not as it must be after a command that may have failed anywhere, and what is left once all is cleared away. */
export async function findTraces(
  world: FaultWorld,
  subject: Subject,
  { again, before }: { again: boolean; before: string },
): Promise<string[]> {
  const lies = (await untilNone(() => findLies(world))).map((lie) => `after the fault: ${lie}`);
  const problems = [
    ...lies,
    ...(again ? await repeat(world, subject) : []),
    ...(await findWrong(world, subject, again)),
    ...(await findLostWork(world, subject)),
    ...(await clearAway(world, subject)),
  ];
  // A lock whose holder could not take it away, or was killed, is taken over by the next, or cleared by doctor.
  if (/\.git\/.*\.lock -> /.test(world.photographFiles())) await world.here('doctor', '--fix', '--yes', '--json');
  const after = world.photographFiles();
  return after === before ? problems : [...problems, `something is not as it was:\n${compare(before, after)}`];
}

function judgeRun(
  { code, killed, notes }: { code: number; killed: boolean; notes: Note[] },
  faults: Fault[],
  { waits }: Subject,
): string[] {
  const { how, point } = faults.at(-1)!;
  const struck = notes.filter((note) => 'fault' in note).length === faults.length;
  if (!struck) return isMet(faults, notes) ? ['the fault did not strike'] : [];
  if (how !== 'throw') return killed ? [] : [`it was to be killed, and ended with ${code}`];
  // A part may well do without one change, e.g. removing what is empty.
  const codes = [...(typeof point === 'number' ? [0, 1, 3] : [1, 3]), ...(waits ? [4] : [])];
  return codes.includes(code) ? [] : [`it ended with ${code}`];
}

/**
 * False where a run did not come to the fault's place, which differs a little from run to run: a lock is free, a port is asked
 * once more, a service is ready sooner and so has nothing to be done or unwound. Writes of the record are counted, so that one
 * which a moved lease brings makes another the last.
 */
function isMet(faults: readonly Fault[], notes: readonly Note[]): boolean {
  const { direction, id, point } = faults.at(-1)!;
  if (typeof point === 'number') return false;
  const own = notes.filter((note) => 'part' in note && note.part.direction === direction && note.part.id === id);
  if (point === 'after') return own.some((note) => 'event' in note && note.event === 'applied');
  return (faults.length === 1 && direction !== 'record') || own.length > 0;
}

/** The same command as a person types it; what was done already is said to be so, with what to type for the rest. */
async function repeat(world: FaultWorld, subject: Subject): Promise<string[]> {
  const run = await world.stack(['--json', ...subject.args]);
  const said = run.stdout === '' ? undefined : (JSON.parse(run.stdout) as { error?: { code: string } }).error?.code;
  // `usage`: nothing is staged.
  const doneAlready =
    run.code === 2 && ['exists', 'not-found', ...(subject.files ? ['usage'] : [])].includes(said ?? '');
  if (said === 'exists') await must(world, 'start', TICKET);
  const refused =
    run.code === 0 || doneAlready ? [] : [`the second ${subject.name} ended with ${run.code}: ${run.stdout}`];
  const undone = (await untilNone(() => subject.findUndone(world))).map((why) => `after the second: ${why}`);
  const lies = (await untilNone(() => findLies(world))).map((lie) => `after the second: ${lie}`);
  return [...refused, ...undone, ...lies];
}

async function findWrong(world: FaultWorld, subject: Subject, again: boolean): Promise<string[]> {
  if (!subject.findWrong) return [];
  if (!again) await must(world, 'doctor', '--fix', '--yes');
  return subject.findWrong(world);
}

/** What a person wrote is there after everything; data that a destroy took with it comes back with the ticket. */
async function findLostWork(world: FaultWorld, { name, worksOn, forces }: Subject): Promise<string[]> {
  if (!worksOn) return [];
  if (forces) {
    if (TICKET in (world.state()?.instances ?? {})) await must(world, 'destroy', TICKET, '--force');
    await must(world, 'restore', TICKET, '--no-wait');
  }
  const isGone = name === 'destroy';
  const left = forces ? SAVABLE.flatMap((one) => one.findWrong(world)) : [];
  const notes = isGone || existsSync(world.at(NOTES)) ? [] : ['the notes of a person are gone'];
  if (!ownsData(world.scene)) return [...left, ...notes];
  if (isGone) {
    if (TICKET in (world.state()?.instances ?? {})) await must(world, 'destroy', TICKET);
    await must(world, 'restore', TICKET, '--no-wait');
  }
  return [...left, ...notes, ...(await findLostData(world, TICKET))];
}

async function clearAway(world: FaultWorld, { forces, files, unprepare }: Subject): Promise<string[]> {
  rmSync(world.at(NOTES), { force: true });
  unprepare?.(world);
  if (forces || files) {
    for (const ticket of Object.keys(world.state()?.instances ?? {}))
      await must(world, 'destroy', ticket, '--force', '--no-dump');
    await forgetRescues(world);
  }
  return clear(world);
}
