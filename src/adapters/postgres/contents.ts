import { isDeepStrictEqual } from 'node:util';
import { StackError } from '../../domain/errors.ts';
import type { Contents } from '../../domain/own.ts';
import { type Session, stateOf } from './connection.ts';

/** A schema change under way is not waited for. */
const LOCK_WAIT = '200ms';
/** How often tables may come and go between a list of them and the locks. */
const ATTEMPTS = 3;
const NO_TABLE = '42P01';

/** What the server moves in `pg_class` by itself, or with every `TRUNCATE`. */
const STORAGE = "'{relfilenode,relpages,reltuples,relallvisible,relallfrozen,relfrozenxid,relminmxid}'::text[]";

/**
 * The tables whose rows are what is in a database, and its sequences: a person's, and the tables of the catalog that belong to this
 * database, but for what the server writes there by itself (statistics), what a role may not read, and materialized views that nobody
 * has filled yet, which cannot be read.
 */
const RELATIONS = `SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, c.relkind AS kind,
       n.nspname = 'pg_catalog' AS catalog, n.nspname = 'pg_catalog' OR c.relkind = 'm' AS whole
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm', 'S') AND c.relpersistence <> 't' AND NOT c.relisshared AND (c.relkind <> 'm' OR c.relispopulated)
   AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_toast%'
   AND c.oid <> 'pg_statistic'::regclass AND c.relname <> 'pg_statistic_ext_data'
   AND (n.nspname <> 'pg_catalog' OR has_table_privilege(c.oid, 'SELECT')
        OR c.oid = 'pg_largeobject'::regclass AND EXISTS (SELECT FROM pg_largeobject_metadata))
 ORDER BY 2`;

interface Relation extends Record<string, unknown> {
  oid: string;
  name: string;
  kind: string;
  catalog: boolean;
  whole: boolean;
}

/**
 * Does something in which the database that a session is connected to stands still, at one moment. A lock takes no snapshot: all tables
 * are locked first, since one that another transaction truncates and fills again after the snapshot would be seen empty. Throws
 * `database`, also where a table stays locked by others, and what `use` throws.
 */
export async function inSnapshot<Result>(session: Session, use: () => Promise<Result>): Promise<Result> {
  for (let left = ATTEMPTS; left > 0; left--) {
    const listed = await session.query<Relation>(RELATIONS);
    await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await session.query(`SET LOCAL lock_timeout = '${LOCK_WAIT}'`);
    await session.query('SET LOCAL row_security = off');
    if ((await lockTables(session, listed)) && isDeepStrictEqual(await session.query(RELATIONS), listed)) {
      const result = await use();
      await session.query('COMMIT');
      return result;
    }
    await session.query('ROLLBACK');
  }
  throw new StackError('database', 'tables are made or dropped in the database all the time');
}

/** False where one of them is gone. Nobody truncates the catalog, and nothing but tables can be locked. */
async function lockTables(session: Session, relations: readonly Relation[]): Promise<boolean> {
  const tables = relations.filter(({ kind, catalog }) => kind === 'r' && !catalog).map(({ name }) => `ONLY ${name}`);
  if (tables.length === 0) return true;
  try {
    await session.query(`LOCK TABLE ${tables.join(', ')} IN ACCESS SHARE MODE`);
    return true;
  } catch (error) {
    if (stateOf(error) === NO_TABLE) return false;
    throw error;
  }
}

/**
 * Returns signs of what is in the database that a session is connected to: which rows there are, by where they lie and which
 * transaction wrote them (ctid, xmin). Unlike the server's counters they tell at once what others who are connected have committed, and
 * nothing of what they read; they cost reading all rows. Call it in a snapshot. Throws `database` where some of them may not be read.
 */
export async function readContents(session: Session): Promise<Contents> {
  const relations = await session.query<Relation>(RELATIONS);
  const [found] = await session.query<{ whole: string; parts: Contents['parts'] }>(
    `WITH signs AS (${relations.map(signOf).join(' UNION ALL ')})
     SELECT md5(concat((SELECT to_jsonb(d) - '{datfrozenxid,datminmxid}'::text[] FROM pg_database d WHERE datname = current_database()),
                       string_agg(sign, ' ' ORDER BY oid) FILTER (WHERE whole))) AS whole,
            coalesce(jsonb_object_agg(oid, substr(md5(sign), 1, 12)) FILTER (WHERE NOT whole), '{}') AS parts
       FROM signs`,
  );
  return found ?? { whole: '', parts: {} };
}

function signOf({ oid, name, kind, whole }: Relation): string {
  const sign =
    kind === 'S'
      ? `concat(last_value, ' ', is_called) AS sign FROM ${name}`
      : `concat(count(*), ' ', sum(hashtext(${rowOf(name)}))) AS sign FROM ${name} t`;
  return `SELECT ${oid}::oid AS oid, ${whole} AS whole, ${sign}`;
}

function rowOf(name: string): string {
  return name === 'pg_catalog.pg_class' ? `(to_jsonb(t) - ${STORAGE})::text` : 'concat(t.ctid, t.xmin)';
}

/**
 * Returns how many of the rows that the counters tell of are statistics of the database that a session is connected to. A server that
 * tidies up writes those of what all databases share (`pg_database`, `pg_shdepend`) into whichever it is in. Ask before `fingerprintOf`:
 * what is counted in between then looks like a person's.
 */
export async function countStatistics(session: Session): Promise<number> {
  const [row] = await session.query<{ count: string }>(
    `SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) AS count
       FROM pg_class c JOIN pg_stat_sys_tables s ON s.relid IN (c.oid, c.reltoastrelid)
      WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relname IN ('pg_statistic', 'pg_statistic_ext_data')`,
  );
  return Number(row?.count ?? 0);
}
