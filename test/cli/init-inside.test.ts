import { existsSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProduct } from '../../src/orchestrator/init/detect/find-product.ts';
import { makeRepo, makeShop, type Shop } from '../support/shop.ts';

describe('init inside one repo of a product', { sequential: true }, () => {
  let shop: Shop;
  beforeAll(() => {
    shop = makeShop();
    rmSync(shop.at('stack.yml'));
    makeRepo(shop.at('services/mail'), { 'index.js': '' });
    shop.write('front/src/a.js', '');
  });
  afterAll(() => shop.dispose());

  it('finds the others beside it and one folder deeper, from every one of them', async () => {
    const product = { folder: shop.root, repos: ['api', 'front', 'services/mail'] };
    for (const folder of ['front', 'front/src', 'services/mail']) {
      expect(await findProduct(shop.at(folder))).toEqual(product);
    }
    expect(await findProduct(shop.root)).toBeUndefined();
  });

  it('finds no product above a repo that is one by itself, or where stack.yml is', async () => {
    const part = (name: string, dependency: string): string =>
      JSON.stringify({ name, scripts: { dev: 'x' }, dependencies: { [dependency]: '1' } });
    makeRepo(shop.at('whole'), {
      'apps/web/package.json': part('web', 'vite'),
      'apps/api/package.json': part('api', 'express'),
    });
    expect(await findProduct(shop.at('whole'))).toBeUndefined();
    expect(await findProduct(shop.at('whole/apps'))).toEqual({ folder: shop.at('whole'), repos: ['.'] });
    rmSync(shop.at('whole'), { recursive: true });
    shop.write('stack.yml', 'name: shop\n');
    expect(await findProduct(shop.at('front'))).toBeUndefined();
    rmSync(shop.at('stack.yml'));
  });

  it('stays in that repo where nobody can be asked, and takes all beside it with --yes', async () => {
    const alone = await shop.stack(['init', '--json'], { cwd: shop.at('front') });
    expect(JSON.parse(alone.stdout)).toMatchObject({ root: shop.at('front'), folder: '' });
    rmSync(shop.at('front/stack.yml'));
    rmSync(shop.at('front/docker-compose.base.yml'));
    expect(await findProduct(shop.at('services/mail'), 1)).toBeUndefined();
    const all = await shop.stack(['init', '--yes'], { cwd: shop.at('front') });
    expect(all).toMatchObject({ code: 0, stdout: expect.stringMatching(/^wrote \.\.\/stack\.yml\n/) });
    expect(all.stdout).toContain('next: `cd ..`, look through');
    expect([existsSync(shop.at('front/stack.yml')), shop.read('stack.yml')]).toEqual([
      false,
      expect.stringContaining('path: ./services/mail'),
    ]);
  });
});
