import type { StackConfig } from '../../domain/config/config.ts';
import { StackError } from '../../domain/errors.ts';
import type { InstanceRecord } from '../../domain/instance.ts';
import { isRepoStep, isServiceStep, type Step } from '../../domain/step.ts';
import { ticketOf } from '../../domain/ticket.ts';
import { requireInstance } from '../core/claim.ts';
import { converge } from '../core/converge.ts';
import type { Stack } from '../core/stack.ts';
import { ticketsFolder } from '../core/work.ts';
import { planOwn } from '../data/own.ts';
import { planPrerequisites, requireRunnable } from '../prepare/prerequisites.ts';
import { planRepos } from '../prepare/repos.ts';
import { mergeServices, planServices } from '../prepare/services.ts';
import { writeBrief } from '../runs/brief/write.ts';
import { listTicketSteps } from '../steps/list.ts';
import { tellMigration } from '../steps/migrate.ts';
import { claimWork, release, requireReady } from './reserve.ts';
import { unwind } from './unwind.ts';

/**
 * Returns a ticket that borrows a repo its own copy of it: worktree, leases, and a second look at everything that pointed
 * at the shared one. On failure the ticket borrows it again.
 */
export async function addRepo(
  stack: Stack,
  ticket: string,
  repo: string,
  {
    from,
    own: requested = [],
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
    name: { ticket: ticketOf(known.ticket), argument: known.argument },
    request: { from: from === undefined ? {} : { [repo]: from }, on: {}, with: [repo] },
    folder: known.folder || (await ticketsFolder(stack.root, config.worktrees)),
    fetch: true,
    only: repo,
  });
  const planned = await planServices(stack, config, known.ticket, { ...known.repos, ...repos });
  const own = planOwn(stack, config, {
    ticket: known.ticket,
    requested,
    repos: { ...known.repos, ...repos },
    before: known.own,
  });
  const prerequisites = await planPrerequisites(stack, config, state);
  await requireRunnable(stack, config, { prerequisites, services: planned, extent: 'ready' });
  const change = (record: InstanceRecord): void => {
    record.repos = { ...record.repos, ...repos };
    record.services = mergeServices(config, record.services, planned);
    record.own = own;
    record.started = true;
  };
  const work = await claimWork(stack, config, ticket, prerequisites, change, { migrate, fresh: [repo] });
  tellMigration(work, config, state);
  const error = await converge(work, () => listTicketSteps(work, config, 'ready'), {
    async unwind(run) {
      const first = await unwind(work, run, { forget: false });
      // What could not be unmade stays on the record: `start` goes on with it, and destroy takes it.
      if (first instanceof StackError && first.code === 'leftover') return first;
      Object.assign(work.record, { repos: before.repos, services: before.services, own: before.own });
      // The worktree that its services would have run out of is gone again: the baseline's of the same name are not meant.
      const back = {
        ...work,
        needsRecreate: new Set<string>(),
        stack: { ...stack, signal: new AbortController().signal },
      };
      await converge(back, () => listTicketSteps(back, config, 'started'), { unwind: async () => undefined });
      return first;
    },
    first: (step) => isPartOf(work.record, repo, step),
  });
  if (error === undefined) {
    work.record.paused = undefined;
    await writeBrief(stack, work.record);
  }
  await release(work);
  if (error !== undefined) throw error;
}

/** True for the steps that are not about other repos: a new copy that fails shall not disturb what runs. */
function isPartOf({ services }: InstanceRecord, repo: string, { id }: Step): boolean {
  if (isRepoStep(id)) return id.of === repo;
  return !isServiceStep(id) || id.baseline === true || services[id.of]?.repo === repo;
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
