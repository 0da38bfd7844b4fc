import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';

/** Names that every JavaScript object answers to. */
describe('a name that is a word of the language', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop();
    await shop.stack(['create', 'feat-01', '--no-start']);
  });
  afterAll(() => shop.dispose());

  it.each([
    [['destroy', 'constructor'], /there is no ticket "constructor"/],
    [['stop', 'toString'], /there is no ticket "toString"/],
    [['add', 'constructor', 'api'], /there is no ticket "constructor"/],
    [['logs', 'constructor'], /there is no ticket "constructor"/],
    [['logs', 'feat-01', 'toString'], /feat-01 has no service toString/],
    [['exec', 'feat-01', 'constructor', '--', 'true'], /feat-01 has no service constructor/],
    [['add', 'feat-01', 'toString'], /stack\.yml has no repo "toString"/],
  ])('%j finds nothing of that name', async (args, message) => {
    const run = await shop.stack(args);
    expect(run).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
  });
});
