import type { Role } from './project.ts';
import type { Variable } from './variables.ts';

/** A service, as others name it. */
export interface Server {
  name: string;
  role: Role;
  /** Where it listens when nobody tells it. */
  port: number;
  /** False: nothing names the port. */
  certain?: boolean;
}

/** What a service sees of the others. */
export interface View {
  self: Server;
  servers: readonly Server[];
  /** What begins so is for the browser; '' when its tool knows no such thing, undefined for what is no front-end. */
  prefix: string | undefined;
  /** Words of the product's own name. */
  words: readonly string[];
  /** The one of several APIs that is meant where nothing else tells. */
  api?: string | undefined;
}

const LOCAL = /^(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]|host\.docker\.internal)$/;
const ADDRESS = /^(?:(https?|wss?):\/\/)?([\w.-]+|\[[\d:]+\])(?::(\d{2,5}))?(\/[^\s,$]*)?$/;

const FRONT_WORDS =
  /^(?:FRONT|FRONTEND|CLIENT|WEB|WEBAPP|WEBSITE|UI|STOREFRONT|SITE|SPA|PORTAL|DASHBOARD|STORE|ADMIN)$/;
const API_WORDS = /^(?:API|APIS|BACKEND|BACK|SERVER|GRAPHQL|GQL|REST|GATEWAY|WS|WEBSOCKET|SOCKET|SOCKETIO|RPC|TRPC)$/;
const KIND_WORDS =
  /^(?:URLS?|URI|ORIGINS?|BASE|ENDPOINT|TARGET|HOST|HOSTNAME|DOMAIN|ADDRESS|ROOT|PORT|LOCATION|HREF|LINK)$/;
const LIST_WORDS = /^(?:ORIGINS?|CORS)$/;
/** Nobody is asked at such an address: a program listens there. */
const ALL = '0.0.0.0';
const LISTEN_WORDS = /^(?:HOST|HOSTNAME|ADDRESS|ADDR|BIND|LISTEN|IP)$/;
/** Words that say nothing about whose address it is. */
const PLAIN_WORDS =
  /^(?:VITE|NEXT|PUBLIC|REACT|APP|NUXT|VUE|EXPO|GATSBY|NG|PRIVATE|INTERNAL|EXTERNAL|PROXY|DEV|LOCAL|HTTP|HTTPS|MAIN|DEFAULT|CORE|SERVICE|V\d|ALLOW|ALLOWED|TRUSTED|CSRF|CORS|MY|PATH|SSR|DJANGO|FLASK|RAILS|NEST|AUTH|LOGIN|OAUTH|HTTP|REDIRECT|CALLBACK|FULL|DEVELOPMENT)$/;
/** The program asks at such an address itself; at others a browser may. */
const INSIDE = /(?:^|_)(?:PROXY|INTERNAL|TARGET|SSR|PRIVATE)(?:_|$)/;
/** Files of a front-end that its tool runs, and no browser. */
const TOOL_FILES =
  /(?:^|\/)(?:[\w.-]+\.config\.[cm]?[jt]s|setupProxy\.[cm]?[jt]s|proxy[\w.-]*\.[cm]?js(?:on)?|server\.[cm]?[jt]s)$/;

/** Returns what a variable gets that leads to a service of the stack; undefined when it means none. */
export function wireAddress(variable: Variable, view: View): string | undefined {
  const words = variable.name.split('_').filter(Boolean);
  if (isOrigins(words)) return wireOrigins(variable, view);
  const value = variable.values.map(readAddress).find((address) => address !== undefined);
  if (value?.host === ALL && value.scheme === undefined && LISTEN_WORDS.test(words.at(-1) ?? '')) {
    if (value.port === undefined) return '${bind}';
    if (value.port === view.self.port) return '${bind}:${port.http}';
  }
  const server = findByValue(value, words, view) ?? findOwn(value, words, view) ?? findByMeaning(value, words, view);
  if (!server) return undefined;
  return write(server, { variable, words, value, view });
}

