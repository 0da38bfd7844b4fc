import type { EventEmitter } from 'node:events';
import type { Duplex, Readable, Writable } from 'node:stream';
import type { Client, QueryArrayResult } from 'pg';
import { bestEffort, StackError, throwIfAborted } from '../../domain/errors.ts';

const CONNECT_MS = 10_000;
/** What a server says while it starts, stops or has no connection to spare (PostgreSQL manual, appendix A). */
const PASSING = new Set(['57P03', '53300']);

/** What a server says to a role that lacks a right (the same appendix). */
export const MAY_NOT = '42501';

/** A login to one server; which database is asked is said each time. */
export interface PostgresLogin {
  /** Address with user and password; its database is the one that is asked when nothing else is said. */
  url: string;
  /** For errors: `localhost:5432`. */
  where: string;
  user: string;
}

type Row = Record<string, unknown>;

/** One open connection. */
export interface Session {
  /** The server's version: 160003 is 16.3. */
  readonly version: number;
  /** Runs one statement. Throws `database`, `interrupted` (the server is told to stop). */
  query<R extends Row = Row>(text: string, values?: readonly unknown[]): Promise<R[]>;
}

/** A connection for text that a person wrote. */
export interface TextSession extends Session {
  /** Runs the statements of a text; every value as the server writes it. Throws as `query` does. */
  run(text: string): Promise<SqlResult[]>;
  /** Tells the server to stop what runs, which throws `database` then; the connection stays. */
  cancel(): Promise<void>;
  /** Runs a `COPY … FROM stdin`; the rows are what is written into the stream. */
  copyIn(statement: string): Promise<Writable>;
  /** Runs a `COPY … TO stdout`; the rows are what is read from the stream. */
  copyOut(statement: string): Promise<Readable>;
}

/** What one statement came to. */
export interface SqlResult {
  /** None for a statement that has no rows to show. */
  columns: string[];
  rows: (string | null)[][];
  /** `INSERT 1`, say. */
  done: string;
}

/** Opens a connection to a database, hands it over, and closes it. Throws `database`, and what `use` throws. */
export async function withSession<Result>(
  login: PostgresLogin,
  database: string,
  use: (session: TextSession) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  throwIfAborted(signal);
  const client = await connect(login, database);
  try {
    return await useClient(client, { login, database }, use, signal);
  } finally {
    await bestEffort(client.end());
  }
}

/** Connections that wait for the next question: to open one costs more than to ask a dozen. */
const kept = new Map<string, KeepableClient>();
/** The types of pg lack these two. */
type KeepableClient = Client & { ref(): void; unref(): void };

/**
 * Does as `withSession`, and keeps the connection for the next question of this process, which it does not keep from ending. For
 * databases that nobody copies or drops.
 */
export async function withKeptSession<Result>(
  login: PostgresLogin,
  database: string,
  use: (session: Session) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  throwIfAborted(signal);
  const key = JSON.stringify([login.url, database]);
  const client = kept.get(key) ?? (await connectToKeep(login, database, key));
  kept.delete(key);
  client.ref();
  let isSound = false;
  try {
    const result = await useClient(client, { login, database }, use, signal);
    isSound = !kept.has(key);
    return result;
  } finally {
    if (isSound) {
      kept.set(key, client);
      client.unref();
    } else await bestEffort(client.end());
  }
}

async function connectToKeep(login: PostgresLogin, database: string, key: string): Promise<KeepableClient> {
  const client = (await connect(login, database)) as KeepableClient;
  // The server may go away before it is asked again.
  client.once('end', () => {
    if (kept.get(key) === client) kept.delete(key);
  });
  return client;
}

const AS_WRITTEN = { getTypeParser: () => String };

/** Of several statements pg gives a list, of one no list. */
function readResults(found: QueryArrayResult | QueryArrayResult[]): SqlResult[] {
  return [found].flat().map(({ command, rowCount, fields, rows }) => ({
    columns: fields.map(({ name }) => name),
    rows,
    done: `${command ?? ''} ${rowCount ?? ''}`.trim(),
  }));
}

