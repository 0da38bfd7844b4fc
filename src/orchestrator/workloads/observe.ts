import { requireService } from '../../domain/instance.ts';
import type { WorkloadStatus } from '../../domain/runtime.ts';
import type { Work } from '../core/work.ts';

/** Returns what the runtime says of one service, undefined when there is nothing. */
export async function observeWorkload(work: Work, service: string): Promise<WorkloadStatus | undefined> {
  const runtime = await work.stack.runtime(requireService(work.record, service).runtime);
  const all = await runtime.status(work.stack.rootId, work.record.ticket);
  return all.find((status) => status.service === service);
}
