import { messageOf, StackError } from '../../domain/errors.ts';
import { type DatabaseMark, parseMark, renderMark } from '../../domain/own.ts';
import { endClients, inUse, listClients, whileEnding } from './clients.ts';
import { MAY_NOT, type Session, stateOf } from './connection.ts';
import { quoteName, quoteText } from './quote.ts';

/** From here on copying files beats writing them to the log of changes (measured: about 50 to 100 MB). */
const FILE_COPY_BYTES = 64 * 1024 * 1024;
/** Versions that know the strategies, and `DROP … WITH (FORCE)`. */
const HAS_STRATEGY = 150_000;
const HAS_FORCE = 130_000;

export interface Database {
  name: string;
  oid: number;
  bytes: number;
  /** Whose it is; undefined: not ours. */
  mark: DatabaseMark | undefined;
  /** False: sealed, nobody can connect. */
  open: boolean;
  /** Undefined where the role that asks may not give a database to its owner. */
  owner?: string | undefined;
}

/** Returns one database; undefined when there is none of that name. */
export async function findDatabase(session: Session, name: string): Promise<Database | undefined> {
  const [row] = await session.query<{
    oid: string;
    bytes: string | null;
    comment: string | null;
    open: boolean;
    owner: string | null;
  }>(
    `SELECT oid, datallowconn AS open, CASE WHEN pg_has_role(datdba, 'MEMBER') THEN pg_get_userbyid(datdba) END AS owner,
            shobj_description(oid, 'pg_database') AS comment,
            CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) END AS bytes
       FROM pg_database WHERE datname = $1`,
    [name],
  );
  if (!row) return undefined;
  const { oid, bytes, comment, open, owner } = row;
  return {
    name,
    oid: Number(oid),
    bytes: Number(bytes ?? 0),
    mark: parseMark(comment),
    open,
    owner: owner ?? undefined,
  };
}

/** Returns the names of all databases of a server. */
export async function listNames(session: Session): Promise<string[]> {
  return (await session.query<{ name: string }>('SELECT datname AS name FROM pg_database')).map(({ name }) => name);
}

/** Returns the databases of a server that have a mark of ours, of whichever root. */
export async function listMarked(session: Session): Promise<{ name: string; mark: DatabaseMark }[]> {
  const rows = await session.query<{ name: string; comment: string | null }>(
    "SELECT datname AS name, shobj_description(oid, 'pg_database') AS comment FROM pg_database ORDER BY 1",
  );
  return rows.flatMap(({ name, comment }) => {
    const mark = parseMark(comment);
    return mark ? [{ name, mark }] : [];
  });
}

/**
 * A sign of what is in a database, read from the server's own counters without connecting to it: rows written since they were
 * reset, those of the catalog too, so that every change of the schema counts, less those that are `uncounted`: it moves also when the
 * server itself tidies up (`countStatistics`). A connection tells what it wrote when it ends, or within ten seconds
 * (PGSTAT_IDLE_INTERVAL): see `isCounting`. The size would tell at once, but the first connection to a copy makes it grow. A server
 * that crashed begins to count again (monitoring-stats, "Viewing Statistics"), which only what it counts for all databases tells the
 * time of.
 */
export async function fingerprintOf(session: Session, database: string, uncounted = 0): Promise<string> {
  const [row] = await session.query<{ sign: string }>(
    `SELECT concat_ws(' ', d.oid, s.tup_inserted + s.tup_updated + s.tup_deleted - $2::bigint, extract(epoch FROM s.stats_reset),
                      extract(epoch FROM b.stats_reset)) AS sign
       FROM pg_database d JOIN pg_stat_database s ON s.datid = d.oid, pg_stat_bgwriter b WHERE d.datname = $1`,
    [database, uncounted],
  );
  return row?.sign ?? '';
}

