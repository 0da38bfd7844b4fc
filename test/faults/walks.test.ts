import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { findTestEngine } from '../support/engine.ts';
import { clear, compare, untilNone } from './clear.ts';
import { createRandom, type Random } from './random.ts';
import { findLies, findNotRunning } from './truth.ts';
import { readWishes } from './wishes.ts';
import { type FaultWorld, makeFaultWorld } from './world.ts';

const wishes = readWishes();
const isPart = wishes.extent === 'part';
const hasEngine = (await findTestEngine()) !== undefined;
const WALKS = { process: isPart ? 1 : 4, docker: 1 };
const STEPS = isPart ? 6 : 20;
const TICKETS = ['feat-01', 'feat-02', 'fix/03'];
const DEADLINE_MS = 600_000;

/** What the tickets should be, as the commands that ended well have told. `unsure` is one that a killed command was at. */
type Model = Map<string, 'running' | 'stopped' | 'unsure'>;

describe.each(['process', 'docker'] as const)('a random walk on %s', (runtime) => {
  const walks = Array.from({ length: WALKS[runtime] }, (_, index) => wishes.seed + index);
  it.skipIf(runtime === 'docker' && !hasEngine).each(walks)(
    'of seed %i ends where its commands lead',
    async (seed) => {
      const random = createRandom(seed);
      const world = await makeFaultWorld(runtime);
      const trail: string[] = [];
      try {
        const before = world.photographFiles();
        const model: Model = new Map();
        for (let step = 0; step < STEPS; step++) {
          trail.push(await walk(world, model, random));
          expect(await untilNone(() => findLies(world))).toEqual([]);
          expect(await findOff(world, model)).toEqual([]);
        }
        expect(await clear(world)).toEqual([]);
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

/** Takes one step: a command, in one of four cases killed on its way. Returns it in words, and what the model says then. */
async function walk(world: FaultWorld, model: Model, random: Random): Promise<string> {
  const ticket = random.pick(TICKETS);
  const name = ticket.replace('/', '-');
  const verb = random.pick(['create', 'create', 'start', 'stop', 'add', 'destroy', 'up', 'down']);
  const args = argsOf(verb, ticket);
  const run = world.start(args);
  const kills = random.below(4) === 0;
  if (kills) {
    await delay(random.below(world.scene === 'docker' ? 2500 : 900));
    run.kill('SIGKILL');
  }
  const { code, stdout, stderr } = await run.ended;
  if (code === 0) follow(model, verb, name);
  else if (kills && verb !== 'up' && verb !== 'down') model.set(name, 'unsure');
  else if (!kills && ![2, 4].includes(code) && model.get(name) !== 'unsure')
    throw new Error(`stack ${args.join(' ')} ended with ${code}: ${stdout}${stderr}`);
  return `stack ${args.join(' ')}${kills ? ', killed' : ''}: ${code}`;
}

function argsOf(verb: string, ticket: string): string[] {
  if (verb === 'up' || verb === 'down') return [verb, '--json'];
  return [verb, ticket, ...(verb === 'add' ? ['data'] : []), '--json'];
}

function follow(model: Model, verb: string, ticket: string): void {
  if (verb === 'destroy') model.delete(ticket);
  else if (verb === 'stop') model.set(ticket, 'stopped');
  else if (verb === 'create' || verb === 'start' || verb === 'add') model.set(ticket, 'running');
}

/** Returns where the world is not as the model says. */
async function findOff(world: FaultWorld, model: Model): Promise<string[]> {
  const known = Object.keys(world.state()?.instances ?? {});
  const missing = [...model].flatMap(([ticket, wanted]) =>
    wanted !== 'unsure' && !known.includes(ticket) ? [`${ticket} is gone`] : [],
  );
  const strange = known.filter((ticket) => !model.has(ticket)).map((ticket) => `${ticket} is there`);
  const running = [...model].filter(([ticket, wanted]) => wanted === 'running' && known.includes(ticket));
  const down = await Promise.all(running.map(([ticket]) => findNotRunning(world, ticket)));
  return [...missing, ...strange, ...down.flat()];
}
