import type { ComposePort } from '../../../domain/compose/ports.ts';
import { findKind, imageName } from './server-kinds.ts';
import type { PlannedServer } from './stack-plan.ts';
import type { Variable } from './variables.ts';

const ADDRESS = /^(?:([a-z][\w+.-]*):\/\/)?(?:([^/@\s$]*)@)?([\w.-]+)(?::(\d+))?([/?][^\s$]*)?$/i;
const LOCAL = /^(?:localhost|127\.0\.0\.1|0\.0\.0\.0|host\.docker\.internal)$/;
/** Ports that addresses do not name. */
const USUAL: Record<string, number> = { mongodb: 27017, amqp: 5672, nats: 4222, mqtt: 1883, http: 80, smtp: 25 };

/** Returns what a variable gets that leads to another server of a compose file; undefined when it means none. */
export function wireServer(
  variable: Pick<Variable, 'name' | 'values'> & { isSet?: boolean },
  servers: readonly PlannedServer[],
): string | undefined {
  const others = servers.filter(({ found }) => found.kind === undefined);
  for (const value of variable.values) {
    const wired = wireValue(variable.name, value, others);
    if (wired !== undefined) return wired;
  }
  return wireByMeaning(variable, others);
}

function wireValue(name: string, value: string, servers: readonly PlannedServer[]): string | undefined {
  const pieces = value.split(/\s*,\s*/);
  // `localhost:9092,localhost:9093`: more of the same.
  if (pieces.length > 1) {
    const wired = new Set(pieces.flatMap((piece) => wireAddress(piece, servers) ?? []));
    return wired.size === 1 ? [...wired][0] : undefined;
  }
  if (/^\d+$/.test(value)) {
    if (!/_PORT$/.test(name)) return undefined;
    const meant = servers.flatMap((server) => findPort(server, undefined, Number(value)) ?? [])[0];
    return meant && `\${${meant.key}}`;
  }
  const address = wireAddress(value, servers);
  if (address !== undefined) return address;
  const words = /^(.*)_(?:HOST|HOSTNAME|SERVER|ENDPOINT)$/.exec(name)?.[1];
  if (words === undefined) return undefined;
  const server = servers.find(
    (one) => value === one.found.name || (LOCAL.test(value) && (isCalled(one, words) || isKind(one, words))),
  );
  return server && `\${${server.name}.host}`;
}

function wireAddress(value: string, servers: readonly PlannedServer[]): string | undefined {
  const [, scheme, login, host = '', told, rest = ''] = ADDRESS.exec(value) ?? [];
  const port = told === undefined ? USUAL[scheme ?? ''] : Number(told);
  if (port === undefined) return undefined;
  for (const server of servers) {
    const meant = findPort(server, host, port);
    if (meant)
      return `${scheme === undefined ? '' : `${scheme}://`}${writeLogin(server, login)}\${${meant.server}.host}:\${${meant.key}}${rest}`;
  }
  return undefined;
}

/** The server has the login from the same file. */
function writeLogin({ found, scheme }: PlannedServer, login: string | undefined): string {
  const given = Object.values(found.environment);
  if (login?.split(':').every((part) => given.includes(part))) return `${login}@`;
  const { user, password } = readServerLogin(found.environment);
  const takes = scheme === 'mongodb' || scheme === 'amqp';
  return takes && user !== undefined && password !== undefined ? `${user}:${password}@` : '';
}

const USER = /(?:ROOT_USER|ROOT_USERNAME|DEFAULT_USER|_ACCESS_KEY)$/;
const PASSWORD = /(?:ROOT_PASSWORD|DEFAULT_PASS|_SECRET_KEY|MASTER_KEY|ELASTIC_PASSWORD)$/;

function readServerLogin(environment: Readonly<Record<string, string>>): { user?: string; password?: string } {
  const pick = (pattern: RegExp) => Object.entries(environment).find(([name]) => pattern.test(name))?.[1];
  const [user, password] = [pick(USER), pick(PASSWORD)];
  return { ...(user !== undefined && { user }), ...(password !== undefined && { password }) };
}

/** The port of a server that an address leads to, as `stack.yml` names it. */
function findPort(
  { name, found, ports }: PlannedServer,
  host: string | undefined,
  port: number,
): { server: string; key: string } | undefined {
  const isInside = host === found.name;
  if (host !== undefined && !isInside && !LOCAL.test(host)) return undefined;
  const fits = ({ host: published, container }: ComposePort): boolean =>
    host === undefined ? published === port || container === port : (isInside ? container : published) === port;
  // Without a port of this machine it is reached by the one inside.
  const inside = found.ports.find(fits) ?? found.ports.find((one) => one.host === undefined && one.container === port);
  if (!inside) return undefined;
  return { server: name, key: keyOf({ name, ports }, inside.container) };
}

