import { BASELINE, type InstanceRecord, listRecords, type OwnServer, type ServiceRecord } from '../instance.ts';
import { listOwnServers } from '../own.ts';
import { traitsOf } from '../runtime.ts';
import { HOST_FROM_CONTAINER, resolveShared } from '../shared.ts';
import type { Wiring } from '../wiring.ts';
import { type Address, isThisMachine } from './address.ts';

/** What an address may lead to: a service of some instance, or a shared service. */
export interface Endpoint {
  /** A ticket, `baseline`, or undefined for a shared service. */
  instance: string | undefined;
  service: string;
}

/** Every place of a stack by the addresses it has: `:3002` on this machine, `api.feat-02:3000` in the network. */
export type Directory = ReadonlyMap<string, Endpoint>;

/** Returns the directory of a stack. */
export function listEndpoints(wiring: Wiring, instances: Readonly<Record<string, InstanceRecord>>): Directory {
  const records = listRecords({ instances, baseline: wiring.baseline });
  // A lease has the say over what stack.yml asks for.
  return new Map([
    ...listMainEndpoints(wiring),
    ...records.flatMap(listOwnEndpoints),
    ...records.flatMap(listServerEndpoints),
    ...listSharedEndpoints(wiring),
  ]);
}

/** Where the main checkouts are when people start them by hand. */
function listMainEndpoints({ config }: Wiring): [string, Endpoint][] {
  return Object.entries(config.services).flatMap(([service, { ports }]) =>
    Object.values(ports).flatMap(({ baseline }): [string, Endpoint][] =>
      baseline === undefined ? [] : [[`:${baseline}`, { instance: BASELINE, service }]],
    ),
  );
}

function listServerEndpoints({ ticket: instance, own }: InstanceRecord): [string, Endpoint][] {
  return listOwnServers(own).flatMap(([service, server]) =>
    server.port === undefined
      ? []
      : listAddresses({ instance, service }, server, { host: server.port, container: server.container }),
  );
}

function listOwnEndpoints({ ticket: instance, services }: InstanceRecord): [string, Endpoint][] {
  return Object.entries(services).flatMap(([service, own]) =>
    Object.values(own.ports).flatMap((port) => listAddresses({ instance, service }, own, port)),
  );
}

function listAddresses(
  endpoint: Endpoint,
  placed: ServiceRecord | OwnServer,
  { host, container }: { host: number; container?: number | undefined },
): [string, Endpoint][] {
  const inside: [string, Endpoint][] = traitsOf(placed).network ? [[`${placed.alias}:${container}`, endpoint]] : [];
  return [[`:${host}`, endpoint], ...inside];
}

function listSharedEndpoints({ config, values, shared }: Wiring): [string, Endpoint][] {
  return Object.entries(config.shared.services).flatMap(([service, settings]): [string, Endpoint][] => {
    const endpoint = { instance: undefined, service };
    const { url, port, containerPort } = resolveShared(service, settings, values);
    if (url !== undefined) {
      const { hostname } = new URL(url);
      return port === undefined ? [] : [[isThisMachine(hostname) ? `:${port}` : `${hostname}:${port}`, endpoint]];
    }
    const lease = shared[service];
    if (!lease) return [];
    const named = Object.values(lease.ports ?? {});
    const inside = [lease.container ?? containerPort, ...named.map(({ container }) => container)];
    const hosts = [lease.port, ...named.map(({ host }) => host)];
    return [
      ...hosts.map((host): [string, Endpoint] => [`:${host}`, endpoint]),
      ...inside.map((container): [string, Endpoint] => [`${service}:${container}`, endpoint]),
    ];
  });
}

/** Returns what an address leads to; undefined for what is none of this stack's. */
export function findEndpoint(directory: Directory, { host, port }: Address): Endpoint | undefined {
  return directory.get(isThisMachine(host) ? `:${port}` : `${host}:${port}`);
}

/** True for an address by which a container means itself. */
export function isContainerItself({ host }: Address): boolean {
  return isThisMachine(host) && host !== HOST_FROM_CONTAINER;
}

/** Returns an endpoint's name in a graph of one ticket: `api`, `api (baseline)`, `api of feat-01`, `redis`. */
export function labelEndpoint({ instance, service }: Endpoint, ticket: string): string {
  if (instance === undefined || instance === ticket) return service;
  return instance === BASELINE ? `${service} (${BASELINE})` : `${service} of ${instance}`;
}
