import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeShop, type Shop, shopConfig } from '../support/shop.ts';

let shop: Shop;
beforeAll(() => {
  // More tickets than the shop usually has ports for.
  shop = makeShop({ config: (port) => `${shopConfig(port).replaceAll(/, to: \d+/g, '')}shared: { redis: {} }\n` });
});
afterAll(() => shop.dispose());

it('gives each ticket a number of its own, and says who holds them when all 15 are taken', async () => {
  const tickets = Array.from({ length: 15 }, (_, index) => `t-${index}`);
  const create = (ticket: string) => shop.stack(['create', ticket, '--own', 'redis', '--no-start']);
  for (const batch of [tickets.slice(0, 5), tickets.slice(5, 10), tickets.slice(10)]) {
    for (const run of await Promise.all(batch.map(create))) expect(run).toMatchObject({ code: 0 });
  }
  const numberOf = (ticket: string): number => shop.state()?.instances[ticket]?.own?.redis?.number ?? 0;
  const numbers = tickets.map(numberOf).sort((one, other) => one - other);
  expect(numbers).toEqual(Array.from({ length: 15 }, (_, index) => index + 1));
  const run = await create('one-more');
  expect(run).toMatchObject({ code: 4, stdout: '' });
  expect(run.stderr).toContain('all 15 numbered databases of Redis are taken');
  expect(run.stderr).toContain('t-7');
  expect(shop.state()?.instances['one-more']).toBeUndefined();
  const freed = numberOf('t-7');
  expect(await shop.stack(['destroy', 't-7'])).toMatchObject({ code: 0 });
  expect(await create('one-more')).toMatchObject({ code: 0 });
  expect(numberOf('one-more')).toBe(freed);
}, 120_000);
