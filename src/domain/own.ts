import type { InstanceRecord, OwnDatabase, OwnPart, OwnRecord, OwnServer, ServiceRecord } from './instance.ts';
import { parseJson } from './json.ts';
import { shortHash } from './names.ts';
import { ownPasswordVariable, type SharedSettings } from './shared.ts';
import { foldTicket } from './ticket.ts';
import type { Values } from './values.ts';

/** Postgres cuts longer names off in silence (NAMEDATALEN - 1 bytes). */
const NAME_BYTES = 63;
const HASH_DIGITS = 12;

/** Returns a name that Postgres takes whole: a longer one is cut, and told apart by a hash of all of it. */
export function fitName(name: string): string {
  if (Buffer.byteLength(name) <= NAME_BYTES) return name;
  let start = name;
  while (Buffer.byteLength(start) > NAME_BYTES - HASH_DIGITS - 1) start = [...start].slice(0, -1).join('');
  return `${start}_${shortHash(name)}`;
}

/**
 * Returns the name of a ticket's own database, made from the baseline's. On a server that other roots may use too (`url:`)
 * it also names the root.
 */
export function ticketDatabase(from: string, ticket: string, rootId: string, foreign: boolean): string {
  const name = `${from}_${foldTicket(ticket).replaceAll('-', '_')}`;
  return fitName(foreign ? `${name}_${rootId}` : name);
}

/**
 * Returns the name of a database that stack keeps for itself. No ticket's can be called so: behind `_` theirs begin with a
 * letter or digit.
 */
export function hiddenDatabase(from: string, purpose: string, rootId: string): string {
  return fitName(`${from}__${purpose}_${rootId}`);
}

/** What is in a database, as signs that are equal only for equal content. */
export interface Contents {
  /** Of what only a copy as a whole brings along: the database itself, its schema, large objects, materialized views. */
  whole: string;
  /** Of each table's rows and each sequence's state, by oid. */
  parts: Record<string, string>;
}

/** Whose a database is: what its comment on the server says. */
export interface DatabaseMark {
  /** `kept`: of a ticket that was destroyed. */
  kind: 'ticket' | 'template' | 'kept';
  rootId: string;
  /** Real path of the root, for people who find the database. */
  root: string;
  ticket?: string | undefined;
  /** When the ticket was made: tells what is kept of it from what is kept of others of that name. Older versions wrote none. */
  createdAt?: string | undefined;
  /** Of a template: what it is a copy of; of a ticket: what it had when it was made; as `fingerprintOf` tells it. */
  sign?: string | undefined;
  /** Of a template: what that had; undefined for a large one. Older versions wrote one sign. */
  contents?: Contents | string | undefined;
  /** When the content was copied, ISO 8601. */
  copiedAt: string;
}

/** Returns the comment of a database of ours: a line for people with the facts behind it. */
export function renderMark(mark: DatabaseMark): string {
  const whose = {
    template: 'template for tickets',
    ticket: `ticket ${mark.ticket}`,
    kept: `kept of ticket ${mark.ticket}`,
  };
  return `stack: ${whose[mark.kind]} of ${mark.root} ${JSON.stringify(mark)}`;
}

/** Reads a comment; undefined for a database that is not ours. */
export function parseMark(comment: string | null): DatabaseMark | undefined {
  const text = /^stack: .* (\{"kind":.*\})$/s.exec(comment ?? '')?.[1];
  return parseJson(text ?? '') as DatabaseMark | undefined;
}

/** Returns the server that a ticket has for itself; undefined where it uses the one that all share. */
export function ownServer(service: string, own: OwnRecord | undefined): OwnServer | undefined {
  const part = own?.[service];
  return part?.as === 'server' ? part : undefined;
}

/** Returns the database that a ticket has for itself; undefined where it uses the one that all share. */
export function ownDatabase(service: string, own: OwnRecord | undefined): OwnDatabase | undefined {
  const part = own?.[service];
  return part?.as === 'database' ? part : undefined;
}

/** Returns the servers that a ticket has for itself, by the names of the shared services. */
export function listOwnServers(own: OwnRecord | undefined): [string, OwnServer][] {
  return Object.entries(own ?? {}).flatMap(([name, part]) => (part.as === 'server' ? [[name, part]] : []));
}

/** Returns what may run of an instance: its services, and the servers it has for itself. */
export function listRunnable({ services, own }: InstanceRecord): (ServiceRecord | OwnServer)[] {
  return [...Object.values(services), ...listOwnServers(own).map(([, server]) => server)];
}

/** Returns the databases that a ticket has for itself, by the names of the shared services. */
export function listOwnDatabases(own: OwnRecord | undefined): [string, OwnDatabase][] {
  return Object.entries(own ?? {}).flatMap(([name, part]) => (part.as === 'database' ? [[name, part]] : []));
}

/** Returns the name under which the values have the password of tickets' own servers, where the shared one has none. */
export function ownServerOf(service: string): string {
  return `own-${service}`;
}

/** Lays what a ticket has of its own over the settings that all share. */
export function ownSettings(
  service: string,
  settings: SharedSettings,
  own: OwnRecord | undefined,
  values: Values,
): SharedSettings {
  const part = own?.[service];
  if (!part) return settings;
  if (part.as === 'server') {
    const password = settings.password ?? values(ownPasswordVariable(ownServerOf(service)));
    return { ...settings, url: undefined, database: undefined, password };
  }
  // A preview tells of a number that is yet to be leased.
  const database = part.as === 'database' ? part.database : String(part.number ?? 0);
  return { ...settings, database, url: settings.url === undefined ? undefined : withDatabase(settings.url, database) };
}

/** Returns the same address with another database. */
export function withDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${encodeURIComponent(database)}`;
  return changed.href;
}

/** True when there may be something in a database or server that a ticket has for itself. */
export function hasOwnData({ started, own }: InstanceRecord): boolean {
  return started && Object.values(own ?? {}).some(mayHoldData);
}

/** A number that nobody has looked into yet may hold somebody else's. */
function mayHoldData(part: OwnPart): boolean {
  return part.as !== 'number' || part.checked === true;
}
