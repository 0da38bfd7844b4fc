import { type InstanceRecord, requireService, type StackState } from '../../domain/instance.ts';
import { HOST_RUNTIME } from '../../domain/runtime.ts';
import type { Stack } from '../core/stack.ts';
import { createWork, wiringOf } from '../core/work.ts';
import { readServiceFiles } from './service-files.ts';
import { fillEnv, requireSettings } from './spec.ts';

/**
 * Returns the variables of a service with addresses as a program on this machine reaches them, also where the service itself runs in a
 * container. Throws `config`, `not-found`, `files`.
 */
export async function readHostEnv(
  stack: Stack,
  { baseline, shared }: StackState,
  recorded: InstanceRecord,
  service: string,
): Promise<Record<string, string>> {
  const own = requireService(recorded, service);
  const ports = Object.entries(own.ports).map(([name, { host }]) => [name, { host, container: host }]);
  const onHost = { ...own, runtime: HOST_RUNTIME, ports: Object.fromEntries(ports) };
  const record = { ...recorded, services: { ...recorded.services, [service]: onHost } };
  const work = createWork({ stack, config: await stack.config(), record, baseline, shared });
  const [wiring, fromFiles] = await Promise.all([wiringOf(work), readServiceFiles(work, service)]);
  return { ...fromFiles, ...fillEnv(wiring, service, requireSettings(wiring, service)) };
}
