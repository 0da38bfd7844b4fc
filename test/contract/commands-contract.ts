import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { LogLine } from '../../src/domain/runtime.ts';
import { until } from '../support/until.ts';
import { openStreams, type World } from './world.ts';

const { signal } = new AbortController();
const work = (...words: string[]): string[] => ['node', 'work.mjs', ...words];

/** `exec` beside a workload, `run` without one. */
export function describeCommands(world: () => World): void {
  const startServing = async (env: Record<string, string> = {}) => {
    const spec = world().spec('serve', { env });
    await world().runtime.start(spec, signal);
    return spec;
  };
  const runWork = async (words: string[], runSignal = signal) => {
    const lines: LogLine[] = [];
    const code = await world().runtime.run(
      world().spec('serve', { env: { NAME: 'value' } }),
      work(...words),
      (line) => lines.push(line),
      runSignal,
    );
    return { code, lines };
  };

  it.each([0, 7])('passes the exit code %i of an exec, and both its streams', async (code) => {
    const spec = await startServing();
    const { options, out, err } = openStreams('');
    expect(await world().runtime.exec(spec, work('exit', String(code)), options)).toBe(code);
    expect([out(), err()]).toEqual(['out\n', 'err\n']);
  });

  it('passes stdin to an exec, and its end', async () => {
    const spec = await startServing();
    const input = 'zażółć\n'.repeat(20_000);
    const { options, out, err } = openStreams(input);
    expect(await world().runtime.exec(spec, work('copy'), options)).toBe(0);
    expect(out() === input).toBe(true);
    expect(err()).toBe('end\n');
  });

  it('ends an exec whose stdin stays open', async () => {
    const spec = await startServing();
    const { options, out } = openStreams();
    expect(await world().runtime.exec(spec, work('print', 'done'), options)).toBe(0);
    expect(out()).toBe('done\n');
  });

  it('gives an exec the folder and env of the workload', async () => {
    const spec = await startServing({ NAME: 'value' });
    const { options, out } = openStreams('');
    await world().runtime.exec(spec, work('env', 'NAME'), options);
    expect(out()).toBe('value\n');
  });

  it('does not exec where nothing runs', async () => {
    const spec = world().spec('serve');
    const exec = () => world().runtime.exec(spec, work('print', 'x'), openStreams('').options);
    await expect(exec()).rejects.toMatchObject({ code: 'not-found' });
    await world().runtime.start(spec, signal);
    await world().runtime.stop(spec);
    await expect(exec()).rejects.toMatchObject({ code: 'not-found' });
  });

  it('ends an aborted exec and leaves the workload alone', async () => {
    const spec = await startServing();
    const aborting = new AbortController();
    const { options, out } = openStreams(undefined, aborting.signal);
    const exec = world().runtime.exec(spec, work('tick'), options);
    await until('a tick', () => out().includes('3'));
    aborting.abort();
    await expect(exec).rejects.toMatchObject({ code: 'interrupted' });
    expect(await world().statusOf(spec)).toMatchObject({ state: 'running' });
  });

  it.each([0, 5])('runs a command to its end with %i and leaves nothing', async (code) => {
    const { code: answer, lines } = await runWork(['exit', String(code)]);
    expect(answer).toBe(code);
    expect(lines).toContainEqual({ stream: 'stdout', text: 'out' });
    expect(lines).toContainEqual({ stream: 'stderr', text: 'err' });
    expect(await world().runtime.status(world().rootId)).toEqual([]);
    expect(await world().listLeft()).toEqual([]);
  });

  it('runs a command with the env of the service, as the person, in its source', async () => {
    expect((await runWork(['env', 'NAME'])).lines).toEqual([{ stream: 'stdout', text: 'value' }]);
    expect((await runWork(['write', 'made.txt'])).code).toBe(0);
    const file = join(world().source, 'made.txt');
    expect(await readFile(file, 'utf8')).toBe('written');
    expect((await stat(file)).uid).toBe((await stat(world().source)).uid);
  });

  it('runs a shell line', async () => {
    const lines: string[] = [];
    const line = 'node work.mjs print one && node work.mjs print two';
    await world().runtime.run(world().spec('serve'), line, ({ text }) => lines.push(text), signal);
    expect(lines).toEqual(['one', 'two']);
  });

  it('runs beside a running workload, even with its ports', async () => {
    const { wishes } = world().leasePort();
    const spec = world().spec('serve', wishes);
    await world().runtime.start(spec, signal);
    expect(await world().runtime.run(spec, work('exit', '4'), () => undefined, signal)).toBe(4);
    expect(await world().runtime.status(world().rootId)).toMatchObject([{ state: 'running' }]);
  });

  it('ends an aborted run and leaves nothing', async () => {
    const aborting = new AbortController();
    const seen: string[] = [];
    const run = world().runtime.run(
      world().spec('serve'),
      work('tick'),
      ({ text }) => {
        seen.push(text);
        if (seen.length === 3) aborting.abort();
      },
      aborting.signal,
    );
    await expect(run).rejects.toMatchObject({ code: 'interrupted' });
    expect(await world().listLeft()).toEqual([]);
  });

  it('ends what an earlier run has left running before it begins another', async () => {
    const seen: string[] = [];
    const tick = world().runtime.run(world().spec('serve'), work('tick'), ({ text }) => seen.push(text), signal);
    const left = tick.catch(() => undefined);
    await until('a tick', () => seen.length > 0);
    expect((await runWork(['exit', '0'])).code).toBe(0);
    await left;
    expect(await world().listLeft()).toEqual([]);
  });

  it('does not begin a run that is aborted already', async () => {
    await expect(runWork(['print', 'x'], AbortSignal.abort())).rejects.toMatchObject({ code: 'interrupted' });
    expect(await world().listLeft()).toEqual([]);
  });
}
