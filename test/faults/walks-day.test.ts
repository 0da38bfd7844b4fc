import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeBench } from './bench.ts';
import { findLocks } from './changes.ts';
import { clear, compare, forgetRescues, must, untilNone } from './clear.ts';
import { describeFault, type Fault } from './fault.ts';
import { type Bench, runFaulted } from './matrix.ts';
import { bringBasesBack, keepBases, REPOS } from './moves.ts';
import { createRandom, type Random } from './random.ts';
import { findLies } from './truth.ts';
import { readWishes } from './wishes.ts';
import { type FaultWorld, makeFaultWorld } from './world.ts';

const wishes = readWishes();
const isPart = wishes.extent === 'part';
/** After the opening. */
const STEPS = isPart ? 4 : 20;
const TICKETS = ['feat-01', 'feat-02'];
const DEADLINE_MS = 900_000;
/** The verbs of a day on one ticket's work, and how they are said. */
const VERBS: Record<string, (ticket: string) => string[]> = {
  create: (ticket) => ['create', ticket, '--no-start'],
  commit: (ticket) => ['commit', ticket, '--all', '--message', 'Work'],
  sync: (ticket) => ['sync', ticket],
  merge: (ticket) => ['merge', ticket],
  'queue add': (ticket) => ['queue', 'add', ticket],
  'queue run': () => ['queue', 'run', '--verify', 'ls front api'],
  recreate: (ticket) => ['recreate', ticket, '--no-start'],
  destroy: (ticket) => ['destroy', ticket, '--force'],
  restore: (ticket) => ['restore', ticket, '--no-start'],
};
/** Said of a ticket that is there, the more often the more it moves; of one that is not, what brings it. */
const MOVES = ['commit', 'commit', 'commit', 'sync', 'merge', 'merge', 'queue add', 'queue run', 'recreate', 'destroy'];
const BRINGS = ['create', 'create', 'restore', 'queue run', 'destroy'];
/** How a day begins, so that each has commits that are merged: what is killed there is said again until it ends by itself. */
const OPENINGS = [
  ['create', 'commit', 'merge'],
  ['create', 'commit', 'queue add', 'queue run'],
];

/** What a person has written so far: each piece is a file of its own, of the same name in both repos. */
interface Day {
  bench: Bench;
  world: FaultWorld;
  random: Random;
  written: string[];
  trail: string[];
}

describe('a random day of changes', () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await makeBench(path.resolve(import.meta.dirname, '../..'));
  }, DEADLINE_MS);

  it.each(Array.from({ length: isPart ? 1 : 3 }, (_, index) => wishes.seed + index))(
    'of seed %i loses nothing, and changes all repos or none',
    async (seed) => {
      const world = await makeFaultWorld('process');
      const day: Day = { bench, world, random: createRandom(seed), written: [], trail: [] };
      try {
        const before = world.photographFiles();
        keepBases(world);
        await open(day);
        for (let step = 0; step < STEPS; step++) await walk(day);
        await must(world, 'doctor', '--fix', '--yes');
        expect([...findHalf(day), ...findLost(day)]).toEqual([]);
        expect(await endDay(day)).toEqual([]);
        expect(compare(before, world.photographFiles())).toBe('');
      } catch (error) {
        throw new Error(`${(error as Error).message}\nafter:\n  ${day.trail.join('\n  ')}`, { cause: error });
      } finally {
        await world.raze();
      }
    },
    DEADLINE_MS,
  );
});

/** The first ticket is made, and what is written there comes into the base of both repos. */
async function open(day: Day): Promise<void> {
  const [ticket = ''] = TICKETS;
  for (const verb of day.random.pick(OPENINGS)) {
    if (verb === 'commit') write(day, ticket);
    let isKilled = true;
    while (isKilled) isKilled = await take(day, verb, ticket);
  }
  expect(REPOS.map((repo) => listCommitted(day.world, repo, 'refs/heads/main'))).toEqual([day.written, day.written]);
}

/** Takes one step of chance: some work, then a command. */
async function walk(day: Day): Promise<void> {
  const { world, random } = day;
  const ticket = random.pick(TICKETS);
  const isThere = ticket in (world.state()?.instances ?? {});
  const verb = random.pick(isThere ? MOVES : BRINGS);
  const isWhole = world.state()?.instances[ticket]?.phase === 'ready';
  // The others want what is written to be committed.
  if (isWhole && (verb === 'commit' || random.below(4) === 0)) write(day, ticket);
  await take(day, verb, ticket);
}

