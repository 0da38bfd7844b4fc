import type { PortConfig, StackConfig } from './config/config.ts';
import { listRecords, type ServiceRecord, type SharedLease, type StackState } from './instance.ts';
import { listOwnServers } from './own.ts';
import { titleOf } from './own-kinds.ts';
import { type RuntimeName, traitsOf } from './runtime.ts';

/** Returns the leases of a service that are what stack.yml asks for now. */
export function fittingLeases(
  config: StackConfig,
  name: string,
  service: Pick<ServiceRecord, 'runtime' | 'ports'>,
): ServiceRecord['ports'] {
  const fitting = Object.entries(config.services[name]?.ports ?? {}).flatMap(([key, port]) => {
    const host = service.ports[key]?.host;
    const fits = host !== undefined && (host === port.baseline || (host >= port.from && host <= port.to));
    return fits ? [[key, leaseOn(host, port, service)] as const] : [];
  });
  return Object.fromEntries(fitting);
}

/** Returns the lease of a port: only what has a network of its own listens on another one in there. */
export function leaseOn(
  host: number,
  { container = host }: Pick<PortConfig, 'container'>,
  service: { runtime: RuntimeName },
): ServiceRecord['ports'][string] {
  return { host, container: traitsOf(service).network ? container : host };
}

/** Returns the ports of this machine that a shared service is promised. */
export function listSharedHosts({ port, ports = {} }: SharedLease): number[] {
  return [...new Set([port, ...Object.values(ports).map(({ host }) => host)])];
}

/** Returns every port that is promised in a root, with whom it is promised to, for people. */
export function listHolders(
  state: Pick<StackState, 'shared' | 'baseline' | 'instances'>,
): [port: number, holder: string][] {
  const records = listRecords(state);
  return [
    ...Object.entries(state.shared).flatMap(([name, lease]) =>
      listSharedHosts(lease).map((host): [number, string] => [host, name]),
    ),
    ...records.flatMap(({ ticket, own }) =>
      listOwnServers(own).flatMap(([name, { port }]): [number, string][] =>
        port === undefined ? [] : [[port, `${titleOf(name)} of ${ticket}`]],
      ),
    ),
    ...records.flatMap(({ ticket, services }) =>
      Object.entries(services).flatMap(([name, { ports }]) =>
        Object.values(ports).map(({ host }): [number, string] => [host, `${name} of ${ticket}`]),
      ),
    ),
  ];
}
