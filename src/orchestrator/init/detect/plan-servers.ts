import type { ComposeServer } from './compose.ts';
import { slugName, takeName } from './names.ts';
import type { PlannedServer } from './stack-plan.ts';

/** What a port inside tells of the server that has it: how its address begins, and a name for it. */
const PORTS: Record<number, { scheme?: string; name: string }> = {
  1025: { scheme: 'smtp', name: 'smtp' },
  1080: { name: 'web' },
  1883: { scheme: 'mqtt', name: 'mqtt' },
  4222: { scheme: 'nats', name: 'nats' },
  5672: { scheme: 'amqp', name: 'amqp' },
  8025: { name: 'web' },
  9000: { name: 'api' },
  9001: { name: 'console' },
  9092: { scheme: 'kafka', name: 'kafka' },
  11211: { scheme: 'memcached', name: 'memcached' },
  15672: { name: 'web' },
  27017: { scheme: 'mongodb', name: 'mongo' },
};

/** Returns the servers of a compose file as shared services, but for those that publish no port; `taken` are names of others. */
export function planServers(servers: readonly ComposeServer[], taken: readonly string[]): PlannedServer[] {
  const names = new Set(taken);
  return servers.flatMap((found): PlannedServer[] => {
    if (found.kind) return [{ name: found.kind, found, scheme: undefined, ports: {} }];
    const inside = [...new Set(found.ports.map(({ container }) => container))];
    if (inside.length === 0) return [];
    // The one that programs talk to comes first.
    inside.sort((a, b) => Number(isForPeople(a)) - Number(isForPeople(b)));
    const name = takeName(names, found.name, slugName(`${found.name}-server`, 'server'));
    const named = inside.map((port) => [PORTS[port]?.name ?? `p${port}`, port] as const);
    return [
      {
        ...{ name, found, scheme: PORTS[inside[0]!]?.scheme },
        ports: inside.length > 1 ? Object.fromEntries(named) : {},
      },
    ];
  });
}

function isForPeople(port: number): boolean {
  return ['web', 'console'].includes(PORTS[port]?.name ?? '');
}
