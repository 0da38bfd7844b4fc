import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import { explainError, type PostgresLogin, type TextSession, withSession } from './connection.ts';

const LINE_END = 10;
/** How pg_dump writes the rows of a table: this line, the rows, and a line of `\\.`. */
const COPY = /^(COPY .* FROM stdin);\r?\n?$/i;
const COPY_ENDS = ['\\.\n', '\\.\r\n', '\\.'];
/** What pg_dump says to psql alone, first and last, with a key of its own. */
const RESTRICT = /^\\restrict (\S+)\s*$/;
const ENCODING = /^SET client_encoding = '(?!utf-?8')/i;

/** Loads plain SQL, as pg_dump writes it, into an empty database. Throws `usage`, `database`, `interrupted`. */
export async function loadSqlFile(
  login: PostgresLogin,
  database: string,
  file: string,
  signal: AbortSignal,
): Promise<void> {
  const load = (session: TextSession): Promise<void> => loadLines(session, file, signal);
  await withSession(login, database, load, signal).catch((error: unknown) => {
    const told = error instanceof StackError ? error : explainError(login, error);
    if (!(told instanceof StackError) || told.code !== 'database') throw told;
    throw new StackError('database', `loading ${file} failed: ${told.message}`, {
      details: told.details,
      cause: error,
    });
  });
}

async function loadLines(session: TextSession, file: string, signal: AbortSignal): Promise<void> {
  const isForPsql = skipPsqlLines();
  let sql: string[] = [];
  let rows: Rows | undefined;
  const flush = async (): Promise<void> => {
    const text = sql.join('');
    sql = [];
    if (text.trim() !== '') await session.run(text);
  };
  for await (const bytes of readLines(file)) {
    throwIfAborted(signal);
    if (rows) {
      rows = await rows.take(bytes);
      continue;
    }
    const line = bytes.toString();
    if (ENCODING.test(line)) throw otherEncoding(file);
    const statement = COPY.exec(line)?.[1];
    if (statement !== undefined) {
      await flush();
      rows = await openRows(session, statement);
    } else if (!isForPsql(line)) sql.push(line);
  }
  await rows?.end();
  await flush();
}

function otherEncoding(file: string): StackError {
  const hint = 'dump it with `pg_dump --encoding=UTF8`';
  return new StackError('usage', `${file} is in another encoding than UTF8`, { hint });
}

/**
 * Returns what is true for the two lines that are psql's own. Texts may hold such lines: the first one comes before all statements, the
 * second one has its key.
 */
function skipPsqlLines(): (line: string) => boolean {
  let last: string | undefined;
  let isHead = true;
  return (line) => {
    if (last !== undefined) return line.trim() === last;
    const key = isHead ? RESTRICT.exec(line)?.[1] : undefined;
    if (key !== undefined) last = `\\unrestrict ${key}`;
    isHead &&= /^\s*(--|$)/.test(line);
    return key !== undefined;
  };
}

/** A table that rows go into; each fails as soon as the server has refused one. */
interface Rows {
  /** Takes a line; undefined once it was the one that ends them. */
  take(line: Buffer): Promise<Rows | undefined>;
  end(): Promise<void>;
}

async function openRows(session: TextSession, statement: string): Promise<Rows> {
  const stream: Writable = await session.copyIn(statement);
  const ended = finished(stream);
  // Told by whoever waits for it next.
  ended.catch(() => undefined);
  const rows: Rows = {
    async take(line) {
      if (COPY_ENDS.includes(line.toString('latin1', 0, 5))) return void (await rows.end());
      if (stream.destroyed) await ended;
      if (!stream.write(line)) await Promise.race([ended, once(stream, 'drain')]);
      return rows;
    },
    async end() {
      stream.end();
      await ended;
    },
  };
  return rows;
}

/** Lines with their ends, as bytes: rows may be in any form. */
async function* readLines(file: string): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_END); end >= 0; end = chunk.indexOf(LINE_END, start)) {
      yield Buffer.concat([...parts, chunk.subarray(start, end + 1)]);
      parts = [];
      start = end + 1;
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
  }
  if (parts.length > 0) yield Buffer.concat(parts);
}
