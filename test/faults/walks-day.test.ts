import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { findLocks } from './changes.ts';
import { clear, compare, forgetRescues, must, untilNone } from './clear.ts';
import { bringBasesBack, keepBases, REPOS } from './moves.ts';
import { createRandom, type Random } from './random.ts';
import { findLies } from './truth.ts';
import { readWishes } from './wishes.ts';
import { type FaultWorld, makeFaultWorld } from './world.ts';

const wishes = readWishes();
const isPart = wishes.extent === 'part';
const STEPS = isPart ? 6 : 20;
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

/** What a person has written so far: each piece is a file of its own, of the same name in both repos. */
interface Day {
  world: FaultWorld;
  random: Random;
  written: string[];
}

describe('a random day of changes', () => {
  it.each(Array.from({ length: isPart ? 1 : 3 }, (_, index) => wishes.seed + index))(
    'of seed %i loses nothing, and changes all repos or none',
    async (seed) => {
      const world = await makeFaultWorld('process');
      const day: Day = { world, random: createRandom(seed), written: [] };
      const trail: string[] = [];
      try {
        const before = world.photographFiles();
        keepBases(world);
        for (let step = 0; step < STEPS; step++) {
          trail.push(await walk(day));
          expect(await untilNone(() => findLies(world))).toEqual([]);
          expect(await untilNone(async () => findLocks(world))).toEqual([]);
          expect(findLost(day)).toEqual([]);
        }
        await must(world, 'doctor', '--fix', '--yes');
        expect([...findHalf(day), ...findLost(day)]).toEqual([]);
        expect(await endDay(day)).toEqual([]);
        expect(compare(before, world.photographFiles())).toBe('');
      } catch (error) {
        throw new Error(`${(error as Error).message}\nafter:\n  ${trail.join('\n  ')}`, { cause: error });
      } finally {
        await world.raze();
      }
    },
    DEADLINE_MS,
  );
});

/** Takes one step: some work, then a command, in one of three cases killed on its way. Returns it in words. */
async function walk(day: Day): Promise<string> {
  const { world, random } = day;
  const ticket = random.pick(TICKETS);
  write(day, ticket);
  const isThere = ticket in (world.state()?.instances ?? {});
  const args = VERBS[random.pick(isThere ? MOVES : BRINGS)]?.(ticket) ?? [];
  const run = world.start([...args, '--yes', '--json']);
  const kills = random.below(3) === 0;
  if (kills) {
    await delay(random.below(2000));
    run.kill('SIGKILL');
  }
  const { code, stdout, stderr } = await run.ended;
  // 2: there is no such ticket, or nothing to commit; 4: there is work that is not committed, or nothing to merge.
  if (!kills && ![0, 2, 4].includes(code))
    throw new Error(`stack ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`);
  if (kills && random.below(2) === 0) {
    await must(world, 'doctor', '--fix', '--yes');
    expect(findHalf(day)).toEqual([]);
  }
  return `stack ${args.join(' ')}${kills ? ', killed' : ''}: ${code}`;
}

function write({ world, random, written }: Day, ticket: string): void {
  const isWhole = world.state()?.instances[ticket]?.phase === 'ready';
  if (!isWhole || random.below(2) === 0) return;
  const name = `work-${written.length}.txt`;
  written.push(name);
  for (const repo of REPOS) world.write(`tickets/${ticket}/${repo}/${name}`, `${name} of ${ticket}\n`);
}

/** Work is in a worktree, on a branch, or saved. */
function findLost({ world, written }: Day): string[] {
  return REPOS.flatMap((repo) => {
    const folders = TICKETS.map((ticket) => world.at('tickets', ticket, repo));
    const there = new Set([...folders.flatMap(listFolder), ...listCommitted(world, repo, '--all')]);
    return written.filter((name) => !there.has(name)).map((name) => `${name} of ${repo} is lost`);
  });
}

/** Both repos have the same of it on a branch. */
function findHalf({ world }: Day): string[] {
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
