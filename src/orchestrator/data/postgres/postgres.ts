import {
  type PostgresLogin,
  type Session,
  stateOf,
  type TextSession,
  withKeptSession,
  withSession,
} from '../../../adapters/postgres/connection.ts';
import { changePassword, findTools, loginEnv, type PostgresTools } from '../../../adapters/postgres/tools.ts';
import { WIRE_MAJOR } from '../../../adapters/postgres/wire-dump.ts';
import type { StackConfig } from '../../../domain/config/config.ts';
import { ifAnswered, StackError } from '../../../domain/errors.ts';
import { FROM_HOST } from '../../../domain/runtime.ts';
import { resolveShared, sharedAddress } from '../../../domain/shared.ts';
import { findSharedContainer } from '../../core/network.ts';
import type { Stack } from '../../core/stack.ts';
import { takesPassword } from '../../shared/settings.ts';
import { ifRecorded, type Recorded } from '../database-kind.ts';
import type { SharedLeases } from '../own-kind.ts';

/** The shared service by its name in stack.yml. */
export const POSTGRES = 'postgres';

/** Every server has it, and hardly anybody uses it. */
const NOBODYS = 'postgres';
const NO_DATABASE = '3D000';
const WRONG_PASSWORD = '28P01';

/** The shared Postgres as stack itself reaches it. */
export interface PostgresServer {
  login: PostgresLogin;
  /** The baseline's database. */
  baseline: string;
  /** Returns the login that may do all on the server where stack has one, else `login`. */
  strongest(): Promise<PostgresLogin>;
  /** Asks the server about its databases, connected to one that is nobody's where there is one. */
  admin<Result>(use: (session: Session) => Promise<Result>, signal?: AbortSignal): Promise<Result>;
  /** The same, connected to the baseline's database, or to the one that is named. */
  inside<Result>(use: (session: TextSession) => Promise<Result>, signal?: AbortSignal, named?: string): Promise<Result>;
  /** pg_dump and the like that fit the server; undefined when there are none. */
  tools(): Promise<PostgresTools | undefined>;
  /** The pg_dump that needs no program; undefined where it is older than the server, or cannot be had. */
  wireDump(): Promise<string | undefined>;
}

/**
 * Returns the shared Postgres. Without a config it is the one that the lease tells of, with the default login. Throws
 * `config` when there is none.
 */
export function openPostgres(stack: Stack, config: StackConfig | undefined, leases: SharedLeases): PostgresServer {
  const settings = resolveShared(POSTGRES, config?.shared.services[POSTGRES] ?? {}, stack.values);
  const lease = leases[POSTGRES];
  const address = sharedAddress(FROM_HOST, POSTGRES, settings, lease);
  const { database, user = '' } = settings;
  if (!address || !database) {
    throw new StackError('config', 'this stack has no Postgres that a ticket could have a database in', {
      hint: 'add `postgres: { database: … }` to `shared:` in stack.yml; a `url:` must name its database too',
    });
  }
  const login: PostgresLogin = { url: address.url, where: `${address.host}:${address.port ?? 5432}`, user };
  const isEmbedded = settings.url === undefined && lease?.provider === 'embedded';
  const findStrongest = async (): Promise<PostgresLogin> => {
    const socket = isEmbedded ? await (await stack.hostServer(POSTGRES)).superuser() : undefined;
    return socket === undefined ? login : { ...login, url: socket };
  };
  const admin: PostgresServer['admin'] = async (use, signal) => {
    const asked = await findStrongest();
    try {
      return await (database === NOBODYS ? withSession : withKeptSession)(asked, NOBODYS, use, signal);
    } catch (error) {
      if (stateOf(error) !== NO_DATABASE) throw error;
      return withSession(asked, database, use, signal);
    }
  };
  const major = (): Promise<number> => admin(async ({ version }) => Math.floor(version / 10_000));
  return {
    login,
    strongest: findStrongest,
    baseline: database,
    admin,
    inside: async (use, signal, named = database) => withSession(await findStrongest(), named, use, signal),
    wireDump: async () => ((await major()) > WIRE_MAJOR ? undefined : ifAnswered(() => stack.wireDump())),
    async tools() {
      if (settings.url === undefined && lease?.provider === 'compose') {
        return toolsInContainer(
          stack,
          loginEnv(login.url, { host: '127.0.0.1', port: settings.containerPort ?? 5432 }),
        );
      }
      return findTools(stack.env, await major(), loginEnv(login.url));
    },
  };
}

/**
 * Returns a composed Postgres the password that it has by stack.yml, or that stack has made up, where its data was made with another
 * one. That goes through the container's own socket, at which the image asks for none. True when the login fits then.
 */
export async function settlePassword(
  stack: Stack,
  config: StackConfig,
  leases: SharedLeases,
  signal: AbortSignal,
): Promise<boolean> {
  const { login, baseline } = openPostgres(stack, config, leases);
  const refusal = async (): Promise<string | undefined> => {
    const nothing = async (): Promise<undefined> => undefined;
    return withSession(login, baseline, nothing, signal).catch((error: unknown) => {
      if (!(error instanceof StackError)) throw error;
      return stateOf(error) ?? 'unknown';
    });
  };
  const first = await refusal();
  if (first !== WRONG_PASSWORD || !(await takesPassword(stack, config, POSTGRES))) return first === undefined;
  const { user } = login;
  const tools = await toolsInContainer(stack, loginEnv(login.url, { host: '', port: 5432 }));
  const { PGPASSWORD: password = '' } = loginEnv(login.url);
  // It may not know that user at all: the login goes on not to fit.
  if (tools) await ifAnswered(() => changePassword(tools, { user, password }, signal));
  if ((await refusal()) !== undefined) return false;
  stack.emit({ type: 'info', text: `postgres: its data was made with another password; ${user} has the new one now` });
  return true;
}

/** The image of a Postgres brings the programs of its own version. */
async function toolsInContainer(stack: Stack, login: Record<string, string>): Promise<PostgresTools | undefined> {
  const container = await findSharedContainer(stack, POSTGRES);
  if (!container) return undefined;
  const { runtime } = await stack.docker();
  return {
    where: `the container ${container.name}`,
    run: (argv, database, options) =>
      runtime.exec(container, argv, { ...options, env: { ...login, PGDATABASE: database } }),
  };
}

/** Returns the server a recorded ticket's database is on, as `ifRecorded` has it. */
export async function openRecorded(asked: Recorded): Promise<PostgresServer | undefined> {
  return ifRecorded(POSTGRES, asked, (config) => openPostgres(asked.stack, config, asked.shared));
}
