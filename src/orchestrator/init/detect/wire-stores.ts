import type { Variable } from './variables.ts';

/** A kind of shared server, and how programs name it. */
interface Store {
  /** Its name in `stack.yml`. */
  name: string;
  /** How its addresses begin. */
  scheme: RegExp;
  /** Words of variables that mean no other store: `PG`, `REDIS`. */
  own: readonly string[];
  /** Words that mean any database. */
  any: readonly string[];
  port: number;
}

const DATABASE = ['DB', 'DATABASE', 'SQL', 'TYPEORM', 'DATASOURCE', 'RDS', 'JDBC', 'RDBMS', 'SQLALCHEMY'];

const STORES: readonly Store[] = [
  {
    name: 'postgres',
    scheme: /^(?:jdbc:)?(?:postgres|postgresql|postgis|pgsql)(?:\+\w+)?:\/\//,
    ...{ own: ['POSTGRES', 'POSTGRESQL', 'PG', 'PSQL'], any: DATABASE, port: 5432 },
  },
  {
    name: 'mysql',
    scheme: /^(?:jdbc:)?(?:mysql|mysql2|mariadb)(?:\+\w+)?:\/\//,
    ...{ own: ['MYSQL', 'MARIADB'], any: DATABASE, port: 3306 },
  },
  { name: 'redis', scheme: /^(?:rediss?|valkey):\/\//, own: ['REDIS', 'VALKEY'], any: [], port: 6379 },
];

/** The last words of a variable's name, and what they ask of a server. */
const PARTS: readonly [words: RegExp, key: string][] = [
  [/^(?:HOST|HOSTNAME|SERVER|ADDR|ADDRESS)$/, 'host'],
  [/^PORT$/, 'port'],
  [/^(?:USER|USERNAME|USER_NAME|LOGIN)$/, 'user'],
  [/^(?:PASS|PASSWORD|PASSWD|PW|PWD)$/, 'password'],
  [/^(?:NAME|DB|DATABASE|DBNAME|DB_NAME|DATABASE_NAME|SCHEMA_NAME|SERVICE_NAME)$/, 'database'],
  [/^(?:URL|URI|DSN|CONNECTION|CONNECTION_STRING|CONNECTION_URL|CONNECTION_URI|CONN|CONNECT)$/, 'url'],
];
/** Written as one word: `PGHOST`, `DATABASEURL`. */
const JOINED =
  /^(PG|DB|DATABASE|POSTGRES|MYSQL|REDIS)(?=(?:HOST|PORT|USER|USERNAME|PASS|PASSWORD|DATABASE|NAME|URL|URI)$)/;
/** Words in front that say whose database it is, and no more. */
const WHOSE =
  /^(?:APP|SPRING|DJANGO|FLASK|RAILS|NEST|API|SERVER|BACKEND|PRIMARY|DEFAULT|MAIN|DIRECT|ASYNC|SYNC|DEV|LOCAL|CACHE|QUEUE|CELERY|BULL|SESSION|SIDEKIQ|SHADOW|DATA)$/;
/** What such a name says about something else. */
const ELSEWHERE = /^(?:TEST|TESTS|TESTING|PROD|PRODUCTION|STAGING|REPLICA|READ|READONLY|READER)$/;

/** Returns what a variable gets that leads to a shared server; undefined when it means none of `stores`. */
export function wireStore(
  { name, values }: Pick<Variable, 'name' | 'values'>,
  stores: readonly string[],
): string | undefined {
  for (const value of values) {
    const store = STORES.find(({ scheme }) => scheme.test(value));
    if (store) return stores.includes(store.name) && !isElsewhere(name) ? addressLike(store, value) : undefined;
  }
  const meant = readName(name);
  if (!meant) return undefined;
  const store = STORES.find(
    (one) => stores.includes(one.name) && one[meant.exact ? 'own' : 'any'].includes(meant.word),
  );
  if (!store) return undefined;
  // `DB_CONNECTION=pgsql` is no address.
  if (meant.key === 'url') return values.length === 0 ? place(store, 'url') : undefined;
  const isOther = STORES.some((other) => other !== store && values[0] === String(other.port));
  return meant.key === 'port' && isOther ? undefined : place(store, meant.key);
}

interface Meaning {
  word: string;
  key: string;
  /** The word means one kind of store alone. */
  exact: boolean;
}

function readName(name: string): Meaning | undefined {
  const words = name.replace(JOINED, '$1_').split('_');
  while (words.length > 1 && WHOSE.test(words[0]!)) words.shift();
  if (isElsewhere(name)) return undefined;
  const [word = '', ...rest] = words;
  const isOwn = STORES.some(({ own }) => own.includes(word));
  if (!isOwn && !DATABASE.includes(word)) return undefined;
  // DB_POSTGRES_HOST, POSTGRES_DB_HOST
  const [second = '', ...others] = rest;
  const deeper = STORES.find(({ own }) => own.includes(second));
  const tail = deeper || (DATABASE.includes(second) && others.length > 0) ? others : rest;
  const key = PARTS.find(([words]) => words.test(tail.join('_')))?.[1];
  return key === undefined ? undefined : { word: deeper ? second : word, key, exact: isOwn || deeper !== undefined };
}

function isElsewhere(name: string): boolean {
  return name.split('_').some((word) => ELSEWHERE.test(word));
}

/** TLS, logins and places of an address are the other server's; `${…}` is the env file's. */
function readSettings(address: string): string {
  const all = address.match(/\?(\S*)$/)?.[1]?.split('&') ?? [];
  const kept = all.filter((one) => !/\$\{|^(?:ssl|tls|channel_binding|options=|user|password|host)/i.test(one));
  return kept.length > 0 ? `?${kept.join('&')}` : '';
}

/** The same kind of address: with the driver in front, with the settings behind. */
function addressLike(store: Store, value: string): string {
  const scheme = value.match(store.scheme)![0];
  const settings = store.name === 'redis' ? '' : readSettings(value);
  if (scheme.startsWith('jdbc:')) {
    return `${scheme}${place(store, 'host')}:${place(store, 'port')}/${place(store, 'database')}${settings}`;
  }
  if (!scheme.includes('+')) return `${place(store, 'url')}${settings}`;
  const login = `${place(store, 'user')}:${place(store, 'password')}`;
  return `${scheme}${login}@${place(store, 'host')}:${place(store, 'port')}/${place(store, 'database')}${settings}`;
}

function place(store: Store, key: string): string {
  return `\${${store.name}.${key}}`;
}

/** What env files and code say about a shared server's login. */
export interface StoreSettings {
  user?: string | undefined;
  database?: string | undefined;
}

/** Returns the user and the database that the variables of a product name for a store; what is in a password stays where it is. */
export function readStoreSettings(store: string, variables: readonly Variable[]): StoreSettings {
  const found: StoreSettings = {};
  for (const { name, values } of variables) {
    const [value] = values;
    if (value === undefined || isElsewhere(name) || wireStore({ name, values }, [store]) === undefined) continue;
    const told = STORES.some(({ scheme }) => scheme.test(value)) ? readLogin(value) : readPart(name, value);
    found.user ??= told.user;
    found.database ??= told.database;
  }
  return found;
}

const NAME = /^[A-Za-z_][\w-]{0,62}$/;

function readPart(name: string, value: string): StoreSettings {
  const key = readName(name)?.key;
  if ((key !== 'user' && key !== 'database') || !NAME.test(value)) return {};
  return { [key]: value };
}

function readLogin(address: string): StoreSettings {
  const [, user, database] = address.match(/:\/\/(?:([^:@/]*)(?::[^@/]*)?@)?[^/?]*(?:\/([^?]*))?/) ?? [];
  return {
    ...(user !== undefined && NAME.test(user) && { user }),
    ...(database !== undefined && NAME.test(database) && { database }),
  };
}
