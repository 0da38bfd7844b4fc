import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { StackError } from '../../src/domain/errors.ts';
import type { WorkloadSpec } from '../../src/domain/runtime.ts';
import { until } from '../support/until.ts';
import type { World } from './world.ts';

const { signal } = new AbortController();

/** Start, stop, remove and status. */
export function describeLifecycle(world: () => World, makeOther: () => Promise<World>): void {
  const startUp = async (spec: WorkloadSpec): Promise<void> => {
    await world().runtime.start(spec, signal);
    await waitFor(spec, 'up');
  };
  const waitFor = (spec: WorkloadSpec, text: string) =>
    until(`a line ${text}`, async () => (await world().linesOf(spec)).some((line) => line.startsWith(text)));
  const waitForState = (spec: WorkloadSpec, state: string) =>
    until(`state ${state}`, async () => (await world().statusOf(spec))?.state === state);

  it('starts a workload and tells its state', async () => {
    const spec = world().spec('serve', { hash: 'h1' });
    const before = Date.now();
    await startUp(spec);
    const status = await world().statusOf(spec);
    expect(status).toMatchObject({
      instance: 'feat-01',
      service: 'api',
      name: spec.name,
      runtime: world().runtime.name,
      state: 'running',
      exitCode: undefined,
      hash: 'h1',
    });
    // The clock of a machine that containers run on may be a little off.
    expect(status?.startedAt).toBeGreaterThan(before - 5000);
  });

  it('answers on the leased port', async () => {
    const { host, wishes } = world().leasePort();
    await startUp(world().spec('serve', wishes));
    const answer = await until('an answer', () => fetch(`http://127.0.0.1:${host}/`));
    expect(await answer.text()).toBe('hello');
  });

  it('shows what the programs of a workload were given, while it runs', async () => {
    const { wishes } = world().leasePort();
    const env = { ...wishes.env, DATABASE_URL: 'postgres://a=b@c/d', EMPTY: '' };
    const spec = world().spec('serve', { ...wishes, env });
    expect(await world().runtime.programs(spec, env)).toEqual([]);
    await startUp(spec);
    const programs = await world().runtime.programs(spec, env);
    expect(programs.length).toBeGreaterThan(0);
    for (const program of programs) expect(program.env).toMatchObject(env);
    await world().runtime.stop(spec);
    expect(await world().runtime.programs(spec, env)).toEqual([]);
  });

  it('leaves a workload alone that runs with the same hash', async () => {
    const spec = world().spec('serve');
    await startUp(spec);
    const before = await world().statusOf(spec);
    await world().runtime.start(spec, signal);
    expect(await world().statusOf(spec)).toEqual(before);
    expect(await world().linesOf(spec)).toEqual(['up ']);
  });

  it('makes a workload again when the hash is another', async () => {
    await startUp(world().spec('serve', { env: { VERSION: 'old' }, hash: 'old' }));
    const spec = world().spec('serve', { env: { VERSION: 'new' }, hash: 'new' });
    await world().runtime.start(spec, signal);
    await waitFor(spec, 'up new');
    expect(await world().runtime.status(world().rootId)).toMatchObject([{ state: 'running', hash: 'new' }]);
  });

  it('takes a command as a shell line', async () => {
    const spec = { ...world().spec(''), command: 'node work.mjs print "one word" && node work.mjs serve' };
    await startUp(spec);
    expect(await world().linesOf(spec)).toEqual(['one word', 'up ']);
  });

  it('runs in the folder of the service', async () => {
    const { mkdir, writeFile } = await import('node:fs/promises');
    await mkdir(`${world().source}/apps/web`, { recursive: true });
    await writeFile(`${world().source}/apps/web/here.txt`, 'in the folder');
    const spec = { ...world().spec(''), command: ['node', '../../work.mjs', 'read', 'here.txt'], dir: 'apps/web' };
    await world().runtime.start(spec, signal);
    await waitFor(spec, 'in the folder');
  });

  it('refuses a folder that is not there', async () => {
    const spec = world().spec('serve', { dir: 'nowhere' });
    await expect(world().runtime.start(spec, signal)).rejects.toThrow(StackError);
    expect(await world().listLeft()).toEqual([]);
  });

  it('lets a workload end in order when it is stopped, and keeps its log', async () => {
    const spec = world().spec('serve');
    await startUp(spec);
    await world().runtime.stop(spec);
    expect(await world().statusOf(spec)).toMatchObject({ state: 'stopped', exitCode: 0 });
    expect(await world().linesOf(spec)).toEqual(['up ', 'bye']);
  });

  it('stops what is stopped, has ended or is missing without a word', async () => {
    await world().runtime.stop(world().spec('serve'));
    const spec = world().spec('exit 0');
    await world().runtime.start(spec, signal);
    await waitForState(spec, 'exited');
    await world().runtime.stop(spec);
    await world().runtime.stop(spec);
    expect(await world().statusOf(spec)).toMatchObject({ state: 'stopped' });
  });

  it('starts a stopped workload again', async () => {
    const { host, wishes } = world().leasePort();
    const spec = world().spec('serve', wishes);
    await startUp(spec);
    await world().runtime.stop(spec);
    await world().runtime.start(spec, signal);
    expect(await world().statusOf(spec)).toMatchObject({ state: 'running' });
    const answer = await until('an answer', () => fetch(`http://127.0.0.1:${host}/`));
    expect(answer.status).toBe(200);
  });

  it.each([0, 3])('tells that a workload ended by itself with %i', async (code) => {
    const spec = world().spec(`exit ${code}`);
    await world().runtime.start(spec, signal);
    await waitForState(spec, 'exited');
    expect(await world().statusOf(spec)).toMatchObject({ state: 'exited', exitCode: code });
  });

  it('tells who watches a workload that it ends, and nothing once that is called off', async () => {
    const spec = world().spec('serve');
    await startUp(spec);
    const ending = new AbortController();
    let told = 0;
    const tell = (): void => {
      told += 1;
    };
    const watching = world().runtime.watch(spec, tell, ending.signal);
    await until('it is watched', () => told > 0);
    const before = told;
    await world().runtime.stop(spec);
    await until('it is told', () => told > before);
    ending.abort();
    await watching;
    const after = told;
    await world().runtime.start(spec, signal);
    expect(told).toBe(after);
  });

  it('lets go of a workload that is watched and lives on', async () => {
    const spec = world().spec('serve');
    await startUp(spec);
    const ending = new AbortController();
    const watching = world().runtime.watch(spec, () => undefined, ending.signal);
    ending.abort();
    await watching;
    expect(await world().statusOf(spec)).toMatchObject({ state: 'running' });
  });

  it('keeps the instances and services of a root apart', async () => {
    const wishes = [
      { instance: 'feat-01', service: 'api' },
      { instance: 'feat-01', service: 'web' },
      { instance: 'feat-02', service: 'api' },
    ];
    for (const wish of wishes) await world().runtime.start(world().spec('serve', wish), signal);
    const all = await world().runtime.status(world().rootId);
    expect(all.map((one) => `${one.instance}/${one.service}`).sort()).toEqual([
      'feat-01/api',
      'feat-01/web',
      'feat-02/api',
    ]);
    expect(await world().runtime.status(world().rootId, 'feat-02')).toHaveLength(1);
    const [web, ...others] = await world().runtime.status(world().rootId, 'feat-01', 'web');
    expect([web?.instance, web?.service, others]).toEqual(['feat-01', 'web', []]);
    expect(await world().runtime.status(world().rootId, 'feat-02', 'web')).toEqual([]);
    await world().runtime.remove(world().spec('serve', wishes[0]));
    expect(await world().runtime.status(world().rootId)).toHaveLength(2);
  });

  it('keeps roots apart', async () => {
    const other = await makeOther();
    await world().runtime.start(world().spec('serve'), signal);
    await other.runtime.start(other.spec('serve'), signal);
    expect(await world().runtime.status(world().rootId)).toHaveLength(1);
    await world().runtime.remove(world().spec('serve'));
    expect(await world().runtime.status(world().rootId)).toEqual([]);
    expect(await other.runtime.status(other.rootId)).toMatchObject([{ state: 'running' }]);
  });

  it('removes a workload without a trace, and again', async () => {
    const { host, wishes } = world().leasePort();
    const spec = world().spec('serve', wishes);
    await startUp(spec);
    await Promise.all([world().runtime.remove(spec), world().runtime.remove(spec)]);
    await world().runtime.remove(spec);
    expect(await world().runtime.status(world().rootId)).toEqual([]);
    expect(await world().listLeft()).toEqual([]);
    await expect(fetch(`http://127.0.0.1:${host}/`)).rejects.toThrow();
  });

  it.each(['127.0.0.1', '::1'])('names a port that is taken on %s, and leaves nothing', async (address) => {
    const { host, wishes } = world().leasePort();
    const squatter = createServer().listen(host, address);
    await once(squatter, 'listening');
    try {
      const failure = world().runtime.start(world().spec('serve', wishes), signal);
      await expect(failure).rejects.toMatchObject({ code: 'port', details: { port: host } });
      expect(await world().listLeft()).toEqual([]);
    } finally {
      await new Promise((resolve) => squatter.close(resolve));
    }
  });

  it('names a port that was taken on ::1 while it was stopped', async () => {
    const { host, wishes } = world().leasePort();
    const spec = world().spec('serve', wishes);
    await startUp(spec);
    await world().runtime.stop(spec);
    const squatter = createServer().listen(host, '::1');
    await once(squatter, 'listening');
    try {
      const failure = world().runtime.start(spec, signal);
      await expect(failure).rejects.toMatchObject({ code: 'port', details: { port: host } });
    } finally {
      await new Promise((resolve) => squatter.close(resolve));
    }
  });

  it('leaves nothing when a start is aborted, however early or late', async () => {
    for (const ms of [0, 5, 30, 100]) {
      const spec = world().spec('serve');
      const aborting = ms === 0 ? AbortSignal.abort() : AbortSignal.timeout(ms);
      const outcome = await world()
        .runtime.start(spec, aborting)
        .catch((error: unknown) => error);
      if (outcome === undefined) await world().runtime.remove(spec);
      else expect(outcome).toMatchObject({ code: 'interrupted' });
      expect(await world().listLeft()).toEqual([]);
    }
  });
}
