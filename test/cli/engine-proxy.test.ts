import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rootIdOf } from '../../src/domain/names.ts';
import { findTestEngine, listLabelled, openClient } from '../support/engine.ts';
import { type EngineFault, type EngineProxy, HTML_PAGE, openEngineProxy } from '../support/engine-proxy.ts';
import type { Run } from '../support/product.ts';
import { containedConfig, makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const engine = await findTestEngine();

/** Ways of an engine, or of what stands before it, to be of no use, with what is said of them. */
const FAULTS: [string, EngineFault, RegExp][] = [
  ['is cut short', { kind: 'cut', bytes: 300 }, /broke off in the middle of an answer|no Docker engine answers at/],
  ['never comes', { kind: 'hold' }, /takes questions and does not answer \((2|0\.5) s\)/],
  ['is a page', { kind: 'answer', text: HTML_PAGE }, /no Docker engine answers at .* 502 Bad Gateway \(text\/html\)/],
  ['is a closed connection', { kind: 'refuse' }, /no Docker engine answers at/],
];

describe.skipIf(!engine)('an engine whose answer', () => {
  let shop: Shop;
  let proxy: EngineProxy;
  beforeAll(async () => {
    shop = makeShop({ engine: true, config: containedConfig });
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
    proxy = await openEngineProxy();
  });
  afterAll(async () => {
    await proxy.close();
    await shop.dispose();
  });

  const through = (seconds = '2'): Record<string, string> => ({
    DOCKER_HOST: proxy.address,
    STACK_ENGINE_TIMEOUT: seconds,
  });
  const run = (...args: string[]): Promise<Run> => shop.stack(args, { env: through() });
  const listAll = async (): Promise<string[]> => (await listLabelled(await openClient(), rootIdOf(shop.root))).sort();

  describe.each(FAULTS)('%s', (_, fault, said) => {
    it.each([
      [['create', 'feat-02']],
      [['stop', 'feat-01']],
      [['destroy', 'feat-01']],
      [['logs', 'feat-01', 'front']],
      [['exec', 'feat-01', 'front', '--', 'true']],
    ])('%j is refused with one line, and nothing changes', async (args) => {
      const before = await listAll();
      proxy.strike(fault);
      const told = await run(...args);
      expect(told).toMatchObject({ code: 1, stdout: '' });
      expect(told.stderr).toMatch(said);
      expect(told.stderr).not.toMatch(/^\s+at /m);
      expect(await listAll()).toEqual(before);
      expect(Object.keys(shop.state()?.instances ?? {})).toEqual(['feat-01']);
    });

    it('ps and doctor say so, in JSON too', async () => {
      proxy.strike(fault);
      const ps = await run('ps', '--json');
      expect(ps).toMatchObject({ code: 0 });
      expect(JSON.parse(ps.stdout).instances).toMatchObject([{ ticket: 'feat-01' }]);
      expect(ps.stderr).toMatch(said);
      const doctor = await run('doctor', '--json');
      expect(doctor).toMatchObject({ code: 1 });
      const { findings } = JSON.parse(doctor.stdout) as { findings: { subject: string; text: string }[] };
      expect(findings.find(({ subject }) => subject === 'engine')?.text).toMatch(said);
    });
  });

  it.each([
    ['making a container', /^POST \/containers\/create\?name=stack-shop-\w+-feat-02-front$/],
    ['starting it', /^POST \/containers\/.*\/start/],
    ['looking at it', /^GET \/containers\/stack-.*-feat-02-front\/json/],
  ])('is cut at %s in a create: all that was begun is unwound', async (_, on) => {
    const before = await listAll();
    proxy.strike({ kind: 'cut', bytes: 20 }, on, 1);
    const told = await run('create', 'feat-02', '--json');
    expect(told.code).toBe(1);
    expect(JSON.parse(told.stdout).error.code).toBe('engine');
    expect(await listAll()).toEqual(before);
    expect(Object.keys(shop.state()?.instances ?? {})).toEqual(['feat-01']);
  });

  it.each([
    [['ps'], /^GET /],
    [['doctor'], /^GET /],
    [['create', 'feat-02'], /^POST \/containers\/create/],
    [['exec', 'feat-01', 'front', '--', 'true'], /^POST \/exec/],
  ])('never comes lets %j end at the first SIGTERM', async (args, on) => {
    const before = await listAll();
    proxy.strike({ kind: 'hold' }, on);
    const seen = proxy.asked.length;
    const running = shop.start(args, { env: through('3600') });
    await until('it asks', () => proxy.asked.slice(seen).some((one) => on.test(one)));
    running.kill('SIGTERM');
    proxy.heal();
    expect(await running.ended).toMatchObject({ code: 143 });
    expect(await listAll()).toEqual(before);
  });

  it('is late is as good as any', async () => {
    proxy.strike({ kind: 'delay', ms: 50 });
    expect(await run('create', 'feat-02')).toMatchObject({ code: 0 });
    expect(await run('exec', 'feat-02', 'front', '--', 'echo', 'hello')).toMatchObject({ code: 0, stdout: 'hello' });
    expect(await run('destroy', 'feat-02')).toMatchObject({ code: 0 });
  });
});
