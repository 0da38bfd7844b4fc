import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { canBeOthers } from '../support/other-user.ts';
import type { Run } from '../support/product.ts';
import { clear, compare, forgetRescues, must, untilNone } from './clear.ts';
import { CORNERS, type Corner, TICKET } from './corners.ts';
import { createRandom, type Random } from './random.ts';
import { findLies } from './truth.ts';
import { readWishes } from './wishes.ts';
import { type FaultWorld, makeFaultWorld } from './world.ts';

const wishes = readWishes();
const DRAWS = { part: 1, most: 14, whole: 100 }[wishes.extent];
/** So many meet in one world. */
const TOGETHER = 3;
const STEPS = 3;
const DEADLINE_MS = 300_000;
/** Root opens every folder: the worlds are somebody else's. */
const PERSON = process.getuid?.() === 0 && canBeOthers() ? 4321 : undefined;

const dealt = createRandom(wishes.seed).shuffle(CORNERS);
const draws = Array.from({ length: DRAWS }, (_, index) => {
  const corners = Array.from({ length: TOGETHER }, (_, place) => dealt[(index * TOGETHER + place) % dealt.length]!);
  return { seed: wishes.seed + index, corners, title: corners.map(({ name }) => name).join(', ') };
}).filter(({ title }) => wishes.only === undefined || title.includes(wishes.only));

describe('a ticket with', () => {
  it.each(draws)(
    '$title (seed $seed) loses nothing, hangs nowhere, and is told of truly',
    async ({ seed, corners }) => {
      const world = await makeFaultWorld('process', PERSON);
      const trail: string[] = [];
      try {
        await live(world, corners, createRandom(seed), trail);
      } catch (error) {
        throw new Error(`${(error as Error).message}\nafter:\n  ${trail.join('\n  ')}`, { cause: error });
      } finally {
        for (const { takeAway } of corners) takeAway?.(world);
        await world.raze();
      }
    },
    DEADLINE_MS,
  );
});

interface Life {
  world: FaultWorld;
  corners: readonly Corner[];
  random: Random;
  /** Runs a command and notes it. */
  run(...args: string[]): Promise<Run>;
  /** Kills a command on its way. */
  kill(...args: string[]): Promise<void>;
}

/** A ticket's whole life: made, worked on, started, stopped, killed at, refused, saved, brought back and gone. */
async function live(world: FaultWorld, corners: readonly Corner[], random: Random, trail: string[]): Promise<void> {
  const note = (args: string[], { code, stderr }: Run, how = ''): void => {
    trail.push(
      `stack ${args.join(' ')}${how}: ${code}${code === 0 ? '' : `\n    ${stderr.replaceAll('\n', '\n    ')}`}`,
    );
  };
  const life: Life = {
    ...{ world, corners, random },
    async run(...args) {
      const ran = await world.stack(args);
      note(args, ran);
      return ran;
    },
    async kill(...args) {
      const running = world.start(args);
      await delay(random.below(1200));
      running.kill('SIGKILL');
      note(args, await running.ended, ', killed');
    },
  };
  for (const { prepare } of corners) prepare?.(world);
  world.own();
  const before = world.photographFiles();
  await begin(life);
  for (let step = 0; step < STEPS; step++) {
    const args = random.pick(VERBS);
    if (random.below(3) === 0) await life.kill(...args);
    else expectTold(await life.run(...args), args, corners);
    await expectTrue(life);
  }
  await end(life);
  await forgetRescues(world);
  expect(await clear(world)).toEqual([]);
  expect(compare(before, world.photographFiles())).toBe('');
}

const VERBS = [['stop', TICKET], ['start', TICKET], ['restart', TICKET], ['add', TICKET, 'data'], ['up'], ['ps']];

async function expectTrue({ world, corners }: Life): Promise<void> {
  const find = async () => [...(await findLies(world)), ...corners.flatMap((one) => one.findWrong(world))];
  expect(await untilNone(find)).toEqual([]);
}

