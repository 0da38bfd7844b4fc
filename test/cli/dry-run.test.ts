import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';

describe('create --dry-run', () => {
  let shop: Shop;
  beforeAll(() => {
    shop = makeShop();
    shop.configure((text) => text.replace('path: ./front,', 'path: ./front, setup: [touch done], copy: [keys],'));
    shop.write('front/keys/one.key', 'not in git\n');
  });
  afterAll(() => shop.dispose());

  /** The subjects and titles of a printed plan. */
  const planned = async (...args: string[]): Promise<string[]> => {
    const { code, stdout, stderr } = await shop.stack(['create', 'feat-01', '--dry-run', ...args]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [head, ...lines] = stdout.split('\n');
    expect(head).toBe('feat-01 would be created:');
    return lines.map((line) => line.trim().replace(/ +/g, ' '));
  };

  it('says what would be made, in order, and touches nothing', async () => {
    const before = shop.photograph();
    expect(await planned()).toEqual([
      '1. api (baseline) process',
      '2. api (baseline) ready',
      '3. feat-01 folder tickets/feat-01',
      '4. front worktree on feat-01, from main',
      '5. front files from the main checkout',
      '6. front env file .env.local',
      '7. front setup commands',
      '8. front process',
      '9. front ready',
    ]);
    expect(shop.photograph()).toBe(before);
  });

  it('leaves out what would not be made', async () => {
    expect(await planned('--no-start', '--on-front=feat/ui')).toEqual([
      '1. feat-01 folder tickets/feat-01',
      '2. front worktree on feat/ui',
      '3. front files from the main checkout',
      '4. front env file .env.local',
      '5. front setup commands',
    ]);
  });

  it('says what is in the way, as the create would', async () => {
    shop.write('tickets/feat-02/front/notes.txt', 'somebody’s');
    for (const args of [['--dry-run'], []]) {
      await expectRefusal(shop, ['create', 'feat-02', ...args], {
        code: 'exists',
        message: /tickets\/feat-02\/front is in the way: it is there and no worktree of ours/,
        hint: /move it away, or choose another name/,
      });
    }
  });

  it('as JSON is one document, with what is there already', async () => {
    const { stdout, stderr } = await shop.stack(['create', 'feat-01', '--dry-run', '--json', '--with', 'api']);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({
      ticket: 'feat-01',
      steps: expect.arrayContaining([
        { id: 'worktree api', subject: 'api', title: 'worktree on feat-01, from main', state: 'absent' },
      ]),
    });
  });

  it('says why it would change what is there', async () => {
    expect(await shop.stack(['up'])).toMatchObject({ code: 0 });
    shop.configure((text) => text.replace('PORT:', 'MORE: x, PORT:'));
    expect(await planned('--no-wait')).toContain('1. api (baseline) process (changed: env)');
    const { stdout } = await shop.stack(['create', 'feat-01', '--dry-run', '--json', '--no-wait']);
    expect(JSON.parse(stdout).steps).toContainEqual({
      ...{ id: 'baseline workload api', subject: 'api (baseline)', title: 'process' },
      ...{ state: 'different', reason: 'changed: env' },
    });
  });
});
