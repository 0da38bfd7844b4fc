import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';

describe('a base that is behind its upstream', () => {
  let shop: Shop;
  let other: string;
  const head = (folder: string, ref = 'HEAD'): string => shop.git(folder, 'rev-parse', ref);
  beforeAll(() => {
    shop = makeShop();
    const remote = path.join(shop.folder, 'front.git');
    other = path.join(shop.folder, 'other');
    shop.git('.', 'clone', '-q', '--bare', 'front', remote);
    shop.git('front', 'remote', 'add', 'origin', remote);
    shop.git('front', 'fetch', '-q');
    shop.git('front', 'branch', '-q', '-u', 'origin/main', 'main');
    shop.git('.', 'clone', '-q', remote, other);
    shop.commit(other, 'news', 'x');
    shop.git(other, 'push', '-q');
  });
  afterAll(() => shop.dispose());

  it('is told as of the last fetch, and with --fetch the branch starts from what the remote has', async () => {
    const { stderr: unknown } = await shop.stack(['create', 'one', '--no-start']);
    expect(unknown).not.toContain('behind');
    const made = await shop.stack(['create', 'two', '--no-start', '--fetch']);
    expect(made.stderr).toContain('front: main is 1 commit behind origin/main, and stays so');
    expect(head('tickets/two/front')).toBe(head(other));
    expect(head('front', 'main')).not.toBe(head(other));
    const late = await shop.stack(['create', 'three', '--no-start']);
    expect(late.stderr).toContain('front: main is 1 commit behind origin/main, as of the last fetch; `--fetch` starts');
    expect(head('tickets/three/front')).toBe(head('front', 'main'));
    const named = await shop.stack(['create', 'four', '--no-start', '--from-front=origin/main', '--fetch']);
    expect(named.code).toBe(0);
    expect(head('tickets/four/front')).toBe(head(other));
  });

  it('keeps what it has of its own', async () => {
    shop.commit('front', 'own', 'x');
    const { code, stderr } = await shop.stack(['create', 'five', '--no-start', '--fetch']);
    expect(code).toBe(0);
    expect(stderr).toContain('behind origin/main and has 1 of its own; the new branch starts from main');
    expect(head('tickets/five/front')).toBe(head('front', 'main'));
  });

  it('makes nothing where the remote that was to be asked does not answer', async () => {
    shop.git('front', 'remote', 'set-url', 'origin', path.join(shop.folder, 'nowhere'));
    const refusal = { code: 'git', message: /cannot fetch main from origin/, hint: /--fetch/ } as const;
    await expectRefusal(shop, ['create', 'six', '--no-start', '--fetch'], refusal);
  });
});
