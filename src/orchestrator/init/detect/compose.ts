import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { parse as parseEnv } from 'dotenv';
import { parse } from 'yaml';
import { ifReadable } from '../../../adapters/files/file-errors.ts';
import { readFileIfThere } from '../../../adapters/files/files.ts';
import { interpolate } from '../../../domain/compose/interpolate.ts';
import { type ComposeData, mergeCompose } from '../../../domain/compose/merge.ts';
import { type ComposePort, readPorts } from '../../../domain/compose/ports.ts';
import { isPlainMap } from '../../../domain/config/source.ts';
import { layValues, type Values } from '../../../domain/values.ts';

/** A server that a compose file of the developers' starts beside their own programs. */
export interface ComposeServer {
  /** As the compose file calls it: what programs in there reach it by. */
  name: string;
  /** What it is; undefined for one that stack knows by its name alone. */
  kind: 'postgres' | 'mysql' | 'redis' | undefined;
  image: string;
  /** Of a database. */
  user: string | undefined;
  password: string | undefined;
  database: string | undefined;
  ports: ComposePort[];
  /** The rest of what the file says of it, its environment with its variables filled in. */
  command: unknown;
  environment: Record<string, string>;
  /** Paths in the container that keep data. */
  data: string[];
}

/** A program of the developers' own that a compose file starts. */
interface ComposeProgram {
  /** As the compose file calls it: where others of the file reach it. */
  name: string;
  /** Absolute path of its folder. */
  folder: string;
  environment: Record<string, string>;
}

export interface ComposeFindings {
  servers: ComposeServer[];
  programs: ComposeProgram[];
}

const FILES = /^(?:docker-)?compose(?:[._-](?:override|dev|develop|development|local|db|infra|services|deps))?\.ya?ml$/;
const FOLDERS = ['', './docker', 'infra', '.docker', 'deploy'];
const DEV_PROFILE = /^(?:dev|develop|development|local|default|db|infra|backend|all)$/;
const KINDS: [image: RegExp, kind: NonNullable<ComposeServer['kind']>][] = [
  [/(?:^|\/)(?:postgres|postgresql|postgis|pgvector|timescaledb(?:-ha)?|supabase\/postgres)$/, 'postgres'],
  [/(?:^|\/)(?:mysql|mysql-server|mariadb|percona)$/, 'mysql'],
  [/(?:^|\/)(?:redis|redis-stack(?:-server)?|valkey|keydb)$/, 'redis'],
];
/** Servers that programs talk to; what people look at data with, and proxies, are none. */
const OTHERS =
  /(?:^|\/)(?:mailpit|mailhog|maildev|smtp4dev|inbucket|minio|localstack|kafka|cp-kafka|redpanda|zookeeper|cp-zookeeper|rabbitmq|nats|mosquitto|mongo|mongodb|elasticsearch|opensearch|meilisearch|typesense|clickhouse-server|memcached|keycloak|azurite|dynamodb-local|temporal|auto-setup|qdrant|weaviate|chroma|solr|cassandra|couchdb|neo4j|influxdb|gotenberg|imgproxy)$/;
const FOR_TESTS = /(?:^|[-_])tests?(?:$|[-_])/;

/**
 * Reads the compose files that developers have in these folders: the servers that they start, and what they hand to programs of
 * their own. What cannot be read tells nothing; never throws.
 */
export async function readComposeFiles(folders: readonly string[]): Promise<ComposeFindings> {
  const all: ComposeFindings = { servers: [], programs: [] };
  const places = [...new Set(folders.flatMap((folder) => FOLDERS.map((inner) => path.join(folder, inner))))];
  for (const place of places) {
    const names = ((await ifReadable(readdir(place))) ?? []).filter((name) => FILES.test(name)).sort();
    // The usual file comes first: others are laid over it.
    const files = names.sort((a, b) => a.length - b.length);
    let whole: unknown = {};
    for (const name of files) whole = mergeCompose(whole, await readData(path.join(place, name)));
    if (files.length > 0) await addServices(all, whole, place);
  }
  return { servers: pickServers(all.servers), programs: all.programs };
}

async function readData(file: string): Promise<ComposeData> {
  const text = (await ifReadable(readFileIfThere(file))) ?? '';
  // The file that `init` wrote is no source of what it writes.
  if (text.includes('STACK_NETWORK')) return {};
  try {
    const data: unknown = parse(text, { merge: true, logLevel: 'error' });
    return isPlainMap(data) ? data : {};
  } catch {
    return {};
  }
}

