import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StackView } from '../../src/domain/view.ts';
import { BIN, makeShop, type Shop } from '../support/shop.ts';

describe('ps', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop();
    for (const ticket of ['clean', 'dirty', 'ahead', 'away'])
      expect((await shop.stack(['create', ticket, '--no-start', '--quiet'])).code).toBe(0);
    shop.write('tickets/dirty/front/new', 'new\n');
    shop.commit('tickets/ahead/front', 'own', 'own\n');
    shop.git('tickets/away/front', 'switch', '--quiet', '--create', 'other');
    shop.commit('front', 'news', 'news\n');
  }, 60_000);
  afterAll(() => shop.dispose());

  it('tells a program how each worktree stands, and changes nothing', async () => {
    const before = shop.photograph();
    const { instances } = await shop.ps();
    const changes = instances.map(({ ticket, repos }) => {
      const { front } = repos;
      return [ticket, front?.mode === 'dedicated' ? front.changes : undefined];
    });
    const clean = { dirty: false, ahead: 0, behind: 1, pushed: true, switched: false };
    expect(Object.fromEntries(changes)).toEqual({
      clean,
      dirty: { ...clean, dirty: true },
      ahead: { ...clean, ahead: 1, pushed: false },
      away: { ...clean, switched: true },
    });
    expect(shop.photograph()).toBe(before);
  });

  it.runIf(process.platform === 'linux')(
    'marks them for a person at 80 columns, says what the marks mean, and leaves pipes as they were',
    async () => {
      const line = `stty cols 80; ${process.execPath} ${BIN} ps`;
      const { stdout } = await execa('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
        ...{ cwd: shop.root, env: { ...shop.env, NO_COLOR: '1' }, extendEnv: false, stdin: 'ignore' },
      });
      const lines = stdout.split(/\r?\n/);
      const rowOf = (ticket: string): string => lines.find((one) => one.startsWith(`${ticket} `)) ?? '';
      expect(rowOf('clean')).toMatch(/\[main\] /);
      expect(rowOf('dirty')).toMatch(/\[main\]\* /);
      expect(rowOf('ahead')).toMatch(/\[main\]↑ /);
      expect(rowOf('away')).toMatch(/\[main\]≠ /);
      expect(lines).toContain('* not committed  ↑ not pushed  ≠ on another branch');
      expect(Math.max(...lines.map((one) => one.length))).toBeLessThanOrEqual(80);
      expect((await shop.stack(['ps'])).stdout).not.toContain('*');
      expect((await shop.stack(['ps', '-q'])).stdout).toBe('clean\ndirty\nahead\naway');
    },
  );

  it('takes a rebase of the ticket’s own branch for no other branch', async () => {
    const front = 'tickets/ahead/front';
    shop.commit(front, 'news', 'own\n');
    expect(() => shop.git(front, 'rebase', '--quiet', 'main')).toThrow();
    const { instances } = await shop.ps();
    expect(instances.find(({ ticket }) => ticket === 'ahead')?.repos.front).toMatchObject({
      changes: { dirty: true, switched: false },
    });
    shop.git(front, 'rebase', '--abort');
  });

  it('leaves out what cannot be looked at', async () => {
    shop.git('front', 'worktree', 'remove', '--force', shop.at('tickets/dirty/front'));
    const { instances } = await shop.ps();
    const { front } = (instances.find(({ ticket }) => ticket === 'dirty') as StackView['instances'][number]).repos;
    expect(front).toMatchObject({ status: 'broken' });
    expect(front).not.toHaveProperty('changes');
  });
});