interface Address {
  scheme: string | undefined;
  host: string;
  port: number | undefined;
  rest: string;
  isLocal: boolean;
}

function readAddress(text: string): Address | undefined {
  const match = text.match(ADDRESS);
  if (!match) return undefined;
  const [, scheme, host = '', port, rest = ''] = match;
  const isLocal = LOCAL.test(host);
  if (scheme === undefined && !isLocal && port === undefined) return undefined;
  return { scheme, host, port: port === undefined ? undefined : Number(port), rest, isLocal };
}

/** `http://localhost:8000` is the service on 8000, `http://api:4000` the service `api`. */
function findByValue(value: Address | undefined, words: readonly string[], view: View): Server | undefined {
  if (!value || !words.some((word) => KIND_WORDS.test(word) || API_WORDS.test(word) || FRONT_WORDS.test(word)))
    return undefined;
  const named = view.servers.find(({ name }) => name === value.host);
  if (named) return named;
  if (!value.isLocal || value.port === undefined) return undefined;
  const there = view.servers.filter(({ port }) => port === value.port);
  if (there.length === 0) return undefined;
  const role = meantRole(words, view);
  return (
    there.find(({ name }) => words.includes(name.toUpperCase())) ??
    there.find((server) => server.role === role && server.name === view.self.name && server.certain) ??
    there.find((server) => server.role === role) ??
    (role === undefined || role === there[0]!.role ? there[0] : undefined)
  );
}

/** `APP_URL=http://localhost` of what is no front-end is its own address. */
function findOwn(value: Address | undefined, words: readonly string[], { self }: View): Server | undefined {
  const isOwn = /^(?:APP|BASE|SITE|SERVER|API|BACKEND)_(?:URL|URI|BASE_URL|DOMAIN)$/.test(words.join('_'));
  return isOwn && self.role === 'api' && value?.isLocal && value.port === undefined ? self : undefined;
}

function findByMeaning(value: Address | undefined, words: readonly string[], view: View): Server | undefined {
  const role = meantRole(words, view);
  const last = words.at(-1)!;
  const isKind = KIND_WORDS.test(last) || (role === 'api' && API_WORDS.test(last) && value !== undefined);
  if (!isKind || last === 'PORT') return undefined;
  const named = view.servers.find((server) => (role ?? server.role) === server.role && isNamed(server, words, view));
  if (named) return named;
  const isForeign = words.some((word) => !isKnown(word, view)) && !value?.isLocal;
  if (isForeign || role === undefined) return undefined;
  const able = view.servers.filter((server) => server.role === role);
  return able.find(({ name }) => name === (view.api ?? 'api')) ?? able[0];
}

/** On a front-end an API's words are the API's; on an API its own, and a front-end's are the front-end's. */
function meantRole(words: readonly string[], { self }: View): Role | undefined {
  const at = (pattern: RegExp) => words.some((word) => pattern.test(word));
  if (at(API_WORDS)) return 'api';
  if (at(FRONT_WORDS)) return self.role === 'front' && !at(/^(?:FRONT|FRONTEND|WEB|SITE|APP)$/) ? undefined : 'front';
  return undefined;
}

function isKnown(word: string, { words }: View): boolean {
  return [PLAIN_WORDS, KIND_WORDS, API_WORDS, FRONT_WORDS].some((known) => known.test(word)) || words.includes(word);
}

/** The variable has the service's own name in it: `BILLING_API_URL`; a service called `api` is meant by any. */
function isNamed({ name }: Server, words: readonly string[], { self }: View): boolean {
  const own = name.toUpperCase().split('-');
  const telling = own.filter((word) => !API_WORDS.test(word) && !FRONT_WORDS.test(word));
  return name !== self.name && telling.length > 0 && telling.every((word) => words.includes(word));
}

