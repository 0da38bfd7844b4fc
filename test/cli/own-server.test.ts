import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEmbeddedPostgres } from '../../src/adapters/servers/embedded-postgres.ts';
import type { HostServer } from '../../src/adapters/servers/host-server.ts';
import { rootIdOf } from '../../src/domain/names.ts';
import { CACHE_FOLDER } from '../support/cache.ts';
import { findTestEngine } from '../support/engine.ts';
import { freePorts } from '../support/ports.ts';
import { docker } from '../support/shared-services.ts';
import { makeShop, type Shop, shopConfig } from '../support/shop.ts';
import { until } from '../support/until.ts';

const IMAGE = 'postgres:16-alpine';

/** A Postgres that a team runs, with more in it than the shop's database; in order: each test goes on from the one before. */
describe('a ticket’s own database on a server of the team’s', { sequential: true, timeout: 120_000 }, () => {
  let shop: Shop;
  let server: HostServer;
  let port: number;
  let root: string;
  let id: string;

  beforeAll(async () => {
    root = realpathSync(mkdtempSync(path.join(tmpdir(), 'stack-team-')));
    server = createEmbeddedPostgres({ root, cacheFolder: CACHE_FOLDER, env: process.env });
    port = freePorts();
    await server.start({ port, user: 'boss', password: 'boss', database: 'payroll' }, new AbortController().signal);
    await query('payroll', `CREATE ROLE dev LOGIN CREATEDB PASSWORD 'dev'`);
    for (const name of ['shop OWNER dev', 'shop_feat_01', 'shop_feat_02'])
      await query('payroll', `CREATE DATABASE ${name}`);
    await query(
      'shop',
      `GRANT ALL ON SCHEMA public TO dev; SET ROLE dev; CREATE TABLE items AS SELECT 'shared' AS name`,
    );
    const shared = `shared: { postgres: { url: "postgres://dev:dev@localhost:${port}/shop" } }\n`;
    shop = makeShop({
      config: (own) => shopConfig(own).replace("API_URL: '", "DATABASE_URL: '${postgres.url}', API_URL: '") + shared,
    });
    id = rootIdOf(shop.root);
  });
  afterAll(async () => {
    await shop?.dispose();
    await server?.destroyData();
    await rm(root, { recursive: true, force: true, maxRetries: 3 });
  });

  const login = (database: string, user: string) => ({ host: 'localhost', port, user, password: user, database });
  const query = async (database: string, text: string, user = 'boss'): Promise<Record<string, unknown>[]> => {
    const client = new pg.Client(login(database, user));
    await client.connect();
    return (await client.query(text).finally(() => client.end())).rows;
  };
  /** What stack put beside the team's own databases, which must all be there. */
  const added = async (): Promise<string[]> => {
    const rows = await query('payroll', 'SELECT datname FROM pg_database');
    const names = rows.map(({ datname }) => String(datname));
    const theirs = ['payroll', 'postgres', 'template0', 'template1', 'shop', 'shop_feat_01', 'shop_feat_02'];
    expect(theirs.filter((name) => !names.includes(name))).toEqual([]);
    return names.filter((name) => !theirs.includes(name)).sort();
  };
  const create = (ticket: string) => shop.stack(['create', ticket, '--own', 'postgres', '--no-wait']);

  it('is refused, with a line that says what would help, while the role may not create databases', async () => {
    await query('payroll', 'ALTER ROLE dev NOCREATEDB');
    const run = await create('feat-01');
    await query('payroll', 'ALTER ROLE dev CREATEDB');
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toMatch(
      /^stack: dev may not do that on Postgres at \S+: permission denied to create database$/m,
    );
    expect(run.stderr).toContain('as a superuser there: ALTER ROLE "dev" CREATEDB');
    expect(await added()).toEqual([]);
    expect((await shop.ps()).instances).toEqual([]);
    expect(shop.git('front', 'branch', '--format=%(refname:short)')).toBe('feat/ui\nmain');
  });

  it('is refused while the role owns nothing that it could copy', async () => {
    await query('payroll', 'ALTER DATABASE shop OWNER TO boss');
    const run = await create('feat-01');
    await query('payroll', 'ALTER DATABASE shop OWNER TO dev');
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toContain('permission denied to copy database "shop"');
    expect(run.stderr).toContain('as a superuser there: ALTER DATABASE "shop" OWNER TO "dev"');
    expect(await added()).toEqual([]);
  });

  it('names the root too, so that it is nobody else’s, and holds what the baseline’s does', async () => {
    expect(await create('feat-01')).toMatchObject({ code: 0 });
    const name = `shop_feat_01_${id}`;
    expect(await added()).toEqual([`shop__template_${id}`, name].sort());
    expect(await query(name, 'SELECT name FROM items', 'dev')).toEqual([{ name: 'shared' }]);
    const env = readFileSync(shop.at('tickets/feat-01/front/.env.local'), 'utf8');
    expect(env).toContain(`DATABASE_URL=postgres://dev:dev@localhost:${port}/${name}`);
  });

  it('is copied again when the baseline’s has changed', async () => {
    await query('shop', `INSERT INTO items VALUES ('later')`);
    expect(await create('feat-02')).toMatchObject({ code: 0 });
    expect(await query(`shop_feat_02_${id}`, 'SELECT name FROM items', 'dev')).toHaveLength(2);
  });

  it('goes with its ticket, after it was saved, and comes back with it', async () => {
    await query(`shop_feat_01_${id}`, `INSERT INTO items VALUES ('of feat-01')`, 'dev');
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await added()).not.toContain(`shop_feat_01_${id}`);
    expect(await shop.stack(['restore', 'feat-01', '--no-wait'])).toMatchObject({ code: 0 });
    const rows = await query(`shop_feat_01_${id}`, 'SELECT name FROM items', 'dev');
    expect(rows.map(({ name }) => name)).toEqual(['shared', 'of feat-01']);
  });

  it.each([
    ['this machine is called otherwise', '127.0.0.1', false],
    ['the server is, and the ticket was started since', '127.1', true],
  ])('goes with its ticket also where %s', async (_, host, starts) => {
    expect(await create('feat-04')).toMatchObject({ code: 0 });
    shop.configure((text) => text.replace('@localhost:', `@${host}:`));
    if (starts) expect(await shop.stack(['start', 'feat-04', '--no-wait'])).toMatchObject({ code: 0 });
    const run = await shop.stack(['destroy', 'feat-04', '--no-dump']);
    shop.configure((text) => text.replace(`@${host}:`, '@localhost:'));
    expect(run).toMatchObject({ code: 0, stderr: expect.not.stringContaining('stays') });
    expect((await added()).filter((name) => name.includes('feat_04'))).toEqual([]);
  });

  it('stays while somebody else is connected, whom the role may neither see whole nor end', async () => {
    const boss = new pg.Client({ ...login(`shop_feat_02_${id}`, 'boss'), application_name: 'psql of the boss' });
    boss.on('error', () => undefined);
    await boss.connect();
    const refused = await shop.stack(['destroy', 'feat-02', '--no-dump']);
    expect(refused).toMatchObject({ code: 4 });
    expect(refused.stderr).toContain(`the database shop_feat_02_${id} is in use by psql of the boss (boss`);
    const forced = await shop.stack(['destroy', 'feat-02', '--no-dump', '--force']);
    expect(forced).toMatchObject({ code: 4 });
    expect(forced.stderr).toContain('is in use by psql of the boss (boss)');
    expect(forced.stderr).toContain('let a superuser there do that');
    expect(await added()).toContain(`shop_feat_02_${id}`);
    expect(await boss.query('SELECT 1 AS one')).toMatchObject({ rows: [{ one: 1 }] });
    await boss.end();
    expect(await shop.stack(['destroy', 'feat-02', '--no-dump'])).toMatchObject({ code: 0 });
    expect(await added()).not.toContain(`shop_feat_02_${id}`);
  });

  it('leaves the template and what is kept where they are until `down --volumes`, and theirs for ever', async () => {
    expect(await shop.stack(['destroy', 'feat-01', '--no-dump'])).toMatchObject({ code: 0 });
    expect(await added()).toContain(`shop__template_${id}`);
    expect(await shop.stack(['down'])).toMatchObject({ code: 0 });
    expect(await added()).toContain(`shop__template_${id}`);
    expect(await shop.stack(['down', '--volumes', '--yes'])).toMatchObject({ code: 0 });
    expect(await added()).toEqual([]);
  });
});

