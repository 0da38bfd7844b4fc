import { StackError } from '../../domain/errors.ts';
import { type DatabaseMark, parseMark, renderMark } from '../../domain/own.ts';
import { MARK_TABLE, type MysqlPrograms, query } from './programs.ts';

/** Returns a name as SQL has it. */
function quoteName(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

/** Returns a text as SQL has it, whatever the server's mode says of backslashes. */
function quoteText(text: string): string {
  return text === '' ? "''" : `CONVERT(X'${Buffer.from(text).toString('hex')}' USING utf8mb4)`;
}

/** Returns the names of all databases of a server that the login sees. */
export async function listNames(programs: MysqlPrograms, signal: AbortSignal): Promise<string[]> {
  return (await query(programs, 'SELECT schema_name FROM information_schema.schemata;', signal)).flat();
}

/** True for a database without a table or view. */
export async function isEmpty(programs: MysqlPrograms, name: string, signal: AbortSignal): Promise<boolean> {
  const sql = `SELECT 1 FROM information_schema.tables WHERE table_schema = ${quoteText(name)} LIMIT 1;`;
  return (await query(programs, sql, signal)).length === 0;
}

/** Takes away all that is in a database. Throws `database`. */
export async function emptyDatabase(programs: MysqlPrograms, name: string, signal: AbortSignal): Promise<void> {
  const here = quoteText(name);
  const rows = await query(
    programs,
    `SELECT IF(table_type = 'VIEW', 'VIEW', 'TABLE'), table_name FROM information_schema.tables WHERE table_schema = ${here}
     UNION ALL SELECT routine_type, routine_name FROM information_schema.routines WHERE routine_schema = ${here}
     UNION ALL SELECT 'EVENT', event_name FROM information_schema.events WHERE event_schema = ${here};`,
    signal,
  );
  const drops = rows.map(([kind, one = '']) => `DROP ${kind} IF EXISTS ${quoteName(name)}.${quoteName(one)};`);
  await query(programs, `SET SESSION foreign_key_checks = 0; ${drops.join('\n')}`, signal);
}

/** Returns the databases that have a mark of ours, of whichever root. */
export async function listMarked(
  programs: MysqlPrograms,
  signal: AbortSignal,
): Promise<{ name: string; mark: DatabaseMark }[]> {
  const sql = `SELECT table_schema, table_comment FROM information_schema.tables WHERE table_name = '${MARK_TABLE}' ORDER BY 1;`;
  return (await query(programs, sql, signal)).flatMap(([name = '', comment = '']) => {
    const mark = parseMark(comment);
    return mark ? [{ name, mark }] : [];
  });
}

/** Makes an empty database of another's character set and collation, with a mark. Throws `database`. */
export async function makeEmptyLike(
  programs: MysqlPrograms,
  { name, like, mark }: { name: string; like: string; mark: DatabaseMark },
  signal: AbortSignal,
): Promise<void> {
  const facts = `SELECT default_character_set_name, default_collation_name FROM information_schema.schemata WHERE schema_name = ${quoteText(like)};`;
  const [row] = await query(programs, facts, signal);
  if (!row) {
    throw new StackError('not-found', `the baseline has no database ${like} on MySQL yet`, {
      hint: 'make it, or let the baseline make it, then run the command again; `database` of shared.mysql in stack.yml names it',
    });
  }
  const [charset, collation] = row;
  await query(
    programs,
    `CREATE DATABASE ${quoteName(name)} CHARACTER SET ${charset} COLLATE ${collation};
     CREATE TABLE ${quoteName(name)}.${MARK_TABLE} (nothing TINYINT);`,
    signal,
  );
  await markDatabase(programs, name, mark, signal);
}

/** Says whose a database is. Throws `database`. */
export async function markDatabase(
  programs: MysqlPrograms,
  name: string,
  mark: DatabaseMark,
  signal: AbortSignal,
): Promise<void> {
  // A comment takes no expression.
  const text = renderMark(mark).replaceAll('\\', '\\\\').replaceAll("'", "''");
  const mode = "SET SESSION sql_mode = REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '');";
  await query(programs, `${mode} ALTER TABLE ${quoteName(name)}.${MARK_TABLE} COMMENT = '${text}';`, signal);
}

/** Drops a database. Missing is done. Throws `database`. */
export async function dropDatabase(programs: MysqlPrograms, name: string, signal: AbortSignal): Promise<void> {
  await query(programs, `DROP DATABASE IF EXISTS ${quoteName(name)};`, signal);
}

/** Somebody who is connected to a database. */
export interface MysqlClient {
  id: string;
  user: string;
  address: string;
}

/** Returns who is connected to a database, as far as the login may see it. */
export async function listClients(
  programs: MysqlPrograms,
  database: string,
  signal: AbortSignal,
): Promise<MysqlClient[]> {
  const sql = `SELECT id, user, host FROM information_schema.processlist WHERE db = ${quoteText(database)} AND id <> CONNECTION_ID() ORDER BY id;`;
  return (await query(programs, sql, signal)).map(([id = '', user = '', address = '']) => ({ id, user, address }));
}

/** Ends connections; one that has gone by itself is done. Throws `database`. */
export async function endClients(
  programs: MysqlPrograms,
  clients: readonly MysqlClient[],
  signal: AbortSignal,
): Promise<void> {
  for (const { id } of clients) {
    try {
      await query(programs, `KILL CONNECTION ${Number(id)};`, signal);
    } catch (error) {
      if (!(error instanceof StackError) || !/Unknown thread/.test(error.message)) throw error;
    }
  }
}
