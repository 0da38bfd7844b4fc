import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';

describe('a port that somebody else listens on', () => {
  let shop: Shop;
  const strangers: Server[] = [];
  beforeEach(() => {
    shop = makeShop();
  });
  afterEach(async () => {
    for (const stranger of strangers.splice(0)) stranger.close();
    await shop.dispose();
  });

  const occupy = async (port: number, host: string): Promise<void> => {
    const stranger = createServer().listen(port, host);
    strangers.push(stranger);
    await once(stranger, 'listening');
  };

  const portOf = async (service: string): Promise<number | undefined> =>
    (await shop.ps()).instances[0]?.services[service]?.ports.http;

  it.each(['127.0.0.1', '::1', '0.0.0.0', '::'])('on %s is not leased', async (host) => {
    await occupy(shop.port + 10, host);
    expect(await shop.stack(['create', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
    expect(await portOf('front')).toBe(shop.port + 11);
  });

  it('is not the baseline’s either: it gets one of the range, and keeps it', async () => {
    await occupy(shop.port, '127.0.0.1');
    expect(await shop.stack(['up'])).toMatchObject({ code: 0 });
    const { baseline } = await shop.ps();
    expect(baseline.repos.api).toMatchObject({ url: `http://localhost:${shop.port + 1}`, status: 'running' });
    for (const stranger of strangers.splice(0)) stranger.close();
    expect(await shop.stack(['up'])).toMatchObject({ code: 0 });
    expect((await shop.ps()).baseline).toEqual(baseline);
    expect(await shop.stack(['down'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['up'])).toMatchObject({ code: 0 });
    expect((await shop.ps()).baseline.repos.api?.url).toBe(`http://localhost:${shop.port}`);
  });

  it('is not one that was just leased', async () => {
    const run = await shop.stack(['create', 'feat-01', '--no-start']);
    expect(run).toMatchObject({ code: 0 });
    expect(run.stdout + run.stderr).not.toContain('was taken');
  });

  it('is another root’s of the same person, also while its ticket is stopped', async () => {
    const other = makeShop();
    try {
      other.write('stack.yml', shop.read('stack.yml'));
      expect(await shop.stack(['create', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
      const env = { HOME: shop.folder };
      expect(await other.stack(['create', 'feat-01', '--no-start'], { env })).toMatchObject({ code: 0 });
      const { instances } = JSON.parse((await other.stack(['ps', '--json'], { env })).stdout);
      expect(instances[0].services.front.ports.http).toBe(shop.port + 11);
      expect(await other.stack(['destroy', 'feat-01'], { env })).toMatchObject({ code: 0 });
    } finally {
      await other.dispose();
    }
  });

  it('while a ticket was stopped makes start lease another, and all that is wired to it follows', async () => {
    await shop.stack(['create', 'feat-01', '--with', 'api']);
    await shop.stack(['stop', 'feat-01']);
    expect(await portOf('api')).toBe(shop.port + 1);
    await occupy(shop.port + 1, '127.0.0.1');
    await occupy(shop.port + 10, '::1');

    const run = await shop.stack(['start', 'feat-01']);
    expect(run).toMatchObject({ code: 0 });
    expect(run.stderr).toContain(`! api: port ${shop.port + 1} is taken, leased ${shop.port + 2} instead`);
    expect(await portOf('api')).toBe(shop.port + 2);
    expect(await portOf('front')).toBe(shop.port + 11);
    const answer = await fetch(`http://localhost:${shop.port + 11}/`);
    expect(await answer.json()).toEqual({ ticket: 'feat-01', api: `http://localhost:${shop.port + 2}` });
    expect(shop.read('tickets/feat-01/front/.env.local')).toContain(`API_URL=http://localhost:${shop.port + 2}`);
    expect(shop.read('tickets/feat-01/api/.env.local')).toContain(`PORT=${shop.port + 2}`);
  });

  it('while the baseline was down moves the baseline, and the tickets that borrow it follow', async () => {
    await shop.stack(['create', 'feat-01']);
    await shop.stack(['stop', 'feat-01']);
    await shop.stack(['down']);
    await occupy(shop.port, '127.0.0.1');
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
    const { baseline, instances } = await shop.ps();
    expect(baseline.repos.api?.url).toBe(`http://localhost:${shop.port + 1}`);
    const answer = await fetch(instances[0]?.repos.front?.url ?? '');
    expect(await answer.json()).toEqual({ ticket: 'feat-01', api: `http://localhost:${shop.port + 1}` });
  });

  it('leaves a stopped ticket its lease: nobody else gets it', async () => {
    await shop.stack(['create', 'feat-01', '--no-start']);
    await shop.stack(['create', 'feat-02', '--no-start']);
    const { instances } = await shop.ps();
    expect(instances.map(({ services }) => services.front?.ports.http)).toEqual([shop.port + 10, shop.port + 11]);
  });
});
