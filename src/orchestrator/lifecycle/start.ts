import type { StackConfig } from '../../domain/config/config.ts';
import { StackError } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord, type ServiceRecord } from '../../domain/instance.ts';
import type { Extent } from '../../domain/step.ts';
import { type Ask, type RoomWish, takeRoom } from '../capacity/limits.ts';
import { listRunning } from '../capacity/pause.ts';
import { requireInstance } from '../core/claim.ts';
import { converge } from '../core/converge.ts';
import type { Stack } from '../core/stack.ts';
import { planPrerequisites, requireRunnable } from '../prepare/prerequisites.ts';
import { countAsSetUp, listEnvFiles } from '../prepare/repos.ts';
import { mergeServices, planServices } from '../prepare/services.ts';
import { writeBrief } from '../runs/brief/write.ts';
import { isFileStep, listTicketSteps, withDependencies } from '../steps/list.ts';
import { tellMigration } from '../steps/migrate.ts';
import { removeOrphans } from '../workloads/orphans.ts';
import { repairWorktrees } from './repair-worktrees.ts';
import { claimWork, release, requireReady } from './reserve.ts';
import { unwind } from './unwind.ts';

/**
 * Brings a ticket to what stack.yml wants now: missing things come back, changed ones are made again, all on the leases
 * it holds. A failure leaves what ran before and unmakes what this start made. `only` names the services that are meant, with what
 * they depend on; none means all.
 */
export async function startInstance(
  stack: Stack,
  ticket: string,
  {
    extent,
    rebuild,
    migrate = false,
    only = [],
    skipSetup = false,
    keep = false,
    services: which = 'meant',
    ran = [],
    ask,
  }: {
    extent: Extent;
    rebuild: boolean;
    migrate?: boolean;
    only?: readonly string[];
    /** `setup:` and `migrate:` commands that are still to run count as run. */
    skipSetup?: boolean;
    /** What a start that fails has made stays. */
    keep?: boolean;
    /** `as they are`: files and data come to what stack.yml wants, and none of its services is touched. */
    services?: 'meant' | 'as they are';
    /** The services that were stopped a moment ago to be started again here: they had their room. */
    ran?: readonly string[];
    /** Asks a person whether another ticket may be paused where `limits:` leaves no room. */
    ask?: Ask;
  },
): Promise<void> {
  const config = await stack.config();
  await stack.requireTrust();
  await repairWorktrees(stack, [ticket], { branches: true });
  const state = await stack.store.read();
  const known = await requireReady(stack, requireInstance(state, ticket));
  const [planned, prerequisites] = await Promise.all([
    planServices(stack, config, known.ticket, known.repos),
    planPrerequisites(stack, config, state),
  ]);
  const isAll = only.length === 0 && which === 'meant';
  const meant = isAll ? undefined : withDependencies(config, only);
  const services = mergeServices(config, known.services, pickMeant(planned, known, meant));
  await requireRunnable(stack, config, { prerequisites, services, extent });
  const isMeant = (name: string): boolean => meant?.includes(name) ?? true;
  const starts = which === 'meant' && extent !== 'files' ? Object.keys(services).filter(isMeant) : undefined;
  const wish = starts && wishOf(known.ticket, starts, [...ran, ...(await listRunning(stack, known))]);
  let former: string[] = [];
  const change = (record: InstanceRecord): void => {
    record.owner = { ...stack.owner, ...(starts && { starts: [...starts] }) };
    const changing = pickMeant(planned, record, meant);
    former = listFormerImages(record, changing);
    record.services = mergeServices(config, record.services, changing);
    record.started ||= extent !== 'files';
    takeSettings(record, config);
    if (migrate) for (const [, repo] of dedicatedRepos(record)) repo.migrated = false;
    if (skipSetup) countAsSetUp(record);
  };
  const work = await takeRoom(stack, config, { wish, ask }, () =>
    claimWork(stack, config, ticket, prerequisites, change, { rebuild, migrate }),
  );
  if (migrate) tellMigration(work, config, state);
  if (which === 'meant') await removeOrphans(work, config);
  // Worktrees that came back stay: a branch in there may hold work of weeks.
  const error = await converge(work, () => listTicketSteps(work, config, extent, meant), {
    unwind: async (run) => {
      if (keep) return run.error;
      return unwind(work, { ...run, made: run.made.filter((step) => !isFileStep(step)) }, { forget: false });
    },
  });
  if (error === undefined && meant === undefined) work.record.unfinished = undefined;
  if (error === undefined && which === 'meant' && extent !== 'files')
    work.record.paused = leaveOut(work.record.paused, meant);
  if (error === undefined)
    await Promise.all(former.map(async (image) => (await stack.docker()).removeImage(image, stack.rootId)));
  // A start that fails leaves the worktrees, in which somebody looks for what is wrong.
  await writeBrief(stack, work.record);
  await release(work);
  if (error !== undefined) throw error;
}

