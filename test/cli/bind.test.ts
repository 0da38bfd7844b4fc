import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';

describe.runIf(process.platform === 'linux')('where a process listens', { sequential: true, timeout: 60_000 }, () => {
  let shop: Shop;
  beforeAll(() => {
    shop = makeShop();
  });
  afterAll(() => shop?.dispose());

  const openPorts = async () => {
    const run = await shop.stack(['check', 'one', '--json']);
    expect(run).toMatchObject({ code: 0 });
    const { tickets } = JSON.parse(run.stdout) as {
      tickets: { arrows: { from: string; to: string; reason: string }[] }[];
    };
    return tickets.flatMap(({ arrows }) => arrows.filter(({ from }) => from === 'the network'));
  };

  it('is this machine alone with `${bind}`', async () => {
    shop.configure((text) => text.replaceAll('node server.mjs', 'node server.mjs ${bind}'));
    expect(await shop.stack(['create', 'one'])).toMatchObject({ code: 0 });
    expect(await openPorts()).toEqual([]);
  });

  it('is told by check where other machines reach it too', async () => {
    shop.configure((text) => text.replace(/(front:\n.*\n.*server\.mjs) \$\{bind\}/, '$1 0.0.0.0'));
    expect(await shop.stack(['start', 'one'])).toMatchObject({ code: 0 });
    const port = (await shop.ps()).instances[0]?.services.front?.ports.http;
    const reason = `other machines reach it on port ${port}`;
    expect(await openPorts()).toMatchObject([
      { to: 'front', state: 'warning', reason, hint: expect.stringContaining('${bind}') },
    ]);
  });
});
