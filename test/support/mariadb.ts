import { execFileSync, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePorts } from './ports.ts';
import { until } from './until.ts';

/** A MariaDB of the test's own: an empty server with a user `dev` who owns `shop` and all that is called like it. */
export interface MariaDb {
  port: number;
  /** Runs SQL as root of the server. Returns the rows, a line each. */
  sql(text: string, database?: string): string[];
  /** Connects to a database as `dev`, and stays; `connected` once it is there. */
  hold(database: string): { connected: Promise<unknown>; end(): Promise<void> };
  end(): Promise<void>;
}

const PROGRAMS = ['mariadbd', 'mariadb-install-db', 'mariadb', 'mariadb-dump'];

/**
 * Returns true where Debian's `mariadb-server` is here; false, said loudly, where it is not, so that the tests that need it are
 * skipped. Throws instead where `STACK_REQUIRE_ENGINE=1`, as in CI.
 */
export function hasMariaDb(): boolean {
  const missing = PROGRAMS.filter((name) => find(name) === undefined);
  if (missing.length === 0) return true;
  const text = `the tests need mariadb-server: ${missing.join(', ')} not found`;
  if (process.env.STACK_REQUIRE_ENGINE === '1') throw new Error(text);
  console.warn(`\n!!! SKIPPED: ${text}. \`apt-get install mariadb-server\` brings it.\n`);
  return false;
}

function find(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin'];
  return folders
    .map((folder) => path.join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Starts a server in a folder of its own. */
export async function startMariaDb(): Promise<MariaDb> {
  const folder = mkdtempSync(path.join(tmpdir(), 'stack-mariadb-'));
  const [data, socket] = [path.join(folder, 'data'), path.join(folder, 'socket')];
  const port = freePorts();
  const user = process.getuid?.() === 0 ? ['--user=root'] : [];
  execFileSync(
    find('mariadb-install-db') ?? '',
    ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=normal', '--skip-test-db', ...user],
    { stdio: 'ignore' },
  );
  const server = spawn(
    find('mariadbd') ?? '',
    [
      ...['--no-defaults', `--datadir=${data}`, `--socket=${socket}`, `--port=${port}`, '--bind-address=127.0.0.1'],
      ...['--innodb-buffer-pool-size=16M', '--innodb-flush-log-at-trx-commit=0', ...user],
    ],
    { stdio: 'ignore' },
  );
  const ended = new Promise<void>((done) => server.once('exit', () => done()));
  const client = (text: string, database?: string): string =>
    execFileSync(
      'mariadb',
      [
        '--no-defaults',
        `--socket=${socket}`,
        '--user=root',
        '--batch',
        '--skip-column-names',
        ...(database ? [database] : []),
      ],
      { input: text, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] },
    );
  const answers = (): boolean => {
    try {
      return client('SELECT 1') !== '';
    } catch {
      return false;
    }
  };
  await until('MariaDB answers', answers);
  client(
    `CREATE USER dev@'%' IDENTIFIED BY 'de''v'; GRANT ALL ON \`shop%\`.* TO dev@'%'; GRANT PROCESS ON *.* TO dev@'%'`,
  );
  return {
    port,
    sql: (text, database) => client(text, database).split('\n').slice(0, -1),
    hold(database) {
      const args = ['--no-defaults', `--socket=${socket}`, '--user=dev', database];
      const env = { ...process.env, MYSQL_PWD: "de'v" };
      const other = spawn('mariadb', args, { env, stdio: ['pipe', 'ignore', 'ignore'] });
      const gone = new Promise<void>((done) => other.once('exit', () => done()));
      const sql = 'SELECT db FROM information_schema.processlist';
      return {
        connected: until('the other is connected', () => client(sql).includes(database)),
        async end() {
          other.stdin?.end();
          await gone;
        },
      };
    },
    async end() {
      server.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
