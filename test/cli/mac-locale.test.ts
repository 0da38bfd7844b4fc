import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { renameSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { canBeMac, macEnv } from '../support/mac.ts';
import { listProcesses, makeShop, openShop, type Shop } from '../support/shop.ts';

const LOCALES = ['en_US.UTF-8', 'C'];

describe.skipIf(!canBeMac).each(LOCALES)('on a Mac, in a folder of own letters, the locale %s', (locale) => {
  let shop: Shop;
  beforeEach(() => {
    const made = makeShop({ env: { ...macEnv(), LANG: locale, LC_ALL: locale } });
    const root = made.at('../jos\u00e9');
    renameSync(made.root, root);
    shop = openShop(made.folder, root, made.env);
  });
  afterEach(() => shop.dispose());

  it('a ticket lives as anywhere, and who works in it is seen', async () => {
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
    const running = listProcesses(shop.root);
    expect((await shop.ps()).instances).toMatchObject([{ ticket: 'feat-01', status: 'running', problems: [] }]);
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
    expect(listProcesses(shop.root)).toEqual(running);
    const sleeper = spawn('sleep', ['1000'], { cwd: shop.at('tickets/feat-01/front'), detached: true });
    try {
      await once(sleeper, 'spawn');
      const refused = await shop.stack(['destroy', 'feat-01']);
      expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining(`sleep (pid ${sleeper.pid})`) });
    } finally {
      sleeper.kill();
      await once(sleeper, 'exit');
    }
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['down'])).toMatchObject({ code: 0 });
    expect(listProcesses(shop.root)).toEqual([]);
  });
});
