import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';

describe('start, stop and restart', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop();
    await shop.stack(['create', 'feat-01', '--with', 'api']);
    await shop.stack(['create', 'feat-02']);
  });
  afterAll(() => shop.dispose());

  /** Runs a verb, and gives what of which ticket runs then. */
  const runningAfter = async (args: string[], at?: { cwd: string }): Promise<Record<string, string[]>> => {
    expect(await shop.stack(args, at)).toMatchObject({ code: 0 });
    const { instances } = await shop.ps();
    return Object.fromEntries(
      instances.map(({ ticket, services }) => [
        ticket,
        Object.keys(services).filter((name) => services[name]?.status === 'running'),
      ]),
    );
  };

  it('are about the services that are named behind a ticket, or in its folder', async () => {
    const both = { 'feat-01': ['front', 'api'], 'feat-02': ['front'] };
    const sorted = (found: Record<string, string[]>) => ({ ...found, 'feat-01': found['feat-01']?.sort().reverse() });
    expect(await runningAfter(['stop', 'feat-01', 'api'])).toEqual({ ...both, 'feat-01': ['front'] });
    expect(await runningAfter(['restart', 'front'], { cwd: shop.at('tickets/feat-01') })).toEqual({
      ...both,
      'feat-01': ['front'],
    });
    expect(await runningAfter(['stop', 'feat-01'])).toEqual({ ...both, 'feat-01': [] });
    expect(await runningAfter(['start', 'feat-01', 'api'])).toEqual({ ...both, 'feat-01': ['api'] });
    expect(sorted(await runningAfter(['start', 'feat-01']))).toEqual(both);
  });

  it('take every ticket with --all, or every one that has the service', async () => {
    expect(await runningAfter(['stop', '--all', 'api'])).toEqual({ 'feat-01': ['front'], 'feat-02': ['front'] });
    expect(await runningAfter(['stop', '--all'])).toEqual({ 'feat-01': [], 'feat-02': [] });
    expect((await runningAfter(['start', '--all', '--no-wait']))['feat-02']).toEqual(['front']);
  });

  it('refuse a word that is neither a ticket nor a service of one', async () => {
    for (const verb of ['start', 'stop', 'restart']) {
      const unknown = {
        code: 'not-found',
        message: /^there is no ticket "feat-1"/,
        hint: /did you mean feat-01/,
      } as const;
      await expectRefusal(shop, [verb, 'feat-01', 'feat-1'], unknown);
      await expectRefusal(shop, [verb, 'feat-1', 'api'], unknown);
      const both = { code: 'usage', message: /^--all and a ticket’s name/, hint: /one of the two/ } as const;
      await expectRefusal(shop, [verb, 'feat-01', '--all'], both);
    }
    const lacking = { code: 'not-found', message: /^feat-02 has no service api of its own/, hint: /front/ } as const;
    await expectRefusal(shop, ['stop', 'feat-01', 'feat-02', 'api'], lacking);
  });
});
