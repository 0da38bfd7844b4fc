import { existsSync } from 'node:fs';
import path from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import type { ExecOptions } from '../../domain/runtime.ts';
import { dropUndefined, runTool, type ToolJob } from '../database-tool.ts';
import { runAttached } from '../process/exec.ts';
import { listFolders, listPackageFolders } from '../search-path.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** How a server is reached from where its programs run. */
export interface MysqlLogin {
  host: string;
  port: number;
  user: string;
  password: string;
}

/** The client and the dump program of one place, be they MariaDB's or MySQL's. */
export interface MysqlPrograms {
  login: MysqlLogin;
  /** Runs a command line of a shell. Returns the exit code. */
  run(argv: readonly string[], options: ExecOptions): Promise<number>;
}

/** Returns true where this machine has a client and a dump program. */
export function hasPrograms(env: Env): boolean {
  return areIn(listFolders(findPath(env)));
}

/** Returns the programs of this machine. */
export function hostPrograms(env: Env, login: MysqlLogin): MysqlPrograms {
  const own = dropUndefined({ ...env, PATH: findPath(env) });
  return { login, run: (argv, options) => runAttached(argv, { cwd: '/', env: { ...own, ...options.env } }, options) };
}

/** Packages that keep off the PATH, such as Homebrew's `mysql-client`, count where the PATH has none: it has the first word. */
function findPath({ PATH }: Env): string | undefined {
  const folders = listFolders(PATH);
  return areIn(folders) ? PATH : [...folders, ...listPackageFolders(/^(mysql|mariadb)/)].join(path.delimiter);
}

function areIn(folders: readonly string[]): boolean {
  const has = (...names: string[]): boolean =>
    folders.some((folder) => names.some((name) => existsSync(path.join(folder, name))));
  return has('mariadb', 'mysql') && has('mariadb-dump', 'mysqldump');
}

/**
 * `client` and `dump` are called with a login that a person's option files do not change; the password is in the environment.
 * A server that lets in nobody and says nothing is not waited for. An option with `loose` is passed over by the program that does not know it. Views, triggers and routines become the login's own:
 * to give them to who made them takes rights that a product's login does not have.
 */
const PRELUDE = `client=$(command -v mariadb || command -v mysql) || { echo 'no mariadb or mysql is here' >&2; exit 127; }
dump=$(command -v mariadb-dump || command -v mysqldump) || { echo 'no mariadb-dump or mysqldump is here' >&2; exit 127; }
login() {
  program=$1
  shift
  "$program" --no-defaults --protocol=tcp --host="$STACK_HOST" --port="$STACK_PORT" --user="$STACK_USER" \\
    --default-character-set=utf8mb4 "$@"
}
client() { login "$client" --connect-timeout=10 "$@"; }
all() {
  login "$dump" --single-transaction --routines --triggers --events --hex-blob --no-tablespaces \\
    --loose-set-gtid-purged=OFF --ignore-table="$1.$MARK" "$1"
}
dump() {
  exec 4>&1
  failed=$({ { all "$1"; echo $? >&3; } | LC_ALL=C sed -e "$OWN_VIEWS" -e "$OWN_ROUTINES" >&4; } 3>&1)
  return "$failed"
}
`;

/** What `sed` does to lines of a dump that say who made something; no row of a table begins like them. */
const SED = {
  OWN_VIEWS: '\\%^/[*]!5%s/ DEFINER=`[^`]*`@`[^`]*`/ /',
  OWN_ROUTINES: 's/^CREATE DEFINER=`[^`]*`@`[^`]*` /CREATE /',
};

/** The table of a ticket's database whose comment says whose it is: MySQL gives a database no comment. */
export const MARK_TABLE = '_stack';

/** Runs a line of `client` and `dump`. Throws `database` with what they said, `interrupted`. */
async function runLine({ login, run }: MysqlPrograms, line: string, job: ToolJob, args: string[] = []): Promise<void> {
  const env = {
    ...{ STACK_HOST: login.host, STACK_PORT: String(login.port), STACK_USER: login.user },
    ...{ MYSQL_PWD: login.password, MARK: MARK_TABLE, ...SED },
  };
  const argv = ['sh', '-c', PRELUDE + line, 'sh', ...args];
  await runTool((streams) => run(argv, { ...streams, env }), job, /error/i);
}

/** Returns the rows that statements bring, a text for each column. The statements go in through stdin. Throws `database`. */
export async function query(programs: MysqlPrograms, sql: string, signal: AbortSignal): Promise<string[][]> {
  const output = new PassThrough();
  const parts: Buffer[] = [];
  output.on('data', (chunk: Buffer) => parts.push(chunk));
  await runLine(programs, 'client --batch --skip-column-names', {
    doing: `a question to MySQL at ${programs.login.host}:${programs.login.port}`,
    ...{ signal, input: Readable.from([sql]), output },
  });
  const rows = Buffer.concat(parts).toString().split('\n').slice(0, -1);
  return rows.map((row) => row.split('\t').map(readColumn));
}

const ESCAPED: Record<string, string> = { n: '\n', t: '\t', '0': '\0' };

function readColumn(text: string): string {
  return text.replaceAll(/\\(.)/gs, (_, letter: string) => ESCAPED[letter] ?? letter);
}

/** Fills an empty database from one that may be in use, as that was at one moment. Throws `database`, `interrupted`. */
export async function copyLive(programs: MysqlPrograms, from: string, to: string, signal: AbortSignal): Promise<void> {
  // Half a dump is SQL as well: what cannot be read makes the client fail with the dump.
  const line = '{ dump "$1" || echo "the dump failed;"; } | client --database="$2"';
  await runLine(programs, line, { doing: `the copy of ${from}`, signal }, [from, to]);
}

/** Writes a dump as SQL, without the mark. Throws `database`, `interrupted`. */
export async function dumpTo(
  programs: MysqlPrograms,
  database: string,
  output: NodeJS.WritableStream,
  signal: AbortSignal,
): Promise<void> {
  await runLine(programs, 'dump "$1"', { doing: `the dump of ${database}`, output, signal }, [database]);
}

/** Loads a dump into an empty database. Throws `database`, `interrupted`. */
export async function loadFrom(
  programs: MysqlPrograms,
  database: string,
  input: Readable,
  signal: AbortSignal,
): Promise<void> {
  const job = { doing: `loading a dump into ${database}`, input, signal };
  await runLine(programs, 'client --database="$1"', job, [database]);
}
