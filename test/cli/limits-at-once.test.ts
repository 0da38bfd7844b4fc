import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';

describe('limits, when several come at the same instant', { sequential: true, timeout: 120_000 }, () => {
  const TICKETS = ['feat-01', 'feat-02', 'feat-03', 'feat-04'];
  let shop: Shop;
  beforeAll(() => {
    shop = makeShop();
  });
  afterAll(() => shop.dispose(), 120_000);

  const limit = (limits: string) =>
    shop.configure((text) => `${text.replace(/^limits:.*\n/m, '')}limits: { ${limits} }\n`);
  const atOnce = async (commands: string[][]) => {
    const ends = await Promise.all(commands.map((words) => shop.stack(words)));
    return { ends, codes: ends.map(({ code }) => code).sort(), refused: ends.filter(({ code }) => code !== 0) };
  };
  const running = async () => (await shop.ps()).instances.filter(({ status }) => status === 'running');

  it('let no more tickets be made than there is room for, and make nothing of the others', async () => {
    limit('tickets: 2');
    const { codes, refused } = await atOnce(TICKETS.map((ticket) => ['create', ticket]));
    expect(codes).toEqual([0, 0, 4, 4]);
    for (const { stderr } of refused)
      expect(stderr).toMatch(/^stack: 2 tickets run, and `limits: \{ tickets: 2 \}` lets no more$/m);
    const made = (await shop.ps()).instances.map(({ ticket }) => ticket);
    expect(made).toHaveLength(2);
    expect(await running()).toHaveLength(2);
    for (const ticket of TICKETS) {
      expect(existsSync(shop.at('tickets', ticket))).toBe(made.includes(ticket));
      expect(shop.git('front', 'branch', '--list', ticket) !== '').toBe(made.includes(ticket));
    }
  });

  it('let no more be started, and count the processors of those that are about to run', async () => {
    const made = new Set((await shop.ps()).instances.map(({ ticket }) => ticket));
    for (const ticket of TICKETS.filter((one) => !made.has(one))) await shop.stack(['create', ticket, '--no-start']);
    await shop.stack(['stop', '--all']);
    const starts = TICKETS.map((ticket) => ['start', ticket]);
    limit('tickets: 1');
    expect((await atOnce(starts)).codes).toEqual([0, 4, 4, 4]);
    expect(await running()).toHaveLength(1);
    await shop.stack(['stop', '--all']);

    shop.configure((text) => text.replaceAll('ready:', 'cpus: 1\n    ready:'));
    limit('cpus: 2');
    const { codes, refused } = await atOnce(starts);
    expect(codes).toEqual([0, 0, 4, 4]);
    for (const { stderr } of refused) expect(stderr).toMatch(/wants 1 cpus, and 2 of 2 are taken$/m);
    expect(await running()).toHaveLength(2);
  });

  it('let no more agents live', async () => {
    limit('agents: 1');
    const agent = ['-d', '--no-start', '--', 'sleep', '1000'];
    const { codes, refused } = await atOnce(TICKETS.map((ticket) => ['run', ticket, ...agent]));
    expect(codes).toEqual([0, 4, 4, 4]);
    for (const { stderr } of refused) expect(stderr).toMatch(/^stack: an agent lives, and `limits: \{ agents: 1 \}`/m);
    const { stdout } = await shop.stack(['runs', '--all', '--json']);
    expect(JSON.parse(stdout).runs).toHaveLength(1);
  });
});
