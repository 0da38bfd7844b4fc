import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { findTestEngine } from '../support/engine.ts';
import { withOwnPassword } from '../support/own-password.ts';
import { makeProduct, type Product } from '../support/product.ts';
import { until } from '../support/until.ts';

const engine = await findTestEngine();

/** Migrations may run twice, seeds may not; either can be held in the middle. */
const FILL = `import { existsSync, writeFileSync } from 'node:fs';
import clients from './vendor/clients.cjs';
const [kind] = process.argv.slice(2);
const client = new clients.pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
const [first, second] = {
  migrate: ['CREATE TABLE IF NOT EXISTS first (id int)', 'CREATE TABLE IF NOT EXISTS second (id int)'],
  seed: ['INSERT INTO first VALUES (1)', 'INSERT INTO first VALUES (2)'],
}[kind];
await client.query(first);
if (existsSync('hold-' + kind)) {
  writeFileSync('held', '');
  setInterval(() => undefined, 1000);
  await new Promise(() => undefined);
}
await client.query(second);
await client.end();
`;

for (const runtime of ['process', 'docker'] as const) {
  const isOut = runtime === 'docker' && !engine;
  describe.skipIf(isOut)(
    `what fills the baseline’s database, killed half way, on ${runtime}`,
    { timeout: 120_000 },
    () => {
      let product: Product;
      beforeAll(async () => {
        product = await makeProduct({ runtime });
        product.writeConfig((text) =>
          text
            .replace('shared: true,', 'shared: true, migrate: [node fill.mjs migrate], seed: [node fill.mjs seed],')
            .replace(', setup: [npm ci]', '')
            .replaceAll(/npm (start|run dev)/g, 'node server.js'),
        );
        writeFileSync(inApi('fill.mjs'), FILL);
      });
      beforeEach(() => product.stack(['down', '--force', '--volumes', '--yes']));
      afterAll(() => product?.dispose());

      const inApi = (file: string): string => path.join(product.root, 'api', file);
      const killAt = async (kind: 'migrate' | 'seed'): Promise<void> => {
        writeFileSync(inApi(`hold-${kind}`), '');
        const bin = path.resolve(import.meta.dirname, '../../bin/stack.js');
        const running = execa('node', [bin, 'up'], {
          cwd: product.root,
          env: product.env,
          extendEnv: false,
          reject: false,
        });
        await until('it is in the middle', () => existsSync(inApi('held')), 60);
        running.kill('SIGKILL');
        await running;
        for (const file of [`hold-${kind}`, 'held']) rmSync(inApi(file));
      };
      const rows = async (): Promise<number[]> => {
        const { url } = (await product.ps()).shared.postgres!;
        const client = new pg.Client(withOwnPassword(product.root, url));
        await client.connect();
        const answer = await client.query('SELECT id FROM first ORDER BY 1').finally(() => client.end());
        return answer.rows.map(({ id }) => id);
      };
      const isServing = async () => (await product.ps()).baseline.services.api?.status === 'running';

      it('is migrated to its end, and seeded, by the next command', async () => {
        await killAt('migrate');
        expect(await product.stack(['create', 'a1'])).toMatchObject({ code: 0 });
        expect(await rows()).toEqual([1, 2]);
        await product.stack(['destroy', 'a1', '--yes']);
        expect(await product.stack(['up'])).toMatchObject({ code: 0 });
        expect(await rows()).toEqual([1, 2]);
      });

      it('starts nothing on it while it is seeded in part, and is emptied and filled again on a yes', async () => {
        await killAt('seed');
        for (const args of [['up'], ['create', 'a1'], ['create', 'a2', '--with', 'api', '--own', 'postgres']]) {
          const refused = await product.stack(args);
          expect(refused).toMatchObject({ code: 4, stdout: '' });
          expect(refused.stderr).toContain('filled in part');
          expect(refused.stderr).toContain('`stack up --yes` empties it and fills it again');
        }
        expect((await product.ps()).instances).toEqual([]);
        expect(await isServing()).toBe(false);
        expect(await rows()).toEqual([1]);
        expect(await product.stack(['up', '--yes'])).toMatchObject({ code: 0 });
        expect(await rows()).toEqual([1, 2]);
        expect(await isServing()).toBe(true);
        expect(await product.stack(['up'])).toMatchObject({ code: 0 });
        expect(await rows()).toEqual([1, 2]);
      });

      it('is seeded again on top of what is there when somebody says so', async () => {
        await killAt('seed');
        expect(await product.stack(['up', '--seed'])).toMatchObject({ code: 0 });
        expect(await rows()).toEqual([1, 1, 2]);
        expect(await product.stack(['up'])).toMatchObject({ code: 0 });
        expect(await rows()).toEqual([1, 1, 2]);
      });
    },
  );
}
