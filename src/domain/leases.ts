import type { StackConfig } from './config/config.ts';
import type { ServiceRecord } from './instance.ts';

/** Returns the leases of a service that are what stack.yml asks for now. */
export function fittingLeases(
  config: StackConfig,
  name: string,
  { runtime, ports }: Pick<ServiceRecord, 'runtime' | 'ports'>,
): ServiceRecord['ports'] {
  const fitting = Object.entries(config.services[name]?.ports ?? {}).flatMap(([key, port]) => {
    const host = ports[key]?.host;
    const fits = host !== undefined && (host === port.baseline || (host >= port.from && host <= port.to));
    return fits ? [[key, { host, container: runtime === 'docker' ? (port.container ?? host) : host }] as const] : [];
  });
  return Object.fromEntries(fitting);
}
