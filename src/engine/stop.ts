import { requireService } from '../domain/instance.ts';
import { claimInstance } from './claim.ts';
import { release } from './reserve.ts';
import { runForward } from './run.ts';
import type { Stack } from './stack.ts';
import { listStopRedisSteps } from './steps/redis.ts';
import { stopStep } from './steps/stop.ts';
import { createWork } from './work.ts';

/** Stops a ticket's services, all or the named ones; worktrees, leases, volumes and logs stay. */
export async function stopInstance(stack: Stack, ticket: string, only: readonly string[]): Promise<void> {
  const { record, state } = await claimInstance(stack, ticket, (found) => {
    for (const name of only) requireService(found, name);
  });
  const work = createWork({ stack, config: undefined, record, baseline: state.baseline, shared: state.shared });
  const services = record.started ? Object.keys(record.services) : [];
  const wanted = services.filter((name) => only.length === 0 || only.includes(name));
  const steps = wanted.map((name) => stopStep(work, name));
  // Others of its services may use it still.
  const servers =
    record.started && only.length === 0
      ? listStopRedisSteps(
          work,
          steps.map(({ id }) => id),
        )
      : [];
  const { error } = await runForward([...steps, ...servers], stack);
  await release(work);
  if (error !== undefined) throw error;
}
