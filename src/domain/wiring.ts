import type { ServiceConfig, StackConfig } from './config/config.ts';
import { BASELINE, type InstanceRecord, type ServiceRecord, type SharedLease } from './instance.ts';
import { ownServer, ownSettings } from './own.ts';
import { findKindFacts } from './own-kinds.ts';
import { traitsOf, type Viewpoint } from './runtime.ts';
import { HOST_FROM_CONTAINER, IPV4_LOOPBACK, resolveShared, sharedAddress } from './shared.ts';
import { fillTemplate, listNames } from './template.ts';
import { foldTicket } from './ticket.ts';
import type { Values } from './values.ts';

/** Where a server listens: its container is reached from outside by the published port alone, a process by all of the network. */
const EVERYWHERE = '0.0.0.0';

/** All that `${…}` may draw on for one instance. */
export interface Wiring {
  config: StackConfig;
  /** The environment, then `.env` beside stack.yml. */
  values: Values;
  root: string;
  record: InstanceRecord;
  baseline: InstanceRecord | undefined;
  /** Leases of the shared services. */
  shared: Record<string, SharedLease>;
  /** The records of all tickets, where stack.yml names them (`${tickets.…}`); else none. */
  tickets: Readonly<Record<string, InstanceRecord>>;
}

/** Where `service` leads for this instance: its own copy, else the baseline's. */
function findService(wiring: Wiring, service: string): ServiceRecord | undefined {
  const own = wiring.record.services[service];
  return own ?? wiring.baseline?.services[service];
}

/** Returns the first port of a service, the one its `url` names. */
export function firstPort(service: ServiceRecord): { host: number; container: number } | undefined {
  return Object.values(service.ports)[0];
}

/** Returns what `${name}` stands for, from the viewpoint of the workload `service`; undefined when it stands for nothing. */
export function resolveName(wiring: Wiring, service: string, name: string): string | undefined {
  const own = wiring.record.services[service];
  if (!own) return undefined;
  const [subject = '', key, ...rest] = name.split('.');
  if (key === undefined) return resolvePlain(wiring, own, subject);
  if (subject === 'port') return own.ports[key]?.container.toString();
  const viewpoint = traitsOf(own);
  const whole = [key, ...rest].join('.');
  if (subject === 'tickets') return resolveTickets(wiring, whole);
  if (subject in wiring.config.shared.services) return resolveSharedName(wiring, viewpoint, subject, whole);
  const target = findService(wiring, subject);
  if (!target) return resolveAbsent(wiring, subject, key);
  return resolveServiceName(viewpoint, target, whole);
}

/**
 * The baseline may name a service that only tickets run (a CORS list with the front-end's address): people who start it by
 * hand from its main checkout use the port stack.yml calls `baseline`, else the first one.
 */
function resolveAbsent(wiring: Wiring, service: string, key: string): string | undefined {
  const [port] = Object.values(wiring.config.services[service]?.ports ?? {});
  if (!port) return undefined;
  const names: Record<string, string> = {
    url: `http://localhost:${port.baseline ?? port.from}`,
    host: 'localhost',
    port: String(port.baseline ?? port.from),
  };
  return names[key.replace(/^internal_/, '')];
}

/**
 * `front.urls`: where that service is reached, of every ticket that has one of its own, after that of the main checkout. A
 * ticket that is being destroyed no longer counts.
 */
function resolveTickets({ config, baseline, tickets }: Wiring, key: string): string | undefined {
  const [service = '', what] = key.split('.');
  if (what !== 'urls') return undefined;
  const byHand = Object.values(config.services[service]?.ports ?? {})[0]?.baseline;
  const main = baseline?.services[service];
  const records = Object.values(tickets).filter(({ phase }) => phase !== 'destroying');
  const own = records
    .sort((one, other) => (one.ticket < other.ticket ? -1 : 1))
    .map(({ services }) => services[service]);
  const ports = [main ? firstPort(main)?.host : byHand, ...own.map((one) => one && firstPort(one)?.host)];
  const urls = ports.flatMap((port) => (port === undefined ? [] : [`http://localhost:${port}`]));
  return [...new Set(urls)].join(',');
}

