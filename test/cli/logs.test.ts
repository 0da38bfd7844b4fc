import { afterEach, describe, expect, it } from 'vitest';
import { findTestEngine } from '../support/engine.ts';
import { containedConfig, makeShop, type Running, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const engine = await findTestEngine();

describe.each(['process', 'docker'] as const)('stack logs -f, on %s', (runtime) => {
  let shop: Shop;
  afterEach(() => shop?.dispose());

  const follow = (...args: string[]): Running =>
    shop.start(['logs', '-f', ...args], { through: ['sh', '-c', 'exec "$0" "$@" >followed'] });
  const starts = (service: string): number =>
    shop
      .read('followed')
      .split('\n')
      .filter((line) => line.startsWith(service) && line.includes('listens on')).length;

  it.skipIf(runtime === 'docker' && !engine)('goes on over restarts, and ends when nothing runs any more', async () => {
    shop = runtime === 'docker' ? makeShop({ config: containedConfig, engine: true }) : makeShop();
    expect(await shop.stack(['create', 'feat-01', '--with', 'api'])).toMatchObject({ code: 0 });
    const running = follow('feat-01');
    await until('both are followed', () => starts('front') === 1 && starts('api') === 1);
    expect(await shop.stack(['restart', 'feat-01', '--service', 'api'])).toMatchObject({ code: 0 });
    await until('the new run of the API is followed', () => starts('api') === 2);
    shop.configure((text) => text.replaceAll('API_URL:', 'MORE: x, API_URL:'));
    expect(await shop.stack(['restart', 'feat-01'])).toMatchObject({ code: 0 });
    await until('both are followed again', () => starts('front') === 2 && starts('api') === 3);
    expect(await shop.stack(['stop', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await running.ended).toMatchObject({ code: 0, stderr: '' });
    expect([starts('front'), starts('api')]).toEqual([2, 3]);
  });
});
