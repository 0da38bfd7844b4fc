import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { lookForTools } from '../../src/adapters/process/ask-tool.ts';
import { readRecord, writeRecord } from '../../src/adapters/process/record.ts';
import { listProcesses } from '../../src/adapters/process/table.ts';
import { createHostRedis } from '../../src/adapters/servers/host-redis.ts';
import { listServersAt } from '../../src/adapters/servers/host-server.ts';
import { findRedisProgram } from '../../src/adapters/servers/redis-programs.ts';
import { freePorts } from '../support/ports.ts';
import { isRunning, makeProcessWorld, type ProcessWorld } from '../support/process-world.ts';
import { kill } from '../support/processes.ts';
import { makeTemp } from '../support/temp.ts';
import { until } from '../support/until.ts';

const never = new AbortController().signal;

/** Lets there be none of these programs for stack until the test is over, or until what is returned is called. */
function hide(...hidden: ('ps' | 'lsof')[]): () => void {
  const placeOf = (tool: 'ps' | 'lsof', file: string): string[] => [hidden.includes(tool) ? `/none/${tool}` : file];
  const places = { ps: placeOf('ps', '/bin/ps'), lsof: placeOf('lsof', '/usr/sbin/lsof'), sysctl: [], mount: [] };
  lookForTools({ places });
  const show = (): void => lookForTools({});
  onTestFinished(show);
  return show;
}

describe.runIf(process.env.STACK_TEST_MAC)('where nobody can look', () => {
  let world: ProcessWorld;
  beforeEach(() => {
    world = makeProcessWorld();
  });
  afterEach(() => world.end());

  const sleeper = 'exec sleep 600';

  it.each([[['ps']], [['ps', 'lsof']]] as const)(
    '%j: what runs counts as running, and no group is ended',
    async (tools) => {
      const spec = world.spec(sleeper);
      await world.runtime.start(spec, never);
      const { pid } = (await readRecord(world.root, spec))!;
      const show = hide(...tools);
      expect(await world.state()).toBe('running');
      await expect(world.runtime.stop(spec)).rejects.toMatchObject({ code: 'unseen' });
      await expect(world.runtime.remove(spec)).rejects.toMatchObject({ code: 'unseen' });
      // It runs already.
      await world.runtime.start(spec, never);
      expect((await readRecord(world.root, spec))?.pid).toBe(pid);
      show();
      await world.runtime.stop(spec);
      expect([await world.state(), isRunning(pid)]).toEqual(['stopped', false]);
    },
  );

  it('ps and lsof that tell nothing of who asks have not looked', async () => {
    lookForTools({ places: { ps: ['/bin/true'], lsof: ['/bin/true'], sysctl: [], mount: [] } });
    onTestFinished(() => lookForTools({}));
    await expect(listProcesses()).rejects.toMatchObject({ code: 'unseen' });
    await expect(listServersAt(world.source)).rejects.toMatchObject({ code: 'unseen' });
  });

  it('a set-up command runs all the same, and ends with all it started', async () => {
    hide('ps', 'lsof');
    const spec = world.spec('true');
    const lines: string[] = [];
    const code = await world.runtime.run(spec, 'sleep 600 & echo $!', ({ text }) => lines.push(text), never);
    expect([code, lines.map(Number).filter(isRunning)]).toEqual([0, []]);
  });

  it('a group without its leader is not ours once the machine was started again', async () => {
    const spec = world.spec('env -u STACK_WORKLOAD sleep 600 & echo $! >left; wait');
    await world.runtime.start(spec, never);
    const file = path.join(world.source, 'left');
    await until('it has started another', () => existsSync(file) && readFileSync(file, 'utf8') !== '');
    const record = (await readRecord(world.root, spec))!;
    const left = Number(readFileSync(file, 'utf8'));
    kill(record.pid);
    await until('its leader is gone', () => !isRunning(record.pid));
    expect(await world.state()).toBe('running');
    await writeRecord(world.root, { ...record, startTime: record.startTime.replace(/@.*/, '@another') });
    expect(await world.state()).toBe('stopped');
    await world.runtime.remove(spec);
    expect(isRunning(left)).toBe(true);
    kill(left);
  });

  it('no second Redis is started on the data of one that runs', async ({ skip }) => {
    const folder = makeTemp('redis');
    const search = { env: process.env, cacheFolder: path.join(folder, 'cache') };
    const missing = await findRedisProgram({ ...search, signal: never }).then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (missing) return skip(missing);
    const server = createHostRedis({ folder: path.join(folder, 'redis'), ...search });
    const port = freePorts(2);
    await server.start({ port }, never);
    const { pid } = await server.status();
    const show = hide('lsof');
    try {
      expect(await server.status()).toEqual({ state: 'running', pid, port });
      await server.start({ port }, never);
      expect((await server.status()).pid).toBe(pid);
      // It says itself who it is.
      await server.start({ port: port + 1 }, never);
      expect(isRunning(pid ?? 0)).toBe(false);
      expect(await server.status()).toMatchObject({ state: 'running', port: port + 1 });
    } finally {
      show();
      await server.destroyData();
    }
    expect(isRunning(pid ?? 0)).toBe(false);
  });
});
