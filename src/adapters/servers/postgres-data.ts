import { randomBytes } from 'node:crypto';
import { chown, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { interrupted, StackError } from '../../domain/errors.ts';
import { shortHash } from '../../domain/names.ts';
import { explainFileError, replaceFile } from '../files.ts';
import { readText, type ServerSettings } from './host-server.ts';
import type { OtherUser } from './other-user.ts';
import type { PostgresPrograms } from './postgres-programs.ts';

type Env = Record<string, string | undefined>;

/** Where one server's files are. */
export interface PostgresPlace {
  folder: string;
  data: string;
  log: string;
  /** Holds the hash of user, password and database that the data was last given; beside the data it speaks of. */
  applied: string;
}

/** What its programs are run with. */
export interface PostgresTools extends Omit<PostgresPrograms, 'env'> {
  user: OtherUser | undefined;
  /** The whole environment. */
  env: Env;
}

/** Throws `process` for a data folder that is not whole, or of another version; makes one where there is none. */
export async function requireData(place: PostgresPlace, tools: PostgresTools, signal: AbortSignal): Promise<void> {
  const found = (await readText(path.join(place.data, 'PG_VERSION')))?.trim();
  const entries = await readdir(place.data).catch(() => []);
  if (found === undefined && entries.length === 0) return makeData(place, tools, signal);
  const hint = `move ${place.data} away, or delete the data with \`stack down --volumes\``;
  if (found === undefined) throw new StackError('process', `${place.data} is no whole Postgres data folder`, { hint });
  const { stdout } = await exec(tools, tools.postgres, ['--version'], { cwd: place.folder, signal });
  const version = /(\d+)/.exec(stdout)?.[1];
  if (found !== version) {
    throw new StackError(
      'process',
      `the data of Postgres is of version ${found}, but version ${version} is installed`,
      {
        hint: `dump it with version ${found}; then ${hint}`,
        details: { found, installed: version },
      },
    );
  }
}

/** Made under another name and renamed once it is whole: what is at `data` is never half made. */
async function makeData(place: PostgresPlace, tools: PostgresTools, signal: AbortSignal): Promise<void> {
  const fresh = path.join(place.folder, 'data.new');
  const passwordFile = path.join(place.folder, 'password');
  await rm(fresh, { recursive: true, force: true });
  const flags = {
    pgdata: fresh,
    username: 'postgres',
    pwfile: passwordFile,
    auth: 'scram-sha-256',
    encoding: 'UTF8',
    locale: 'C',
    'locale-provider': 'builtin',
    'builtin-locale': 'C.UTF-8',
  };
  try {
    // Nobody's: whoever the settings name is made a user of their own, whose name may hold anything.
    await writeFile(passwordFile, `${randomBytes(18).toString('hex')}\n`, { mode: 0o600 });
    if (tools.user) await chown(passwordFile, tools.user.uid, tools.user.gid);
    const args = Object.entries(flags).map(([key, value]) => `--${key}=${value}`);
    await exec(tools, tools.initdb, [...args, '--no-instructions'], { cwd: place.folder, signal });
    await rm(place.data, { recursive: true, force: true });
    await rename(fresh, place.data);
  } catch (error) {
    throw explainFileError(error, `make ${place.data}`);
  } finally {
    await rm(passwordFile, { force: true });
    await rm(fresh, { recursive: true, force: true });
  }
}

/** Gives user, password and database to a server that is down, so that no password is needed for it. */
export async function applySettings(
  place: PostgresPlace,
  tools: PostgresTools,
  settings: FullSettings,
  signal: AbortSignal,
): Promise<void> {
  const [user, database] = [settings.user, settings.database].map(quoteName);
  const password = quoteText(settings.password);
  const statements = [
    `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${quoteText(settings.user)}) THEN CREATE ROLE ${user}; END IF; END $$;`,
    `ALTER ROLE ${user} SUPERUSER LOGIN PASSWORD ${password};`,
    // Single-user mode goes on after an error; a database that is there already is one.
    `CREATE DATABASE ${database} OWNER ${user};`,
  ];
  const args = ['--single', '-D', place.data, 'postgres'];
  const input = `${statements.join('\n')}\n`;
  const { stderr } = await exec(tools, tools.postgres, args, { cwd: place.folder, signal, input });
  const check = `SELECT datname FROM pg_database WHERE datname = ${quoteText(settings.database)};\n`;
  const answer = await exec(tools, tools.postgres, args, { cwd: place.folder, signal, input: check });
  if (!answer.stdout.includes('datname = ')) {
    throw new StackError('process', `cannot make the database ${settings.database}`, {
      lines: stderr.trim().split('\n'),
    });
  }
  await replaceFile(place.applied, hashOf(settings));
}

export interface FullSettings {
  port: number;
  user: string;
  password: string;
  database: string;
}

/** Gives settings with the defaults of the shared Postgres. */
export function withDefaults({
  port,
  user = 'stack',
  password = 'stack',
  database = 'stack',
}: ServerSettings): FullSettings {
  return { port, user, password, database };
}

/** Gives what tells settings apart that the data must be given anew; the port is none of them. */
export function hashOf({ user, password, database }: FullSettings): string {
  return shortHash(JSON.stringify([user, password, database]));
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Runs one of Postgres's programs to its end. Throws `process` with what it said last, `interrupted` when aborted. */
async function exec(
  tools: PostgresTools,
  program: string,
  args: readonly string[],
  options: { cwd: string; signal: AbortSignal; input?: string },
): Promise<{ stdout: string; stderr: string }> {
  const [first = '', ...rest] = [...(tools.user?.prefix ?? []), program, ...args];
  const result = await execa(first, rest, {
    cwd: options.cwd,
    env: tools.env,
    extendEnv: false,
    cancelSignal: options.signal,
    reject: false,
    ...(options.input === undefined ? { stdin: 'ignore' } : { input: options.input }),
  });
  if (options.signal.aborted) throw interrupted(options.signal.reason);
  if (!result.failed) return result;
  const lines = `${result.stdout}\n${result.stderr}`.trim().split('\n');
  const name = path.basename(program);
  const reason = lines.findLast((line) => /FATAL|PANIC|error:/.test(line));
  throw new StackError('process', `${name} failed: ${reason ?? lines.at(-1) ?? result.shortMessage}`, { lines });
}
