import { describe, expect, it } from 'vitest';
import {
  type DatabaseMark,
  fitName,
  hiddenDatabase,
  ownSettings,
  parseMark,
  renderMark,
  ticketDatabase,
} from '../../src/domain/own.ts';
import { resolveShared, sharedUrl } from '../../src/domain/shared.ts';
import { layValues } from '../../src/domain/values.ts';

describe('names of databases', () => {
  it('tells ticket and baseline', () => {
    expect(ticketDatabase('shop', 'feat-02', 'ab12cd34', false)).toBe('shop_feat_02');
    expect(ticketDatabase('shop', 'Fix/Login.2', 'ab12cd34', false)).toBe('shop_fix_login_2');
  });

  it('tells the root too where other roots may use the server', () => {
    expect(ticketDatabase('shop', 'feat-02', 'ab12cd34', true)).toBe('shop_feat_02_ab12cd34');
  });

  it('fits into 63 bytes, and two long ones that differ at their ends stay two', () => {
    const long = 'a'.repeat(49);
    const names = ['1', '2'].map((end) => ticketDatabase('warehouse_of_the_shop', long + end, 'ab12cd34', false));
    expect(names.every((name) => Buffer.byteLength(name) <= 63)).toBe(true);
    expect(new Set(names).size).toBe(2);
    expect(names[0]).toMatch(/^warehouse_of_the_shop_a+_[0-9a-f]{12}$/);
  });

  it('is cut between letters, not in one of several bytes', () => {
    const name = fitName('ü'.repeat(40));
    expect(name).toMatch(/^ü{25}_[0-9a-f]{12}$/);
    expect(fitName('ü'.repeat(31))).toBe('ü'.repeat(31));
  });

  it('no ticket has the name of a database that stack keeps for itself', () => {
    const hidden = hiddenDatabase('shop', 'template', 'ab12cd34');
    for (const ticket of ['template-ab12cd34', 'Template_ab12cd34', 't--emplate'])
      expect(ticketDatabase('shop', ticket, 'ab12cd34', false)).not.toBe(hidden);
  });
});

describe('the comment on a database', () => {
  const mark: DatabaseMark = {
    kind: 'ticket',
    rootId: 'ab12cd34',
    root: "/home/ada's/shop {x}",
    ticket: 'feat-02',
    copiedAt: '2026-11-21T09:30:00.000Z',
  };

  it('reads back as it was written, and begins with what people want to know', () => {
    expect(renderMark(mark)).toMatch(/^stack: ticket feat-02 of \/home\/ada's\/shop/);
    expect(parseMark(renderMark(mark))).toEqual(mark);
  });

  it.each([null, '', 'the shop', 'stack: of coffee', 'stack: x {not json}'])(
    'of somebody else is none of ours: %s',
    (text) => {
      expect(parseMark(text)).toBeUndefined();
    },
  );
});

describe('a ticket’s own database in its settings', () => {
  const own = { postgres: { as: 'database', database: 'shop_feat_02', from: 'shop' } } as const;

  it('takes the place of the baseline’s', () => {
    const settings = resolveShared('postgres', { database: 'shop' }, layValues());
    expect(ownSettings('postgres', settings, own, layValues()).database).toBe('shop_feat_02');
    expect(ownSettings('postgres', settings, undefined, layValues())).toBe(settings);
    expect(ownSettings('redis', settings, own, layValues())).toBe(settings);
  });

  it('is a number in Redis', () => {
    const shared = resolveShared('redis', { password: 'x' }, layValues());
    const redis = ownSettings('redis', shared, { redis: { as: 'number', number: 3 } }, layValues());
    expect(sharedUrl(redis, 'localhost', 6379)).toBe('redis://:x@localhost:6379/3');
  });

  it('is a server with a password, where the shared one has none', () => {
    const values = layValues({ STACK_OWN_REDIS_OWN_PASSWORD: 'made up' });
    const server = {
      as: 'server',
      provider: 'compose',
      container: 6379,
      workload: 'x',
      alias: 'redis.feat-02',
    } as const;
    const own = { redis: server };
    const password = (config: { password?: string }): string | undefined =>
      ownSettings('redis', resolveShared('redis', config, values), own, values).password;
    expect(password({})).toBe('made up');
    expect(password({ password: 'x' })).toBe('x');
  });

  it('takes its place in the address of a server of the team’s own, and nothing else there changes', () => {
    const settings = resolveShared(
      'postgres',
      { url: 'postgres://me:p%40ss@db.internal:6432/shop?sslmode=require' },
      layValues(),
    );
    expect(ownSettings('postgres', settings, own, layValues())).toMatchObject({
      url: 'postgres://me:p%40ss@db.internal:6432/shop_feat_02?sslmode=require',
      database: 'shop_feat_02',
    });
  });
});
