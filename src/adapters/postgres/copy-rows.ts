import { pipeline } from 'node:stream/promises';
import type { Session, TextSession } from './connection.ts';
import { quoteText } from './quote.ts';

/** What values are written and read with, as pg_dump has it: nothing of it hangs on settings of a database or role. */
const AS_IN_DUMPS = `SELECT set_config('search_path', '', true);
  SET LOCAL DateStyle = ISO; SET LOCAL IntervalStyle = postgres; SET LOCAL extra_float_digits = 3; SET LOCAL lc_monetary = 'C';
  SET LOCAL xmloption = content; SET LOCAL array_nulls = on; SET LOCAL synchronize_seqscans = off;
  SET LOCAL statement_timeout = 0`;
const NO_TRIGGERS = 'SET LOCAL session_replication_role = replica';

interface Table extends Record<string, unknown> {
  name: string;
  /** `(id, name)`: those that are not made of others; null where it has none. */
  columns: string | null;
  /** Other tables refer to it: TRUNCATE refuses it without them. */
  referred: boolean;
  /** It has triggers or rules that fire for a replica, too. */
  fires: boolean;
}

interface Sequence extends Record<string, unknown> {
  name: string;
  value: string;
  called: boolean;
}

/** What is copied of a database: `planRows` returns it. */
export interface RowsPlan {
  tables: Table[];
  sequences: Sequence[];
  encoding: string;
}

/**
 * Returns what `copyRows` copies of tables and sequences, by their oids; undefined where triggers or rules of a table would fire. Call it
 * in a snapshot. Throws `database`, also where the login may not keep triggers from firing.
 */
export async function planRows(source: TextSession, oids: readonly string[]): Promise<RowsPlan | undefined> {
  await source.run(`${AS_IN_DUMPS}; ${NO_TRIGGERS}`);
  const tables = await listTables(source, oids);
  if (tables.some(({ fires }) => fires)) return undefined;
  return { tables, sequences: await readSequences(source, oids), encoding: await encodingOf(source) };
}

/**
 * Puts what is planned of one database into the tables and sequences of the same names in a copy of it whose schema is the same; in a
 * transaction, as `source` is in the snapshot of the plan. Throws `database`.
 */
export async function copyRows(
  source: TextSession,
  target: TextSession,
  { tables, sequences, encoding }: RowsPlan,
): Promise<void> {
  await target.run(`BEGIN READ WRITE; ${AS_IN_DUMPS}; ${NO_TRIGGERS}; SET LOCAL synchronous_commit = off`);
  const truncated = tables.filter(({ referred }) => !referred).map(({ name }) => `ONLY ${name}`);
  if (truncated.length > 0) await target.run(`TRUNCATE ${truncated.join(', ')}`);
  const deleted = tables.filter(({ referred }) => referred).map(({ name }) => name);
  for (const name of deleted) await target.run(`DELETE FROM ONLY ${name}`);
  for (const { name, columns } of tables) {
    const how = `WITH (ENCODING ${quoteText(encoding)})`;
    const rows = await source.copyOut(`COPY ${name} ${columns ?? ''} TO STDOUT ${how}`);
    await pipeline(rows, await target.copyIn(`COPY ${name} ${columns ?? ''} FROM STDIN ${how}`));
  }
  for (const { name, value, called } of sequences)
    await target.query('SELECT setval($1::regclass, $2, $3)', [name, value, called]);
  await target.run('COMMIT');
  // Else the room of the rows that were deleted is lost to every copy of this one.
  if (deleted.length > 0) await target.run(`VACUUM ${deleted.join(', ')}`);
}

async function encodingOf(session: Session): Promise<string> {
  const [row] = await session.query<{ encoding: string }>("SELECT current_setting('server_encoding') AS encoding");
  return row?.encoding ?? 'UTF8';
}

async function listTables(session: Session, oids: readonly string[]): Promise<Table[]> {
  return session.query<Table>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name,
            (SELECT format('(%s)', string_agg(quote_ident(attname), ', ' ORDER BY attnum)) FROM pg_attribute
              WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' HAVING count(*) > 0) AS columns,
            EXISTS (SELECT FROM pg_constraint f WHERE f.contype = 'f' AND f.confrelid = c.oid AND f.conrelid <> c.oid) AS referred,
            EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgenabled IN ('A', 'R'))
              OR EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_enabled IN ('A', 'R')) AS fires
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY ($1::oid[]) AND c.relkind = 'r' ORDER BY 1`,
    [oids],
  );
}

async function readSequences(session: Session, oids: readonly string[]): Promise<Sequence[]> {
  const found = await session.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.oid = ANY ($1::oid[]) AND c.relkind = 'S'`,
    [oids],
  );
  if (found.length === 0) return [];
  const each = found.map(
    ({ name }) => `SELECT ${quoteText(name)} AS name, last_value::text AS value, is_called AS called FROM ${name}`,
  );
  return session.query<Sequence>(each.join(' UNION ALL '));
}