/** Says a verb, in one of three cases killed on its way. Returns whether it was; throws for what may not be afterwards. */
async function take({ bench, ...day }: Day, verb: string, ticket: string): Promise<boolean> {
  const { world, random, trail } = day;
  const args = VERBS[verb]?.(ticket) ?? [];
  const faults = random.below(3) === 0 ? [drawKill(random)] : [];
  const { code, killed, stdout, stderr } = await runFaulted(bench, world, args, faults);
  trail.push(`stack ${args.join(' ')}${killed ? `, ${describeFault(faults[0]!)}` : ''}: ${code}`);
  // 2: there is no such ticket, or nothing to commit; 4: there is work that is not committed, or nothing to merge.
  if (!killed && ![0, 2, 4].includes(code)) throw new Error(`it ended with ${code}: ${stdout}${stderr}`);
  expect(await untilNone(() => findLies(world))).toEqual([]);
  expect(await untilNone(async () => findLocks(world))).toEqual([]);
  if (killed && random.below(2) === 0) {
    await must(world, 'doctor', '--fix', '--yes');
    expect(findHalf(day)).toEqual([]);
  }
  expect(findLost(day)).toEqual([]);
  return killed;
}

/** Where it does not come to that place it ends by itself. */
function drawKill(random: Random): Fault {
  if (random.below(2) === 0)
    return { direction: 'elsewhere', id: 'between the steps', point: 1 + random.below(40), how: 'kill' };
  const point = random.pick(['before', 'after'] as const);
  return { direction: 'record', id: `write ${1 + random.below(4)}`, point, how: 'kill' };
}

/** New files that are staged: what git does not know no command commits. */
function write({ world, written }: Day, ticket: string): void {
  const name = `work-${written.length}.txt`;
  written.push(name);
  for (const repo of REPOS) {
    const folder = `tickets/${ticket}/${repo}`;
    world.write(`${folder}/${name}`, `${name} of ${ticket}\n`);
    world.git(folder, 'add', name);
  }
}

/** Work is in a worktree, on a branch, or saved. */
function findLost({ world, written }: Pick<Day, 'world' | 'written'>): string[] {
  return REPOS.flatMap((repo) => {
    const folders = TICKETS.map((ticket) => world.at('tickets', ticket, repo));
    const there = new Set([...folders.flatMap(listFolder), ...listCommitted(world, repo, '--all')]);
    return written.filter((name) => !there.has(name)).map((name) => `${name} of ${repo} is lost`);
  });
}

/** Both repos have the same of it on a branch. */
function findHalf({ world }: Pick<Day, 'world'>): string[] {
  const whole = Object.values(world.state()?.instances ?? {}).filter(({ phase }) => phase === 'ready');
  return ['main', ...whole.map(({ ticket }) => ticket)].flatMap((branch) => {
    const [one, other] = REPOS.map((repo) => listCommitted(world, repo, `refs/heads/${branch}`).sort().join());
    return one === other ? [] : [`${branch} has ${one} in one repo, and ${other} in the other`];
  });
}

function listCommitted(world: FaultWorld, repo: string, from: string): string[] {
  const names = world.git(repo, 'log', '--format=', '--name-only', '-m', from, '--', 'work-*');
  return [...new Set(names.split('\n').filter(Boolean))];
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // The ticket is not there now.
    return [];
  }
}

/** The queue goes on, whatever was killed, and all can be cleared away. Returns what is left. */
async function endDay({ world }: Day): Promise<string[]> {
  const run = await world.here('queue', 'run', '--yes', '--json');
  const refused = [0, 4].includes(run.code) ? [] : [`the last queue run ended with ${run.code}: ${run.stdout}`];
  for (const ticket of Object.keys(world.state()?.instances ?? {}))
    await must(world, 'destroy', ticket, '--force', '--yes');
  await forgetRescues(world);
  bringBasesBack(world);
  for (const repo of REPOS)
    for (const name of listFolder(world.at(repo)).filter((one) => one.startsWith('work-')))
      rmSync(path.join(world.at(repo), name));
  rmSync(world.at('.stack/queue.json'), { force: true });
  return [...refused, ...(await clear(world))];
}
