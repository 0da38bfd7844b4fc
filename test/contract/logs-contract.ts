import { expect, it } from 'vitest';
import { until } from '../support/until.ts';
import { readAll, type World } from './world.ts';

const { signal } = new AbortController();

/** The lines that workloads print. */
export function describeLogs(world: () => World): void {
  const startCount = async (count: number) => {
    const spec = world().spec(`count ${count}`);
    await world().runtime.start(spec, signal);
    await until('all lines', async () => (await world().linesOf(spec)).length === count);
    return spec;
  };

  it('gives both streams, told apart where they are kept apart', async () => {
    const spec = world().spec('exit 0');
    await world().runtime.start(spec, signal);
    const lines = await until('both lines', async () => {
      const all = await readAll(world().runtime.logs(spec, {}));
      return all.length === 2 && all;
    });
    expect(lines).toContainEqual({ stream: 'stdout', text: 'out' });
    expect(lines).toContainEqual({ stream: world().oneLog ? 'stdout' : 'stderr', text: 'err' });
  });

  it('gives the newest lines alone', async () => {
    const spec = await startCount(20);
    expect(await world().linesOf(spec, { tail: 2 })).toEqual(['line 19', 'line 20']);
    expect(await world().linesOf(spec, { tail: 0 })).toEqual([]);
  });

  it('gives the lines since a moment alone', async () => {
    const spec = world().spec('serve', { env: { VERSION: 'first' } });
    await world().runtime.start(spec, signal);
    await until('its line', async () => (await world().linesOf(spec)).length === 1);
    expect(await world().linesOf(spec, { since: Date.now() - 60_000 })).toEqual(['up first']);
    expect(await world().linesOf(spec, { since: Date.now() + 60_000 })).toEqual([]);
    const since = await until('a start time', async () => (await world().statusOf(spec))?.startedAt);
    expect(await world().linesOf(spec, { since })).toEqual(['up first']);
  });

  it('tells when each line was printed, for who asks', async () => {
    const before = Date.now();
    const spec = await startCount(2);
    const lines = await readAll(world().runtime.logs(spec, { times: true }));
    expect(lines.map(({ text }) => text)).toEqual(['line 1', 'line 2']);
    // What an engine of a virtual machine takes for now is not this clock.
    for (const { time = 0 } of lines) expect(Math.abs(time - before)).toBeLessThan(60_000);
    const since = lines[0]!.time!;
    expect(await world().linesOf(spec, { since })).toEqual(['line 1', 'line 2']);
    expect(await world().linesOf(spec, { since: lines[1]!.time! + 1 })).toEqual([]);
    for await (const line of world().runtime.logs(spec, { times: true, follow: true, since, tail: 1 })) {
      expect(line).toEqual(lines[1]);
      break;
    }
  });

  // Not both at once: an engine's own log cuts lines into pieces of 16 KB, through the middle of a character.
  it.each(['a line of no end, '.repeat(5000), 'žluťoučký 🐎 '.repeat(500)])('keeps a line whole (%#)', async (text) => {
    const spec = { ...world().spec(''), command: ['node', 'work.mjs', 'print', text] };
    await world().runtime.start(spec, signal);
    await until('its end', async () => (await world().statusOf(spec))?.state === 'exited');
    for (const times of [false, true]) {
      const lines = await world().linesOf(spec, { times });
      expect([lines.length, lines[0] === text]).toEqual([1, true]);
    }
  });

  it('follows until the workload ends', async () => {
    const spec = world().spec('serve');
    await world().runtime.start(spec, signal);
    const seen: string[] = [];
    for await (const line of world().runtime.logs(spec, { follow: true })) {
      seen.push(line.text);
      if (line.text.startsWith('up')) await world().runtime.stop(spec);
    }
    expect(seen).toEqual(['up ', 'bye']);
  });

  it('follows until it is aborted', async () => {
    const spec = world().spec('tick');
    await world().runtime.start(spec, signal);
    const aborting = new AbortController();
    const seen: string[] = [];
    for await (const line of world().runtime.logs(spec, { follow: true, signal: aborting.signal })) {
      seen.push(line.text);
      if (seen.length === 5) aborting.abort();
    }
    expect(seen.slice(0, 5)).toEqual(['1', '2', '3', '4', '5']);
    expect(await world().statusOf(spec)).toMatchObject({ state: 'running' });
  });

  it('ends an aborted follow of a workload that prints nothing', async () => {
    const spec = world().spec('stay');
    await world().runtime.start(spec, signal);
    expect(await readAll(world().runtime.logs(spec, { follow: true, signal: AbortSignal.timeout(200) }))).toEqual([]);
  });

  it('has no log of what never ran', async () => {
    await expect(world().linesOf(world().spec('serve'))).rejects.toMatchObject({ code: 'not-found' });
  });
}
