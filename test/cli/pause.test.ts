import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StackView } from '../../src/domain/view.ts';
import { findTestEngine } from '../support/engine.ts';
import { expectRefusal } from '../support/refusal.ts';
import { BIN, containedConfig, makeShop, type Shop, shopConfig } from '../support/shop.ts';

const engine = await findTestEngine();
const RUNTIMES = [
  ['process', false, shopConfig],
  ['docker', engine === undefined, containedConfig],
] as const;

for (const [runtime, skip, config] of RUNTIMES) {
  describe.skipIf(skip)(`a paused ticket, on ${runtime}`, { sequential: true, timeout: 120_000 }, () => {
    let shop: Shop;
    beforeAll(async () => {
      shop = makeShop({ engine: runtime === 'docker', config, env: { STACK_BIN: BIN } });
      await shop.stack(['create', 'feat-01', '--with', 'api']);
    }, 120_000);
    afterAll(() => shop.dispose(), 120_000);

    const look = async (): Promise<StackView['instances'][number]> => {
      const [found] = (await shop.ps()).instances;
      if (!found) throw new Error('feat-01 is gone');
      return found;
    };
    const running = async (): Promise<string[]> => {
      const { services } = await look();
      return Object.keys(services).filter((name) => services[name]?.status === 'running');
    };
    const leases = () => shop.state()?.instances['feat-01']?.services;

    it('has nothing that runs, and keeps its ports, its files and what was not running', async () => {
      const before = leases();
      shop.write('tickets/feat-01/front/notes.txt', 'mine');
      await shop.stack(['stop', 'feat-01', 'front']);
      const paused = await shop.stack(['pause', 'feat-01']);
      expect(paused).toMatchObject({ code: 0, stdout: expect.stringMatching(/feat-01 .* paused$/) });
      expect(await look()).toMatchObject({ status: 'paused', pausedAt: expect.stringMatching(/^20/), problems: [] });
      expect(await running()).toEqual([]);
      expect(leases()).toEqual(before);
      expect(shop.read('tickets/feat-01/front/notes.txt')).toBe('mine');
      expect((await shop.stack(['doctor'])).stdout).toMatch(/feat-01 .*it is paused; `stack resume feat-01` starts it/);
      expect((await shop.stack(['ps', '-q', '--filter', 'status=paused'])).stdout).toBe('feat-01');
      expect((await shop.stack(['pause', 'feat-01'])).stderr).toContain('feat-01 is paused already');
      expect(await shop.stack(['resume', 'feat-01'])).toMatchObject({ code: 0 });
      expect(await running()).toEqual(['api']);
      expect(await look()).toMatchObject({ status: 'partial' });
      expect(leases()).toEqual(before);
    });

    it('runs again after `start`, and is stopped after `stop`: there is nothing to resume then', async () => {
      await shop.stack(['pause', 'feat-01']);
      await shop.stack(['start', 'feat-01']);
      expect((await running()).sort()).toEqual(['api', 'front']);
      await shop.stack(['pause', 'feat-01']);
      await shop.stack(['stop', 'feat-01']);
      expect(await look()).toMatchObject({ status: 'stopped' });
      await expectRefusal(shop, ['resume', 'feat-01'], {
        code: 'state',
        message: /^feat-01 is not paused, it is stopped$/,
        hint: /`stack start feat-01`/,
      });
      expect((await shop.stack(['pause', 'feat-01'])).stderr).toContain('nothing of feat-01 runs');
      await shop.stack(['start', 'feat-01']);
    });

    it('is refused while an agent works there, unless a person says yes', async () => {
      const words = ['run', 'feat-01', '-d', '--', 'sh', '-c', 'sleep 1000'];
      expect(await shop.stack(words)).toMatchObject({ code: 0 });
      await expectRefusal(shop, ['pause', 'feat-01'], {
        code: 'confirm',
        message:
          /^In feat-01 the agent sh \(run 1\) is \w+\. Pause what it works on all the same\? Nobody is here to ask$/,
        hint: /--yes/,
      });
      expect(await shop.stack(['pause', 'feat-01', '--yes'])).toMatchObject({ code: 0 });
      expect(await look()).toMatchObject({ status: 'paused', agents: [{ name: 'sh' }] });
      await shop.stack(['stop', 'feat-01', '--run', '1']);
      expect(await look()).toMatchObject({ status: 'paused' });
    });

    it('goes as any other: what would be lost is refused', async () => {
      expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 4 });
      rmSync(shop.at('tickets/feat-01/front/notes.txt'));
      expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
      expect((await shop.ps()).instances).toEqual([]);
    });
  });
}
