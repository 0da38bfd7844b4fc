import { randomBytes } from 'node:crypto';
import { chown, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { execa } from 'execa';
import { StackError, throwIfAborted, tolerate } from '../../domain/errors.ts';
import { shortHash } from '../../domain/names.ts';
import { SUPERUSER } from '../../domain/shared.ts';
import { explainFileError } from '../files/file-errors.ts';
import { readFileIfThere, replaceFile } from '../files/files.ts';
import { quoteName, quoteText } from '../postgres/quote.ts';
import type { ServerSettings } from './host-server.ts';
import type { OtherUser } from './other-user.ts';
import type { PostgresPrograms } from './postgres-programs.ts';

type Env = Record<string, string | undefined>;

/** Which rights a user is given; data with others is given them at the next start. */
const RIGHTS = 2;

/** Where one server's files are. */
export interface PostgresPlace {
  folder: string;
  data: string;
  log: string;
  /** Holds the hash of user, password and database that the data was last given; beside the data it speaks of. */
  applied: string;
}

/** What its programs are run with. */
export interface PostgresTools extends PostgresPrograms {
  user: OtherUser | undefined;
  /** The whole environment. */
  env: Env;
}

/** Throws `process` for a data folder that is not whole, or of another version; makes one where there is none. */
export async function requireData(place: PostgresPlace, tools: PostgresTools, signal: AbortSignal): Promise<void> {
  const found = (await readFileIfThere(path.join(place.data, 'PG_VERSION')))?.trim();
  const entries = await tolerate(readdir(place.data), 'ENOENT');
  if (found === undefined && !entries?.length) return makeData(place, tools, signal);
  const hint = `move ${place.data} away, or delete the data with \`stack down --volumes\``;
  if (found === undefined)
    throw new StackError('process', `${place.data} is not a whole Postgres data folder`, { hint });
  const { stdout } = await exec(tools, tools.postgres, ['--version'], { cwd: place.folder, signal });
  const version = /(\d+)/.exec(stdout)?.[1];
  if (found !== version) {
    throw new StackError(
      'process',
      `the data of Postgres is of version ${found}, but version ${version} is installed`,
      { hint: `dump it with version ${found}; then ${hint}`, details: { found, installed: version } },
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

/**
 * Gives a server that is down its user, password and database, so that no password is needed for it. The user may do what a
 * product needs (databases, roles, its own data) and nothing on the machine: no role but stack's own stays a superuser.
 */
export async function applySettings(
  place: PostgresPlace,
  tools: PostgresTools,
  settings: FullSettings,
  signal: AbortSignal,
): Promise<void> {
  const [user, database] = [settings.user, settings.database].map(quoteName);
  const password = quoteText(settings.password);
  const statements = [
    makeRole(SUPERUSER),
    `ALTER ROLE ${SUPERUSER} SUPERUSER LOGIN PASSWORD NULL;`,
    makeRole(settings.user),
    // The role that initdb makes has to stay one (oid 10); with data of an older stack it may be the user.
    forEachRole('rolsuper', `format('ALTER ROLE %I NOSUPERUSER', r)`),
    // What other users of stack.yml and the product's own roles have is the user's too. No two may be in each other.
    forEachRole(
      `NOT rolsuper AND rolname <> ${quoteText(settings.user)}`,
      `format('REVOKE %2$I FROM %1$I; GRANT %1$I TO %2$I', r, ${quoteText(settings.user)})`,
    ),
    `ALTER ROLE ${user} CREATEDB CREATEROLE BYPASSRLS LOGIN PASSWORD ${password};`,
    // It may act as the roles that it makes, as a superuser may.
    `ALTER ROLE ${user} SET createrole_self_grant = 'set, inherit';`,
    // Single-user mode goes on after an error; a database that is there already is one.
    `CREATE DATABASE ${database} OWNER ${user};`,
    // Roles that older data knew as superusers may have made a database in another's name.
    `ALTER DATABASE ${database} OWNER TO ${user};`,
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

function makeRole(name: string): string {
  return `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = ${quoteText(name)}) THEN CREATE ROLE ${quoteName(name)}; END IF; END $$;`;
}

/** Returns a statement that runs what an expression makes of each role's name `r`; the server's own roles are left out. */
function forEachRole(condition: string, expression: string): string {
  const roles = `SELECT rolname FROM pg_roles WHERE oid > 10 AND rolname !~ '^pg_' AND rolname <> '${SUPERUSER}' AND ${condition}`;
  return `DO $$ DECLARE r text; BEGIN FOR r IN ${roles} LOOP EXECUTE ${expression}; END LOOP; END $$;`;
}

/** Who is let in, and how: the superuser through the socket, in whose folder nobody else may look; all others by password. */
const DOORS = `# stack writes this file at every start.
local all ${SUPERUSER} trust
host  all ${SUPERUSER} all reject
host  all all 127.0.0.1/32 scram-sha-256
host  all all ::1/128 scram-sha-256
`;

/** Writes who is let in by a server. */
export async function writeDoors(place: PostgresPlace, { user }: PostgresTools): Promise<string> {
  const file = path.join(place.folder, 'pg_hba.conf');
  await replaceFile(file, DOORS);
  if (user) await chown(file, user.uid, user.gid);
  return file;
}

export interface FullSettings {
  port: number;
  user: string;
  password: string;
  database: string;
}

/** Returns settings with the defaults of the shared Postgres. */
export function withDefaults({
  port,
  user = 'stack',
  password = 'stack',
  database = 'stack',
}: ServerSettings): FullSettings {
  return { port, user, password, database };
}

/** Returns what tells settings apart that the data must be given again; the port is none of them. */
export function hashOf({ user, password, database }: FullSettings): string {
  return `${RIGHTS} ${shortHash(JSON.stringify([user, password, database]))}`;
}

/** True when a server's data was last given its settings by a stack that made the user a superuser. */
export function isOfOlderStack(applied: string | undefined): boolean {
  return applied !== undefined && !applied.includes(' ');
}

/** As in a container that was given just any number for its user. */
const UNKNOWN_USER =
  'Postgres runs for no user without an entry in passwd: add one, or run stack as a user who has one, or name a server of your own in stack.yml (`url:`)';

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
  throwIfAborted(options.signal);
  if (!result.failed) return result;
  const lines = `${result.stdout}\n${result.stderr}`.trim().split('\n');
  const name = path.basename(program);
  const reason = lines.findLast((line) => /FATAL|PANIC|error:/.test(line));
  const isUnknown = lines.some((line) => /could not look up effective user ID/.test(line));
  throw new StackError('process', `${name} failed: ${reason ?? lines.at(-1) ?? result.shortMessage}`, {
    lines,
    ...(isUnknown && { hint: UNKNOWN_USER }),
  });
}
