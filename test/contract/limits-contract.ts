import { expect, it, type TestContext } from 'vitest';
import type { WorkloadSpec } from '../../src/domain/runtime.ts';
import { until } from '../support/until.ts';
import type { World } from './world.ts';

const { signal } = new AbortController();

/** A shell with a child that holds so many megabytes and then says so: the limit is for all of a workload's processes. */
const hold = (megabytes: number, then = 'setInterval(() => {}, 1e6)'): string =>
  `node -e "globalThis.held = Buffer.alloc(${megabytes}e6, 1); console.log('held'); ${then}"; exit 9`;
/** Two processes that would each keep a processor busy. */
const SPIN = `node -e "for (;;);" & node -e "console.log('spins'); for (;;);"`;

/** What a workload uses, and is kept to. */
export function describeLimits(world: () => World): void {
  const start = async (command: string, limits: Pick<WorkloadSpec, 'memoryBytes' | 'cpus'> = {}) => {
    // Of one that was made with the same hash the command would stay.
    const spec = { ...world().spec('', { hash: command }), command, ...limits };
    await world().runtime.start(spec, signal);
    return spec;
  };
  const use = async () => (await world().runtime.usage(world().rootId))[0];
  /** A machine that lets nobody limit anything is told of by `explainLimits`, and tried by nobody. */
  const requireLimits = async ({ skip }: TestContext) => {
    const spec = { ...world().spec(''), memoryBytes: 64e6, cpus: 1 };
    const fault = await world().runtime.explainLimits?.(spec);
    await world().runtime.remove(spec);
    if (fault === undefined) return;
    process.stderr.write(`\nSKIPPED: limits of processes are not tried: ${fault}\n`);
    skip(fault);
  };

  it('says what all processes of a workload use, and nothing of one that is at rest', async () => {
    expect(await use()).toBeUndefined();
    const spec = await start(hold(150, 'for (;;);'));
    await until('it holds memory', async () => (await world().linesOf(spec)).includes('held'));
    // What is counted in whole seconds is 0 at first.
    const used = await until('it has had a processor', async () => {
      const found = await use();
      return (found?.cpuSeconds ?? 0) > 0 && found;
    });
    expect(used).toMatchObject({ instance: 'feat-01', service: 'api' });
    expect(used.memoryBytes).toBeGreaterThan(150e6);
    expect(used.memoryBytes).toBeLessThan(400e6);
    await world().runtime.stop(spec);
    expect(await use()).toBeUndefined();
  });

  it('ends what takes more memory than a workload may have, and no other', async (context) => {
    await requireLimits(context);
    const fits = await start(hold(50), { memoryBytes: 256e6 });
    await until('it has what it may', async () => (await world().linesOf(fits)).includes('held'));
    await world().runtime.stop(fits);
    const spec = await start(hold(500), { memoryBytes: 256e6 });
    await until('it is over', async () => (await world().statusOf(spec))?.state === 'exited');
    const lines = await world().linesOf(spec);
    await world().runtime.remove(spec);
    // A log that is kept has the line of the first.
    expect(lines.filter((line) => line === 'held').length).toBeLessThan(2);
    expect(lines.at(-1)).not.toBe('held');
  });

  it('keeps all processes of a workload together to a part of a processor', async (context) => {
    await requireLimits(context);
    const spec = await start(SPIN, { cpus: 0.25 });
    await until('it spins', async () => (await world().linesOf(spec)).includes('spins'));
    const [before, since] = [(await use())?.cpuSeconds ?? 0, performance.now()];
    const measure = async () => {
      const spent = (await use())?.cpuSeconds ?? 0;
      return { spent: spent - before, took: (performance.now() - since) / 1000 };
    };
    const { spent, took } = await until('it has had a share', async () => {
      const measured = await measure();
      return measured.took > 2 && measured;
    });
    await world().runtime.remove(spec);
    // Without a limit the two would have had most of a processor, however slow the machine is.
    expect(spent / took).toBeLessThan(0.5);
  });
}