/** Returns the names in a service's settings that stand for what comes and goes with tickets. */
export function listTicketNames({ env, command, build }: ServiceConfig): string[] {
  const words = typeof command === 'string' ? [command] : (command ?? []);
  const texts = [...Object.values(env), ...words, ...Object.values(build?.args ?? {})];
  return [...new Set(texts.flatMap(listNames))].filter((name) => name.startsWith('tickets.'));
}

function resolvePlain(wiring: Wiring, own: ServiceRecord, name: string): string | undefined {
  const repo = wiring.record.repos[own.repo];
  const plain: Record<string, string | undefined> = {
    ticket: wiring.record.ticket,
    stack: wiring.config.name,
    root: wiring.root,
    bind: traitsOf(own).network ? EVERYWHERE : IPV4_LOOPBACK,
    branch: repo?.mode === 'dedicated' ? repo.branch : undefined,
    worktree: repo?.mode === 'dedicated' ? repo.worktree : undefined,
  };
  return plain[name];
}

function resolveServiceName(viewpoint: Viewpoint, target: ServiceRecord, key: string): string | undefined {
  if (key.startsWith('port.')) return target.ports[key.slice('port.'.length)]?.host.toString();
  const port = firstPort(target);
  if (!port) return undefined;
  const inside = internalAddress(viewpoint, target, port);
  const names: Record<string, string> = {
    url: `http://localhost:${port.host}`,
    host: 'localhost',
    port: String(port.host),
    internal_url: `http://${inside.host}:${inside.port}`,
    internal_host: inside.host,
    internal_port: String(inside.port),
  };
  return names[key];
}

function internalAddress(
  viewpoint: Viewpoint,
  target: ServiceRecord,
  port: { host: number; container: number },
): { host: string; port: number } {
  const isContained = traitsOf(target).network;
  // A process that listens on `localhost` may listen on `::1` alone.
  if (!viewpoint.network) return { host: isContained ? IPV4_LOOPBACK : 'localhost', port: port.host };
  if (isContained) return { host: target.alias, port: port.container };
  return { host: HOST_FROM_CONTAINER, port: port.host };
}

function resolveSharedName(wiring: Wiring, viewpoint: Viewpoint, service: string, key: string): string | undefined {
  const common = resolveShared(service, wiring.config.shared.services[service] ?? {}, wiring.values);
  const settings = ownSettings(service, common, wiring.record.own, wiring.values);
  const server = ownServer(service, wiring.record.own);
  const address = sharedAddress(viewpoint, service, settings, server ?? wiring.shared[service]);
  if (key.startsWith('port.')) {
    const name = key.slice('port.'.length);
    // A ticket's own has the one port that its address names.
    if (server)
      return name === Object.keys(wiring.config.shared.services[service]?.ports ?? {})[0]
        ? address?.port?.toString()
        : undefined;
    const port = wiring.shared[service]?.ports?.[name];
    return (viewpoint.network ? port?.container : port?.host)?.toString();
  }
  const names: Record<string, string | undefined> = {
    url: address?.url,
    internal_url: address?.url,
    host: address?.host,
    port: address?.port?.toString(),
    user: settings.user,
    password: settings.password,
    database: settings.database,
    prefix: prefixOf(wiring, service),
    db: findKindFacts(service)?.numbered ? (settings.database ?? '0') : undefined,
  };
  return names[key];
}

/** The ticket's name in it is as in host names, since buckets, topics and indexes allow little more. */
function prefixOf({ config, record }: Wiring, service: string): string | undefined {
  const prefix = config.shared.services[service]?.prefix;
  if (prefix === undefined || record.ticket === BASELINE) return prefix === undefined ? undefined : '';
  return fillTemplate(prefix, (name) => (name === 'ticket' ? foldTicket(record.ticket) : undefined));
}
