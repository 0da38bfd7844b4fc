import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTestEngine } from '../support/engine.ts';
import { isOnMac } from '../support/mac.ts';
import { makeBench } from './bench.ts';
import { type Bench, type Case, listCases, type Outcome, runCase } from './matrix.ts';
import { openPool, type Pool } from './pool.ts';
import { createRandom } from './random.ts';
import { SUBJECTS, type Subject } from './subjects.ts';
import { renderOutcomes } from './table.ts';
import { readWishes } from './wishes.ts';
import { ownsData, type Scene } from './world.ts';

const wishes = readWishes();
const hasEngine = (await findTestEngine()) !== undefined;
const ALL = Number.POSITIVE_INFINITY;
/** How many cases of one command are drawn for each extent; containers and databases take longer. */
const DRAWN = {
  part: { process: 2, docker: isOnMac ? 0 : 2, 'own data': isOnMac ? 0 : 1, 'own server': 0 },
  most: { process: 36, docker: 5, 'own data': 4, 'own server': 2 },
  whole: { process: ALL, docker: ALL, 'own data': ALL, 'own server': ALL },
};
/** The commands whose cases there are in `npm run verify`. */
const SHORT = ['create', 'destroy', 'commit'];
/** Those that are much like another one, and have no case there. */
const LONG = ['sync --abort --rebase', 'sync --abort --merge', 'merge --continue'];
/** For one that hangs: as many cases as are drawn may take long beside other work. */
const DEADLINE_MS = 3_600_000;

const SCENES = (['process', 'docker', 'own data', 'own server'] as const).filter(
  (scene) => DRAWN[wishes.extent][scene] > 0 && listSubjects(scene).length > 0,
);
/** How often a part of a command was struck, in the scenes before too. */
const struck = new Map<string, number>();

describe.each(SCENES)('on %s, killed or failing anywhere', (scene) => {
  const outcomes: Outcome[] = [];
  const isMissing = scene === 'docker' && !hasEngine;
  const subjects = listSubjects(scene);
  let bench: Bench;
  let pool: Pool;
  let drawn: Case[];
  beforeAll(async () => {
    if (isMissing) return;
    bench = await makeBench(path.resolve(import.meta.dirname, '../..'));
    pool = await openPool(scene, wishes.jobs);
    const listed = await pool.each(subjects, async (world, subject) => {
      const random = createRandom(wishes.seed + SUBJECTS.indexOf(subject));
      return random.shuffle(await listCases(bench, world, subject, { random, whole: wishes.extent === 'whole' }));
    });
    drawn = listed.flatMap((cases) => draw(cases, DRAWN[wishes.extent][scene]));
  }, DEADLINE_MS);
  afterAll(async () => {
    await pool?.close();
    if (outcomes.length > 0) process.stdout.write(`\n${renderOutcomes(scene, wishes.seed, outcomes)}\n`);
  });

  it.skipIf(isMissing).each(subjects)(
    '$name loses nothing, is told of truly, and can be done again or undone',
    async (subject) => {
      const asked = drawn.filter(
        (one) => one.subject === subject && (wishes.only === undefined || one.title.includes(wishes.only)),
      );
      const ran = await pool.each(
        asked,
        async (world, one) => tell(await runCase(bench, world, one)),
        ({ problems }) => problems.length > 0,
      );
      outcomes.push(...ran);
      const failed = ran.filter(({ problems }) => problems.length > 0);
      expect(failed.map(renderFailure).join('\n')).toBe('');
    },
    DEADLINE_MS,
  );
});

/** Returns the commands that are struck in a scene. */
function listSubjects(scene: Scene): readonly Subject[] {
  const isPart = wishes.extent === 'part';
  const isShort = (isOnMac || scene !== 'process') && isPart;
  // In a short run the corners have a destroy by force of their own.
  return listAsked(scene).filter(
    ({ name, forces, files, owns }) =>
      (!isShort || SHORT.includes(name)) &&
      (!isPart || (!forces && !LONG.includes(name))) &&
      (!files || scene === 'process' || (owns && ownsData(scene))),
  );
}

/** To list the cases of a command it is run twice: where a text names commands, those of others are not listed. */
function listAsked(scene: Scene): readonly Subject[] {
  const { only = '' } = wishes;
  const named = SUBJECTS.filter(({ name }) => {
    const head = `${scene}: ${name}:`;
    return head.includes(only) || only.includes(head);
  });
  return only === '' || named.length === 0 ? SUBJECTS : named;
}

/** Takes so many cases, each time of a part that was struck least: every part has its turn before one has its second. */
function draw(cases: readonly Case[], count: number): Case[] {
  const left = [...cases];
  const taken: Case[] = [];
  const times = (one: Case): number => struck.get(nameOfPart(one)) ?? 0;
  while (left.length > 0 && taken.length < count) {
    const least = Math.min(...left.map(times));
    const [next] = left.splice(
      left.findIndex((one) => times(one) === least),
      1,
    );
    if (!next) break;
    struck.set(nameOfPart(next), times(next) + 1);
    taken.push(next);
  }
  return taken;
}

function nameOfPart({ subject, faults }: Case): string {
  const { direction, id } = faults.at(-1)!;
  return [subject.name, direction, id].join();
}

/** A whole run takes minutes: what failed is shown at once. */
function tell(outcome: Outcome): Outcome {
  if (outcome.problems.length > 0) process.stderr.write(`\n${renderFailure(outcome)}\n`);
  return outcome;
}

function renderFailure({ title, problems }: Outcome): string {
  return [title, ...problems].join('\n  ');
}
