import { isDeepStrictEqual } from 'node:util';
import type { StackConfig } from '../../domain/config/config.ts';
import type { InstanceRecord, ServiceRecord, StackState } from '../../domain/instance.ts';
import { fittingLeases } from '../../domain/leases.ts';
import type { WorkloadStatus } from '../../domain/runtime.ts';
import type { Stack } from '../core/stack.ts';
import { createWork } from '../core/work.ts';
import { buildSpec } from './spec.ts';

/** Gives whether a service that runs was made from other settings than stack.yml has now: the next start makes it anew. */
export async function isOutdated(
  { stack, config, state }: { stack: Stack; config: StackConfig | undefined; state: StackState },
  record: InstanceRecord,
  name: string,
  seen: WorkloadStatus,
): Promise<boolean> {
  const own = record.services[name];
  if (!own || !config || !Object.hasOwn(config.services, name)) return false;
  if (isOtherwiseRecorded(config, name, own)) return true;
  const work = createWork({ stack, config, record, baseline: state.baseline, shared: state.shared });
  // What stack.yml asks for and there is not is told by the start.
  const wanted = await buildSpec(work, name).catch(() => undefined);
  return wanted !== undefined && wanted.hash !== seen.hash;
}

/** Ports, volumes and images are in the record, which only a start brings to what stack.yml has. */
function isOtherwiseRecorded(config: StackConfig, name: string, own: ServiceRecord): boolean {
  const { ports = {}, volumes = {}, build, runtime } = config.services[name] ?? {};
  const leases = fittingLeases(config, name, own);
  if (Object.keys(ports).some((key) => !own.ports[key])) return true;
  if (!isDeepStrictEqual(Object.entries(leases), Object.entries(own.ports))) return true;
  // A service that stays with the runtime it has keeps what that one needs.
  if (own.runtime !== 'docker' || runtime === 'process') return false;
  const isSame = isDeepStrictEqual(Object.keys(volumes).sort(), Object.keys(own.volumes).sort());
  return !isSame || (build !== undefined) !== (own.builtImage !== undefined);
}
