import { interpolate } from '../../../domain/compose/interpolate.ts';
import type { ComposeData } from '../../../domain/compose/merge.ts';
import { type ComposePort, readPorts } from '../../../domain/compose/ports.ts';
import { isPlainMap } from '../../../domain/config/source.ts';
import type { Values } from '../../../domain/values.ts';
import { findKind, imageName, mayServe, type ServerKind } from './server-kinds.ts';

/** A server that a compose file of the developers' starts beside their own programs. */
export interface ComposeServer {
  /** As the compose file calls it: what programs in there reach it by. */
  name: string;
  /** What it is; undefined for one that stack knows by its name alone. */
  kind: 'postgres' | 'mysql' | 'redis' | undefined;
  image: string;
  /** False: only what leads to it tells whether it is a server. */
  known: boolean;
  /** Of a database. */
  user: string | undefined;
  password: string | undefined;
  database: string | undefined;
  ports: ComposePort[];
  /** The rest of what the file says of it, with its variables filled in. */
  environment: Record<string, string>;
  settings: ComposeData;
  /** Paths in the container that keep data. */
  data: string[];
}

const KINDS: [image: RegExp, kind: NonNullable<ComposeServer['kind']>][] = [
  [/^(?:postgres|postgresql|postgis|pgvector|timescaledb(?:-ha)?)$/, 'postgres'],
  [/^(?:mysql|mysql-server|mariadb|percona)$/, 'mysql'],
  [/^(?:redis|redis-stack(?:-server)?|valkey|keydb)$/, 'redis'],
];
/** What makes a server what it is, and leads to nothing of the developer's machine. */
const SETTINGS = ['entrypoint', 'command', 'healthcheck', 'user', 'platform', 'ulimits', 'shm_size', 'tmpfs'];

/** True for the image of a server, whoever built on it. */
export function isServerImage(image: string): boolean {
  return findKind(image) !== undefined || kindOf(image) !== undefined;
}

/** True for a variable that an image reads itself, by its name: `POSTGRES_DB`, `RABBITMQ_DEFAULT_USER`. */
export function isOfImage(image: string, variable: string): boolean {
  const kind = kindOf(image);
  if (kind === 'postgres') return /^(?:POSTGRES(?:QL)?_|PGDATA$)/.test(variable);
  if (kind === 'mysql') return /^(?:MYSQL|MARIADB)_/.test(variable);
  const own = imageName(image).split('-').at(-1)?.toUpperCase();
  return kind === undefined && own !== undefined && variable.startsWith(`${own}_`);
}

/** Returns a service of a compose file as a server; undefined for one that is none. `told` fills in what git keeps. */
export function readServer(
  { name, image, service }: { name: string; image: string; service: ComposeData },
  environment: Record<string, string>,
  { values, told }: { values: Values; told: Values },
): ComposeServer | undefined {
  // It is written into a compose file.
  if (!/^[\w.:/@-]+$/.test(image)) return undefined;
  const kind = kindOf(image);
  const known = findKind(image);
  const published = readPorts(service, values);
  if (kind === undefined && known === undefined && (published.length === 0 || !mayServe(image))) return undefined;
  return {
    ...{ name, kind, image, environment },
    known: kind !== undefined || known !== undefined,
    settings: readSettings(service, told),
    ...readLogin(kind, environment),
    ports: published.length > 0 ? published : listUsualPorts(known?.ports),
    data: listData(service),
  };
}

function kindOf(image: string): ComposeServer['kind'] {
  if (/(?:^|\/)supabase\/postgres(?:[:@]|$)/.test(image)) return 'postgres';
  return KINDS.find(([pattern]) => pattern.test(imageName(image)))?.[1];
}

/** The programs of the file reach it without a port of this machine. */
function listUsualPorts(ports: ServerKind['ports'] = []): ComposePort[] {
  return ports.slice(0, 1).map(([container]) => ({ container }));
}

function readSettings(service: ComposeData, told: Values): ComposeData {
  const fill = (node: unknown): unknown => {
    if (typeof node === 'string') return interpolate(node, told);
    if (Array.isArray(node)) return node.map(fill);
    return isPlainMap(node) ? Object.fromEntries(Object.entries(node).map(([key, value]) => [key, fill(value)])) : node;
  };
  const there = SETTINGS.filter((key) => service[key] !== undefined && service[key] !== null);
  return Object.fromEntries(there.map((key) => [key, fill(service[key])]));
}

function readLogin(
  kind: ComposeServer['kind'],
  env: Record<string, string>,
): Pick<ComposeServer, 'user' | 'password' | 'database'> {
  const pick = (...names: string[]) =>
    names.map((name) => env[name]).find((value) => value !== undefined && value !== '');
  if (kind === 'postgres') {
    const user = pick('POSTGRES_USER', 'POSTGRESQL_USERNAME') ?? 'postgres';
    const database = pick('POSTGRES_DB', 'POSTGRESQL_DATABASE') ?? user;
    return { user, password: pick('POSTGRES_PASSWORD', 'POSTGRESQL_PASSWORD'), database };
  }
  if (kind === 'mysql') {
    // Only root may make databases for tickets.
    const password = pick('MYSQL_ROOT_PASSWORD', 'MARIADB_ROOT_PASSWORD');
    return { user: undefined, password, database: pick('MYSQL_DATABASE', 'MARIADB_DATABASE') };
  }
  return { user: undefined, password: undefined, database: undefined };
}

/** Where named volumes are; a folder of the repo may be a person's own. */
function listData({ volumes }: ComposeData): string[] {
  return (Array.isArray(volumes) ? volumes : []).flatMap((volume: unknown) => {
    if (isPlainMap(volume)) return volume.type === 'volume' && typeof volume.target === 'string' ? [volume.target] : [];
    const [source = '', target = ''] = String(volume).split(':');
    return /^[\w-]+$/.test(source) && target.startsWith('/') ? [target] : [];
  });
}
