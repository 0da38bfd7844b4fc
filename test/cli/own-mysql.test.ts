import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rootIdOf } from '../../src/domain/names.ts';
import { hasMariaDb, type MariaDb, startMariaDb } from '../support/mariadb.ts';
import { makeShop, type Shop, shopConfig } from '../support/shop.ts';

/** In order: each test goes on from the one before. */
describe.skipIf(!hasMariaDb())('a ticket’s own MySQL database', { sequential: true, timeout: 120_000 }, () => {
  let shop: Shop;
  let server: MariaDb;
  let nameOf: (ticket: string) => string;

  beforeAll(async () => {
    server = await startMariaDb();
    server.sql(`CREATE DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_bin; CREATE DATABASE payroll`);
    server.sql(
      `CREATE TABLE items (id INT AUTO_INCREMENT PRIMARY KEY, name TEXT, raw VARBINARY(8));
       INSERT INTO items (name, raw) VALUES ('shared — ü\\n', X'00ff27');
       CREATE VIEW names AS SELECT name FROM items;`,
      'shop',
    );
    server.sql(`CREATE TRIGGER shout BEFORE INSERT ON items FOR EACH ROW SET NEW.name = UPPER(NEW.name);`, 'shop');
    const shared = `shared: { mysql: { url: "mysql://dev:de%27v@localhost:${server.port}/shop" } }\n`;
    shop = makeShop({
      config: (own) => shopConfig(own).replace("API_URL: '", "DATABASE_URL: '${mysql.url}', API_URL: '") + shared,
    });
    nameOf = (ticket) => `shop_${ticket.replaceAll('-', '_')}_${rootIdOf(shop.root)}`;
  }, 120_000);
  afterAll(async () => {
    await shop?.dispose();
    await server?.end();
  });

  const create = (ticket: string) => shop.stack(['create', ticket, '--own', 'mysql', '--no-wait']);
  const added = (): string[] =>
    server.sql('SHOW DATABASES').filter((name) => name.startsWith('shop_') || name === 'payroll_stack');
  const namesIn = (ticket: string): string[] => server.sql('SELECT name FROM items ORDER BY id', nameOf(ticket));

  it('is a whole copy of the baseline’s, which stays as it is, and the ticket is wired to it', async () => {
    expect(await create('feat-01')).toMatchObject({ code: 0 });
    const name = nameOf('feat-01');
    expect(added()).toEqual([name]);
    expect(namesIn('feat-01')).toEqual(['shared — ü\\n']);
    expect(server.sql('SELECT HEX(raw) FROM items', name)).toEqual(['00FF27']);
    expect(server.sql('SELECT name FROM names', name)).toEqual(['shared — ü\\n']);
    server.sql(`INSERT INTO items (name) VALUES ('of feat-01')`, name);
    expect(namesIn('feat-01').at(-1)).toBe('OF FEAT-01');
    expect(server.sql('SELECT COUNT(*) FROM items', 'shop')).toEqual(['1']);
    expect(server.sql(`SELECT @@collation_database`, name)).toEqual(['utf8mb4_bin']);
    const env = readFileSync(shop.at('tickets/feat-01/front/.env.local'), 'utf8');
    expect(env).toContain(`mysql://dev:de%27v@localhost:${server.port}/${name}`);
    expect((await shop.ps()).instances[0]).toMatchObject({ own: { mysql: { database: name } }, problems: [] });
  });

  it('is saved by destroy, goes with its ticket, and comes back with it', async () => {
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(added()).toEqual([]);
    expect(readdirSync(shop.at('.stack/dumps')).some((file) => file.endsWith('.sql'))).toBe(true);
    expect(await shop.stack(['restore', 'feat-01', '--no-wait'])).toMatchObject({ code: 0 });
    expect(namesIn('feat-01')).toEqual(['shared — ü\\n', 'OF FEAT-01']);
    server.sql(`INSERT INTO items (name) VALUES ('again')`, nameOf('feat-01'));
    expect(namesIn('feat-01').at(-1)).toBe('AGAIN');
  });

  it('that somebody dropped is told of by ps and doctor, and made again by start', async () => {
    server.sql(`DROP DATABASE ${nameOf('feat-01')}`);
    const gone = `its database ${nameOf('feat-01')} is gone`;
    expect((await shop.ps()).instances[0]?.problems.join()).toContain(gone);
    expect((await shop.stack(['doctor'])).stdout).toContain(gone);
    expect(await shop.stack(['start', 'feat-01', '--no-wait'])).toMatchObject({ code: 0 });
    expect(namesIn('feat-01')).toEqual(['shared — ü\\n']);
  });

  it('of that name which is somebody else’s is left alone, and the create fails', async () => {
    server.sql(`CREATE DATABASE ${nameOf('feat-02')}`);
    const run = await create('feat-02');
    expect(run).toMatchObject({ code: 2 });
    expect(run.stderr).toContain(`there is a database ${nameOf('feat-02')}`);
    expect(added()).toEqual([nameOf('feat-01'), nameOf('feat-02')].sort());
    server.sql(`DROP DATABASE ${nameOf('feat-02')}`);
  });

  it('of a ticket that no record knows is found by doctor, and removed', async () => {
    expect(await create('feat-03')).toMatchObject({ code: 0 });
    const state = JSON.parse(shop.read('.stack/state.json'));
    const copy = structuredClone(state);
    expect(await shop.stack(['destroy', 'feat-03', '--no-dump'])).toMatchObject({ code: 0 });
    const { database } = copy.instances['feat-03'].own.mysql;
    const mark = JSON.stringify({
      kind: 'ticket',
      rootId: rootIdOf(shop.root),
      root: shop.root,
      ticket: 'feat-03',
      copiedAt: 'x',
    });
    server.sql(`CREATE DATABASE ${database}; CREATE TABLE ${database}._stack (a INT) COMMENT='stack: ticket ${mark}'`);
    expect((await shop.stack(['doctor'])).stdout).toContain(`the database ${database} belongs to no ticket`);
    await shop.stack(['doctor', '--fix', '--yes']);
    expect(added()).toEqual([nameOf('feat-01')]);
  });

  it('is refused, with one line, where the server does not answer', async () => {
    shop.configure((text) => text.replace(`localhost:${server.port}/`, 'localhost:1/'));
    const run = await create('feat-04');
    shop.configure((text) => text.replace('localhost:1/', `localhost:${server.port}/`));
    expect(run).toMatchObject({ code: 1 });
    expect(run.stderr).toMatch(/^stack: .*MySQL at 127\.0\.0\.1:1/m);
    expect((await shop.ps()).instances.map(({ ticket }) => ticket)).toEqual(['feat-01']);
  });

  it('goes with down --volumes, and nothing else of the server does', async () => {
    await shop.stack(['stop', 'feat-01']);
    expect(await shop.stack(['down', '--volumes', '--yes'])).toMatchObject({ code: 0 });
    expect(added()).toEqual([]);
    expect(server.sql('SHOW DATABASES')).toEqual(expect.arrayContaining(['shop', 'payroll']));
  });
});
