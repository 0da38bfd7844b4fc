import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';

describe('what changes under a ticket', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
  });
  afterEach(() => shop.dispose());

  const pidOf = (ticket: string, service: string): number =>
    JSON.parse(shop.read(`.stack/run/${ticket}/${service}.json`)).pid;

  it('a worktree that was deleted comes back, and what ran out of it runs out of the new one', async () => {
    await shop.stack(['create', 'feat-01']);
    const pid = pidOf('feat-01', 'front');
    rmSync(shop.at('tickets/feat-01/front'), { recursive: true });
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
    expect(pidOf('feat-01', 'front')).not.toBe(pid);
    expect((await shop.ps()).instances[0]).toMatchObject({ status: 'running' });
  });
});
