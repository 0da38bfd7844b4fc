import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hangOnceMoved } from '../support/hanging-filter.ts';
import { makeRepo, makeShop, type Running, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

describe('a merge of tickets with different repos that was cut off, of which one is destroyed', () => {
  let shop: Shop;
  let first: string;
  const tip = (repo: string): string => shop.git(repo, 'rev-parse', 'main');
  /** Returns a merge that has moved the base of `one` and hangs in the repo of `two`. */
  const hang = async (): Promise<Running> => {
    shop.write('data/.git/info/attributes', 'slow.txt filter=slow\n');
    const place = { gitDir: shop.at('api/.git'), branch: 'main', at: first };
    shop.git('data', 'config', 'filter.slow.smudge', hangOnceMoved(`${shop.folder}/hangs`, place));
    const running = shop.start(['merge', 'lead', 'one', 'two']);
    await until('the second repo is at it', () => existsSync(`${shop.folder}/hangs`), 60);
    expect(tip('api')).not.toBe(first);
    return running;
  };
  const cutOff = async (running: Running): Promise<void> => {
    running.kill('SIGKILL');
    await running.ended;
    rmSync(shop.at('data/.git/info/attributes'));
    rmSync(`${shop.folder}/hangs`);
  };
  const isBack = (): void => {
    expect(tip('api')).toBe(first);
    for (const repo of ['api', 'data']) expect(shop.git(repo, 'status', '--porcelain')).toBe('');
  };

  beforeAll(async () => {
    shop = makeShop();
    makeRepo(path.join(shop.root, 'data'), { 'README.md': 'Data.\n' });
    shop.configure((text) =>
      text
        .replace('./front, base: main', './front, base: main, shared: true')
        .replace(/(\n {2}api: .*)/, '$1\n  data:  { path: ./data, base: main, shared: true }'),
    );
    for (const args of [
      ['lead', '--with', 'front'],
      ['two', '--with', 'data'],
    ])
      expect(await shop.stack(['create', '--no-start', ...args])).toMatchObject({ code: 0 });
    shop.commit('tickets/two/data', 'slow.txt', 'slow\n');
    first = tip('api');
  });
  beforeEach(async () => {
    expect(await shop.stack(['create', '--no-start', 'one', '--with', 'api'])).toMatchObject({ code: 0 });
    shop.commit('tickets/one/api', 'one.txt', 'one\n');
  });
  afterAll(() => shop.dispose());

  it('is taken back before the ticket counts as merged', async () => {
    await cutOff(await hang());
    const refused = await shop.stack(['destroy', 'one']);
    expect(refused.stderr).toMatch(/the last `stack merge` of lead was cut off, and is taken back/);
    expect(refused.code).toBe(4);
    isBack();
    expect(await shop.stack(['destroy', 'one', '--force', '--yes'])).toMatchObject({ code: 0 });
  });

  it('keeps its tickets while it is under way', async () => {
    const running = await hang();
    expect(await shop.stack(['destroy', 'one', '--force', '--yes'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('one is being changed by another command of stack'),
    });
    await cutOff(running);
    const fixed = await shop.stack(['doctor', '--fix', '--yes']);
    expect(fixed.stdout + fixed.stderr).toMatch(/was cut off, and is taken back/);
    isBack();
  });
});
