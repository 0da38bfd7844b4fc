import type { DatabaseSchema } from '../../domain/schema-diff.ts';
import type { Session } from './connection.ts';

const NAMED = `CASE WHEN n.nspname = 'public' THEN '' ELSE n.nspname || '.' END`;
const OURS = `n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_toast%' AND n.nspname NOT LIKE 'pg\\_temp%'`;

/** Returns the shape of the database that a session is connected to. */
export async function readSchema(session: Session): Promise<DatabaseSchema> {
  const tables = await session.query<{ name: string }>(
    `SELECT ${NAMED} || c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ${OURS} ORDER BY 1`,
  );
  const columns = await session.query<{ name: string; definition: string }>(
    `SELECT ${NAMED} || c.relname || '.' || a.attname AS name,
            format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
              || coalesce(CASE WHEN a.attgenerated <> '' THEN ' GENERATED ' ELSE ' DEFAULT ' END || pg_get_expr(d.adbin, d.adrelid), '')
              AS definition
       FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ${OURS}`,
  );
  const indexes = await session.query<{ name: string; definition: string }>(
    `SELECT ${NAMED} || c.relname AS name, pg_get_indexdef(c.oid) AS definition
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('i', 'I') AND ${OURS}`,
  );
  const toMap = (rows: readonly { name: string; definition: string }[]): Record<string, string> =>
    Object.fromEntries(rows.map(({ name, definition }) => [name, definition]));
  return { tables: tables.map(({ name }) => name), columns: toMap(columns), indexes: toMap(indexes) };
}

/** True for a database without a table, view or sequence; those that an extension brought along do not count. */
export async function isEmpty(session: Session): Promise<boolean> {
  const [row] = await session.query<{ empty: boolean }>(
    `SELECT NOT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND ${OURS}
        AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')) AS empty`,
  );
  return row?.empty === true;
}
