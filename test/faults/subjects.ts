import { existsSync, rmSync } from 'node:fs';
import type { Rescue } from '../../src/domain/rescue.ts';
import { CHANGES } from './changes.ts';
import { findRunning, must } from './clear.ts';
import { CORNERS, TICKET } from './corners.ts';
import { findLostData, writeData } from './data.ts';
import { MOVES } from './moves.ts';
import { QUEUES } from './queues.ts';
import { RESOLVES } from './resolves.ts';
import { RUNS } from './runs.ts';
import { findNotRunning } from './truth.ts';
import { type FaultWorld, ownsData } from './world.ts';

/** What a person has written in a worktree of the ticket. */
export const NOTES = `tickets/${TICKET}/front/notes.txt`;
/** What people leave that a `destroy --force` saves, or takes for nobody's, and that no stack.yml has to prepare for. */
export const SAVABLE = CORNERS.filter(({ prepare, weight }) => !prepare && (weight === 'work' || weight === 'nothing'));

/** A command under test: what it starts from, what it says, and what it has come to once it is done. */
export interface Subject {
  name: string;
  args: string[];
  /** True for a ticket that `prepare` makes and a person works on. */
  worksOn?: true;
  /** True where that work goes with the ticket, saved. */
  forces?: true;
  /** True where nothing of it runs: its cases are those of git alone. */
  files?: true;
  /** True where it is tried with data of a ticket's own all the same: what it makes has such data too. */
  owns?: true;
  /** True where it may leave something to a person after a failure, and exits with 4. */
  waits?: true;
  prepare(world: FaultWorld): Promise<unknown>;
  /** Why the command has not come to what it is for; [] when it has. */
  findUndone(world: FaultWorld): Promise<string[]>;
  /** Asked once the command came again, or what it left was settled: what is lost, half done or in a person's way. */
  findWrong?(world: FaultWorld): Promise<string[]>;
  /** Takes away what `prepare` has put beside the ticket. */
  unprepare?(world: FaultWorld): void;
}

/** The commands that change something. Which steps they have is asked of themselves. */
export const SUBJECTS: readonly Subject[] = [
  {
    name: 'create',
    args: ['create', TICKET],
    prepare: async () => undefined,
    findUndone: (world) => findNotRunning(world, TICKET),
  },
  {
    name: 'start',
    args: ['start', TICKET],
    worksOn: true,
    prepare: async (world) => {
      await makeTicket(world);
      await must(world, 'stop', TICKET);
    },
    findUndone: (world) => findNotRunning(world, TICKET),
  },
  {
    name: 'start, a worktree gone',
    args: ['start', TICKET],
    prepare: async (world) => {
      await must(world, 'create', TICKET, '--no-start');
      rmSync(world.at('tickets', TICKET, 'front'), { recursive: true });
    },
    findUndone: (world) => findNotRunning(world, TICKET),
  },
  {
    name: 'add',
    args: ['add', TICKET, 'data'],
    worksOn: true,
    prepare: makeTicket,
    findUndone: async (world) => [
      ...(await findNotRunning(world, TICKET)),
      ...(world.state()?.instances[TICKET]?.repos.data?.mode === 'dedicated' ? [] : ['data is still borrowed']),
    ],
  },
  {
    name: 'stop',
    args: ['stop', TICKET],
    worksOn: true,
    prepare: makeTicket,
    findUndone: async (world) => findRunning(world, TICKET),
  },
  {
    name: 'pause',
    args: ['pause', TICKET],
    worksOn: true,
    prepare: makeTicket,
    findUndone: async (world) => findRunning(world, TICKET),
  },
  {
    name: 'resume',
    args: ['resume', TICKET],
    worksOn: true,
    prepare: async (world) => {
      await makeTicket(world);
      await must(world, 'pause', TICKET);
    },
    findUndone: (world) => findNotRunning(world, TICKET),
  },
  {
    name: 'destroy',
    args: ['destroy', TICKET],
    worksOn: true,
    prepare: async (world) => {
      await makeTicket(world);
      // Else it would refuse.
      rmSync(world.at(NOTES));
    },
    findUndone: async (world) => (TICKET in (world.state()?.instances ?? {}) ? [`${TICKET} is still there`] : []),
  },
  {
    name: 'destroy, by force',
    args: ['destroy', TICKET, '--force'],
    worksOn: true,
    forces: true,
    prepare: async (world) => {
      await makeTicket(world);
      for (const { leave } of SAVABLE) leave?.(world);
    },
    findUndone: async (world) => (TICKET in (world.state()?.instances ?? {}) ? [`${TICKET} is still there`] : []),
  },
  {
    name: 'recreate',
    args: ['recreate', TICKET],
    forces: true,
    prepare: makeTicket,
    findUndone: async (world) => [
      ...(await findNotRunning(world, TICKET)),
      ...(existsSync(world.at(NOTES)) ? ['it is the ticket that was there'] : []),
    ],
    findWrong: findLostTicket,
  },
  {
    name: 'up',
    args: ['up'],
    prepare: async () => undefined,
    findUndone: async (world) =>
      (await world.ps()).baseline.repos.data?.status === 'running' ? [] : ['data is not up'],
  },
  {
    name: 'down',
    args: ['down'],
    prepare: (world) => must(world, 'up'),
    findUndone: async (world) => ((await world.ps()).baseline.repos.data?.status === 'running' ? ['data is up'] : []),
  },
  ...CHANGES,
  ...MOVES,
  ...RESOLVES,
  ...QUEUES,
  ...RUNS,
];

/** A ticket with work of a person in it, and in its own data, where it has such. */
async function makeTicket(world: FaultWorld): Promise<void> {
  await must(world, 'create', TICKET, '--no-wait');
  world.write(NOTES, 'Work of a person.\n');
  if (ownsData(world.scene)) await writeData(world, TICKET);
}

/** What was there before a recreate is there still, or comes back: it was the first that was saved. */
async function findLostTicket(world: FaultWorld): Promise<string[]> {
  if (!existsSync(world.at(NOTES))) {
    const listed: { rescues: Rescue[] } = JSON.parse((await world.here('restore', '--list', '--json')).stdout);
    const [time = ''] = listed.rescues.map((one) => one.time).sort();
    if (TICKET in (world.state()?.instances ?? {})) await must(world, 'destroy', TICKET, '--force', '--no-dump');
    await must(world, 'restore', TICKET, '--time', time, '--no-wait');
  }
  const notes = existsSync(world.at(NOTES)) ? [] : ['the notes of a person are gone'];
  return [...notes, ...(ownsData(world.scene) ? await findLostData(world, TICKET) : [])];
}
