import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runTool } from '../../src/adapters/database-tool.ts';
import { dumpByWire } from '../../src/adapters/postgres/wire-dump.ts';
import { databaseStep } from '../../src/orchestrator/data/postgres/database-step.ts';
import { openPostgres, type PostgresServer } from '../../src/orchestrator/data/postgres/postgres.ts';
import { isTemplateFresh, refreshTemplate } from '../../src/orchestrator/data/postgres/template.ts';
import { config, FROM, WORLDS, type World, workOn } from '../support/database-worlds.ts';

const never = new AbortController().signal;

/** Objects of all kinds, as products have them. */
const SCHEMA = `
  CREATE EXTENSION pg_trgm;
  CREATE EXTENSION hstore;
  CREATE ROLE auditor;
  GRANT auditor TO CURRENT_USER;
  CREATE SCHEMA "Odd schema";
  GRANT ALL ON SCHEMA "Odd schema" TO auditor;
  CREATE TYPE mood AS ENUM ('sad', 'happy');
  CREATE DOMAIN short AS text CHECK (length(value) < 10);
  CREATE TYPE place AS (x float8, moods mood[]);
  CREATE TABLE people (
    id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text COLLATE "C", nick short, feels mood, at place, extra hstore,
    born timestamptz, worth money, took interval, ratio float4, sum float8, raw bytea, doc xml, gone boolean[], what regclass,
    loud text GENERATED ALWAYS AS (upper(name)) STORED, boss int REFERENCES people);
  COMMENT ON TABLE people IS 'who they are';
  COMMENT ON COLUMN people.nick IS 'it''s short';
  CREATE INDEX people_trgm ON people USING gin (name gin_trgm_ops);
  CREATE TABLE "Odd schema"."Notes; of" (
    "the id" bigserial PRIMARY KEY, who int NOT NULL REFERENCES people ON DELETE CASCADE, "the, text" text,
    old text, CHECK ("the, text" <> 'never'));
  ALTER TABLE "Odd schema"."Notes; of" DROP COLUMN old, OWNER TO auditor;
  CREATE TABLE visits (at date NOT NULL, who int REFERENCES people, note text) PARTITION BY RANGE (at);
  CREATE TABLE visits_2025 PARTITION OF visits FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
  CREATE TABLE visits_rest PARTITION OF visits DEFAULT;
  CREATE TABLE parent (id int PRIMARY KEY, word text);
  CREATE TABLE child (more int) INHERITS (parent);
  CREATE UNLOGGED TABLE jobs (id serial, EXCLUDE USING gist (span WITH &&), span int4range);
  CREATE TABLE counted (what text PRIMARY KEY, many int);
  CREATE TABLE empty_one ();
  INSERT INTO counted VALUES ('people', 0);
  CREATE FUNCTION count_people() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN UPDATE public.counted SET many = many + 1 WHERE what = 'people'; RETURN new; END $$;
  CREATE TRIGGER count_them AFTER INSERT ON people FOR EACH ROW EXECUTE FUNCTION count_people();
  CREATE TRIGGER off BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION count_people();
  ALTER TABLE people DISABLE TRIGGER off;
  CREATE RULE kept AS ON DELETE TO counted DO INSTEAD NOTHING;
  ALTER TABLE people ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
  CREATE POLICY mine ON people USING (name IS DISTINCT FROM 'nobody');
  GRANT SELECT (name), INSERT ON people TO auditor;
  ALTER DEFAULT PRIVILEGES IN SCHEMA "Odd schema" GRANT SELECT ON TABLES TO auditor;
  CREATE VIEW names AS SELECT name FROM people;
  CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS n FROM people;
  CREATE SEQUENCE loose INCREMENT BY 7 START 3;
  CREATE PUBLICATION all_people FOR TABLE people;
  CREATE STATISTICS linked ON name, feels FROM people;
  SELECT lo_from_bytea(77, 'a large object');
  ALTER DATABASE "shop's own" SET DateStyle TO 'SQL, DMY';
  ALTER DATABASE "shop's own" SET IntervalStyle TO 'sql_standard';
  ALTER DATABASE "shop's own" SET extra_float_digits TO 0;
  ALTER DATABASE "shop's own" SET search_path TO "Odd schema", public`;

