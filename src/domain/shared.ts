import type { SharedServiceConfig } from './config/config.ts';
import { StackError } from './errors.ts';
import type { SharedLease } from './instance.ts';
import { findKindFacts } from './own-kinds.ts';
import { traitsOf, type Viewpoint } from './runtime.ts';
import type { Values } from './values.ts';

/** Name by which a container reaches this machine; every container of ours has it in its hosts file. */
export const HOST_FROM_CONTAINER = 'host.docker.internal';

/**
 * What the engine publishes, and every shared service, listens there; `localhost` may lead to `::1` first (macOS), where a program
 * that tries one address alone finds nobody, or somebody else. Browsers are handed `localhost`, which is one site to them.
 */
export const IPV4_LOOPBACK = '127.0.0.1';

/** The settings of one shared service after stack.yml and the environment have had their say. */
export interface SharedSettings {
  image: string | undefined;
  /** The port wished for on this machine; the lease may be another. */
  port: number | undefined;
  /** The whole address of a server that the team runs itself; the other settings are then read from it. */
  url: string | undefined;
  /** The port inside the stack's network. */
  containerPort: number | undefined;
  user: string | undefined;
  password: string | undefined;
  database: string | undefined;
  /** How its `url` begins. */
  scheme: string;
}

/** The role of the embedded Postgres that is stack's own: a superuser, let in through the private socket alone. */
export const SUPERUSER = 'stack_superuser';

/** Name of the variable that sets one key of one shared service: `STACK_POSTGRES_IMAGE`. */
export function sharedVariable(service: string, key: string): string {
  return `STACK_${service}_${key}`.toUpperCase().replaceAll('-', '_');
}

/** Name under which the values have the password that stack made up for a shared service of one root. */
export function ownPasswordVariable(service: string): string {
  return sharedVariable(service, 'own_password');
}

/** Returns a shared service's settings: the environment wins over stack.yml, and that over the defaults. Throws `config`. */
export function resolveShared(service: string, config: SharedServiceConfig, values: Values): SharedSettings {
  const defaults: Partial<SharedSettings> = findKindFacts(service) ?? {};
  const made = (key: string): string | undefined =>
    key === 'password' ? values(ownPasswordVariable(service)) : undefined;
  const pick = (key: 'url' | 'image' | 'user' | 'password' | 'database'): string | undefined =>
    values(sharedVariable(service, key)) || config[key] || made(key) || defaults[key];
  const url = pick('url');
  if (url !== undefined) return readUrl(service, url);
  const port = Number(values(sharedVariable(service, 'port'))) || config.port || defaults.port;
  if (service === 'postgres' && pick('user') === SUPERUSER) throw ownRole();
  return {
    url,
    image: pick('image'),
    port,
    containerPort: defaults.port ?? port,
    user: pick('user'),
    password: pick('password'),
    database: pick('database'),
    scheme: config.scheme ?? defaults.scheme ?? 'http',
  };
}

function ownRole(): StackError {
  return new StackError('config', `shared.postgres: ${SUPERUSER} is the role of stack itself`, {
    hint: `set another \`user:\` in stack.yml, or STACK_POSTGRES_USER; as superuser you get in through the socket, see docs/shared-services.md`,
  });
}

function readUrl(service: string, url: string): SharedSettings {
  const { protocol, port, username, password, pathname } = parseUrl(service, url);
  const decode = (text: string): string | undefined => (text === '' ? undefined : decodeURIComponent(text));
  return {
    url,
    image: undefined,
    port: Number(port) || undefined,
    containerPort: undefined,
    user: decode(username),
    password: decode(password),
    database: decode(pathname.slice(1)),
    scheme: protocol.slice(0, -1),
  };
}

/** The address may hold a password, so the error does not show it. */
function parseUrl(service: string, text: string): URL {
  try {
    const url = new URL(text);
    decodeURIComponent(url.username + url.password + url.pathname);
    return url;
  } catch {
    throw new StackError('config', `the address of ${service} cannot be read`, {
      hint: `shared.${service}.url, or ${sharedVariable(service, 'url')}, is like \`redis://me:secret@host:6379\`, with %25 for a %`,
    });
  }
}

/** Where a server is: one that all share, or (with a name of its own in the network) a ticket's. */
type Lease = Pick<SharedLease, 'provider' | 'container'> & { port?: number | undefined; alias?: string };

/** Returns where a workload finds a shared service; undefined while it has no lease. */
export function sharedAddress(
  viewpoint: Viewpoint,
  service: string,
  settings: SharedSettings,
  lease: Lease | undefined,
): { host: string; port: number | undefined; url: string } | undefined {
  if (settings.url !== undefined) return foreignAddress(viewpoint, settings.url);
  const place = (host: string, port: number | undefined) =>
    port === undefined ? undefined : { host, port, url: sharedUrl(settings, host, port) };
  if (!viewpoint.network) return place(/^https?$/.test(settings.scheme) ? 'localhost' : IPV4_LOOPBACK, lease?.port);
  return lease && !traitsOf(lease).network
    ? place(HOST_FROM_CONTAINER, lease.port)
    : place(lease?.alias ?? service, lease?.container ?? settings.containerPort);
}

/** What the team calls localhost is another machine to a container. */
function foreignAddress(viewpoint: Viewpoint, text: string): { host: string; port: number | undefined; url: string } {
  const url = new URL(text);
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (viewpoint.network && isLocal) url.hostname = HOST_FROM_CONTAINER;
  return { host: url.hostname, port: Number(url.port) || undefined, url: isLocal ? url.href : text };
}

/**
 * Returns the address of a shared service with the credentials that are set, each part percent-encoded. Over HTTP they are left
 * out: browsers and `fetch` refuse them in an address.
 */
export function sharedUrl(
  { scheme, user, password, database }: Pick<SharedSettings, 'scheme' | 'user' | 'password' | 'database'>,
  host: string,
  port: number,
): string {
  const encode = (text: string | undefined): string => encodeURIComponent(text ?? '');
  const secret = password === undefined ? '' : `:${encode(password)}`;
  const isOpen = /^https?$/.test(scheme) || (user === undefined && secret === '');
  const login = isOpen ? '' : `${encode(user)}${secret}@`;
  return `${scheme}://${login}${host}:${port}${database === undefined ? '' : `/${encode(database)}`}`;
}