interface Wish {
  variable: Variable;
  words: readonly string[];
  value: Address | undefined;
  view: View;
}

function write(server: Server, { variable, words, value, view }: Wish): string {
  const place = (key: string) => `\${${server.name}.${isInside(variable, server, view) ? 'internal_' : ''}${key}}`;
  const last = words.at(-1);
  if (value === undefined || value.scheme !== undefined) {
    if (value?.scheme?.startsWith('ws')) return `ws://${place('host')}:${place('port')}${value.rest}`;
    return `${place('url')}${value?.rest ?? ''}`;
  }
  if (value.port !== undefined) return `${place('host')}:${place('port')}${value.rest}`;
  return last === 'HOST' || last === 'HOSTNAME' || last === 'DOMAIN' ? place('host') : place('url');
}

/** True where the program asks at the address itself, and no browser does. */
function isInside({ name, readIn }: Variable, server: Server, { self, prefix }: View): boolean {
  if (server.name === self.name || server.role === 'front') return false;
  if (INSIDE.test(name)) return true;
  if (prefix === undefined) return true;
  if (readIn.length > 0 && readIn.every((file) => TOOL_FILES.test(file))) return true;
  return prefix !== '' && !name.startsWith(prefix) && !/(?:^|_)PUBLIC_/.test(name);
}

/** `ALLOWED_ORIGINS`, `STORE_CORS`, `CORS_ORIGIN`; `CORS_ENABLED` is none. */
function isOrigins(words: readonly string[]): boolean {
  const last = words.at(-1)!;
  if (words.includes('CORS')) return LIST_WORDS.test(last) || KIND_WORDS.test(last) || last === 'DOMAINS';
  if (last === 'ORIGINS') return true;
  return (
    /^(?:ORIGIN|DOMAINS)$/.test(last) &&
    words.some((word) =>
      /^(?:ALLOW|ALLOWED|TRUSTED|STATEFUL|WHITELISTED?|CLIENT|FRONTEND|FRONT|WEB|CSRF|UI|APP)$/.test(word),
    )
  );
}

/** The addresses of the front-ends: those of all tickets where the program takes a list. */
function wireOrigins({ values, form, name }: Variable, view: View): string | undefined {
  const fronts = view.servers.filter((server) => server.role === 'front' && server.name !== view.self.name);
  if (view.self.role === 'front' || fronts.length === 0) return undefined;
  const [value] = values;
  if (value !== undefined && (value === '*' || /^(?:true|false)$/i.test(value) || /[\\^$|]/.test(value)))
    return undefined;
  const pieces = (value ?? '').split(/[\s,;"'[\]]+/).filter(Boolean);
  const isJson = form === 'json' || value?.startsWith('[') === true;
  const takesMany = form === 'list' || pieces.length > 1 || /(?:ORIGINS|URLS|DOMAINS|_CORS)$/.test(name);
  // `localhost:5173`: hosts with their ports, as Sanctum and others want them.
  const areHosts = pieces.length > 0 && pieces.every((piece) => !piece.includes('://'));
  const addressOf = ({ name: front }: Server) =>
    areHosts
      ? `\${${front}.host}:\${${front}.port}`
      : takesMany && !isJson
        ? `\${tickets.${front}.urls}`
        : `\${${front}.url}`;
  const told = pieces.flatMap((piece) => {
    const address = readAddress(piece);
    const server = address?.isLocal ? view.servers.find(({ port }) => port === address.port) : undefined;
    if (!server) return [];
    if (areHosts || server.role === 'front') return [addressOf(server)];
    return [`\${${server.name}.url}`];
  });
  const namesFront = fronts.some((front) => told.includes(addressOf(front)));
  const meant = [...new Set(namesFront ? told : [...told, ...fronts.map(addressOf)])];
  if (isJson) return JSON.stringify(meant);
  return takesMany ? meant.join(',') : meant.at(-1);
}
