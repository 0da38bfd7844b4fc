import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';

/** Fails once a file says so. */
const SETUP = `node -e "if (require('fs').existsSync('fails')) process.exit(4); require('fs').writeFileSync('set-up', '')"`;

describe('a ticket that is made again', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop();
    shop.configure((text) =>
      text
        .replace('./front, base: main', `./front, base: main, disposable: [set-up], setup: [${JSON.stringify(SETUP)}]`)
        .replace('repos:', 'shared: {}\nrepos:'),
    );
  });
  afterAll(() => shop.dispose());

  it('is cut from the new tips of its bases, on its ports, and what was there is saved', async () => {
    await shop.stack(['create', 'feat-01', '--from-api=feat/endpoint']);
    const before = shop.state()?.instances['feat-01'];
    shop.write('tickets/feat-01/front/draft.txt', 'mine');
    shop.commit('tickets/feat-01/api', 'work.txt', 'done');
    shop.git('api', 'checkout', '--quiet', 'feat/endpoint');
    shop.commit('api', 'tip.txt', 'newer');
    shop.git('api', 'checkout', '--quiet', 'main');

    const plan = await shop.stack(['recreate', 'feat-01', '--dry-run']);
    expect(plan.stdout).toMatch(
      /saved first:[\s\S]*draft\.txt[\s\S]*stack create feat-01 --from-front=main --from-api=feat/,
    );
    expect(shop.state()?.instances['feat-01']).toEqual(before);

    const { code, stdout } = await shop.stack(['recreate', '--json'], { cwd: shop.at('tickets/feat-01/api') });
    expect(code).toBe(0);
    const after = shop.state()?.instances['feat-01'];
    expect(JSON.parse(stdout)).toMatchObject({
      ...{ ticket: 'feat-01', status: 'running' },
      saved: { rescued: [{ repo: 'front' }, { repo: 'api' }] },
    });
    expect(Object.values(after?.services ?? {}).map(({ ports }) => ports)).toEqual(
      Object.values(before?.services ?? {}).map(({ ports }) => ports),
    );
    const there = ['api/tip.txt', 'api/work.txt', 'front/draft.txt', 'front/set-up'];
    expect(there.filter((file) => existsSync(shop.at('tickets/feat-01', file)))).toEqual([
      'api/tip.txt',
      'front/set-up',
    ]);

    await shop.stack(['destroy', 'feat-01']);
    await shop.stack(['restore', 'feat-01', '--no-start']);
    expect(there.filter((file) => existsSync(shop.at('tickets/feat-01', file)))).toEqual([
      'api/work.txt',
      'front/draft.txt',
      'front/set-up',
    ]);
  });

  it('stays as it is where something is in the way of the new one', async () => {
    const none = { code: 'usage', message: /^api has no base "nope"/, hint: /main/ } as const;
    await expectRefusal(shop, ['recreate', 'feat-01', '--from-api=nope'], { ...none, code: 'not-found' });
    const own = { code: 'usage', message: /^--from-api=feat-01: that branch goes with/, hint: /create OTHER/ } as const;
    await expectRefusal(shop, ['recreate', 'feat-01', '--from-api=feat-01'], own);
    const typo = { code: 'not-found', message: /^there is no ticket "feat-10"/, hint: /feat-01/ } as const;
    await expectRefusal(shop, ['recreate', 'feat-10'], typo);
  });

  it('is made by the next recreate, with what it had, where one ended after what was there had gone', async () => {
    shop.git('front', 'checkout', '--quiet', 'feat/ui');
    await shop.stack(['create', 'feat-03', '--from-front=feat/ui', '--with', 'api']);
    const before = shop.state()?.instances['feat-03'];
    shop.commit('front', 'fails', '');
    expect(await shop.stack(['recreate', 'feat-03'])).toMatchObject({ code: 1 });
    expect(shop.state()?.instances).not.toHaveProperty('feat-03');
    shop.git('front', 'rm', '--quiet', 'fails');
    shop.git('front', 'commit', '--quiet', '-m', 'mended');
    shop.git('front', 'checkout', '--quiet', 'main');

    const doctor = await shop.stack(['doctor']);
    expect(doctor.stdout + doctor.stderr).toMatch(
      /feat-03[\s\S]*a recreate of it was cut off[\s\S]*stack recreate feat-03/,
    );
    const gone = { code: 'not-found', message: /no ticket "feat-03"/, hint: /`stack recreate feat-03`/ } as const;
    await expectRefusal(shop, ['start', 'feat-03'], gone);
    const again = await shop.stack(['recreate', 'feat-03']);
    expect(again).toMatchObject({ code: 0 });
    expect(again.stderr).toMatch(/going on with what it was to make/);
    const after = shop.state()?.instances['feat-03'];
    expect(after?.repos).toMatchObject({ front: { base: 'feat/ui' }, api: { mode: 'dedicated' } });
    expect(Object.values(after?.services ?? {}).map(({ ports }) => ports)).toEqual(
      Object.values(before?.services ?? {}).map(({ ports }) => ports),
    );
    expect(shop.state()).not.toHaveProperty('recreating');
    await shop.stack(['destroy', 'feat-03', '--force']);
  });

  it('stays for a look where its create fails, and the next create goes on from there', async () => {
    shop.git('front', 'checkout', '--quiet', 'feat/ui');
    shop.commit('front', 'fails', '');
    shop.git('front', 'checkout', '--quiet', 'main');
    const create = ['create', 'feat-02', '--from-front=feat/ui'];
    expect(await shop.stack(create)).toMatchObject({ code: 1 });
    expect(shop.state()?.instances).not.toHaveProperty('feat-02');

    const failed = await shop.stack([...create, '--keep-on-failure']);
    expect(failed).toMatchObject({ code: 1 });
    expect(failed.stderr).toMatch(/`stack create feat-02` goes on from there, `stack destroy feat-02` removes it/);
    expect((await shop.stack(['ps'])).stdout).toMatch(/its create did not finish/);
    const again = await shop.stack(create);
    expect(again.stderr).toMatch(
      /left unfinished; going on from there[\s\S]*setup of front failed[\s\S]*`stack create feat-02`/,
    );
    const other = { code: 'exists', message: /--with api is not what/, hint: /recreate feat-02 --with api/ } as const;
    await expectRefusal(shop, ['create', 'feat-02', '--with', 'api'], other);

    expect(await shop.stack(['create', 'feat-02', '--no-setup'])).toMatchObject({ code: 0 });
    expect(existsSync(shop.at('tickets/feat-02/front/set-up'))).toBe(false);
    expect((await shop.stack(['ps'])).stdout).toMatch(/running$/);
    expect(shop.state()?.instances['feat-02']).not.toHaveProperty('unfinished');
  });
});
