import { writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findDatabase } from '../../src/adapters/postgres/databases.ts';
import { databaseStep } from '../../src/orchestrator/data/postgres/database-step.ts';
import { dumpDatabase, loadInto } from '../../src/orchestrator/data/postgres/dump.ts';
import { openPostgres, type PostgresServer } from '../../src/orchestrator/data/postgres/postgres.ts';
import { isTemplateFresh, refreshTemplate, templateName } from '../../src/orchestrator/data/postgres/template.ts';
import { config, FROM, WORLDS, type World, workOn } from '../support/database-worlds.ts';
import { until } from '../support/until.ts';

const never = new AbortController().signal;
const OTHERS = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
                   AND backend_type = 'client backend'`;

for (const { name, skip, make } of WORLDS) {
  describe.skipIf(skip)(`a ticket’s own database, on ${name}`, { sequential: true, timeout: 240_000 }, () => {
    // What only one of them can do, or cannot, is no test that was skipped on the other.
    const itOn = (place: string) =>
      place === name ? it : (_behaviour: string, _test: () => Promise<void>) => undefined;
    let world: World;
    let server: PostgresServer;

    beforeAll(async () => {
      world = await make();
      server = openPostgres(world.stack, config, world.leases);
    });
    afterAll(() => world?.end());

    const query = async (database: string, text: string): Promise<Record<string, unknown>[]> => {
      const { port } = world.leases.postgres!;
      const client = new pg.Client({ host: 'localhost', port, user: 'stack', password: 'stack', database });
      await client.connect();
      return (await client.query(text).finally(() => client.end())).rows ?? [];
    };

    const refresh = (options: { force?: boolean; asked?: boolean } = {}, on = server) =>
      refreshTemplate(world.stack, on, {
        force: false,
        asked: true,
        signal: never,
        note: () => undefined,
        ...options,
      });

    /** The same server where npm reaches no registry. */
    const bare = (): PostgresServer => ({ ...server, wireDump: async () => undefined });

    const stepOf = (ticket: string) => databaseStep(workOn(world, ticket));
    const apply = (ticket: string) => stepOf(ticket).apply({ signal: never, note: () => undefined });

    it('is a whole copy: rows, sequences, large objects, extensions, grants, settings, who may connect', async () => {
      await query(
        FROM,
        `CREATE EXTENSION pg_trgm; CREATE ROLE reader; CREATE TABLE items (id serial PRIMARY KEY, name text);
         INSERT INTO items (name) SELECT 'item ' || n FROM generate_series(1, 50) n; GRANT SELECT ON items TO reader;
         SELECT lo_from_bytea(4242, 'a large object');
         ALTER DATABASE "shop's own" SET search_path TO "$user", public; ALTER DATABASE "shop's own" SET work_mem TO '7MB';
         REVOKE CONNECT ON DATABASE "shop's own" FROM PUBLIC; GRANT CONNECT ON DATABASE "shop's own" TO reader`,
      );
      expect(await refresh()).toEqual({ made: true, live: false });
      await apply('t1');
      const [facts] = await query(
        'shop_t1',
        `SELECT (SELECT count(*)::int FROM items) AS items, nextval('items_id_seq')::int AS next,
                convert_from(lo_get(4242), 'UTF8') AS object, similarity('shop', 'shop') AS trgm,
                has_table_privilege('reader', 'items', 'SELECT') AS reads, current_setting('work_mem') AS memory,
                current_setting('search_path') AS path, has_database_privilege('reader', 'shop_t1', 'CONNECT') AS enters,
                (SELECT count(*)::int FROM aclexplode((SELECT datacl FROM pg_database WHERE datname = 'shop_t1')) a
                  WHERE a.grantee = 0 AND privilege_type = 'CONNECT') AS everybody`,
      );
      expect(facts).toEqual({
        ...{ items: 50, next: 51, object: 'a large object', trgm: 1, reads: true, memory: '7MB' },
        ...{ path: '"$user", public', enters: true, everybody: 0 },
      });
    });

    it('has the settings of the baseline as words, whatever stands in them', async () => {
      const odd = 'public;create/**/role/**/made,  "a ""b"" , c"';
      await query(
        FROM,
        `SELECT set_config('search_path', '${odd}', false); ALTER DATABASE "shop's own" SET search_path FROM CURRENT;
         ALTER DATABASE "shop's own" SET application_name TO 'it''s; one'`,
      );
      await refresh({ force: true });
      await apply('odd');
      const asked = `SELECT current_setting('application_name') AS word, current_setting('search_path') AS path,
                            (SELECT count(*)::int FROM pg_roles WHERE rolname = 'made') AS made`;
      expect(await query('shop_odd', asked)).toEqual([
        { word: "it's; one", path: '"public;create/**/role/**/made", "a ""b"" , c"', made: 0 },
      ]);
      await query(
        FROM,
        `ALTER DATABASE "shop's own" RESET application_name; ALTER DATABASE "shop's own" SET search_path TO "$user", public`,
      );
      await stepOf('odd').revert();
      await refresh({ force: true });
    });

    it('says in its comment whose it is', async () => {
      const found = await server.admin((session) => findDatabase(session, 'shop_t1'));
      const { root, rootId } = world.stack;
      expect(found?.mark).toMatchObject({ kind: 'ticket', ticket: 't1', root, rootId });
    });

    it('comes from a template that nobody can connect to', async () => {
      await expect(query(templateName(world.stack, server), 'SELECT 1')).rejects.toMatchObject({ code: '55000' });
    });

    it('knows that the baseline’s rows or schema have changed, and that reading changes nothing', async () => {
      const isFresh = () => isTemplateFresh(world.stack, server);
      expect(await isFresh()).toBe(true);
      await query(FROM, 'SELECT * FROM items');
      await query('shop_t1', 'CREATE TABLE elsewhere (id int)');
      expect(await isFresh()).toBe(true);
      for (const change of [
        'INSERT INTO items (name) VALUES (NULL)',
        'ALTER TABLE items ADD colour text',
        'TRUNCATE items',
      ]) {
        await query(FROM, change);
        await until(`it sees ${change}`, async () => !(await isFresh()));
        await refresh();
        expect(await isFresh()).toBe(true);
      }
    });

    it('knows what a connection wrote that ends while it looks', async () => {
      const { port } = world.leases.postgres!;
      const writer = new pg.Client({ host: 'localhost', port, user: 'stack', password: 'stack', database: FROM });
      await writer.connect();
      // What follows on this within a second the server counts later.
      await writer.query('SELECT 1');
      await writer.query(`INSERT INTO items (name) VALUES ('just now')`);
      let ended = false;
      const looking: PostgresServer = {
        ...server,
        admin: (ask, signal) =>
          server.admin(
            (session) =>
              ask({
                ...session,
                async query<Row extends Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]> {
                  const rows = await session.query<Row>(text, values);
                  if (!ended && text.includes('pg_stat_database')) {
                    ended = true;
                    await writer.end();
                    await until('the writer is gone', async () => (await query(FROM, OTHERS)).length === 0);
                  }
                  return rows;
                },
              }),
            signal,
          ),
      };
      expect(await isTemplateFresh(world.stack, looking)).toBe(false);
      if (!ended) await writer.end();
      await query(FROM, `DELETE FROM items WHERE name = 'just now'`);
      await refresh();
    });

    it('is made ten times side by side, each with what the baseline had', async () => {
      await query(FROM, `INSERT INTO items (name) VALUES ('last')`);
      await refresh();
      const tickets = Array.from({ length: 10 }, (_, index) => `side_${index}`);
      await Promise.all(tickets.map(apply));
      for (const ticket of tickets) {
        expect(await query(`shop_${ticket}`, 'SELECT name FROM items')).toEqual([{ name: 'last' }]);
      }
      await Promise.all(tickets.map((ticket) => stepOf(ticket).revert()));
      expect(await stepOf('side_0').inspect()).toBe('absent');
    });

    it('goes although somebody is connected, when the step is told to, and twice is once', async () => {
      const { port } = world.leases.postgres!;
      const client = new pg.Client({ host: 'localhost', port, user: 'stack', password: 'stack', database: 'shop_t1' });
      client.on('error', () => undefined);
      await client.connect();
      expect(await stepOf('t1').inspect()).toBe('present');
      await stepOf('t1').revert();
      await stepOf('t1').revert();
      expect(await stepOf('t1').inspect()).toBe('absent');
    });

    it('leaves a database of its name alone that is somebody else’s', async () => {
      await query(FROM, 'CREATE DATABASE shop_taken');
      await expect(apply('taken')).rejects.toMatchObject({
        code: 'exists',
        message: expect.stringContaining('shop_taken'),
      });
      await stepOf('taken').revert();
      expect(await query('shop_taken', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    });

    describe('while the baseline’s database is in use', () => {
      let busy: pg.Client;
      beforeAll(async () => {
        const { port } = world.leases.postgres!;
        busy = new pg.Client({ host: 'localhost', port, user: 'stack', password: 'stack', database: FROM });
        busy.on('error', () => undefined);
        await busy.connect();
        await busy.query(`INSERT INTO items (name) VALUES ('while in use')`);
      });
      afterAll(() => busy?.end().catch(() => undefined));

      it('is copied by pg_dump, and nobody is disturbed', async () => {
        expect(await refresh()).toEqual({ made: true, live: true });
        expect(await busy.query('SELECT 1 AS one')).toMatchObject({ rows: [{ one: 1 }] });
        await apply('live');
        const [facts] = await query(
          'shop_live',
          `SELECT (SELECT count(*)::int FROM items) AS items, convert_from(lo_get(4242), 'UTF8') AS object,
                  similarity('shop', 'shop') AS trgm, has_table_privilege('reader', 'items', 'SELECT') AS reads,
                  current_setting('work_mem') AS memory`,
        );
        expect(facts).toEqual({ items: 2, object: 'a large object', trgm: 1, reads: true, memory: '7MB' });
      });

      it('needs no new template while others read, and one at once when they have written', async () => {
        const isFresh = async (): Promise<boolean> => {
          await busy.query('SELECT * FROM items');
          return isTemplateFresh(world.stack, server);
        };
        for (const change of [
          `INSERT INTO items (name) VALUES ('one more')`,
          `UPDATE items SET name = 'other' WHERE name = 'one more'`,
          `DELETE FROM items WHERE name = 'other'`,
          `SELECT nextval('items_id_seq')`,
          `SELECT lo_put(4242, 0, 'a')`,
          `CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
        ]) {
          await busy.query(change);
          expect([change, await isFresh()]).toEqual([change, false]);
          await refresh();
          expect([change, await isFresh()]).toEqual([change, true]);
        }
        await busy.query(`BEGIN; INSERT INTO items (id, name) VALUES (0, 'taken back'); ROLLBACK`);
        await busy.query('VACUUM ANALYZE');
        expect(await isFresh()).toBe(true);
      });

      it('is dumped to a file and comes back from it, and from plain SQL with the rows of psql', async () => {
        const { stack } = world;
        const file = path.join(stack.root, 'live.dump');
        const load = (name: string) => loadInto(workOn(world, 'live'), server, path.join(stack.root, name));
        const names = async () =>
          (await query('shop_live', 'SELECT name FROM items ORDER BY id')).map(({ name }) => name);
        const text = 'one\nline\tand \\. a\u2028"second"\n\\restrict it\n\\unrestrict it\nto this';
        await query('shop_live', `UPDATE items SET name = E'${text.replaceAll('\\', '\\\\')}'`);
        await dumpDatabase(stack, { server, database: 'shop_live' }, file);
        await query('shop_live', 'DROP TABLE items');
        await load('live.dump');
        expect(await names()).toEqual([text, text]);
        const rows = 'CREATE TABLE items (id int, name text);\nCOPY public.items (id, name) FROM stdin;\n';
        const sql = `\\restrict Key1\n${rows}1\tan \\\\unrestrict\n2\t\\N\n\\.\n\nSELECT 1;\n\\unrestrict Key1\n`;
        writeFileSync(path.join(stack.root, 'plain.sql'), sql);
        await load('plain.sql');
        expect(await names()).toEqual(['an \\unrestrict', null]);
        writeFileSync(path.join(stack.root, 'bad.sql'), `${rows}one\ttwo\n\\.\n`);
        await expect(load('bad.sql')).rejects.toMatchObject({
          code: 'database',
          message: expect.stringMatching(/loading .*bad\.sql failed: .*integer/),
        });
        expect(await names()).toEqual(['an \\unrestrict', null]);
      });

      itOn('the embedded server')(
        'stays as it was where the schema has changed and there is no pg_dump; asked for, it says who is in the way',
        async () => {
          await busy.query('ALTER TABLE items ADD size int');
          await until('the change is seen', async () => !(await isTemplateFresh(world.stack, server)));
          expect(await refresh({ asked: false }, bare())).toMatchObject({ made: false });
          const error = await refresh({}, bare()).catch((refused: unknown) => refused);
          expect(error).toMatchObject({
            code: 'conflict',
            message: expect.stringMatching(/in use by a program \(stack from/),
          });
        },
        30_000,
      );

      it('is copied at once by force, which ends those connections and leaves the door open', async () => {
        if (name === 'a container') return;
        expect(await refresh({ force: true }, bare())).toEqual({ made: true, live: false });
        expect(await query(FROM, 'SELECT count(*)::int AS n FROM items')).toEqual([{ n: 2 }]);
        await expect(busy.query('SELECT 1')).rejects.toBeTruthy();
      });
    });

    it('cannot be made where the baseline has no database yet, and says so', async () => {
      const other = {
        ...config,
        shared: { ...config.shared, services: { postgres: { user: 'stack', password: 'stack', database: 'later' } } },
      };
      const empty = openPostgres(world.stack, other, world.leases);
      const error = await refreshTemplate(world.stack, empty, {
        force: false,
        asked: true,
        signal: never,
        note: () => undefined,
      }).catch((refused: unknown) => refused);
      expect(error).toMatchObject({ code: 'not-found', message: expect.stringContaining('no database later') });
    });

    it('cannot be made by a role that may not, and says what would help', async () => {
      await query(FROM, `CREATE ROLE weak LOGIN PASSWORD 'weak'`);
      const url = `postgres://weak:weak@localhost:${world.leases.postgres!.port}/${encodeURIComponent(FROM)}`;
      const weak = { ...config, shared: { ...config.shared, services: { postgres: { url } } } };
      await query(FROM, `GRANT CONNECT ON DATABASE "shop's own" TO weak`);
      const error = await refreshTemplate(world.stack, openPostgres(world.stack, weak, world.leases), {
        force: false,
        asked: true,
        signal: never,
        note: () => undefined,
      }).catch((refused: unknown) => refused);
      expect(error).toMatchObject({ code: 'database', hint: expect.stringContaining('ALTER ROLE "weak" CREATEDB') });
    });
  });
}
