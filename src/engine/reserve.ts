import type { StackConfig } from '../domain/config/config.ts';
import { StackError } from '../domain/errors.ts';
import type { InstanceRecord } from '../domain/instance.ts';
import { claimInstance, requireFree } from './claim.ts';
import { type Ground, reserveGround } from './ground.ts';
import { leasePorts } from './leases.ts';
import { leaseOwn } from './own.ts';
import type { Stack } from './stack.ts';
import { createWork, saveRecord, type Work } from './work.ts';

/** Claims a ticket and leases what its services and the baseline's lack, in one write. */
export async function claimWork(
  stack: Stack,
  config: StackConfig,
  ticket: string,
  ground: Ground,
  change: (record: InstanceRecord) => void,
  options: { rebuild?: boolean; migrate?: boolean; fresh?: string[] } = {},
): Promise<Work> {
  let baseline: InstanceRecord | undefined;
  const { record, state } = await claimInstance(stack, ticket, async (found, draft) => {
    change(found);
    baseline = await reserveGround(stack, config, draft, ground);
    await leasePorts(stack, draft, found, config);
    await leaseOwn(stack, config, draft, found);
  });
  return createWork({ stack, config, record, baseline, shared: state.shared }, options);
}

export async function release(work: Work): Promise<void> {
  work.record.owner = undefined;
  await saveRecord(work);
}

export async function requireReady(stack: Stack, record: InstanceRecord): Promise<InstanceRecord> {
  if (record.phase === 'ready') return record;
  await requireFree(stack, record);
  const verb = record.phase === 'creating' ? 'create' : 'destroy';
  throw new StackError('state', `a ${verb} of ${record.ticket} did not finish`, {
    hint: `\`stack destroy ${record.ticket}\` clears it`,
  });
}
