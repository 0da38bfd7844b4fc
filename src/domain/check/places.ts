import { BASELINE, type InstanceRecord } from '../instance.ts';
import { listOwnServers } from '../own.ts';
import { HOST_FROM_CONTAINER, resolveShared } from '../shared.ts';
import type { Wiring } from '../wiring.ts';
import { type Address, isThisMachine } from './address.ts';

/** What an address may lead to: a service of some instance, or a shared service. */
export interface Place {
  /** A ticket, `baseline`, or undefined for a shared service. */
  instance: string | undefined;
  service: string;
}

/** Every place of a stack by the addresses it has: `:3002` on this machine, `api.feat-02:3000` in the network. */
export type Directory = ReadonlyMap<string, Place>;

/** Returns the directory of a stack. */
export function listPlaces(wiring: Wiring, instances: Readonly<Record<string, InstanceRecord>>): Directory {
  const records = [...Object.values(instances), ...(wiring.baseline ? [wiring.baseline] : [])];
  // A lease has the say over what stack.yml wishes for.
  return new Map([
    ...listMainPlaces(wiring),
    ...records.flatMap(listOwnPlaces),
    ...records.flatMap(listServerPlaces),
    ...listSharedPlaces(wiring),
  ]);
}

/** Where the main checkouts are when people start them by hand. */
function listMainPlaces({ config }: Wiring): [string, Place][] {
  return Object.entries(config.services).flatMap(([service, { ports }]) =>
    Object.values(ports).flatMap(({ baseline }): [string, Place][] =>
      baseline === undefined ? [] : [[`:${baseline}`, { instance: BASELINE, service }]],
    ),
  );
}

function listServerPlaces({ ticket, own }: InstanceRecord): [string, Place][] {
  return listOwnServers(own).flatMap(([service, { port, provider, alias, container }]): [string, Place][] => {
    if (port === undefined) return [];
    const place = { instance: ticket, service };
    const inside: [string, Place][] = provider === 'compose' ? [[`${alias}:${container}`, place]] : [];
    return [[`:${port}`, place], ...inside];
  });
}

function listOwnPlaces({ ticket, services }: InstanceRecord): [string, Place][] {
  return Object.entries(services).flatMap(([service, { alias, ports, runtime }]) =>
    Object.values(ports).flatMap(({ host, container }): [string, Place][] => {
      const place = { instance: ticket, service };
      const inside: [string, Place][] = runtime === 'docker' ? [[`${alias}:${container}`, place]] : [];
      return [[`:${host}`, place], ...inside];
    }),
  );
}

function listSharedPlaces({ config, values, shared }: Wiring): [string, Place][] {
  return Object.entries(config.shared.services).flatMap(([service, settings]): [string, Place][] => {
    const place = { instance: undefined, service };
    const { url, port, containerPort } = resolveShared(service, settings, values);
    if (url !== undefined) {
      const { hostname } = new URL(url);
      return port === undefined ? [] : [[isThisMachine(hostname) ? `:${port}` : `${hostname}:${port}`, place]];
    }
    const lease = shared[service];
    if (!lease) return [];
    const named = Object.values(lease.ports ?? {});
    const inside = [lease.container ?? containerPort, ...named.map(({ container }) => container)];
    const hosts = [lease.port, ...named.map(({ host }) => host)];
    return [
      ...hosts.map((host): [string, Place] => [`:${host}`, place]),
      ...inside.map((container): [string, Place] => [`${service}:${container}`, place]),
    ];
  });
}

/** Returns what an address leads to; undefined for what is none of this stack's. */
export function findPlace(directory: Directory, { host, port }: Address): Place | undefined {
  return directory.get(isThisMachine(host) ? `:${port}` : `${host}:${port}`);
}

/** True for an address by which a container means itself. */
export function isContainerItself({ host }: Address): boolean {
  return isThisMachine(host) && host !== HOST_FROM_CONTAINER;
}

/** Returns a place's name in a picture of one ticket: `api`, `api (baseline)`, `api of feat-01`, `redis`. */
export function labelPlace({ instance, service }: Place, ticket: string): string {
  if (instance === undefined || instance === ticket) return service;
  return instance === BASELINE ? `${service} (${BASELINE})` : `${service} of ${instance}`;
}
