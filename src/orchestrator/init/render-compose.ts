import { stringify } from 'yaml';
import { sharedVariable } from '../../domain/shared.ts';
import { imageName } from './detect/server-kinds.ts';
import type { PlannedServer } from './detect/stack-plan.ts';

const VOLUMES = '\nvolumes:\n';

/**
 * Returns the compose file of the shared services: the one that ships with stack, with the images that the developers' own file has
 * and with its other servers. Ports are leased, so each is a variable.
 */
export function renderCompose(shipped: string, servers: readonly PlannedServer[]): string {
  let text = shipped;
  const services: Record<string, object> = {};
  const volumes: string[] = [];
  for (const server of servers) {
    const { name, found } = server;
    // Another make has other variables and other folders.
    if (found.kind === 'postgres' || found.kind === 'redis') {
      text = withImage(text, server);
      continue;
    }
    const data = found.kind === 'mysql' ? ['/var/lib/mysql'] : found.data;
    const kept = data.map((target, index) => [`${name}-data${index === 0 ? '' : index + 1}`, target] as const);
    volumes.push(...kept.map(([volume]) => volume));
    services[name] = {
      image: found.image,
      ...describeSettings(server, servers),
      ports: listPorts(server),
      ...(kept.length > 0 && { volumes: kept.map(([volume, target]) => `${volume}:${target}`) }),
    };
  }
  if (Object.keys(services).length === 0) return text;
  const [before = '', after = ''] = text.split(VOLUMES);
  const block = stringify({ services }, { lineWidth: 0 }).replace(/^services:\n/, '');
  return `${before}\n${block}${VOLUMES}${volumes.map((volume) => `  ${volume}:\n`).join('')}${after}`;
}

function withImage(text: string, { name, found }: PlannedServer): string {
  const { image, kind } = found;
  if (/bitnami|valkey|keydb|redis-stack|supabase/.test(image)) return text;
  const place = `\${${sharedVariable(name, 'image')}:-${kind}:${kind === 'redis' ? '7' : '16'}-alpine}`;
  const { command } = found.settings;
  // Libraries that are loaded before it starts, and limits. Redis has a command of stack's own.
  const isTaken =
    kind === 'postgres' && /^(?:\["?)?postgres[\s",]/.test(JSON.stringify(command)?.replace(/^"/, '') ?? '');
  const line = isTaken ? `\n    command: ${JSON.stringify(escapeAll(command))}` : '';
  return text.replace(place, () => image + line);
}

function describeSettings(server: PlannedServer, all: readonly PlannedServer[]): object {
  const { name, found } = server;
  if (found.kind !== 'mysql') {
    const { healthcheck, ...settings } = found.settings;
    const told = asLeased(server, escapeAll({ ...settings, environment: found.environment }));
    const leased = asNamed(all, told) as object;
    return {
      ...Object.fromEntries(Object.entries(leased).filter(([, value]) => value !== undefined && !isEmpty(value))),
      ...(healthcheck !== undefined && { healthcheck: escapeAll(healthcheck) }),
    };
  }
  const variable = (key: string) => `\${${sharedVariable(name, key)}:-}`;
  const { command } = found.settings;
  // A ticket's containers are other hosts to it.
  const host = found.environment.MYSQL_ROOT_HOST ?? (/mysql-server$/.test(imageName(found.image)) ? '%' : undefined);
  return {
    ...(command !== undefined && { command: escapeAll(command) }),
    environment: {
      MYSQL_ROOT_PASSWORD: variable('password'),
      ...(host !== undefined && { MYSQL_ROOT_HOST: host }),
      MYSQL_DATABASE: variable('database'),
    },
    healthcheck: {
      test: 'mysqladmin ping --host=127.0.0.1 --user=root --password="$$MYSQL_ROOT_PASSWORD" --silent || mariadb-admin ping --host=127.0.0.1 --user=root --password="$$MYSQL_ROOT_PASSWORD" --silent',
      ...{ interval: '1s', timeout: '30s', retries: 60 },
    },
  };
}

/** Its variables are filled in already; a dollar that is left is the container's. */
function escapeAll(node: unknown): unknown {
  return mapTexts(node, (text) => text.replaceAll('$', '$$$$'));
}

/** A server that tells its clients where it is, as Kafka does, tells them the leased port; an address of the web is its own. */
function asLeased(server: PlannedServer, node: unknown): unknown {
  const places = server.found.ports.flatMap(({ host, container }) => {
    if (host === undefined) return [];
    const told = new RegExp(`(^|(?<!https?)://|--advertise[\\w-]*[= ])(localhost|127\\.0\\.0\\.1):${host}(?!\\d)`, 'g');
    return [{ told, place: placeOf(server, container, host) }];
  });
  return mapTexts(node, (text) =>
    places.reduce(
      (all, { told, place }) => all.replaceAll(told, (_whole, before, at) => `${before}${at}:${place}`),
      text,
    ),
  );
}

/** Servers lead to each other by the names that `stack.yml` has: `db:5432` is `postgres:5432`. */
function asNamed(servers: readonly PlannedServer[], node: unknown): unknown {
  const others = servers.filter(({ name, found }) => name !== found.name);
  return mapTexts(node, (text) =>
    others.reduce((all, { name, found }) => {
      const host = found.name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
      return all.replaceAll(new RegExp(`(^|[/@,\\s])${host}(?=:\\d)`, 'g'), (_whole, before) => `${before}${name}`);
    }, text),
  );
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function mapTexts(node: unknown, change: (text: string) => string): unknown {
  if (typeof node === 'string') return change(node);
  if (Array.isArray(node)) return node.map((one) => mapTexts(one, change));
  if (node === null || typeof node !== 'object') return node;
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, mapTexts(value, change)]));
}

/** The one that programs talk to has the service's own variable, the others one with their number. */
function listPorts(server: PlannedServer): string[] {
  const { name, found } = server;
  if (found.kind === 'mysql') return [`127.0.0.1:\${${sharedVariable(name, 'port')}:-3306}:3306`];
  const once = new Map(found.ports.map((port) => [port.container, port]));
  return [...once.values()].map(
    ({ container, host }) => `127.0.0.1:${placeOf(server, container, host ?? container)}:${container}`,
  );
}

function placeOf({ name, found, ports }: PlannedServer, container: number, host: number): string {
  const first = Object.values(ports)[0] ?? found.ports[0]?.container;
  return `\${${sharedVariable(name, container === first ? 'port' : `port_${container}`)}:-${host}}`;
}