const WRITES = `
  SET search_path TO public;
  INSERT INTO people (name, nick, feels, at, extra, born, worth, took, ratio, sum, raw, doc, gone, what, boss) VALUES
    (E'Ada\\t\\n\\\\.\\\\N', 'a', 'happy', ROW(0.1, '{sad,happy}'), 'a=>"b, c", d=>NULL', '2024-02-29 23:59:59.123456+05:30', '12.34'::numeric::money,
     '-1 day +02:03:04.5', 0.1, 1 / 3::float8, '\\x00ff5c', '<a>1</a><b/>', '{t,NULL,f}', 'public.visits', NULL),
    (NULL, NULL, NULL, NULL, NULL, 'infinity', NULL, '1 year -3 days', 'NaN', '-infinity', '', NULL, '{}', NULL, 1);
  INSERT INTO "Odd schema"."Notes; of" (who, "the, text") SELECT 1, 'a ' || n FROM generate_series(1, 300) n;
  INSERT INTO visits VALUES ('2025-05-05', 1, 'in'), ('2031-01-01', 2, 'later');
  INSERT INTO parent VALUES (1, 'one'); INSERT INTO child VALUES (2, 'two', 3);
  INSERT INTO jobs (span) VALUES ('[1,5)'), ('[7,9)');
  INSERT INTO empty_one DEFAULT VALUES;
  SELECT nextval('loose'), nextval('loose');
  SELECT setval('jobs_id_seq', 99, false)`;

