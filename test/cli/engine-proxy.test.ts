import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { rootIdOf, sharedProject } from '../../src/domain/names.ts';
import { findTestEngine, listLabelled, NODE_IMAGE, openClient } from '../support/engine.ts';
import { type EngineFault, type EngineProxy, HTML_PAGE, openEngineProxy } from '../support/engine-proxy.ts';
import type { Run } from '../support/product.ts';
import { containedConfig, makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const engine = await findTestEngine();

/** Ways of an engine, or of what stands before it, to be of no use, with what is said of them. */
const FAULTS: [string, EngineFault, RegExp][] = [
  ['is cut short', { kind: 'cut', bytes: 300 }, /broke off in the middle of an answer|no Docker engine answers at/],
  ['never comes', { kind: 'hold' }, /takes questions and does not answer \((2|0\.5) s\)/],
  [
    'is a page',
    { kind: 'answer', text: HTML_PAGE },
    /no Docker engine answers at .*, but something else: 502 Bad Gateway \(text\/html\)/,
  ],
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
      expect(JSON.parse(ps.stdout).instances).toMatchObject([
        { ticket: 'feat-01', status: 'unknown', services: { front: { status: 'unknown' } } },
      ]);
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

  it('is cut in the middle of the output of an exec ends that command, and says so', async () => {
    const script = 'yes | head -c 100000; exec sleep 31536';
    proxy.strike({ kind: 'cut', bytes: 5000 }, /^POST \/exec\/\w+\/start/, 1);
    const told = await run('exec', 'feat-01', 'front', '--', 'sh', '-c', script);
    expect(told.code).toBe(1);
    expect(told.stderr).toMatch(/^stack: the Docker engine at .* broke off in the middle of the output$/m);
    const left = await run('exec', 'feat-01', 'front', '--', 'sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "');
    expect(left.stdout).not.toContain('31536');
  });

  it('ends before an exec that has closed its own output is waited for, with its exit code', async () => {
    const script = 'exec > /dev/null 2>&1; sleep 3; exit 5';
    expect(await run('exec', 'feat-01', 'front', '--', 'sh', '-c', script)).toMatchObject({ code: 5 });
  });

  it('is late is as good as any', async () => {
    proxy.strike({ kind: 'delay', ms: 50 });
    expect(await run('create', 'feat-02')).toMatchObject({ code: 0 });
    expect(await run('exec', 'feat-02', 'front', '--', 'echo', 'hello')).toMatchObject({ code: 0, stdout: 'hello' });
    expect(await run('destroy', 'feat-02')).toMatchObject({ code: 0 });
  });
});

describe.skipIf(!engine)('a compose whose engine', () => {
  let shop: Shop;
  let proxy: EngineProxy;
  beforeAll(async () => {
    shop = makeShop({
      engine: true,
      config: (port) => containedConfig(port).replace('repos:', 'shared: { compose: c.yml, search: {} }\nrepos:'),
    });
    shop.write(
      'c.yml',
      `services:
  search:
    image: ${NODE_IMAGE}
    init: true
    command: [sleep, '1000']
    ports: ["127.0.0.1:\${STACK_SEARCH_PORT:-7700}:7700"]
`,
    );
    proxy = await openEngineProxy();
  });
  afterAll(async () => {
    await proxy.close();
    await shop.dispose();
  });

  const env = (seconds: string) => ({ env: { DOCKER_HOST: proxy.address, STACK_ENGINE_TIMEOUT: seconds } });
  /** Compose names the version of the API in what it asks, stack does not. */
  const OF_COMPOSE = /^[A-Z]+ \/v1\.\d+\/(?!version)/;
  const LOOKING = /^GET \/v1\.\d+\/containers\/json/;
  const MAKING = /^POST \/v1\.\d+\/containers\/create/;
  const listAll = async (): Promise<string[]> => {
    const client = await openClient();
    const label = [`com.docker.compose.project=${sharedProject('shop', rootIdOf(shop.root))}`];
    const composed = await client.listContainers({ all: true, filters: { label } });
    return [...composed.map(({ Names }) => Names[0] ?? ''), ...(await listLabelled(client, rootIdOf(shop.root)))];
  };
  // One that failed shall not fail the others.
  afterEach(async () => {
    proxy.heal();
    if (shop.state()?.instances['feat-01']) await shop.stack(['destroy', 'feat-01', '--force', '--yes']);
    await shop.stack(['down']);
  });
  const begin = async (seconds: string) => {
    const seen = proxy.asked.length;
    const running = shop.start(['create', 'feat-01'], env(seconds));
    await until('compose asks', () => proxy.asked.slice(seen).some((one) => OF_COMPOSE.test(one)), 60);
    return running;
  };

  it.each([
    ...FAULTS.filter(([, { kind }]) => kind !== 'hold').flatMap(([title, one]) => {
      const fault = one.kind === 'cut' ? { ...one, bytes: 20 } : one;
      const looking = { title: `${title} as it looks what is there`, fault, on: LOOKING };
      const making = { title: `${title} as it makes a container`, fault, on: MAKING };
      // A question that met a closed connection the plugin asks once more.
      return one.kind === 'refuse' ? [making] : [looking, making];
    }),
  ])('$title: the create fails with one line, and all is unwound', async ({ fault, on }) => {
    proxy.strike(fault, on, 1);
    const told = await shop.stack(['create', 'feat-01'], env('2'));
    expect(told).toMatchObject({ code: 1, stdout: '' });
    expect(told.stderr).toMatch(/^stack: `docker[- ]compose up` failed: ./m);
    expect(told.stderr).not.toMatch(/^\s+at /m);
    expect(await listAll()).toEqual([]);
    expect(shop.state()?.instances).toEqual({});
  });

  it('falls silent does not wait for good: the create ends by itself, and a later one goes on', async () => {
    const running = await begin('2');
    proxy.strike({ kind: 'hold' });
    const told = await running.ended;
    proxy.heal();
    expect(told.stderr).toMatch(/^stack: the Docker engine at .* takes questions and does not answer/m);
    expect([1, 3]).toContain(told.code);
    if (told.code === 3) expect(await shop.stack(['destroy', 'feat-01'], env('2'))).toMatchObject({ code: 0 });
    expect(await shop.stack(['create', 'feat-01'], env('2'))).toMatchObject({ code: 0 });
    expect(await shop.stack(['destroy', 'feat-01'], env('2'))).toMatchObject({ code: 0 });
    expect(await shop.stack(['down'], env('2'))).toMatchObject({ code: 0 });
    expect(await listAll()).toEqual([]);
  });

  it('does not answer it lets a create end at the first SIGTERM, with all unwound', async () => {
    proxy.strike({ kind: 'hold' }, OF_COMPOSE);
    const running = await begin('3600');
    running.kill('SIGTERM');
    proxy.heal();
    expect(await running.ended).toMatchObject({ code: 143 });
    expect(await listAll()).toEqual([]);
  });

  it('is late gets what it asks for', async () => {
    proxy.strike({ kind: 'delay', ms: 50 });
    expect(await shop.stack(['create', 'feat-01'], env('2'))).toMatchObject({ code: 0 });
    expect(await shop.stack(['destroy', 'feat-01'], env('2'))).toMatchObject({ code: 0 });
  });
});
