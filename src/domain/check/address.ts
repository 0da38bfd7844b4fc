import { maskPasswords } from '../secrets.ts';

/** Something in a value that leads to a host and a port. */
export interface Address {
  /** `http`, `postgres`, …; undefined for a bare `host:port` or a port alone. */
  scheme: string | undefined;
  host: string;
  port: number;
  /** Name of a database, number of a Redis database, path of a page; '' for none. */
  path: string;
}

/** The ports that stand for these beginnings of an address when none is written. */
const USUAL_PORTS: Record<string, number> = {
  http: 80,
  https: 443,
  postgres: 5432,
  postgresql: 5432,
  redis: 6379,
  rediss: 6379,
  mysql: 3306,
  mongodb: 27_017,
  amqp: 5672,
};

const URLS = /[a-z][a-z0-9+.-]*:\/\/[^\s,;'"|<>]+/gi;
const BARE = /(?<![\w./:@-])([a-z0-9][a-z0-9.-]*|\[::1\]):(\d{2,5})(?![\w:.])/gi;

/** Returns all that a variable's value leads to. A number alone is a port where the variable is called so. */
export function findAddresses(key: string, value: string): Address[] {
  if (/^\d{2,5}$/.test(value)) {
    return /(^|_)PORT$/i.test(key) ? [{ scheme: undefined, host: 'localhost', port: Number(value), path: '' }] : [];
  }
  const urls = [...value.matchAll(URLS)].flatMap(([text]) => readUrl(text) ?? []);
  const bare = [...value.replaceAll(URLS, ' ').matchAll(BARE)].map(([, host = '', port]) => ({
    ...{ scheme: undefined, host: host.toLowerCase(), path: '' },
    port: Number(port),
  }));
  return [...urls, ...bare];
}

function readUrl(text: string): Address | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, hostname, port, pathname } = new URL(text);
  const scheme = protocol.slice(0, -1);
  const number = Number(port) || USUAL_PORTS[scheme];
  if (number === undefined || hostname === '') return undefined;
  return { scheme, host: hostname.toLowerCase(), port: number, path: decode(pathname.slice(1)) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const SECRET =
  /SECRET|TOKEN|PASSW|(^|_)PASS(_|$)|PWD$|CREDENTIAL|(API|PRIVATE|ACCESS|ENCRYPTION|SIGNING|MASTER)_?KEY|SALT/i;
const LONGEST = 120;
/** What stands behind an address's `?` may be a token, or a password for a certificate. */
const QUERY = /(:\/\/[^\s?,;'"]*)\?[^\s,;'"]+/g;

/** Returns a value as it may be shown: no password or query of an address, nothing of a variable that is called a secret. */
export function maskValue(key: string, value: string): string {
  if (SECRET.test(key)) return '***';
  const masked = maskPasswords(value).replaceAll(QUERY, '$1?***');
  return masked.length > LONGEST ? `${masked.slice(0, LONGEST)}…` : masked;
}

/** True for what a program calls this machine, and what a container calls it. */
export function isThisMachine(host: string): boolean {
  return /^(localhost|.*\.localhost|127\.\d+\.\d+\.\d+|\[::1\]|0\.0\.0\.0|host\.docker\.internal)$/.test(host);
}
