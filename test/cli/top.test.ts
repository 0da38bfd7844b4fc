import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TopView } from '../../src/orchestrator/status/top.ts';
import { findTestEngine } from '../support/engine.ts';
import { containedConfig, makeShop, type Shop, shopConfig } from '../support/shop.ts';
import { until } from '../support/until.ts';

const engine = await findTestEngine();
const RUNTIMES = [
  ['process', false, shopConfig],
  ['docker', engine === undefined, containedConfig],
] as const;

/** Holds 120 MB, and keeps a processor busy. */
const BUSY = `const held = Buffer.alloc(120e6, 1);
(await import('node:http')).createServer((_, answer) => answer.end('ok')).listen(process.env.PORT, process.argv[2] ?? 'localhost');
const work = () => { for (const end = Date.now() + 50; Date.now() < end; ) held[0] += 1; setImmediate(work); };
work();
`;

for (const [runtime, skip, config] of RUNTIMES) {
  describe.skipIf(skip)(`stack top, on ${runtime}`, { timeout: 120_000 }, () => {
    let shop: Shop;
    beforeAll(async () => {
      shop = makeShop({ engine: runtime === 'docker', config });
      shop.commit('front', 'server.mjs', BUSY);
      shop.configure((text) => text.replace(/(repo: front)/, '$1\n    memory: 1G'));
      await shop.stack(['create', 'feat-01']);
      await shop.stack(['create', 'feat-02', '--no-start']);
      shop.write('tickets/feat-02/front/large.bin', 'x'.repeat(3_000_000));
    }, 120_000);
    afterAll(() => shop.dispose(), 120_000);

    it('tells who is busy, who holds memory, and whose files take the disk', async () => {
      const { code, stdout } = await shop.stack(['top', '--json']);
      expect(code).toBe(0);
      const { tickets, freeBytes, problems }: TopView = JSON.parse(stdout);
      const [first, second] = tickets;
      expect(first).toMatchObject({ ticket: 'feat-01', status: 'running' });
      expect(first?.cpus).toBeGreaterThan(0.05);
      expect(first?.services.front?.memoryBytes).toBeGreaterThan(120e6);
      expect(first?.services.front?.limits).toEqual({ cpus: null, memoryBytes: 1024 ** 3 });
      expect(second).toMatchObject({ ticket: 'feat-02', cpus: null, memoryBytes: null });
      expect(second?.diskBytes).toBeGreaterThan(3_000_000);
      expect(second?.diskBytes).toBeLessThan(20_000_000);
      expect(freeBytes).toBeGreaterThan(0);
      expect(problems).toEqual([]);
    });

    it('is a table that fits 80 columns, of the tickets that are named', async () => {
      const { stdout } = await shop.stack(['top', 'feat-01']);
      expect(stdout).toMatch(/^TICKET +SERVICE +CPU +MEMORY +DISK +STATUS\nfeat-01 +\d+% +\d+ MB /);
      expect(stdout).toMatch(/^ +front +\d+% +\d+ MB of 1.0 GB /m);
      expect(stdout).not.toContain('feat-02');
      expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
      expect(await shop.stack(['top', 'nope'])).toMatchObject({ code: 2 });
    });

    it('shows nothing of what is paused but its disk', async () => {
      await shop.stack(['pause', 'feat-01']);
      await until('it is gone', async () => {
        const { tickets }: TopView = JSON.parse((await shop.stack(['top', '--json'])).stdout);
        const [first] = tickets;
        return first?.cpus === null && first.memoryBytes === null && (first.diskBytes ?? 0) > 0;
      });
    });
  });
}
