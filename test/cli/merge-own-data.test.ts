import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../support/ports.ts';
import { makeShop, type Shop } from '../support/shop.ts';

const CLIENT = path.resolve(import.meta.dirname, '../../node_modules/pg/lib/index.js');

/** Says what it works on, and leaves something there. */
const CHECK = `import { readFileSync } from 'node:fs';
import pg from '${CLIENT}';
const [, url] = /^DATABASE_URL='?([^'\\n]+)/m.exec(readFileSync(import.meta.dirname + '/.env.local', 'utf8'));
const client = new pg.Client({ connectionString: url });
await client.connect();
const ask = async (sql) => (await client.query(sql)).rows;
console.log('on ' + (await ask('SELECT current_database() AS name'))[0].name);
await ask('CREATE TABLE of_the_merge (number int)');
await ask('INSERT INTO migrated VALUES (2)');
console.log('rows ' + (await ask('SELECT number FROM migrated')).map(({ number }) => number));
await client.end();
`;
const MIGRATE = `import pg from '${CLIENT}';
const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
await client.query('CREATE TABLE IF NOT EXISTS migrated (number int)');
await client.query('DELETE FROM migrated');
await client.query('INSERT INTO migrated VALUES (1)');
await client.end();
`;

describe('a ticket with data of its own that is merged', { timeout: 240_000 }, () => {
  let shop: Shop;
  const query = async (url: string, sql: string): Promise<unknown[]> => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  };
  const urlOf = (file: string): string => /^DATABASE_URL='?([^'\n]+)/m.exec(shop.read(file))?.[1] ?? '';

  beforeAll(async () => {
    const port = freePorts(1);
    shop = makeShop();
    shop.configure((text) =>
      text
        .replace('runtime: process', `runtime: process\nshared: { postgres: { provider: embedded, port: ${port} } }`)
        .replace(', shared: true', ', migrate: [node migrate.mjs]')
        .replace("env: { PORT: '${port.http}' }", "env: { PORT: '${port.http}', DATABASE_URL: '${postgres.url}' }"),
    );
    shop.commit('api', 'check.mjs', CHECK);
    shop.commit('api', 'migrate.mjs', MIGRATE);
    const made = await shop.stack(['create', 'feat-01', '--own', 'postgres', '--no-wait']);
    expect(made).toMatchObject({ code: 0 });
    shop.commit('tickets/feat-01/api', 'new.txt', 'new\n');
  });
  afterAll(() => shop.dispose());

  it('is verified on a database of the verification’s own, migrated as the ticket’s, of which nothing stays', async () => {
    const own = urlOf('tickets/feat-01/api/.env.local');
    const name = new URL(own).pathname.slice(1);
    const list = async () => query(own, 'SELECT datname FROM pg_database ORDER BY datname');
    const before = await list();
    const run = await shop.stack([
      'merge',
      'feat-01',
      '--json',
      '--verify',
      'node api/check.mjs && cat api/new.txt; exit 3',
    ]);
    expect(run.code).toBe(1);
    const [on, rows, file] = JSON.parse(run.stdout).verified.lines;
    expect(on).toMatch(/^on stack_verify_/);
    expect(on).not.toBe(`on ${name}`);
    expect([rows, file]).toEqual(['rows 1,2', 'new']);
    expect(await list()).toEqual(before);
    expect(await query(own, 'SELECT number FROM migrated')).toEqual([{ number: 1 }]);
    expect(await query(own, "SELECT to_regclass('of_the_merge') AS found")).toEqual([{ found: null }]);
    expect(Object.keys(shop.state()?.instances ?? {})).toEqual(['feat-01']);
  });

  it('gets the migrations among its news with --setup, and its services run on', async () => {
    const own = urlOf('tickets/feat-01/api/.env.local');
    shop.commit('api', 'migrations/002.sql', 'SELECT 1;\n');
    await query(own, 'INSERT INTO migrated VALUES (7)');
    const run = await shop.stack(['sync', 'feat-01', '--setup', '--json']);
    expect(run.code).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({
      repos: { api: { result: 'updated', changed: { migrations: ['migrations/002.sql'] } } },
      setup: { setUp: [], migrated: ['api'] },
    });
    expect(await query(own, 'SELECT number FROM migrated')).toEqual([{ number: 1 }]);
    expect((await shop.ps()).instances[0]?.status).toBe('running');
  });
});
