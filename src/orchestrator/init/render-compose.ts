import { stringify } from 'yaml';
import { sharedVariable } from '../../domain/shared.ts';
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
      const place = `\${${sharedVariable(name, 'image')}:-${found.kind}:${found.kind === 'redis' ? '7' : '16'}-alpine}`;
      if (!/bitnami|valkey|keydb|redis-stack|supabase/.test(found.image)) text = text.replace(place, () => found.image);
      continue;
    }
    const data = found.kind === 'mysql' ? ['/var/lib/mysql'] : found.data;
    const kept = data.map((target, index) => [`${name}-data${index === 0 ? '' : index + 1}`, target] as const);
    volumes.push(...kept.map(([volume]) => volume));
    services[name] = {
      image: found.image,
      ...(found.command !== undefined && found.command !== null && { command: found.command }),
      ...describeSettings(server),
      ports: listPorts(server),
      ...(kept.length > 0 && { volumes: kept.map(([volume, target]) => `${volume}:${target}`) }),
    };
  }
  if (Object.keys(services).length === 0) return text;
  const [before = '', after = ''] = text.split(VOLUMES);
  const block = stringify({ services }, { lineWidth: 0 }).replace(/^services:\n/, '');
  return `${before}\n${block}${VOLUMES}${volumes.map((volume) => `  ${volume}:\n`).join('')}${after}`;
}

function describeSettings({ name, found }: PlannedServer): object {
  if (found.kind !== 'mysql') {
    const environment = Object.fromEntries(
      Object.entries(found.environment).map(([key, value]) => [key, value.replaceAll('$', '$$$$')]),
    );
    return Object.keys(environment).length > 0 ? { environment } : {};
  }
  const variable = (key: string) => `\${${sharedVariable(name, key)}:-}`;
  return {
    environment: { MYSQL_ROOT_PASSWORD: variable('password'), MYSQL_DATABASE: variable('database') },
    healthcheck: {
      test: 'mysqladmin ping --host=127.0.0.1 --user=root --password="$$MYSQL_ROOT_PASSWORD" --silent || mariadb-admin ping --host=127.0.0.1 --user=root --password="$$MYSQL_ROOT_PASSWORD" --silent',
      ...{ interval: '1s', timeout: '30s', retries: 60 },
    },
  };
}

/** The one that programs talk to has the service's own variable, the others one with their number. */
function listPorts({ name, found, ports }: PlannedServer): string[] {
  if (found.kind === 'mysql') return [`127.0.0.1:\${${sharedVariable(name, 'port')}:-3306}:3306`];
  const first = Object.values(ports)[0] ?? found.ports[0]?.container;
  const once = new Map(found.ports.map((port) => [port.container, port]));
  return [...once.values()].map(({ container, host }) => {
    const variable = sharedVariable(name, container === first ? 'port' : `port_${container}`);
    return `127.0.0.1:\${${variable}:-${host ?? container}}:${container}`;
  });
}
