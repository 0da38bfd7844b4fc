import { isDeepStrictEqual } from 'node:util';
import type { StackConfig } from '../../domain/config/config.ts';
import { ifAnswered } from '../../domain/errors.ts';
import type { InstanceRecord, ServiceRecord, StackState } from '../../domain/instance.ts';
import { fittingLeases } from '../../domain/leases.ts';
import { traitsOf, type WorkloadStatus } from '../../domain/runtime.ts';
import type { Stack } from '../core/stack.ts';
import { createWork } from '../core/work.ts';
import { buildSpec, listChanges, TICKETS } from './spec.ts';

/**
 * Returns which settings of a service that runs are others in stack.yml now: with any the next start makes it again, as it does when
 * tickets alone have come or gone, which is no change of stack.yml.
 */
export async function listOutdated(
  { stack, config, state }: { stack: Stack; config: StackConfig | undefined; state: StackState },
  record: InstanceRecord,
  name: string,
  seen: WorkloadStatus,
): Promise<string[]> {
  const own = record.services[name];
  if (!own || !config || !Object.hasOwn(config.services, name)) return [];
  const work = createWork({ stack, config, record, baseline: state.baseline, shared: state.shared });
  // What stack.yml asks for and there is not is told by the start.
  const wanted = await ifAnswered(() => buildSpec(work, name));
  const changes = wanted === undefined ? [] : listChanges(seen.hash, wanted.hash).filter((part) => part !== TICKETS);
  return [...new Set([...listOtherwiseRecorded(config, name, own), ...changes])];
}

/** Ports, volumes and images are in the record, which only a start brings to what stack.yml has. */
function listOtherwiseRecorded(config: StackConfig, name: string, own: ServiceRecord): string[] {
  const { ports = {}, volumes = {}, build, runtime } = config.services[name] ?? {};
  const leases = fittingLeases(config, name, own);
  const hasPorts = Object.keys(ports).every((key) => own.ports[key]);
  const hasLeases = hasPorts && isDeepStrictEqual(Object.entries(leases), Object.entries(own.ports));
  const changed = hasLeases ? [] : ['ports'];
  // A service that stays with the runtime it has keeps what that one needs.
  if (!traitsOf(own).images || (runtime !== 'auto' && runtime !== own.runtime)) return changed;
  const hasVolumes = isDeepStrictEqual(Object.keys(volumes).sort(), Object.keys(own.volumes).sort());
  const isBuilt = (build !== undefined) === (own.builtImage !== undefined);
  return [...(isBuilt ? [] : ['image']), ...changed, ...(hasVolumes ? [] : ['volumes'])];
}
