import { readFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTestEngine } from '../support/engine.ts';
import { makeProduct, type Product } from '../support/product.ts';

const engine = await findTestEngine();

const RUNTIMES = [
  { runtime: 'docker', skip: !engine },
  { runtime: 'process', skip: false },
] as const;

/** Tickets with data of their own beside a baseline that serves, in order: each test goes on from the one before. */
for (const { runtime, skip } of RUNTIMES) {
  describe.skipIf(skip)(`tickets with their own data, on ${runtime}`, { sequential: true }, () => {
    let product: Product;

    beforeAll(async () => {
      product = await makeProduct({ runtime });
      product.writeConfig((text) => text.replace('shared: true,', 'shared: true, own: [postgres],'));
    });
    afterAll(() => product?.dispose());

    const api = async (inReadme: number, url: string, body?: object): Promise<{ items: { name: string }[] }> => {
      const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
      const answer = await fetch(`http://localhost:${product.port(inReadme)}${url}`, body && post);
      if (!answer.ok) throw new Error(await answer.text());
      return (await answer.json()) as { items: { name: string }[] };
    };
    const namesAt = async (inReadme: number) => (await api(inReadme, '/items')).items.map(({ name }) => name);

    /** What is on the server besides the baseline's and Postgres's own. */
    const databases = async (): Promise<string[]> => {
      const { url } = (await product.ps()).shared.postgres!;
      const client = new pg.Client(url.replace('stack@', 'stack:stack@'));
      await client.connect();
      const { rows } = await client.query('SELECT datname FROM pg_database ORDER BY 1').finally(() => client.end());
      return rows.map(({ datname }) => datname).filter((name) => name.startsWith('shop_'));
    };

    it('gives a ticket that forks the API a copy of the baseline’s database, since stack.yml says so', async () => {
      await product.stack(['up']);
      await api(3000, '/items', { name: 'of the baseline' });
      expect(await product.stack(['create', 'feat-01', '--with', 'api'])).toMatchObject({ code: 0 });
      expect(await namesAt(4001)).toEqual(['of the baseline']);
      const env = readFileSync(path.join(product.root, 'tickets/feat-01/api/.env.local'), 'utf8');
      expect(env).toMatch(/^DATABASE_URL=.*\/shop_feat_01$/m);
    });

    it('leaves a ticket that borrows the API on the baseline’s', async () => {
      expect(await product.stack(['create', 'feat-02', '--no-start'])).toMatchObject({ code: 0 });
      expect(JSON.stringify(await product.ps())).not.toContain('shop_feat_02');
      expect(await product.stack(['destroy', 'feat-02'])).toMatchObject({ code: 0 });
    });

    it('keeps what each writes to itself, while the baseline serves', async () => {
      expect(await product.stack(['create', 'feat-03', '--with', 'api'])).toMatchObject({ code: 0 });
      const writes = [3000, 4001, 4002].map((port) => api(port, '/items', { name: `through ${port}` }));
      await Promise.all(writes);
      expect(await namesAt(3000)).toEqual(['of the baseline', 'through 3000']);
      expect(await namesAt(4001)).toEqual(['of the baseline', 'through 4001']);
      expect(await namesAt(4002)).toEqual(['of the baseline', 'through 4002']);
    });

    it('keeps it when the ticket is stopped and started', async () => {
      expect(await product.stack(['restart', 'feat-01'])).toMatchObject({ code: 0 });
      expect(await namesAt(4001)).toEqual(['of the baseline', 'through 4001']);
    });

    it('refuses to destroy a database that somebody else is connected to, and says who; force ends them', async () => {
      const { url } = (await product.ps()).shared.postgres!;
      const client = new pg.Client({
        connectionString: url.replace('stack@', 'stack:stack@').replace(/shop$/, 'shop_feat_03'),
        application_name: 'psql of ada',
      });
      client.on('error', () => undefined);
      await client.connect();
      const refused = await product.stack(['destroy', 'feat-03']);
      expect(refused).toMatchObject({ code: 4, stdout: '' });
      expect(refused.stderr).toMatch(/database shop_feat_03 is in use by psql of ada \(stack from /);
      expect(await product.stack(['start', 'feat-03'])).toMatchObject({ code: 0 });
      expect(await namesAt(4002)).toEqual(['of the baseline', 'through 4002']);
      expect(await product.stack(['destroy', 'feat-03', '--force'])).toMatchObject({ code: 0 });
      await client.end().catch(() => undefined);
      expect((await databases()).filter((name) => name.includes('feat_03'))).toEqual([]);
    });

    it('drops it also when all was taken down before; nothing but the sealed template is left', async () => {
      expect(await product.stack(['stop', 'feat-01'])).toMatchObject({ code: 0 });
      expect(await product.stack(['down'])).toMatchObject({ code: 0 });
      expect(await product.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
      expect(await product.stack(['up'])).toMatchObject({ code: 0 });
      expect(await databases()).toEqual([expect.stringMatching(/^shop__template_/)]);
      expect(await namesAt(3000)).toEqual(['of the baseline', 'through 3000']);
    });

    it('refuses to give a ticket its own of what cannot be had', async () => {
      const run = await product.stack(['create', 'feat-04', '--own', 'kafka']);
      expect(run).toMatchObject({ code: 2 });
      expect(run.stderr).toContain('--own kafka: a ticket can have its own postgres only');
    });
  });
}
