import type { StackConfig } from '../domain/config/config.ts';
import { StackError } from '../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord, type ServiceRecord } from '../domain/instance.ts';
import type { Step } from '../domain/step.ts';
import { claimInstance, requireFree, requireInstance } from './claim.ts';
import { converge } from './create.ts';
import { removeDropped } from './dropped.ts';
import { type Ground, planGround, requireRunnable, reserveGround } from './ground.ts';
import { leasePorts } from './leases.ts';
import { mendWorktrees } from './mend-worktrees.ts';
import { leaseOwn, planOwn } from './own.ts';
import { listEnvFiles, mergeServices, planRepos, planServices } from './plan.ts';
import { runForward } from './run.ts';
import { requireService } from './spec.ts';
import type { Stack } from './stack.ts';
import { isFileStep } from './steps/list.ts';
import { tellMigration } from './steps/migrate.ts';
import { listStopRedisSteps } from './steps/redis.ts';
import type { Extent } from './steps/service.ts';
import { stopStep } from './steps/stop.ts';
import { unwind } from './unwind.ts';
import { createWork, saveRecord, ticketsFolder, type Work } from './work.ts';

/**
 * Brings a ticket to what stack.yml wants now: missing things come back, changed ones are made anew, all on the leases
 * it holds. A failure leaves what ran before and unmakes what this start made.
 */
export async function startInstance(
  stack: Stack,
  ticket: string,
  { extent, rebuild, migrate = false }: { extent: Extent; rebuild: boolean; migrate?: boolean },
): Promise<void> {
  const config = await stack.config();
  await stack.requireTrust();
  await mendWorktrees(stack, [ticket], { branches: true });
  const state = await stack.store.read();
  const known = await requireReady(stack, requireInstance(state, ticket));
  const [planned, ground] = await Promise.all([
    planServices(stack, config, known.ticket, known.repos),
    planGround(stack, config, state),
  ]);
  const services = mergeServices(config, known.services, planned);
  await requireRunnable(stack, config, { ground, services, extent });
  let former: string[] = [];
  const work = await claimWork(
    stack,
    config,
    ticket,
    ground,
    (record) => {
      former = listFormerImages(record, planned);
      record.services = mergeServices(config, record.services, planned);
      record.started = true;
      for (const [repo, own] of dedicatedRepos(record)) {
        // A service may be in a folder that had none; what was written before is still taken back by destroy.
        const settings = config.repos[repo];
        if (!settings) continue;
        own.envFiles = [...new Set([...own.envFiles, ...listEnvFiles(config, repo)])];
        own.disposable = settings.disposable.length > 0 ? settings.disposable : undefined;
      }
      if (migrate) for (const [, repo] of dedicatedRepos(record)) repo.migrated = false;
    },
    { rebuild, migrate },
  );
  if (migrate) tellMigration(work, config, state);
  await removeDropped(work, config);
  // Worktrees that came back stay: a branch in there may hold work of weeks.
  const error = await converge(work, config, extent, (run) =>
    unwind(work, { ...run, made: run.made.filter((step) => !isFileStep(step)) }, { forget: false }),
  );
  if (error === undefined)
    await Promise.all(former.map(async (image) => (await stack.docker()).removeImage(image, stack.rootId)));
  await release(work);
  if (error !== undefined) throw error;
}

/** The images that were built for services which now run from one that nobody has to build. */
function listFormerImages({ services }: InstanceRecord, planned: Record<string, ServiceRecord>): string[] {
  return Object.entries(services).flatMap(([name, { builtImage, runtime }]) => {
    const next = planned[name];
    const isFormer = builtImage !== undefined && next?.runtime === runtime && next.builtImage === undefined;
    return isFormer ? [builtImage] : [];
  });
}

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

/**
 * Gives a ticket that borrows a repo its own copy of it: worktree, leases, and a second look at everything that pointed
 * at the shared one. On failure the ticket borrows it again.
 */