/** Makes `name` a copy of a database that nobody is connected to, by the way that is faster for its size. */
export async function copyDatabase(
  session: Session,
  { name, from, sealed }: { name: string; from: Database; sealed: boolean },
): Promise<void> {
  const strategy = from.bytes >= FILE_COPY_BYTES ? 'FILE_COPY' : 'WAL_LOG';
  const parts = [
    `CREATE DATABASE ${quoteName(name)} TEMPLATE ${quoteName(from.name)}`,
    ...(from.owner === undefined ? [] : [`OWNER ${quoteName(from.owner)}`]),
    ...(session.version >= HAS_STRATEGY ? [`STRATEGY ${strategy}`] : []),
    ...(sealed ? ['ALLOW_CONNECTIONS false'] : []),
  ];
  try {
    await session.query(parts.join(' '));
  } catch (error) {
    throw await explainCopy(session, from.name, error);
  }
}

/** A role that may create databases may still copy its own alone. */
async function explainCopy(session: Session, from: string, error: unknown): Promise<unknown> {
  if (!(error instanceof StackError) || stateOf(error) !== MAY_NOT) return error;
  const [role] = await session.query<{ name: string; creates: boolean }>(
    'SELECT rolname AS name, rolcreatedb OR rolsuper AS creates FROM pg_roles WHERE rolname = current_user',
  );
  if (!role?.creates) return error;
  const hint = `as a superuser there: ALTER DATABASE ${quoteName(from)} OWNER TO ${quoteName(role.name)}`;
  return new StackError('database', error.message, { hint, details: error.details, cause: error });
}

/** Makes an empty database of the same encoding, locale and collation as another. */
export async function makeEmptyLike(session: Session, name: string, like: string): Promise<void> {
  const [row] = await session.query<{ facts: Record<string, string | null> }>(
    `SELECT to_jsonb(d) || jsonb_build_object('encoding', pg_encoding_to_char(encoding),
              'owner', CASE WHEN pg_has_role(datdba, 'MEMBER') THEN quote_ident(pg_get_userbyid(datdba)) END) AS facts
       FROM pg_database d WHERE datname = $1`,
    [like],
  );
  const facts = row?.facts ?? {};
  const provider = facts.datlocprovider;
  // Called so up to version 16, and so from 17 on.
  const locale = facts.datlocale ?? facts.daticulocale;
  const options = [
    ['ENCODING', facts.encoding],
    ['LC_COLLATE', facts.datcollate],
    ['LC_CTYPE', facts.datctype],
    ...(provider === 'i'
      ? [
          ['LOCALE_PROVIDER', 'icu'],
          ['ICU_LOCALE', locale],
          ['ICU_RULES', facts.daticurules],
        ]
      : []),
    ...(provider === 'b'
      ? [
          ['LOCALE_PROVIDER', 'builtin'],
          ['BUILTIN_LOCALE', locale],
        ]
      : []),
  ].flatMap(([key, value]) => (value ? [`${key} ${quoteText(value)}`] : []));
  const owner = facts.owner ? `OWNER ${facts.owner} ` : '';
  await session.query(`CREATE DATABASE ${quoteName(name)} ${owner}TEMPLATE template0 ${options.join(' ')}`);
}

/**
 * A list of names (`"$user", public`), each as a literal. A name may hold anything but commas and blanks (`public;DROP`) where no
 * statement wrote it: `SET … FROM CURRENT` takes what set_config() was given.
 */
const QUOTED_LIST = `coalesce(
  (SELECT string_agg(quote_literal(CASE WHEN m[1] LIKE '"%"' THEN replace(substr(m[1], 2, length(m[1]) - 2), '""', '"')
                                        ELSE lower(m[1]) END), ', ' ORDER BY place)
     FROM regexp_matches(value, '("(?:[^"]|"")*"|[^",[:space:]][^,[:space:]]*)', 'g') WITH ORDINALITY AS names (m, place)), '''''')`;

/**
 * Gives `to` what `from` has as a whole, which no copy of its content brings along: who may connect, and settings like
 * `search_path`, for all and for single roles. What the login may not change is given as lines.
 */
