import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ifReadableNow } from '../../src/adapters/files/file-errors.ts';
import { findTestEngine } from '../support/engine.ts';
import { type EngineFault, type EngineProxy, HTML_PAGE, openEngineProxy } from '../support/engine-proxy.ts';
import { onLinuxAlone } from '../support/mac.ts';
import { containedConfig, makeShop, type Shop } from '../support/shop.ts';

const engine = await findTestEngine();
const MEGABYTE = 1e6;

/** Lets the ticket's own service be one that prints megabytes, and what it is ready by three seconds later. */
function makeTalkative(shop: Shop, megabytes: number): void {
  const talker = `console.log(('x'.repeat(99_999) + '\\n').repeat(${megabytes * 10}));
setTimeout(() => console.log('up and well'), 3000);
setInterval(() => undefined, 1e6);
`;
  shop.commit('front', 'server.mjs', talker);
  shop.configure((text) => text.replace(/ready: \{ http: \/ \}\n$/, 'ready: { log: up and well, timeout: 30 }\n'));
}

describe.skipIf(!engine)('create looks at an engine', () => {
  let shop: Shop;
  let proxy: EngineProxy;
  beforeEach(async () => {
    shop = makeShop({ engine: true, config: containedConfig });
    proxy = await openEngineProxy();
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
  });
  afterEach(async () => {
    await shop.dispose();
    await proxy.close();
  });

  const create = async (ticket: string): Promise<string[]> => {
    const seen = proxy.asked.length;
    const run = await shop.stack(['create', ticket], {
      env: { DOCKER_HOST: proxy.address, STACK_ENGINE_TIMEOUT: '2' },
    });
    expect(run).toMatchObject({ code: 0 });
    return proxy.asked.slice(seen).map(decodeURIComponent);
  };
  const slow = (): void =>
    shop.configure((text) => text.replace(/command: (.*)(?![\s\S]*command:)/, 'command: sleep 2; exec $1'));

  it('for its own ticket and the baseline alone, with few questions', async () => {
    expect(await shop.stack(['create', 'feat-02', '--no-wait'])).toMatchObject({ code: 0 });
    const asked = await create('feat-03');
    const ours = ['dev.stack.ticket=feat-03', 'dev.stack.ticket=baseline'];
    const strange = asked.filter(
      (one) => /\/(containers\/json|events)/.test(one) && !ours.some((label) => one.includes(`"${label}"`)),
    );
    expect(strange).toEqual([]);
    expect(asked.filter((one) => one.startsWith('GET /version'))).toHaveLength(1);
    expect(asked.length).toBeLessThan(40);
  });

  it('seldom while it waits', async () => {
    slow();
    const asked = await create('feat-02');
    expect(asked.filter((one) => one.startsWith('GET /events'))).toHaveLength(1);
    expect(asked.length).toBeLessThan(50);
  });

  it.each<[string, EngineFault]>([
    ['are cut', { kind: 'cut', bytes: 20 }],
    ['never come', { kind: 'hold' }],
    ['are refused', { kind: 'refuse' }],
    ['are a page', { kind: 'answer', text: HTML_PAGE }],
    ['are late', { kind: 'delay', ms: 700 }],
  ])('whose events %s, as well', async (_, fault) => {
    slow();
    proxy.strike(fault, /^GET \/events/);
    await create('feat-02');
    shop.commit('front', 'server.mjs', 'setTimeout(() => process.exit(7), 1500);');
    const run = await shop.stack(['create', 'feat-03'], {
      env: { DOCKER_HOST: proxy.address, STACK_ENGINE_TIMEOUT: '2' },
    });
    expect(run).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('front ended with exit code 7 before it was ready'),
    });
  });

  it('and reads a log on that is cut', async () => {
    makeTalkative(shop, 4);
    proxy.strike({ kind: 'cut', bytes: 1000 }, /^GET \S+\/logs\?/, 1);
    await create('feat-02');
  });

  it('and reads a log once', async () => {
    makeTalkative(shop, 4);
    const before = proxy.countBytes();
    await create('feat-02');
    expect(proxy.countBytes() - before).toBeGreaterThan(4 * MEGABYTE);
    expect(proxy.countBytes() - before).toBeLessThan(6 * MEGABYTE);
  });
});

describe.skipIf(process.platform !== 'linux')('create without an engine', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
  });
  afterEach(() => shop.dispose());

  // What the programs read that it has waited for counts as well: as on a Mac that is `ps`, which reads of all that runs.
  onLinuxAlone('reads a log once', async () => {
    makeTalkative(shop, 16);
    const running = shop.start(['create', 'feat-01']);
    let read = 0;
    const counting = setInterval(() => {
      // Gone once it has ended.
      const counts = ifReadableNow(() => readFileSync(`/proc/${running.pid}/io`, 'utf8')) ?? '';
      read = Number(/^rchar: (\d+)$/m.exec(counts)?.[1] ?? read);
    }, 50);
    expect(await running.ended).toMatchObject({ code: 0 });
    clearInterval(counting);
    expect(read).toBeGreaterThan(16 * MEGABYTE);
    // Its own code is some of it.
    expect(read).toBeLessThan(32 * MEGABYTE);
  });
});