export async function addRepo(
  stack: Stack,
  ticket: string,
  repo: string,
  {
    from,
    own: wishes = [],
    migrate = false,
  }: { from?: string | undefined; own?: readonly string[]; migrate?: boolean },
): Promise<void> {
  const config = await stack.config();
  await stack.requireTrust();
  const state = await stack.store.read();
  const known = await requireReady(stack, requireInstance(state, ticket));
  requireBorrowed(config, known, repo);
  const before = structuredClone(known);
  const repos = await planRepos(stack, config, {
    name: { ticket: known.ticket, argument: known.argument },
    wishes: { from: from === undefined ? {} : { [repo]: from }, on: {}, with: [repo] },
    folder: known.folder || (await ticketsFolder(stack.root, config.worktrees)),
    fetch: true,
    only: repo,
  });
  const planned = await planServices(stack, config, known.ticket, { ...known.repos, ...repos });
  const own = planOwn(stack, config, {
    ticket: known.ticket,
    wishes,
    repos: { ...known.repos, ...repos },
    before: known.own,
  });
  const ground = await planGround(stack, config, state);
  await requireRunnable(stack, config, { ground, services: planned, extent: 'ready' });
  const change = (record: InstanceRecord): void => {
    record.repos = { ...record.repos, ...repos };
    record.services = mergeServices(config, record.services, planned);
    record.own = own;
    record.started = true;
  };
  const work = await claimWork(stack, config, ticket, ground, change, { migrate, fresh: [repo] });
  tellMigration(work, config, state);
  const error = await converge(
    work,
    config,
    'ready',
    async (run) => {
      const first = await unwind(work, run, { forget: false });
      // What could not be unmade stays on the record: `start` goes on with it, and destroy takes it.
      if (first instanceof StackError && first.code === 'leftover') return first;
      Object.assign(work.record, { repos: before.repos, services: before.services, own: before.own });
      await converge(
        // The worktree that its services would have run out of is gone again: the baseline's of the same name are not meant.
        { ...work, uprooted: new Set(), stack: { ...stack, signal: new AbortController().signal } },
        config,
        'started',
        async () => undefined,
      );
      return first;
    },
    (step) => isPartOf(work.record, repo, step),
  );
  await release(work);
  if (error !== undefined) throw error;
}

/** True for the steps that are not about other repos: a new copy that fails shall not disturb what runs. */
function isPartOf({ services, repos }: InstanceRecord, repo: string, { id }: Step): boolean {
  const [kind = '', name = ''] = id.split(' ');
  if (['worktree', 'saved-work', 'copy', 'env-file', 'setup', 'migrate'].includes(kind))
    return name === repo || !(name in repos);
  return !['image', 'volumes', 'workload', 'ready'].includes(kind) || services[name]?.repo === repo;
}

/** Claims a ticket and leases what its services and the baseline's lack, in one write. */
async function claimWork(
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

async function release(work: Work): Promise<void> {
  work.record.owner = undefined;
  await saveRecord(work);
}

async function requireReady(stack: Stack, record: InstanceRecord): Promise<InstanceRecord> {
  if (record.phase === 'ready') return record;
  await requireFree(stack, record);
  const verb = record.phase === 'creating' ? 'create' : 'destroy';
  throw new StackError('state', `a ${verb} of ${record.ticket} did not finish`, {
    hint: `\`stack destroy ${record.ticket}\` clears it`,
  });
}

function requireBorrowed(config: StackConfig, record: InstanceRecord, repo: string): void {
  if (!Object.hasOwn(config.repos, repo)) {
    throw new StackError('usage', `stack.yml has no repo ${JSON.stringify(repo)}`, {
      hint: `its repos: ${Object.keys(config.repos).join(', ')}`,
    });
  }
  if (record.repos[repo]?.mode !== 'dedicated') return;
  throw new StackError('exists', `${record.ticket} has its own ${repo} already`, {
    hint: `it is at ${record.repos[repo].worktree}; \`stack start ${record.ticket}\` starts what of it does not run`,
  });
}
