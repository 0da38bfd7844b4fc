import { createReadStream, existsSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { execa } from 'execa';
import type { ExecOptions } from '../../domain/runtime.ts';
import { dropUndefined, runTool } from '../database-tool.ts';
import { runAttached } from '../process/exec.ts';
import { listFolders, listPackageFolders } from '../search-path.ts';
import { quoteName, quoteText } from './quote.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** psql, pg_dump and pg_restore of one place, with the login in their environment: nothing secret is in a command line. */
export interface PostgresTools {
  /** `psql in the container stack-shop-…`, for people. */
  where: string;
  /** Runs one of them, or a shell line of them; the database is `PGDATABASE`. Returns the exit code. */
  run(argv: readonly string[], database: string, options: Omit<ExecOptions, 'env'>): Promise<number>;
}

/** Returns the variables that PostgreSQL's programs read a login from. */
export function loginEnv(url: string, at?: { host: string; port: number }): Record<string, string> {
  const { hostname, port, username, password, searchParams } = new URL(url);
  const ssl = searchParams.get('sslmode');
  return {
    PGHOST: at?.host ?? hostname.replace(/^\[(.*)\]$/, '$1'),
    PGPORT: String(at?.port ?? (port || 5432)),
    PGUSER: decodeURIComponent(username),
    PGPASSWORD: decodeURIComponent(password),
    ...(ssl !== null && { PGSSLMODE: ssl }),
  };
}

/** How folders of PostgreSQL's packages are called: a version alone, too. */
const PACKAGE = /^(\d|libpq|postgresql|pgsql-)/;

/**
 * Returns the programs of this machine that understand a server of `major`: pg_dump refuses newer servers than itself.
 * Undefined when there are none.
 */
export async function findTools(
  env: Env,
  major: number,
  login: Record<string, string>,
): Promise<PostgresTools | undefined> {
  const folders = [...listFolders(env.PATH), ...listPackageFolders(PACKAGE)];
  const seen = new Set<string>();
  for (const folder of folders) {
    const program = path.join(folder, 'pg_dump');
    if (seen.has(program) || !existsSync(program)) continue;
    seen.add(program);
    const { stdout, failed } = await execa(program, ['--version'], { reject: false, stdin: 'ignore' });
    if (failed || Number(/(\d+)/.exec(stdout)?.[1]) < major) continue;
    const own = { ...dropUndefined(env), PATH: `${folder}${path.delimiter}${env.PATH ?? ''}`, ...login };
    return {
      where: folder,
      run: (argv, database, options) =>
        runAttached(argv, { cwd: '/', env: { ...own, PGDATABASE: database } }, { ...options }),
    };
  }
  return undefined;
}

const REASON = /error:|ERROR:|FATAL:/;

/** Fills an empty database from one that may be in use: both programs run at once, and nothing is kept between them. */
const COPY = `(set -o pipefail) 2>/dev/null && set -o pipefail
PGDATABASE="$1" pg_dump --format=custom --compress=0 | pg_restore --exit-on-error --dbname="$2"`;

/** Copies all that is in a database into an empty one, as it was at one moment. Throws `database`, `interrupted`. */
export async function copyLive(tools: PostgresTools, from: string, to: string, signal: AbortSignal): Promise<void> {
  const doing = `the copy of ${from}`;
  const argv = ['sh', '-c', COPY, 'sh', from, conninfo(to)];
  await runTool((streams) => tools.run(argv, from, streams), { doing, signal }, REASON);
}

/** Dumps a database, in pg_dump's own packed format. Throws `database`, `interrupted`. */
export async function dumpTo(
  tools: PostgresTools,
  database: string,
  output: NodeJS.WritableStream,
  signal: AbortSignal,
): Promise<void> {
  const job = { doing: `the dump of ${database}`, output, signal };
  await runTool((streams) => tools.run(['pg_dump', '--format=custom'], database, streams), job, REASON);
}

/** Loads a dump into an empty database, one of pg_dump's own formats or plain SQL. Throws `database`, `interrupted`. */
export async function loadFrom(
  tools: PostgresTools,
  database: string,
  { file, plain: isPlain }: { file: string; plain: boolean },
  signal: AbortSignal,
): Promise<void> {
  const argv = isPlain
    ? ['psql', '--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--single-transaction', '--file=-']
    : ['pg_restore', '--exit-on-error', `--dbname=${conninfo(database)}`];
  const job = { doing: `loading ${file}`, input: createReadStream(file), signal };
  await runTool((streams) => tools.run(argv, database, streams), job, REASON);
}

/** Returns a role another password. The statement goes in through stdin: a command line shows it to everybody. Throws `database`. */
export async function changePassword(
  tools: PostgresTools,
  { user, password }: { user: string; password: string },
  signal: AbortSignal,
): Promise<void> {
  const text = `ALTER ROLE ${quoteName(user)} PASSWORD ${quoteText(password)};\n`;
  const argv = ['psql', '--no-psqlrc', '--quiet', '--set=ON_ERROR_STOP=1', '--file=-'];
  const job = { doing: `a new password for ${user}`, input: Readable.from([text]), signal };
  await runTool((streams) => tools.run(argv, 'postgres', streams), job, REASON);
}

/** A name with `=` in it would be read as settings. */
function conninfo(database: string): string {
  return `dbname='${database.replaceAll(/[\\']/g, '\\$&')}'`;
}
