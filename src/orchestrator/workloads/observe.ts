import { ifAnswered } from '../../domain/errors.ts';
import { requireService } from '../../domain/instance.ts';
import type { Runtime, RuntimeName, WorkloadStatus } from '../../domain/runtime.ts';
import type { Stack } from '../core/stack.ts';
import type { Work } from '../core/work.ts';

type Parts = Pick<Work, 'stack' | 'record'>;

/** Returns what runs a service. */
export async function findRuntime({ stack, record }: Parts, service: string): Promise<Runtime> {
  return stack.runtime(requireService(record, service).runtime);
}

/** Returns what the runtime says of one service, undefined when there is nothing. */
export async function observeWorkload(work: Parts, service: string): Promise<WorkloadStatus | undefined> {
  const runtime = await findRuntime(work, service);
  const [found] = await runtime.status(work.stack.rootId, work.record.ticket, service);
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

/** Returns what those of the runtimes that some services have answer which answer at all. */
export async function askAnswering<Answer>(
  stack: Stack,
  services: readonly { runtime: RuntimeName }[],
  ask: (runtime: Runtime) => Promise<Answer[]>,
): Promise<Answer[]> {
  const names = [...new Set(services.map(({ runtime }) => runtime))];
  const answers = await Promise.all(names.map((name) => ifAnswered(async () => ask(await stack.runtime(name)))));
  return answers.flatMap((answer) => answer ?? []);
}
