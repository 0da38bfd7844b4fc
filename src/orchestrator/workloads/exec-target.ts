import path from 'node:path';
import { type InstanceRecord, requireService, type StackState } from '../../domain/instance.ts';
import { type ExecTarget, type Runtime, traitsOf } from '../../domain/runtime.ts';
import type { Stack } from '../core/stack.ts';
import { createWork } from '../core/work.ts';
import { buildSpec, refOf } from './spec.ts';

/**
 * Returns what a command is run beside. An engine knows the env of its own; what others were given is on no disk, and is
 * filled in again from stack.yml. Throws `config`, `not-found`.
 */
export async function describeTarget(
  stack: Stack,
  state: StackState,
  record: InstanceRecord,
  service: string,
): Promise<{ runtime: Runtime; target: ExecTarget }> {
  const own = requireService(record, service);
  const runtime = await stack.runtime(own.runtime);
  const ref = refOf(stack, record, service);
  if (traitsOf(own).engine) return { runtime, target: ref };
  const { baseline, shared } = state;
  const work = createWork({ stack, config: await stack.config(), record, baseline, shared });
  const { env, source, dir } = await buildSpec(work, service);
  return { runtime, target: { ...ref, env, cwd: path.join(source, dir) } };
}
