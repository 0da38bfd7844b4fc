import type { PortConfig, StackConfig } from './config/config.ts';
import type { ServiceRecord } from './instance.ts';
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
