import { statSync } from 'node:fs';
import { parse } from 'dotenv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';

describe('the env file of a ticket', () => {
  let shop: Shop;
  const file = 'tickets/feat-01/front/.env.local';
  beforeAll(async () => {
    shop = makeShop();
    // Not ignored by the repo itself, and with something of its owner in it.
    shop.commit('front', '.gitignore', 'node_modules\n');
    shop.write('front/.env.local', 'SECRET="of mine"\nPORT=1\n');
    await shop.stack(['create', 'feat-01']);
  });
  afterAll(() => shop.dispose());

  it('starts from the main checkout’s, with one block of wired values that win', () => {
    const text = shop.read(file);
    expect(text).toMatch(/^SECRET="of mine"\nPORT=1\n/);
    expect(text.match(/>>> stack >>>/g)).toHaveLength(1);
    expect(parse(text)).toMatchObject({
      SECRET: 'of mine',
      PORT: String(shop.port + 10),
      API_URL: `http://localhost:${shop.port}`,
      STACK_TICKET: 'feat-01',
    });
    expect(statSync(shop.at(file)).mode & 0o777).toBe(0o600);
  });

  it('does not show in `git status`, neither here nor in the main checkout', () => {
    expect(shop.git('tickets/feat-01/front', 'status', '--porcelain')).toBe('');
    expect(shop.read('front/.env.local')).toBe('SECRET="of mine"\nPORT=1\n');
  });

  it('keeps what people write outside of the block, before it and behind it', async () => {
    shop.write(file, `BEFORE=1\n${shop.read(file)}AFTER=2\n`);
    expect(await shop.stack(['add', 'feat-01', 'api'])).toMatchObject({ code: 0 });
    const text = shop.read(file);
    expect(text).toMatch(/^BEFORE=1\nSECRET="of mine"\n/);
    expect(text).toMatch(/AFTER=2\n$/);
    expect(parse(text)).toMatchObject({ BEFORE: '1', AFTER: '2', API_URL: `http://localhost:${shop.port + 1}` });
    expect(text.match(/>>> stack >>>/g)).toHaveLength(1);
  });

  it('is put right by start when somebody has changed the block', async () => {
    shop.write(file, shop.read(file).replace(/API_URL=.*/, 'API_URL=nonsense'));
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
    expect(parse(shop.read(file))).toMatchObject({ API_URL: `http://localhost:${shop.port + 1}`, AFTER: '2' });
  });

  it('goes with the ticket, and so does what hid it from git', async () => {
    const refused = await shop.stack(['destroy', 'feat-01']);
    expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining('that git ignores: .env.local') });
    shop.write(file, shop.read(file).replace('BEFORE=1\n', '').replace('AFTER=2\n', ''));
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(shop.git('front', 'status', '--porcelain')).toBe('?? .env.local');
    expect(shop.read('front/.git/info/exclude')).not.toContain('stack');
  });
});