async function addServices(all: ComposeFindings, whole: unknown, place: string): Promise<void> {
  const [values, told] = await Promise.all([readValues(place, ['.env', ...EXAMPLES]), readValues(place, EXAMPLES)]);
  const services = isPlainMap(whole) && isPlainMap(whole.services) ? whole.services : {};
  for (const [name, service] of Object.entries(services)) {
    if (!isPlainMap(service) || !isForDevelopment(name, service)) continue;
    const folder = findFolder(service, place, values);
    if (folder !== undefined)
      all.programs.push({ name, folder, environment: await readEnvironment(service, place, values) });
    else if (typeof service.image === 'string') {
      const server = readServer(name, service, await readOpenEnvironment(service, place, values, told), values);
      if (server) all.servers.push(server);
    }
  }
}

function isForDevelopment(name: string, { profiles }: ComposeData): boolean {
  const named = Array.isArray(profiles) ? profiles : [];
  return !FOR_TESTS.test(name) && (named.length === 0 || named.some((profile) => DEV_PROFILE.test(String(profile))));
}

const EXAMPLES = ['.env.example', '.env.dist', '.env.sample', '.env.template'];
const SECRET = /PASSW|PASS$|PWD|SECRET|TOKEN|KEY|CREDENTIAL/i;

/** What the file's variables stand for, by these env files, the first of which wins. */
async function readValues(place: string, names: readonly string[]): Promise<Values> {
  const texts = await Promise.all(names.map((name) => ifReadable(readFileIfThere(path.join(place, name)))));
  return layValues(...texts.map((text) => parseEnv(text ?? '')));
}

/**
 * What a server is handed, as far as it may stand in files that git keeps: none of the developer's own env files, and of secrets
 * what the compose file or an example says.
 */
async function readOpenEnvironment(
  service: ComposeData,
  place: string,
  values: Values,
  told: Values,
): Promise<Record<string, string>> {
  const [all, open] = await Promise.all(
    [values, told].map((from) => readEnvironment({ ...service, env_file: undefined }, place, from)),
  );
  const entries = Object.entries(all ?? {}).map(([name, value]) => [name, SECRET.test(name) ? open?.[name] : value]);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined && value !== ''));
}

async function readEnvironment(service: ComposeData, place: string, values: Values): Promise<Record<string, string>> {
  const files = [service.env_file].flat().flatMap((file) => {
    const name = isPlainMap(file) ? file.path : file;
    return typeof name === 'string' ? [path.resolve(place, interpolate(name, values))] : [];
  });
  const texts = await Promise.all(files.map((file) => ifReadable(readFileIfThere(file))));
  const { environment } = mergeCompose({ environment: {} }, { environment: service.environment ?? {} }) as {
    environment: ComposeData;
  };
  const own = Object.entries(environment).flatMap(([name, value]) =>
    // Without a value it comes from the shell.
    value === null || value === undefined ? [] : [[name, interpolate(String(value), values)]],
  );
  return Object.assign({}, ...texts.map((text) => parseEnv(text ?? '')), Object.fromEntries(own));
}

/** The folder that its image is built from, or that is mounted where it works. */
function findFolder({ build, volumes }: ComposeData, place: string, values: Values): string | undefined {
  const context = isPlainMap(build) ? (build.context ?? '.') : build;
  if (typeof context === 'string') return path.resolve(place, interpolate(context, values));
  const mounts = (Array.isArray(volumes) ? volumes : []).map((volume) => String(isPlainMap(volume) ? '' : volume));
  const [source] = mounts.flatMap(
    (mount) => /^(\.{1,2}(?:\/[^:]*)?):\/(?:app|usr\/src|code|srv|var\/www|workspace)/.exec(mount)?.[1] ?? [],
  );
  return source === undefined ? undefined : path.resolve(place, source);
}

function readServer(
  name: string,
  service: ComposeData,
  environment: Record<string, string>,
  values: Values,
): ComposeServer | undefined {
  const image = interpolate(String(service.image), values);
  // It is written into a compose file.
  if (!/^[\w.:/@-]+$/.test(image)) return undefined;
  const plain = image.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  const kind = KINDS.find(([pattern]) => pattern.test(plain))?.[1];
  if (kind === undefined && !OTHERS.test(plain)) return undefined;
  return {
    ...{ name, kind, image, environment, command: service.command },
    ...readLogin(kind, environment),
    ports: readPorts(service, values),
    data: listData(service),
  };
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

/** One of each kind that stack knows, and each other one once. */
function pickServers(servers: readonly ComposeServer[]): ComposeServer[] {
  const seen = new Set<string>();
  return servers.filter(({ name, kind }) => {
    const key = kind ?? name;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** Returns what a compose file hands to a program as the text of an env file; '' for none. */
export function renderProgramEnv({ programs }: ComposeFindings, folder: string): string {
  const found = programs.filter((program) => program.folder === folder);
  // Another program of the file is known by its port.
  const place = (value: string) =>
    programs.reduce((text, { name }) => text.replaceAll(`//${name}:`, '//localhost:'), value);
  const lines = found.flatMap(({ environment }) =>
    Object.entries(environment).map(([name, value]) => `${name}=${place(value)}`),
  );
  return lines.filter((line) => !line.includes('\n')).join('\n');
}
