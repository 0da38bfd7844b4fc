import type { Session } from './connection.ts';

/** A schema change under way is not waited for. */
const LOCK_WAIT = '200ms';

/**
 * The tables whose rows are what is in a database: a person's, and those of the catalog that belong to this database, but for what
 * the server writes there by itself (statistics) and what a role may not read.
 */
const TABLES = `SELECT format('%I.%I', n.nspname, c.relname) AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND NOT c.relisshared
   AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_toast%'
   AND c.oid <> 'pg_statistic'::regclass AND c.relname <> 'pg_statistic_ext_data'
   AND (n.nspname <> 'pg_catalog' OR has_table_privilege(c.oid, 'SELECT')
        OR c.oid = 'pg_largeobject'::regclass AND EXISTS (SELECT FROM pg_largeobject_metadata))
 ORDER BY 1`;

/**
 * Returns a sign of what is in the database that a session is connected to: which rows there are, by where they lie and which
 * transaction wrote them (ctid, xmin). Unlike the server's counters it tells at once what others who are connected have committed, and
 * nothing of what they read; it costs reading all rows. Throws `database` where some of them may not be read.
 */
export async function signContents(session: Session): Promise<string> {
  await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  await session.query(`SET LOCAL lock_timeout = '${LOCK_WAIT}'`);
  await session.query('SET LOCAL row_security = off');
  const tables = await session.query<{ name: string }>(TABLES);
  const each = tables.map(({ name }) => `SELECT count(*), sum(hashtext(concat(ctid, xmin))) FROM ${name}`);
  const [found] = await session.query<{ sign: string }>(
    `SELECT md5(concat((SELECT string_agg(concat(t), ' ') FROM (${each.join(' UNION ALL ')}) t),
                       (SELECT string_agg(concat(schemaname, '.', sequencename, last_value), ' ') FROM pg_sequences))) AS sign`,
  );
  await session.query('COMMIT');
  return found?.sign ?? '';
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