export async function copyProperties(session: Session, from: string, to: string): Promise<string[]> {
  const statements = await session.query<{ statement: string }>(
    `SELECT format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, $2::text,
                   CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
                   CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) AS statement
       FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = $1 AND a.grantee <> d.datdba
     UNION ALL
     SELECT format('REVOKE %s ON DATABASE %I FROM PUBLIC', p, $2::text) FROM pg_database d, unnest(ARRAY['CONNECT', 'TEMPORARY']) p
      WHERE d.datname = $1 AND d.datacl IS NOT NULL
        AND NOT EXISTS (SELECT FROM aclexplode(d.datacl) a WHERE a.grantee = 0 AND a.privilege_type = p)
     UNION ALL
     SELECT CASE WHEN s.setrole = 0 THEN format('ALTER DATABASE %I SET %s TO %s', $2::text, n, v)
                 ELSE format('ALTER ROLE %I IN DATABASE %I SET %s TO %s', pg_get_userbyid(s.setrole), $2::text, n, v) END
       FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) c,
            LATERAL (SELECT split_part(c, '=', 1) AS name, substr(c, strpos(c, '=') + 1) AS value) p,
            LATERAL (SELECT string_agg(quote_ident(part), '.') AS n FROM unnest(string_to_array(name, '.')) part) q,
            LATERAL (SELECT CASE WHEN name IN ('search_path', 'session_preload_libraries', 'local_preload_libraries', 'temp_tablespaces')
                                 THEN ${QUOTED_LIST} ELSE quote_literal(value) END AS v) r
      WHERE d.datname = $1`,
    [from, to],
  );
  const refused: string[] = [];
  for (const { statement } of statements) {
    await session.query(statement).catch((error: unknown) => {
      refused.push(`${statement}: ${messageOf(error)}`);
    });
  }
  return refused;
}

/** Writes on a database whose it is. */
export async function markDatabase(session: Session, name: string, mark: DatabaseMark): Promise<void> {
  await session.query(`COMMENT ON DATABASE ${quoteName(name)} IS ${quoteText(renderMark(mark))}`);
}

/** Lets nobody in any more, superusers included. */
export async function sealDatabase(session: Session, name: string): Promise<void> {
  await session.query(`ALTER DATABASE ${quoteName(name)} WITH ALLOW_CONNECTIONS false`);
}

/** Returns a database of ours another name, mark and door, all at once or not at all. Nobody may be connected to it. */
export async function moveDatabase(
  session: Session,
  { from, to, mark, open }: { from: string; to: string; mark: DatabaseMark; open: boolean },
): Promise<void> {
  const statements = [
    `ALTER DATABASE ${quoteName(from)} RENAME TO ${quoteName(to)}`,
    `ALTER DATABASE ${quoteName(to)} WITH ALLOW_CONNECTIONS ${open}`,
    `COMMENT ON DATABASE ${quoteName(to)} IS ${quoteText(renderMark(mark))}`,
  ];
  // Statements of one query are one transaction.
  await session.query(statements.join('; '));
}

/** Puts a database in the place of another of that name, if there is one, without a moment in which there is none. */
export async function replaceDatabase(
  session: Session,
  { name, by, aside }: { name: string; by: string; aside: string },
): Promise<void> {
  await dropDatabase(session, aside, { force: true });
  const rename = (from: string, to: string): string => `ALTER DATABASE ${quoteName(from)} RENAME TO ${quoteName(to)}`;
  const moves = [...((await findDatabase(session, name)) ? [rename(name, aside)] : []), rename(by, name)];
  // Statements of one query are one transaction.
  await session.query(moves.join('; '));
  await dropDatabase(session, aside, { force: true });
}

/**
 * Drops a database. Missing is done. Throws `conflict`, naming them, while others are connected, unless `force`, and also then
 * where they may not be ended.
 */
export async function dropDatabase(session: Session, name: string, { force }: { force: boolean }): Promise<void> {
  const clients = await listClients(session, name);
  if (clients.length > 0 && !force) throw inUse(name, clients, 'close them, or end them with `--force`');
  if (clients.length > 0 && session.version < HAS_FORCE) await endClients(session, name);
  const how = force && session.version >= HAS_FORCE ? ' WITH (FORCE)' : '';
  await whileEnding(session, name, () => session.query(`DROP DATABASE IF EXISTS ${quoteName(name)}${how}`));
}
