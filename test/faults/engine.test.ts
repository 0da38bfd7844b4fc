import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTestEngine } from '../support/engine.ts';
import { type EngineFault, type EngineProxy, HTML_PAGE, openEngineProxy } from '../support/engine-proxy.ts';
import { findTraces } from './matrix.ts';
import { createRandom, type Random } from './random.ts';
import { SUBJECTS } from './subjects.ts';
import { readWishes } from './wishes.ts';
import { type FaultWorld, makeFaultWorld } from './world.ts';

const wishes = readWishes();
const hasEngine = (await findTestEngine()) !== undefined;
const DRAWS = { part: 1, most: 16, whole: 120 }[wishes.extent];
const DEADLINE_MS = 300_000;

/** About so many questions a command asks; a strike that comes after its last is none. */
const QUESTIONS = 25;
const subjects = SUBJECTS.filter(({ files }) => !files);

/** A command whose engine is struck at one question, or from one on. */
const draws = Array.from({ length: DRAWS }, (_, index) => {
  const random = createRandom(wishes.seed + index);
  const skipped = random.below(QUESTIONS);
  const [fault, times] = [drawFault(random), random.pick([1, Number.POSITIVE_INFINITY])];
  const subject = subjects[(wishes.seed + index) % subjects.length]!;
  const where = `${times === 1 ? 'at' : 'from'} question ${skipped + 1}${times === 1 ? '' : ' on'}`;
  const title = `${subject.name}: ${describeFault(fault)} ${where}`;
  return { subject, fault, times, skipped, again: random.below(2) === 0, title };
}).filter(({ title }) => wishes.only === undefined || title.includes(wishes.only));

describe.skipIf(!hasEngine)(`an engine behind a proxy that delays, cuts and refuses, seed ${wishes.seed}`, () => {
  let world: FaultWorld;
  let proxy: EngineProxy;
  beforeAll(async () => {
    proxy = await openEngineProxy();
    world = await makeFaultWorld('docker');
  });
  afterAll(async () => {
    await proxy.close();
    await world.raze();
  });

  it.each(draws)(
    '$title: nothing is lost, half-made or left',
    async ({ subject, fault, times, skipped, again }) => {
      const before = world.photographFiles();
      await subject.prepare(world);
      proxy.strike(fault, /^/, times, skipped);
      const env = { DOCKER_HOST: proxy.address, STACK_ENGINE_TIMEOUT: '2' };
      const run = await world.stack(['--json', ...subject.args], { env });
      proxy.heal();
      expect(fault.kind === 'delay' ? [0] : [0, 1, 3], run.stderr).toContain(run.code);
      expect(Object.keys(JSON.parse(run.stdout))[0] === 'error').toBe(run.code !== 0);
      expect(run.stderr).not.toMatch(/^\s+at /m);
      expect(await findTraces(world, subject, { again, before }), run.stderr).toEqual([]);
    },
    DEADLINE_MS,
  );
});

function drawFault(random: Random): EngineFault {
  return random.pick<EngineFault>([
    { kind: 'delay', ms: 20 + random.below(200) },
    { kind: 'cut', bytes: random.below(400) },
    { kind: 'stall', bytes: random.below(400) },
    { kind: 'hold' },
    { kind: 'refuse' },
    { kind: 'answer', text: HTML_PAGE },
  ]);
}

function describeFault(fault: EngineFault): string {
  if (fault.kind === 'delay') return `delay of ${fault.ms} ms`;
  return 'bytes' in fault
    ? `${fault.kind} after ${fault.bytes} bytes`
    : fault.kind === 'answer'
      ? 'a page'
      : fault.kind;
}