const engine = await findTestEngine();

describe.skipIf(!engine)('a ticket’s own database on a server whose disk is full', { timeout: 120_000 }, () => {
  const name = `stack-test-${randomBytes(4).toString('hex')}`;
  let shop: Shop;
  let port: number;

  beforeAll(async () => {
    port = freePorts();
    const settings = ['-e', 'POSTGRES_PASSWORD=boss', '-e', 'POSTGRES_USER=boss', '-p', `127.0.0.1:${port}:5432`];
    const small = ['--tmpfs', '/small:size=40m,mode=1777'];
    const run = docker('run', '-d', '--name', name, ...settings, ...small, process.env.STACK_POSTGRES_IMAGE ?? IMAGE);
    expect(run).toMatchObject({ status: 0 });
    await until(
      'Postgres answers',
      () =>
        query('SELECT 1').then(
          () => true,
          () => false,
        ),
      60,
    );
    // It has to be the server's own.
    expect(docker('exec', '-u', 'postgres', name, 'mkdir', '/small/space')).toMatchObject({ status: 0 });
    await query(`CREATE TABLESPACE small LOCATION '/small/space'`);
    await query('CREATE DATABASE shop TABLESPACE small');
    const shared = `shared: { postgres: { url: "postgres://boss:boss@localhost:${port}/shop" } }\n`;
    shop = makeShop({ config: (own) => shopConfig(own) + shared });
  });
  afterAll(async () => {
    await shop?.dispose();
    docker('rm', '--force', '--volumes', name);
  });

  const query = async (text: string, database = 'postgres'): Promise<Record<string, unknown>[]> => {
    const client = new pg.Client({ host: 'localhost', port, user: 'boss', password: 'boss', database });
    await client.connect();
    return (await client.query(text).finally(() => client.end())).rows;
  };
  const databases = async (): Promise<unknown[]> =>
    (await query(`SELECT datname FROM pg_database WHERE datname LIKE 'shop%' ORDER BY 1`)).map(
      ({ datname }) => datname,
    );
  const used = (): string => docker('exec', name, 'du', '-sk', '/small/space').stdout;

  it('is never half made: it says so in a line, and goes on when there is room', async () => {
    const create = (ticket: string) => shop.stack(['create', ticket, '--own', 'postgres', '--no-wait']);
    expect(await create('feat-01')).toMatchObject({ code: 0 });
    const [before, space] = [await databases(), used()];
    docker('exec', '-u', 'postgres', name, 'sh', '-c', 'dd if=/dev/zero of=/small/filler bs=1024 2>/dev/null');
    docker('exec', '-u', 'postgres', name, 'truncate', '-s', '-4M', '/small/filler');
    const run = await create('feat-02');
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toMatch(/^stack: the disk of Postgres at localhost:\d+ is full$/m);
    expect(run.stderr).toMatch(/^hint: free some space there/m);
    expect(await databases()).toEqual(before);
    expect(used()).toBe(space);
    expect((await shop.ps()).instances).toMatchObject([{ ticket: 'feat-01' }]);
    docker('exec', name, 'rm', '/small/filler');
    expect(await create('feat-02')).toMatchObject({ code: 0 });
  });
});