async function useClient<Result>(
  client: Client,
  { login, database }: { login: PostgresLogin; database: string },
  use: (session: TextSession) => Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  const cancel = (): void => void cancelQuery(login, database, client);
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    const { rows } = await client.query<{ server_version_num: string }>('SHOW server_version_num');
    return await use({
      version: Number(rows[0]?.server_version_num),
      async query<R extends Row>(text: string, values?: readonly unknown[]) {
        try {
          return (await client.query<R>(text, values && [...values])).rows;
        } catch (error) {
          throwIfAborted(signal);
          throw explainError(login, error);
        }
      },
      async run(text) {
        try {
          return readResults(await client.query({ text, rowMode: 'array', types: AS_WRITTEN }));
        } catch (error) {
          throwIfAborted(signal);
          throw explainError(login, error);
        }
      },
      cancel: () => cancelQuery(login, database, client),
      async copyIn(statement) {
        const { from } = await import('pg-copy-streams');
        return client.query(from(statement));
      },
      async copyOut(statement) {
        const { to } = await import('pg-copy-streams');
        return client.query(to(statement));
      },
    });
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}

/** A connection on which messages of the protocol go as they are. */
interface RawConnection {
  stream: Duplex;
  /** What the server said of itself as it let us in: `server_version`, `client_encoding`, … */
  parameters: [name: string, value: string][];
}

/** Opens a connection to a database, hands over its stream, and closes it. Throws `database`, and what `use` throws. */
export async function withRawConnection<Result>(
  login: PostgresLogin,
  database: string,
  use: (connection: RawConnection) => Promise<Result>,
): Promise<Result> {
  const parameters: RawConnection['parameters'] = [];
  const client = await connect(login, database, (name, value) => parameters.push([name, value]));
  // The types of pg lack it.
  const { stream } = (client as unknown as { connection: { stream: Duplex } }).connection;
  // From here on pg does not read along.
  stream.removeAllListeners('data');
  try {
    return await use({ stream, parameters });
  } finally {
    stream.destroy();
  }
}

async function connect(
  login: PostgresLogin,
  database: string,
  onParameter?: (name: string, value: string) => void,
): Promise<Client> {
  const { default: pg } = await import('pg');
  const url = new URL(login.url);
  url.pathname = `/${encodeURIComponent(database)}`;
  const client = new pg.Client({
    connectionString: url.href,
    connectionTimeoutMillis: CONNECT_MS,
    application_name: 'stack',
  });
  // A connection that is ended by the server between two questions is told by the next one.
  client.on('error', () => undefined);
  const { connection } = client as unknown as { connection: EventEmitter };
  connection.on('parameterStatus', ({ parameterName, parameterValue }: Record<string, string>) =>
    onParameter?.(parameterName ?? '', parameterValue ?? ''),
  );
  try {
    await client.connect();
    return client;
  } catch (error) {
    await bestEffort(client.end());
    throw explainError(login, error);
  }
}

/** A copy of a gigabyte would otherwise go on after we are gone. */
async function cancelQuery(login: PostgresLogin, database: string, client: Client): Promise<void> {
  const { processID } = client as Client & { processID?: number };
  const other = await bestEffort(connect(login, database));
  if (!other) return;
  await bestEffort(other.query('SELECT pg_cancel_backend($1)', [processID]));
  await bestEffort(other.end());
}

/** SQLSTATE of an error of the server's, as `explainError` keeps it. */
export function stateOf(error: unknown): string | undefined {
  return error instanceof StackError ? (error.details as { state?: string } | undefined)?.state : undefined;
}

/** Turns what the server or the network says into one clear line. Never shows a password: neither of them does. */
export function explainError({ where, user }: PostgresLogin, error: unknown): unknown {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  const details = { state: code };
  const explain = (text: string, hint: string): StackError =>
    new StackError('database', text, { hint, details, cause: error });
  const known: Record<string, () => StackError> = {
    '28P01': () =>
      explain(
        `Postgres at ${where} refuses the password of ${user}`,
        'set `user` and `password` of shared.postgres in stack.yml',
      ),
    '28000': () => explain(`Postgres at ${where} does not let ${user} in: ${message}`, 'see its pg_hba.conf'),
    [MAY_NOT]: () =>
      explain(
        `${user} may not do that on Postgres at ${where}: ${message}`,
        `as a superuser there: ALTER ROLE "${user}" CREATEDB; an extension may need more`,
      ),
    '53100': () =>
      explain(
        `the disk of Postgres at ${where} is full`,
        'free some space there: `stack destroy` tickets that are done, or `docker system df`; then run the command again',
      ),
  };
  if (known[code]) return known[code]();
  if (PASSING.has(code))
    return explain(`Postgres at ${where} takes no connection now: ${message}`, 'run the command again in a moment');
  if (/^[0-9A-Z]{5}$/.test(code))
    return new StackError('database', `Postgres at ${where}: ${message}`, { details, cause: error });
  if (error instanceof StackError) return error;
  return new StackError('database', `Postgres does not answer at ${where}: ${message || code}`, {
    hint: '`stack up` starts the one that stack runs; `stack doctor` says more',
    details,
    cause: error,
  });
}