async function begin(life: Life): Promise<void> {
  const { world, corners, random, run, kill } = life;
  if (random.below(2) === 0) {
    await kill('create', TICKET);
    await run('destroy', TICKET, '--force');
    takeAwayAll(life, 'outlives');
    if (isThere(life)) await run('destroy', TICKET, '--force');
  }
  const made = await run('create', TICKET);
  expect(made).toMatchObject({ code: 0 });
  for (const { saidAtFirst } of corners) if (saidAtFirst) expect(made.stderr).toMatch(saidAtFirst);
  for (const { leave } of corners) leave?.(world);
  world.own();
  await expectTrue(life);
}

/** What stands in the way is said, what can be saved comes back, and once nothing stands in the way nothing is left. */
async function end(life: Life): Promise<void> {
  const { world, corners, random, run, kill } = life;
  for (const { said } of corners.filter(({ weight }) => weight === 'waits')) {
    for (const force of [[], ['--force']])
      expect(await run('destroy', TICKET, ...force)).toMatchObject({ code: 1, stderr: expect.stringMatching(said!) });
  }
  takeAwayAll(life, 'waits');
  expectRefused(await run('destroy', TICKET), corners, ['work', 'unsavable', 'outlives']);
  if (isThere(life) && corners.some(({ weight }) => weight === 'unsavable')) {
    expectRefused(await run('destroy', TICKET, '--force'), corners, ['unsavable']);
    takeAwayAll(life, 'unsavable');
  }
  if (isThere(life) && random.below(2) === 0) await kill('destroy', TICKET, '--force');
  if (isThere(life)) expectRefused(await run('destroy', TICKET, '--force'), corners, ['outlives']);
  takeAwayAll(life, 'outlives');
  if (isThere(life)) await run('destroy', TICKET, '--force');
  expect(world.state()?.instances).toEqual({});
  if (!corners.some(({ weight }) => weight === 'work')) return;
  expect(await run('restore', TICKET, '--no-start')).toMatchObject({ code: 0 });
  expect(corners.filter(({ weight }) => weight !== 'unsavable').flatMap((one) => one.findWrong(world))).toEqual([]);
  await must(world, 'destroy', TICKET, '--force', '--yes');
}

function isThere({ world }: Life): boolean {
  return TICKET in (world.state()?.instances ?? {});
}

function takeAwayAll({ world, corners }: Life, weight: Corner['weight']): void {
  for (const one of corners) if (one.weight === weight) one.takeAway?.(world);
}

/** What keeps a service from its start is told; so is a daemon that keeps the service's port when that is stopped. */
function expectTold({ code, stderr }: Run, [verb = '']: string[], corners: readonly Corner[]): void {
  const daemons = corners.filter(({ weight }) => weight === 'outlives');
  if (code === 3 && daemons.length > 0) {
    for (const { said } of daemons) expect(stderr).toMatch(said!);
    return;
  }
  const hindering = ['start', 'restart', 'add'].includes(verb) ? corners.filter(({ hinders }) => hinders) : [];
  for (const { hinders } of hindering) expect(stderr).toMatch(hinders!);
  // What is done already is said to be so.
  if (verb === 'add' && code === 2) expect(stderr).toMatch(/has its own data already/);
  else expect(code, stderr).toBe(hindering.length > 0 ? 1 : 0);
}

/** A refusal says all that stands in the way, and only that is one. */
function expectRefused({ code, stderr }: Run, corners: readonly Corner[], weights: Corner['weight'][]): void {
  const first = weights.find((weight) => corners.some((one) => one.weight === weight));
  expect(code, stderr).toBe(first === undefined ? 0 : first === 'outlives' ? 3 : 4);
  const standing: Corner['weight'][] =
    first === 'outlives' ? [first] : weights.filter((weight) => weight !== 'outlives');
  for (const { weight, said } of corners) if (said && standing.includes(weight)) expect(stderr).toMatch(said);
}
