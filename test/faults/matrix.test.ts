import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTestEngine } from '../support/engine.ts';
import { makeBench } from './bench.ts';
import { type Bench, type Case, listCases, type Outcome, runCase, SUBJECTS } from './matrix.ts';
import { openPool, type Pool } from './pool.ts';
import { createRandom } from './random.ts';
import { renderOutcomes } from './table.ts';
import { readWishes } from './wishes.ts';

const wishes = readWishes();
const hasEngine = (await findTestEngine()) !== undefined;
const ALL = Number.POSITIVE_INFINITY;
/** How many cases of one command are drawn for each extent, those of parts that no scene before has first; these take longer. */
const DRAWN = {
  part: { process: 4, docker: 3, 'own data': 2, 'own server': 0 },
  most: { process: ALL, docker: 10, 'own data': 10, 'own server': 4 },
  whole: { process: ALL, docker: ALL, 'own data': ALL, 'own server': ALL },
};
/** The commands whose cases there are in `npm run verify`. */
const SHORT = ['create', 'destroy'];
const DEADLINE_MS = 900_000;

/** Commands and parts that a scene before this one had. */
const struck = new Set<string>();
const nameOfPart = ({ subject, faults }: Case): string => {
  const { direction, id } = faults.at(-1)!;
  return [subject.name, direction, id].join();
};

const SCENES = (['process', 'docker', 'own data', 'own server'] as const).filter(
  (scene) => DRAWN[wishes.extent][scene] > 0,
);

describe.each(SCENES)('on %s, killed or failing anywhere', (scene) => {
  const outcomes: Outcome[] = [];
  let bench: Bench;
  let pool: Pool;
  beforeAll(async () => {
    if (scene === 'docker' && !hasEngine) return;
    bench = await makeBench(path.resolve(import.meta.dirname, '../..'));
    pool = await openPool(scene, wishes.jobs);
  });
  afterAll(async () => {
    await pool?.close();
    if (outcomes.length > 0) process.stdout.write(`\n${renderOutcomes(scene, wishes.seed, outcomes)}\n`);
  });

  const isShort = scene !== 'process' && wishes.extent === 'part';
  it.skipIf(scene === 'docker' && !hasEngine).each(SUBJECTS.filter(({ name }) => !isShort || SHORT.includes(name)))(
    '$name loses nothing, is told of truly, and can be done again or undone',
    async (subject) => {
      const random = createRandom(wishes.seed + SUBJECTS.indexOf(subject));
      const [listed = []] = await pool.each([subject], (world) =>
        listCases(bench, world, subject, { random, whole: wishes.extent === 'whole' }),
      );
      const shuffled = random.shuffle(listed);
      const isKnown = (one: Case): boolean => struck.has(nameOfPart(one));
      const ordered = [...shuffled.filter((one) => !isKnown(one)), ...shuffled.filter(isKnown)];
      for (const one of listed) struck.add(nameOfPart(one));
      const cases = ordered.slice(0, DRAWN[wishes.extent][scene]);
      const asked = cases.filter(({ title }) => wishes.only === undefined || title.includes(wishes.only));
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

/** A whole run takes minutes: what failed is shown at once. */
function tell(outcome: Outcome): Outcome {
  if (outcome.problems.length > 0) process.stderr.write(`\n${renderFailure(outcome)}\n`);
  return outcome;
}

function renderFailure({ title, problems }: Outcome): string {
  return [title, ...problems].join('\n  ');
}
