import type { StackConfig } from '../../domain/config/config.ts';
import { StackError } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord, type StackState } from '../../domain/instance.ts';
import type { Rescue } from '../../domain/rescue.ts';
import { foldTicket } from '../../domain/ticket.ts';
import { claimInstance, requireFree } from '../core/claim.ts';
import { leasePorts, listLeases } from '../core/leases.ts';
import type { Stack } from '../core/stack.ts';
import { createWork, putRecord, saveRecord, type Work } from '../core/work.ts';
import { leaseOwn } from '../data/own.ts';
import { refuseTaken } from '../prepare/adopt.ts';
import { type Prerequisites, reservePrerequisites } from '../prepare/prerequisites.ts';
import type { PlannedTold } from '../runs/brief/documents.ts';

/** Claims a ticket and leases what its services and the baseline's lack, in one write. */
export async function claimWork(
  stack: Stack,
  config: StackConfig,
  ticket: string,
  prerequisites: Prerequisites,
  change: (record: InstanceRecord) => void,
  options: { rebuild?: boolean; migrate?: boolean; fresh?: string[] },
): Promise<Work> {
  let baseline: InstanceRecord | undefined;
  const { record, state } = await claimInstance(stack, ticket, async (found, draft) => {
    change(found);
    baseline = await reservePrerequisites(stack, config, draft, prerequisites);
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

export interface Plan {
  record: InstanceRecord;
  prerequisites: Prerequisites;
  rescue: Rescue | undefined;
  migrate: boolean;
  told: PlannedTold;
}

/** Writes names, branches and leases into the state, before the first effect. Call it with the state lock held. */
export async function reserve(stack: Stack, config: StackConfig, draft: StackState, plan: Plan): Promise<Work> {
  const { record, rescue, migrate } = plan;
  requireUnused(draft, record.ticket);
  requireNobodys(draft, record);
  const baseline = await reservePrerequisites(stack, config, draft, plan.prerequisites);
  dropTaken(draft, record);
  await leasePorts(stack, draft, record, config);
  await leaseOwn(stack, config, draft, record);
  putRecord(draft, record);
  // What comes from a rescue is in there still.
  const parts = { stack, config, record, baseline, shared: draft.shared };
  return createWork(parts, { rescue, migrate, saved: rescue !== undefined });
}

/** What a record brings along of leases is its own as long as nobody has got it meanwhile. */
function dropTaken(draft: StackState, { services }: InstanceRecord): void {
  const leased = listLeases(draft);
  for (const service of Object.values(services)) {
    const kept = Object.entries(service.ports).filter(([, { host }]) => !leased.has(host));
    service.ports = Object.fromEntries(kept);
  }
}

/** Throws `exists` where a worktree that is adopted is a ticket's already. */
function requireNobodys(state: StackState, record: InstanceRecord): void {
  for (const [repo, { worktree, adopted }] of dedicatedRepos(record)) if (adopted) refuseTaken(state, repo, worktree);
}

/** Throws `exists` when the name, or one that folds to the same, is in use; `busy` when it is being made. */
export function requireUnused(state: StackState, ticket: string): void {
  const same = Object.values(state.instances).find((record) => foldTicket(record.ticket) === foldTicket(ticket));
  if (!same) return;
  if (same.ticket !== ticket) {
    throw new StackError('exists', `${ticket} and the ticket ${same.ticket} would share their host names`, {
      hint: 'choose a name that differs in more than case, `/`, `.`, `_` and `-`',
    });
  }
  throw new StackError('exists', `${ticket} is there already`, {
    hint: `\`stack start ${ticket}\` starts it, \`stack destroy ${ticket}\` removes it`,
  });
}
