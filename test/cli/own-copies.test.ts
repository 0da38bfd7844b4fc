import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';

describe('what a ticket gets its own copy of', () => {
  let shop: Shop;
  beforeAll(() => {
    shop = makeShop();
  });
  afterAll(() => shop.dispose());

  const create = async (...args: string[]): Promise<Record<string, unknown>> => {
    const run = await shop.stack(['create', ...args, '--no-start', '--json']);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    return JSON.parse(run.stdout).repos;
  };

  it('is each repo that is not shared', async () => {
    expect(await create('plain')).toMatchObject({
      front: { mode: 'dedicated', branch: 'plain', base: 'main', existingBranch: false },
      api: { mode: 'shared' },
    });
  });

  it.each([
    ['=', ['--from-front=feat/ui', '--from-api=feat/endpoint']],
    ['a space', ['--from-front', 'feat/ui', '--from-api', 'feat/endpoint']],
  ])('--from makes it from a ref, with %s before it', async (how, flags) => {
    const name = how === '=' ? 'equals' : 'space';
    expect(await create(...flags, name)).toMatchObject({
      front: { branch: name, base: 'feat/ui' },
      api: { mode: 'dedicated', branch: name, base: 'feat/endpoint' },
    });
    expect(shop.git(`tickets/${name}/api`, 'rev-parse', 'HEAD')).toBe(shop.git('api', 'rev-parse', 'feat/endpoint'));
  });

  it('--with makes it from the repo’s base', async () => {
    expect(await create('with', '--with', 'api')).toMatchObject({ api: { mode: 'dedicated', base: 'main' } });
  });

  it('may start at a tag or a commit', async () => {
    shop.git('front', 'tag', 'v1', 'feat/ui');
    const commit = shop.git('front', 'rev-parse', 'main');
    expect(await create('tag', '--from-front=v1')).toMatchObject({ front: { base: 'v1' } });
    expect(shop.git('tickets/tag/front', 'rev-parse', 'HEAD')).toBe(shop.git('front', 'rev-parse', 'feat/ui'));
    expect(await create('commit', `--from-front=${commit.slice(0, 10)}`)).toMatchObject({
      front: { branch: 'commit', base: commit.slice(0, 10) },
    });
  });

  describe('--on', () => {
    it('works on a branch that exists, and shows the branch in place of a base', async () => {
      const tip = shop.git('front', 'rev-parse', 'feat/ui');
      expect(await create('review', '--on-front=feat/ui')).toMatchObject({
        front: { branch: 'feat/ui', existingBranch: true },
      });
      expect((await shop.stack(['ps'])).stdout).toMatch(/^review .*\[feat\/ui\]/m);
      expect(shop.git('tickets/review/front', 'symbolic-ref', '--short', 'HEAD')).toBe('feat/ui');
      expect(shop.git('tickets/review/front', 'rev-parse', 'HEAD')).toBe(tip);
    });

    it('keeps the branch when the ticket goes, with what was committed there', async () => {
      shop.commit('tickets/review/front', 'more.txt', 'more');
      const tip = shop.git('front', 'rev-parse', 'feat/ui');
      expect(await shop.stack(['destroy', 'review'])).toMatchObject({ code: 0 });
      expect(shop.git('front', 'rev-parse', 'feat/ui')).toBe(tip);
      expect(shop.git('front', 'branch', '--list', 'review')).toBe('');
    });
  });

  it('has branches named as `branch:` says', async () => {
    shop.configure((text) => `branch: me/\${ticket}\n${text}`);
    expect(await create('fix/login')).toMatchObject({ front: { branch: 'me/fix/login' } });
  });
});
