import { BASELINE } from '../../domain/instance.ts';
import { LABELS, networkName, sharedProject } from '../../domain/names.ts';
import type { WorkloadRef } from '../../domain/runtime.ts';
import type { Stack } from './stack.ts';

/** Makes the stack's one network where it is not there. One a ticket would use up the engine's address pool after about 30. */
export async function ensureNetwork({ name, root, rootId, docker }: Stack): Promise<void> {
  const labels = { [LABELS.root]: rootId, [LABELS.rootPath]: root, [LABELS.stack]: name };
  await (await docker()).ensureNetwork(networkName(name, rootId), labels);
}

/** Returns the containers of the stack's shared services. Throws `engine`. */
export async function listSharedContainers({ name, rootId, docker }: Stack) {
  return (await docker()).listProject(sharedProject(name, rootId));
}

/** Returns what a command is run in for a shared service: its container; undefined where there is none. Throws `engine`. */
export async function findSharedContainer(stack: Stack, service: string): Promise<WorkloadRef | undefined> {
  const container = (await listSharedContainers(stack)).find((one) => one.service === service);
  const { rootId, name } = stack;
  return container && { rootId, stack: name, instance: BASELINE, service, name: container.name };
}
