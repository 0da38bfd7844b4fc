import { requireService } from '../../domain/instance.ts';
import type { RuntimeName, WorkloadStatus } from '../../domain/runtime.ts';
import type { Stack } from '../core/stack.ts';
import type { Work } from '../core/work.ts';

/** Returns what the runtime says of one service, undefined when there is nothing. */
export async function observeWorkload(work: Work, service: string): Promise<WorkloadStatus | undefined> {
  const runtime = await work.stack.runtime(requireService(work.record, service).runtime);
  const all = await runtime.status(work.stack.rootId, work.record.ticket);
  return all.find((status) => status.service === service);
}

/** Names the workloads of which something is alive that the runtimes of some services may have no record of (`Runtime.listMarked`). */
export async function listMarked(stack: Stack, services: readonly { runtime: RuntimeName }[]): Promise<string[]> {
  const runtimes = [...new Set(services.map(({ runtime }) => runtime))];
  const found = await Promise.all(runtimes.map(async (name) => (await stack.runtime(name)).listMarked?.()));
  return found.flatMap((names) => names ?? []);
}
