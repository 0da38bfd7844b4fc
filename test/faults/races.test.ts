import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeHook } from '../support/git-repos.ts';
import type { Run } from '../support/product.ts';
import { until } from '../support/until.ts';
import { clear, compare, forgetRescues, must, untilNone } from './clear.ts';
import { createRandom } from './random.ts';
import { findLies } from './truth.ts';
import { readWishes } from './wishes.ts';
import { type FaultWorld, makeFaultWorld } from './world.ts';

const wishes = readWishes();
const isPart = wishes.extent === 'part';
const [MANY, SAME, ROUNDS] = isPart ? [10, 6, 1] : [50, 20, 5];
const DEADLINE_MS = 300_000;
/** Two commands on tickets of which rb starts from ra's branch: neither may take the other's branch for what keeps a commit. */
const LEANING = [
  'destroy ra against destroy rb',
  'destroy ra --force against destroy rb',
  'destroy ra --keep-branch against destroy rb',
  'destroy rb --force against destroy ra --force',
  'destroy ra against start rb --no-wait',
  'destroy ra against add rb data',
  'destroy ra against create rc --from-front=rb --no-start',
];
// A short run leaves them to test/cli/at-once.test.ts, which holds each command where it hurts.
const leaning = isPart ? [] : createRandom(wishes.seed).shuffle(LEANING);

