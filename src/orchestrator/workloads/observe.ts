import { requireService } from '../../domain/instance.ts';
import type { Runtime, RuntimeName, WorkloadStatus } from '../../domain/runtime.ts';
import type { Stack } from '../core/stack.ts';
import type { Work } from '../core/work.ts';

/** Returns what the runtime says of one service, undefined when there is nothing. */
export async function observeWorkload(
  { stack, record }: Pick<Work, 'stack' | 'record'>,
  service: string,
): Promise<WorkloadStatus | undefined> {
  const runtime = await stack.runtime(requireService(record, service).runtime);
  const [found] = await runtime.status(stack.rootId, record.ticket, service);
  return found;
}

/** Returns what every runtime that some services have answers. */
export async function askRuntimes<Answer>(
  stack: Stack,
  services: readonly { runtime: RuntimeName }[],
  ask: (runtime: Runtime) => Promise<Answer[]> | undefined,
): Promise<Answer[]> {
  const names = [...new Set(services.map(({ runtime }) => runtime))];
  const answers = await Promise.all(names.map(async (name) => ask(await stack.runtime(name))));
  return answers.flatMap((answer) => answer ?? []);
}