function takeSettings(record: InstanceRecord, config: StackConfig): void {
  for (const [repo, own] of dedicatedRepos(record)) {
    // A service may be in a folder that had none; what was written before is still taken back by destroy.
    const settings = config.repos[repo];
    if (!settings) continue;
    own.envFiles = [...new Set([...own.envFiles, ...listEnvFiles(config, repo)])];
    own.disposable = settings.disposable.length > 0 ? settings.disposable : undefined;
  }
}

/**
 * Starts what ran of a paused ticket, on the leases it holds. One that runs is left as it is. Throws `state` for one that was stopped,
 * and what `startInstance` throws.
 */
export async function resumeInstance(
  stack: Stack,
  ticket: string,
  how: Pick<Parameters<typeof startInstance>[2], 'extent' | 'ask'>,
): Promise<void> {
  const [config, state] = await Promise.all([stack.config(), stack.store.read()]);
  const record = requireInstance(state, ticket);
  const running = await listRunning(stack, record);
  const { services = running } = record.paused ?? {};
  if (services.length === 0)
    throw new StackError('state', `${record.ticket} is not paused, it is stopped`, {
      hint: `\`stack start ${record.ticket}\` starts it`,
    });
  const kept = services.filter((name) => Object.hasOwn(config.services, name));
  const isAll = kept.length === 0 || Object.keys(record.services).every((name) => services.includes(name));
  await startInstance(stack, record.ticket, { ...how, rebuild: false, only: isAll ? [] : kept });
}

/** Undefined where all that is to start runs already: it has its room. */
function wishOf(ticket: string, starts: readonly string[], running: readonly string[]): RoomWish | undefined {
  if (starts.every((name) => running.includes(name))) return undefined;
  return { ticket, services: [...new Set([...running, ...starts])], isRunning: running.length > 0 };
}

/** What waits for `resume` still, once some services run; `meant` is undefined for all. */
function leaveOut(paused: InstanceRecord['paused'], meant: readonly string[] | undefined): InstanceRecord['paused'] {
  const services = paused?.services.filter((name) => meant?.includes(name) === false) ?? [];
  return paused && services.length > 0 ? { ...paused, services } : undefined;
}

/** What is not to be started stays on record as it runs; a new service has nothing that could. */
function pickMeant(
  planned: Record<string, ServiceRecord>,
  { services }: InstanceRecord,
  meant: readonly string[] | undefined,
): Record<string, ServiceRecord> {
  if (!meant) return planned;
  const changing = Object.entries(planned).filter(([name]) => meant.includes(name) || !Object.hasOwn(services, name));
  return Object.fromEntries(changing);
}

/** The images that were built for services which now run from one that nobody has to build. */
function listFormerImages({ services }: InstanceRecord, planned: Record<string, ServiceRecord>): string[] {
  return Object.entries(services).flatMap(([name, { builtImage, runtime }]) => {
    const next = planned[name];
    const isFormer = builtImage !== undefined && next?.runtime === runtime && next.builtImage === undefined;
    return isFormer ? [builtImage] : [];
  });
}
