import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';

describe('tickets that were given the same task', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop();
    for (const ticket of ['feat-01', 'feat-02']) await shop.stack(['create', ticket, '--no-start']);
    shop.commit('tickets/feat-01/front', 'one.txt', 'one\ntwo\n');
    shop.commit('tickets/feat-02/front', 'one.txt', 'one\n');
    shop.commit('tickets/feat-02/front', 'bad.txt', 'bad\n');
    shop.write('tickets/feat-02/front/later.txt', 'not committed\n');
  });
  afterAll(() => shop.dispose());

  it('are compared by size, verification and figures, and nothing of them changes', async () => {
    const verify = '! test -e front/bad.txt && ! test -e front/later.txt';
    const measure = 'echo "bundle: $(ls front | wc -l) files"; echo noise; exec true';
    const run = await shop.stack(['compare', 'feat-01', 'feat-02', '--verify', verify, '--measure', measure, '--json']);
    expect(run).toMatchObject({ code: 0, stderr: expect.stringContaining('feat-02: what is not committed in front') });
    const { tickets } = JSON.parse(run.stdout);
    expect(tickets).toMatchObject([
      { ticket: 'feat-01', size: { commits: 1, files: 1, additions: 2 }, verify: { exitCode: 0 }, measured: 0 },
      { ticket: 'feat-02', size: { commits: 2, files: 2, additions: 2 }, verify: { exitCode: 1 } },
    ]);
    expect(tickets[1].figures.bundle).toMatch(/^\d+ files$/);
    expect(Object.keys(shop.state()?.instances ?? {})).toEqual(['feat-01', 'feat-02']);
    const text = await shop.stack(['compare', 'feat-01', 'feat-02']);
    expect(text.stdout).toMatch(/feat-01 +feat-02\n[\s\S]*^lines +\+2 -0 +\+2 -0$/m);
  });

  it('go but for the one that is kept, unless something would be lost', async () => {
    await expectRefusal(shop, ['compare', 'feat-01', 'feat-02', '--keep', 'feat-03'], {
      ...{ code: 'usage', message: /--keep feat-03 is none of those compared/, hint: /name it/ },
    });
    await expectRefusal(shop, ['compare', 'feat-01'], { code: 'usage', message: /one ticket alone/, hint: /feat-02/ });
    const refused = await shop.stack(['compare', 'feat-01', 'feat-02', '--keep', 'feat-01']);
    expect(refused.code).toBe(4);
    expect(Object.keys(shop.state()?.instances ?? {})).toEqual(['feat-01', 'feat-02']);
    const kept = await shop.stack(['compare', 'feat-01', 'feat-02', '--keep', 'feat-01', '--force']);
    expect(kept).toMatchObject({ code: 0, stdout: expect.stringMatching(/^feat-01 stays; feat-02 is gone$/m) });
    expect(Object.keys(shop.state()?.instances ?? {})).toEqual(['feat-01']);
  });
});
