import type { StackConfig } from '../../domain/config/config.ts';
import { dedicatedRepos, requireService } from '../../domain/instance.ts';
import { hasOwnData } from '../../domain/own.ts';
import { HOST_RUNTIME } from '../../domain/runtime.ts';
import { claimInstance } from '../core/claim.ts';
import { runBackward, runForward } from '../core/run.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { createWork, type Work } from '../core/work.ts';
import { listKinds } from '../data/kinds.ts';
import { stopStep } from '../steps/stop.ts';
import { guardUpSteps, listUpSteps } from '../steps/up.ts';
import { release } from './reserve.ts';

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
  const after = steps.map(({ id }) => id);
  const kinds = record.started && only.length === 0 ? listKinds(record.own) : [];
  const servers = kinds.flatMap((kind) => kind.stopStep?.(work, after) ?? []);
  const { error } = await runForward([...steps, ...servers], stack);
  // What a person stops does not wait for `resume` any more.
  if (error === undefined && only.length === 0) record.paused = undefined;
  await release(work);
  if (error !== undefined) throw error;
}

/**
 * Runs `use` while the servers that have a ticket's data run: one that was down is started for it, and goes down again where
 * no other ticket is there. Throws what starting it throws.
 */
export async function withOwnServers<Result>(work: Work, use: () => Promise<Result>): Promise<Result> {
  const config = hasOwnData(work.record) ? await configIfReadable(work.stack) : undefined;
  const shared = config ? await listSilent(work, config) : [];
  if (shared.length === 0) return use();
  await work.stack.requireTrust();
  const request = { services: [], shared, network: false, templates: [], extent: 'started' } as const;
  const result = await runForward(guardUpSteps(work, listUpSteps(work, config, request)), work.stack);
  if (result.error !== undefined) throw result.error;
  try {
    return await use();
  } finally {
    await runBackward(result.made, work.stack);
  }
}

/** The servers that stack runs, that have data of the ticket, and that do not answer. */
async function listSilent(work: Work, config: StackConfig): Promise<string[]> {
  // Those with a `url:` have no lease: they are not ours to start.
  const kinds = listKinds(work.record.own).filter(({ service }) => work.shared[service] !== undefined);
  const answers = await Promise.all(kinds.map((kind) => kind.answers(work, config)));
  return kinds.flatMap(({ service }, index) => (answers[index] === false ? [service] : []));
}

/**
 * Brings a ticket's services to rest and looks who else is connected to its database. Throws `conflict`, naming them,
 * unless `force`, which ends them, where that is allowed.
 */
export async function requireAlone(
  work: Work,
  { force, staysAtRest = false }: { force: boolean; staysAtRest?: boolean },
): Promise<void> {
  const kinds = listKinds(work.record.own).filter((kind) => kind.requireAlone);
  if (kinds.length === 0) return;
  await bringToRest(work);
  const rest = staysAtRest ? `; the services of ${work.record.ticket} are stopped` : '';
  const hint = `close them, or say --force to end them${rest}`;
  for (const kind of kinds) await kind.requireAlone?.(work, { force, hint });
}

/** Stops all services of a ticket, and a set-up that a killed command has left. Throws what stopping one throws. */
export async function bringToRest(work: Work): Promise<void> {
  const { started, services, ticket } = work.record;
  const host = await work.stack.runtime(HOST_RUNTIME);
  for (const [repo] of dedicatedRepos(work.record))
    await host.endRuns?.({ rootId: work.stack.rootId, instance: ticket, repo });
  const names = started ? Object.keys(services) : [];
  const { error } = await runForward(
    names.map((service) => stopStep(work, service)),
    work.stack,
  );
  if (error !== undefined) throw error;
}