describe(`all at once, seed ${wishes.seed}`, () => {
  let world: FaultWorld;
  let before: string;
  beforeEach(async () => {
    world = await makeFaultWorld('process');
    before = world.photographFiles();
  });
  afterEach(() => world.raze());

  /** Whatever came of it is told truly, can be cleared away, and nothing of anybody else has changed. */
  async function expectWhole(...kept: string[]): Promise<void> {
    expect(await untilNone(() => findLies(world))).toEqual([]);
    expect(await clear(world)).toEqual([]);
    for (const ref of kept) for (const repo of ['front', 'api']) world.git(repo, 'update-ref', '-d', ref);
    await forgetRescues(world);
    expect(compare(before, world.photographFiles())).toBe('');
  }

  it(
    `${MANY} processes create ${MANY} tickets in the same repos: all succeed, no port twice`,
    async () => {
      const tickets = Array.from({ length: MANY }, (_, index) => `feat-${index + 1}`);
      const runs = await Promise.all(tickets.map((ticket) => world.stack(['create', ticket, '--no-start'])));
      expect(runs.filter(({ code }) => code !== 0).map(({ stderr }) => stderr)).toEqual([]);
      const { instances } = await world.ps();
      expect(instances.map(({ ticket }) => ticket).sort()).toEqual([...tickets].sort());
      const ports = instances.flatMap(({ services }) => Object.values(services).map(({ ports: { http } }) => http));
      expect(new Set(ports).size).toBe(MANY * 2);
      for (const repo of ['front', 'api']) {
        const branches = world.git(repo, 'for-each-ref', '--format=%(refname:short)', 'refs/heads').split('\n');
        expect(branches.filter((name) => name.startsWith('feat-')).sort()).toEqual([...tickets].sort());
      }
      await expectWhole();
    },
    DEADLINE_MS,
  );

  it(
    `${SAME} processes create the same ticket: one wins, the others are told`,
    async () => {
      const runs = await Promise.all(
        Array.from({ length: SAME }, () => world.stack(['create', 'feat-01', '--no-start', '--json'])),
      );
      const lost = runs.filter(({ code }) => code !== 0);
      expect(lost).toHaveLength(SAME - 1);
      for (const { code, stdout } of lost) expect([`busy 1`, `exists 2`]).toContain(`${errorCode(stdout)} ${code}`);
      expect(world.state()?.instances['feat-01']?.phase).toBe('ready');
      await expectWhole();
    },
    DEADLINE_MS,
  );

  it.each([
    ['create', 'destroy'],
    ['destroy', 'create'],
    ['start', 'destroy'],
    ['stop', 'destroy'],
    ['start', 'stop'],
    ['add', 'destroy'],
    ['destroy', 'destroy'],
    ['up', 'down'],
    ['down', 'create'],
  ])(
    '%s against %s ends as if one had come after the other',
    async (one, other) => {
      const random = createRandom(wishes.seed);
      for (let round = 0; round < ROUNDS; round++) {
        const there = [one, other].some((verb) => ['start', 'stop', 'add'].includes(verb)) || one === 'destroy';
        if (there) await must(world, 'create', 'feat-01', '--no-wait');
        if (one === 'start') await must(world, 'stop', 'feat-01');
        const first = world.stack(argsOf(one));
        await delay(random.below(500));
        const runs = await Promise.all([first, world.stack(argsOf(other))]);
        for (const run of runs) expect(judge(run)).toBe('');
        expect(runs.map(({ code }) => code)).toContain(0);
        await expectWhole();
      }
    },
    DEADLINE_MS,
  );

  it.each(leaning)(
    'where rb leans on ra, %s loses no commit',
    async (commands) => {
      const [one = [], other = []] = commands.split(' against ').map((words) => [...words.split(' '), '--json']);
      const random = createRandom(wishes.seed);
      for (let round = 0; round < ROUNDS; round++) {
        await must(world, 'create', 'ra', '--no-start');
        world.commit('tickets/ra/front', 'work.txt', `work ${round}\n`);
        const commit = world.git('tickets/ra/front', 'rev-parse', 'HEAD');
        await must(world, 'create', 'rb', '--from-front=ra', '--no-start');
        const first = world.stack(one);
        await delay(random.below(300));
        const runs = await Promise.all([first, world.stack(other)]);
        for (const run of runs) expect(judge(run, ['dirty 4', 'unpushed 4'])).toBe('');
        expect(world.git('front', 'for-each-ref', '--contains', commit)).not.toBe('');
        // What keeps it is in nobody's way.
        world.git('front', 'tag', 'kept', commit);
        await expectWhole('refs/tags/kept', 'refs/heads/ra');
      }
    },
    DEADLINE_MS,
  );

  it(
    'ps answers truly whatever goes on',
    async () => {
      let done = false;
      const work = (async () => {
        for (let round = 0; round < ROUNDS; round++) {
          for (const args of [
            ['create', 'feat-01'],
            ['stop', 'feat-01'],
            ['add', 'feat-01', 'data'],
            ['destroy', 'feat-01'],
          ])
            expect(judge(await world.stack([...args, '--json']))).toBe('');
        }
      })().finally(() => {
        done = true;
      });
      while (!done) {
        const run = await world.stack(['ps', '--json']);
        expect(run).toMatchObject({ code: 0, stderr: '' });
        const { instances } = JSON.parse(run.stdout);
        for (const instance of instances) expect(instance.status).not.toBe('broken');
      }
      await work;
      await expectWhole();
    },
    DEADLINE_MS,
  );

  it('long git work in one repo does not keep another waiting', async () => {
    await must(world, 'create', 'feat-01', '--no-start');
    const go = world.at('../go');
    const begun = world.at('../begun');
    writeHook(world.at('api'), 'post-checkout', `touch ${begun}; while [ ! -e ${go} ]; do sleep 0.05; done`);
    const slow = world.stack(['create', 'feat-02', '--no-start']);
    await until('git is at work in api', () => existsSync(begun));
    expect(await world.stack(['add', 'feat-01', 'data'])).toMatchObject({ code: 0 });
    writeFileSync(go, '');
    expect(await slow).toMatchObject({ code: 0 });
    for (const file of [go, begun, world.at('api/.git/hooks/post-checkout')]) rmSync(file);
    await expectWhole();
  });
});

function argsOf(verb: string): string[] {
  if (verb === 'up' || verb === 'down') return [verb, '--json'];
  return [verb, 'feat-01', ...(verb === 'add' ? ['data'] : []), ...(verb === 'create' ? ['--no-wait'] : []), '--json'];
}

/** Refusals that are right while, or after, another command changes the same thing; '' for them and for success. */
function judge({ code, stdout, stderr }: Run, more: string[] = []): string {
  if (code === 0) return '';
  const said = `${errorCode(stdout)} ${code}`;
  return ['busy 1', 'exists 2', 'not-found 2', 'conflict 4', ...more].includes(said)
    ? ''
    : `${said}: ${stdout}${stderr}`;
}

function errorCode(stdout: string): string {
  return (JSON.parse(stdout) as { error?: { code: string } }).error?.code ?? '';
}
