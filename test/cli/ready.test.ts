import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';

describe('ready', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
  });
  afterEach(() => shop.dispose());

  it('means all that is asked for, not the log line alone', async () => {
    shop.configure((text) =>
      text
        .replace(
          'command: node server.mjs',
          "command: node -e 'console.log(`listens on 1`); setTimeout(() => {}, 1e6)'",
        )
        .replace('ready: { http: / }', 'ready: { log: listens on, http: /, timeout: 1 }'),
    );
    const run = await shop.stack(['create', 'feat-01', '--with', 'api']);
    expect(run).toMatchObject({ code: 1, stderr: expect.stringMatching(/api was not ready within 1 s: \/: conn/) });
  });
});