for (const { name, skip, make } of WORLDS) {
  describe.skipIf(skip)(`a template of rows, on ${name}`, { sequential: true, timeout: 240_000 }, () => {
    let world: World;
    let server: PostgresServer;
    /** The server where nothing can dump: what is made there is made of rows. */
    let bare: PostgresServer;
    let busy: pg.Client;

    beforeAll(async () => {
      world = await make();
      server = openPostgres(world.stack, config, world.leases);
      bare = { ...server, tools: async () => undefined, wireDump: async () => undefined };
      const { port } = world.leases.postgres!;
      busy = new pg.Client({ host: 'localhost', port, user: 'stack', password: 'stack', database: FROM });
      busy.on('error', () => undefined);
      await busy.connect();
      await busy.query(SCHEMA);
      await refresh(server);
    });
    afterAll(async () => {
      await busy?.end().catch(() => undefined);
      await world?.end();
    });

    const refresh = (on = bare) =>
      refreshTemplate(world.stack, on, { force: false, asked: true, signal: never, note: () => undefined });
    const dumpOf = async (database: string): Promise<string> => {
      const tools = await server.tools();
      if (!tools) return dumpByWire(await server.strongest(), database, await world.stack.wireDump(), never);
      const output = new PassThrough();
      const dumping = runTool(
        (streams) => tools.run(['pg_dump'], database, streams),
        { doing: 'a dump', output, signal: never },
        /error:/,
      );
      const [dump] = await Promise.all([text(output), dumping.finally(() => output.end())]);
      // With a key that is another one each time.
      return dump.replaceAll(/^\\(un)?restrict .*$/gm, '');
    };
    const expectSame = async (ticket: string): Promise<void> => {
      const step = databaseStep(workOn(world, ticket));
      await step.apply({ signal: never, note: () => undefined });
      expect(await dumpOf(`shop_${ticket}`)).toBe(await dumpOf(FROM));
      await step.revert();
    };

    it('has all that was written since, of tables and sequences of all kinds', async () => {
      await busy.query(WRITES);
      expect(await refresh()).toEqual({ made: true, live: true });
      expect(await isTemplateFresh(world.stack, server)).toBe(true);
      await expectSame('written');
    });

    it('has what was changed, deleted and truncated, and keeps what was not', async () => {
      for (const change of [
        `UPDATE people SET name = 'Eve' WHERE id = 1`,
        `DELETE FROM visits WHERE who = 2; DELETE FROM people WHERE id = 2; UPDATE counted SET many = 40`,
        `TRUNCATE child, jobs RESTART IDENTITY`,
        `DELETE FROM ONLY parent`,
        `UPDATE visits SET at = '2031-12-31'`,
        `SELECT nextval('loose')`,
      ]) {
        await busy.query(`SET search_path TO public; ${change}`);
        expect([change, await isTemplateFresh(world.stack, server)]).toEqual([change, false]);
        expect([change, await refresh()]).toEqual([change, { made: true, live: true }]);
      }
      await expectSame('changed');
    });

    it('has what was committed, and nothing of what was not yet', async () => {
      await busy.query(`BEGIN; INSERT INTO public.counted VALUES ('open', 1)`);
      const { port } = world.leases.postgres!;
      const other = new pg.Client({ host: 'localhost', port, user: 'stack', password: 'stack', database: FROM });
      await other.connect();
      await other.query(`INSERT INTO public.counted VALUES ('committed', 1)`);
      await other.end();
      expect(await refresh()).toEqual({ made: true, live: true });
      await expectSame('open');
      await busy.query('COMMIT');
      expect(await isTemplateFresh(world.stack, server)).toBe(false);
      await refresh();
      await expectSame('closed');
    });

    it('has the rows of a table that is truncated and filled again while it looks', async () => {
      const words = `SET search_path TO public; BEGIN; SET LOCAL lock_timeout = '50ms'; TRUNCATE parent CASCADE;
        INSERT INTO parent VALUES (5, 'five'); COMMIT`;
      await busy.query(words);
      const refill = () => busy.query(words).catch(() => busy.query('ROLLBACK'));
      // After each question, unless a lock keeps it out.
      const looking: PostgresServer = {
        ...bare,
        inside: (use, signal, named) =>
          bare.inside(
            (session) => {
              const query = async <Row extends Record<string, unknown>>(
                ...asked: [string, (readonly unknown[])?]
              ): Promise<Row[]> => {
                const rows = await session.query<Row>(...asked);
                if (named === undefined) await refill();
                return rows;
              };
              return use({ ...session, query });
            },
            signal,
            named,
          ),
      };
      expect(await refresh(looking)).toEqual({ made: true, live: true });
      await expectSame('refilled');
    });

    it('is left to pg_dump where more than rows has changed, or a trigger would fire', async () => {
      for (const change of [
        'ALTER TABLE counted ADD more int',
        'GRANT SELECT ON counted TO auditor',
        'SELECT lo_put(77, 0, $$A$$)',
        'REFRESH MATERIALIZED VIEW totals',
        'ALTER TABLE people ENABLE ALWAYS TRIGGER count_them',
        'UPDATE people SET name = $$once more$$',
      ]) {
        await busy.query(`SET search_path TO public; ${change}`);
        await expect(refresh(), change).rejects.toMatchObject({ code: 'conflict' });
        expect([change, await refresh(server)]).toEqual([change, { made: true, live: true }]);
      }
      await expectSame('whole');
    });

    it('is not copied first where it is left to pg_dump: a trigger would fire, or the login is no superuser', async () => {
      const asked: string[] = [];
      const heard: PostgresServer = {
        ...bare,
        admin: (use, signal) =>
          bare.admin((session) => {
            const query = <Row extends Record<string, unknown>>(text: string, values?: readonly unknown[]) => {
              asked.push(text);
              return session.query<Row>(text, values);
            };
            return use({ ...session, query });
          }, signal),
      };
      const plain: PostgresServer = {
        ...heard,
        inside: (use, signal, named) =>
          heard.inside(
            async (session) => {
              await session.query('SET ROLE plain');
              return use(session);
            },
            signal,
            named,
          ),
      };
      const copies = () => asked.splice(0).filter((text) => text.startsWith('CREATE DATABASE'));
      await server.admin(async (session) => {
        await session.query('CREATE ROLE plain BYPASSRLS');
        await session.query('GRANT pg_read_all_data TO plain');
      });
      await refresh(server);
      await busy.query(`INSERT INTO public.parent VALUES (10, 'ten')`);
      await expect(refresh(plain)).rejects.toMatchObject({ code: 'conflict' });
      expect(copies()).toEqual([]);
      await busy.query('UPDATE public.people SET name = $$and again$$');
      await expect(refresh(heard)).rejects.toMatchObject({ code: 'conflict' });
      expect(copies()).toEqual([]);
      await busy.query('ALTER TABLE public.people ENABLE TRIGGER count_them');
      await refresh(server);
      await busy.query(`INSERT INTO public.parent VALUES (11, 'eleven')`);
      await refresh(heard);
      expect(copies()).toHaveLength(1);
    });

    it('is made of rows also where a materialized view has none yet', async () => {
      await busy.query('CREATE MATERIALIZED VIEW public.later AS SELECT 1 AS one WITH NO DATA');
      await refresh(server);
      await busy.query(`INSERT INTO public.parent VALUES (12, 'twelve')`);
      expect(await refresh()).toEqual({ made: true, live: true });
      await busy.query('REFRESH MATERIALIZED VIEW public.later');
      expect(await isTemplateFresh(world.stack, server)).toBe(false);
      await refresh(server);
      await expectSame('unfilled');
    });

    it('is not taken for fresh where something was written during the copy, and taken back later', async () => {
      await busy.query(`COMMENT ON TABLE public.parent IS 'other than rows'`);
      const written: PostgresServer = {
        ...server,
        async tools() {
          await busy.query(`INSERT INTO public.parent VALUES (13, 'passing')`);
          return server.tools();
        },
      };
      expect(await refresh(written)).toEqual({ made: true, live: true });
      await busy.query('DELETE FROM public.parent WHERE id = 13');
      expect(await isTemplateFresh(world.stack, server)).toBe(false);
      await refresh(server);
      await expectSame('passing');
    });
  });
}
