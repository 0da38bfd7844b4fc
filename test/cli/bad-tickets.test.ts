import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';

describe('a ticket’s name', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop();
    for (const ticket of ['feat-01', 'a/b']) await shop.stack(['create', ticket, '--no-start']);
  });
  afterAll(() => shop.dispose());

  it.each([
    ['', /it is empty/],
    ['x'.repeat(51), /it has 51 characters, 50 are allowed/],
    ['..', /it must begin and end with a letter or digit/],
    ['../shop', /it must begin and end/],
    ['a/../../b', /it has `\.\.`/],
    ['a b', /characters other than/],
    ['$(id)', /characters other than/],
    ['a//b', /a part between slashes/],
    ['a.lock', /a part between slashes/],
    ['baseline', /main checkouts/],
  ])('%j is refused, and says what names may hold', async (name, why) => {
    await expectRefusal(shop, ['create', name, '--no-start'], {
      code: 'usage',
      message: why,
      hint: /e\.g\. `feat-02`/,
    });
  });

  it.each([['-x'], ['--feat']])('%s is taken for a flag', async (name) => {
    const message = new RegExp(`unknown option '${name}'`);
    await expectRefusal(shop, ['create', name, '--no-start'], { code: 'usage', message, hint: /create --help/ });
  });

  it.each(['FEAT_01', 'Feat.01', 'feat_01'])(
    '%s is refused beside feat-01, whose host names it would share',
    async (name) => {
      const message = new RegExp(`${name} and the ticket feat-01 would share their host names`);
      await expectRefusal(shop, ['create', name, '--no-start'], {
        code: 'exists',
        message,
        hint: /differs in more than/,
      });
    },
  );

  it.each([
    ['feat-01', 'feat-01'],
    ['feat/01', 'feat-01'],
    ['a-b', 'a-b'],
    ['a/b', 'a-b'],
  ])('%s is refused while the ticket %s is there', async (name, ticket) => {
    const message = new RegExp(`^${ticket} is there already`);
    const hint = new RegExp(`stack start ${ticket}.*stack destroy ${ticket}`);
    await expectRefusal(shop, ['create', name, '--no-start'], { code: 'exists', message, hint });
  });

  it('with a slash makes a folder with a hyphen and a branch with the slash', async () => {
    const { instances } = await shop.ps();
    const front = instances.find(({ ticket }) => ticket === 'a-b')?.repos.front;
    expect(front).toMatchObject({ branch: 'a/b', worktree: shop.at('tickets/a-b/front') });
  });

  it.each(['start', 'stop', 'restart', 'destroy', 'logs'])(
    'that nobody has is refused by %s, with the nearest',
    async (verb) => {
      const message = /there is no ticket "feat-1"/;
      await expectRefusal(shop, [verb, 'feat-1'], { code: 'not-found', message, hint: /did you mean feat-01\?/ });
    },
  );

  it.each(['stop', 'destroy'])('`baseline` is no ticket’s: %s says which verbs are about it', async (verb) => {
    const expected = { message: /there is no ticket "baseline"/, hint: /`stack up` and `stack down`/ };
    await expectRefusal(shop, [verb, 'baseline'], { code: 'not-found', ...expected });
  });

  it('that nobody has stops `destroy` before the others go', async () => {
    const hint = /there are: feat-01, a-b/;
    await expectRefusal(shop, ['destroy', 'feat-01', 'zzz'], { code: 'not-found', message: /"zzz"/, hint });
  });

  it('alone is not enough where more must be said', async () => {
    const asked = [
      [['add', 'feat-01'], /^which repo\?/, /^stack add feat-01 api$/],
      [['db', 'feat-01'], /^which action\?/, /shell\|url/],
      [['db', 'feat-01', 'rest'], /^`rest` is not an action of db; did you mean `reset`\?/, /shell\|url/],
      [['db', 'rest'], /^`rest` is not an action of db; did you mean `reset`\?/, /shell\|url/],
    ] as const;
    for (const [args, message, hint] of asked) await expectRefusal(shop, args, { code: 'usage', message, hint });
  });

  it('is asked for where no folder tells it', async () => {
    for (const args of [['stop'], ['start'], ['destroy'], ['logs'], ['exec', '--', 'true'], ['add', 'api']]) {
      await expectRefusal(shop, args, {
        code: 'usage',
        message: /^which ticket\?/,
        hint: /feat-01, a-b|stack add TICKET api/,
      });
    }
  });
});