function keyOf({ name, ports }: Pick<PlannedServer, 'name' | 'ports'>, container: number | undefined): string {
  const key = Object.entries(ports).find(([, port]) => port === container)?.[0];
  return key === undefined || Object.keys(ports).length < 2 ? `${name}.port` : `${name}.port.${key}`;
}

/** The last words of a variable's name, and what they ask of a server. */
const PARTS: readonly [words: RegExp, part: 'host' | 'port' | 'address' | 'url' | 'user' | 'password'][] = [
  [/_(?:HOST|HOSTNAME|SERVER)$/, 'host'],
  [/_PORT$/, 'port'],
  [/_(?:BROKERS?|BROKER_LIST|BOOTSTRAP_SERVERS?|BROKER_URLS?|SERVERS)$/, 'address'],
  [/_(?:ENDPOINT|ENDPOINT_URL|URI|URL|DSN|NODES?|HOSTS|CONNECTION|CONNECTION_STRING|CONNECTION_URL)$/, 'url'],
  [/_(?:ACCESS_KEY|ACCESS_KEY_ID|ROOT_USER|USER|USERNAME)$/, 'user'],
  [
    /_(?:SECRET_KEY|SECRET_ACCESS_KEY|ROOT_PASSWORD|PASSWORD|PASS|MASTER_KEY)$|(?<=(?:MEILI|MEILISEARCH|TYPESENSE))_(?:API_)?KEY$/,
    'password',
  ],
];

/** What leads to such a server somewhere else, or says nothing: the one that is there is meant. */
function wireByMeaning(
  { name, values, isSet }: Pick<Variable, 'name' | 'values'> & { isSet?: boolean },
  servers: readonly PlannedServer[],
): string | undefined {
  if (isSet) return undefined;
  for (const [pattern, part] of PARTS) {
    const words = pattern.test(name) ? name.replace(pattern, '') : undefined;
    const server = words === undefined ? undefined : servers.find((one) => isKind(one, words));
    if (server && words !== undefined) return writePart(server, part, { name, words, value: values[0] });
  }
  return undefined;
}

interface Wish {
  name: string;
  words: string;
  value: string | undefined;
}

function writePart(server: PlannedServer, part: (typeof PARTS)[number][1], wish: Wish): string | undefined {
  const port = keyOf(server, Object.values(server.ports)[0]);
  const address = `\${${server.name}.host}:\${${port}}`;
  switch (part) {
    case 'user':
    case 'password':
      return wish.value === undefined ? writeCredential(server, part, wish.name) : undefined;
    case 'port':
      return `\${${port}}`;
    case 'host':
      return wish.value?.includes('://') ? writeUrl(server, address, wish) : `\${${server.name}.host}`;
    case 'address':
      return address;
    default:
      return writeUrl(server, address, wish);
  }
}

function writeCredential({ found }: PlannedServer, part: 'user' | 'password', name: string): string | undefined {
  const told = readServerLogin(found.environment)[part];
  // What cannot stand within the braces of a default.
  if (told === undefined || /[${}]/.test(told)) return undefined;
  return part === 'user' ? told : `\${env.${name}:-${told}}`;
}

function writeUrl(server: PlannedServer, address: string, { name, words, value }: Wish): string | undefined {
  // Where files are read may be another place than where they are written.
  if (/S3|AWS|STORAGE|FILESYSTEM/.test(words) && !/ENDPOINT/.test(name)) return undefined;
  const { scheme = 'http' } = server;
  if (scheme === 'kafka') return address;
  const database = scheme === 'mongodb' ? /^mongodb[^/]*:\/\/[^/]*(\/[\w.-]+)/.exec(value ?? '')?.[1] : undefined;
  return `${scheme}://${writeLogin(server, undefined)}${address}${database ?? ''}`;
}

/** The words are those of its kind: `SMTP` of a mail server, `AWS_S3` of MinIO. */
function isKind({ found }: PlannedServer, words: string): boolean {
  const kind = findKind(found.image);
  return kind?.words.test(words.replace(/^(?:APP|SPRING|DJANGO|NEXT_PRIVATE|SERVER|API)_|_SERVER$/g, '')) ?? false;
}

function isCalled({ found }: PlannedServer, words: string): boolean {
  return [found.name, imageName(found.image)].some((text) => {
    const name = text.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_');
    return words === name || words.startsWith(`${name}_`) || words.endsWith(`_${name}`);
  });
}
