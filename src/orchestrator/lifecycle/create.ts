import path from 'node:path';
import { refuseLinkedFolder } from '../../adapters/files/own-folders.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { bestEffort, StackError } from '../../domain/errors.ts';
import type { InstanceRecord } from '../../domain/instance.ts';
import type { Rescue } from '../../domain/rescue.ts';
import { type Extent, requireOrder, type Step, type StepState } from '../../domain/step.ts';
import { parseTicketName } from '../../domain/ticket.ts';
import { isOwnerAlive } from '../core/claim.ts';
import { converge } from '../core/converge.ts';
import type { Stack } from '../core/stack.ts';
import { saveRecord, ticketsFolder } from '../core/work.ts';
import { planOwn } from '../data/own.ts';
import { planPrerequisites, requireRunnable } from '../prepare/prerequisites.ts';
import { checkRequest, planRepos, type RepoRequest } from '../prepare/repos.ts';
import { planRescued } from '../prepare/rescued.ts';
import { planServices } from '../prepare/services.ts';
import { requireNothingBeside } from '../safety/beside.ts';
import { listTicketSteps } from '../steps/list.ts';
import { tellMigration } from '../steps/migrate.ts';
import { destroyTickets } from './destroy.ts';
import { type Plan, requireUnused, reserve } from './reserve.ts';
import { unwind } from './unwind.ts';

export interface CreateOptions {
  argument: string;
  request: RepoRequest;
  /** Shared services it gets one of its own of, besides what stack.yml says. */
  own?: readonly string[];
  /** Runs `migrate:` commands also on the database that all share. */
  migrate?: boolean;
  extent: Extent;
  /** Makes the ticket again as it was when this was saved; `request` is about the other repos. */
  rescue?: Rescue;
}

/**
 * Makes an instance: plan (nothing is touched), record, steps. Whatever fails, all that was begun is unwound and the
 * first error is thrown. Returns the ticket's name.
 */
export async function createInstance(stack: Stack, options: CreateOptions): Promise<string> {
  const config = await stack.config();
  await stack.requireTrust();
  await clearHalfMade(stack, options.argument);
  const plan = await planInstance(stack, config, options, { fetch: true });
  const work = await stack.store.update((draft) => reserve(stack, config, draft, plan));
  if (options.extent !== 'files') tellMigration(work, config, await stack.store.read());
  const error = await converge(work, () => listTicketSteps(work, config, options.extent), {
    unwind: (run) => unwind(work, run, { forget: true }),
  });
  if (error !== undefined) throw error;
  work.record.phase = 'ready';
  work.record.owner = undefined;
  await saveRecord(work);
  return work.record.ticket;
}

/** Returns what `create` would do, in order, with what is there already. Touches nothing, not even the remote. */
export async function previewCreate(
  stack: Stack,
  options: CreateOptions,
): Promise<{ record: InstanceRecord; steps: [Step, StepState][] }> {
  const config = await stack.config();
  const plan = await planInstance(stack, config, options, { fetch: false });
  const work = await reserve(stack, config, structuredClone(await stack.store.read()), plan);
  const steps = listTicketSteps(work, config, options.extent);
  requireOrder(steps);
  const states = await Promise.all(steps.map((step) => bestEffort(step.inspect())));
  return { record: work.record, steps: steps.map((step, index) => [step, states[index] ?? 'absent']) };
}

async function planInstance(
  stack: Stack,
  config: StackConfig,
  options: CreateOptions,
  { fetch }: { fetch: boolean },
): Promise<Plan> {
  const { rescue } = options;
  const name = parseTicketName(options.argument);
  checkRequest(config, options.request);
  const state = await stack.store.read();
  requireUnused(state, name.ticket);
  const folder = path.join(await ticketsFolder(stack.root, config.worktrees), name.ticket);
  await refuseLinkedFolder(stack.root, folder);
  await requireNothingBeside({ folder, worktrees: Object.keys(config.repos) });
  const [repos, prerequisites] = await Promise.all([
    rescue
      ? planRescued(stack, config, rescue, { name, request: options.request, folder, fetch })
      : planRepos(stack, config, { name, request: options.request, folder, fetch }),
    planPrerequisites(stack, config, state),
  ]);
  const services = await planServices(stack, config, name.ticket, repos);
  await requireRunnable(stack, config, { prerequisites, services, extent: options.extent });
  const own = planOwn(stack, config, { ticket: name.ticket, requested: options.own ?? [], repos });
  const record: InstanceRecord = {
    ...name,
    createdAt: new Date().toISOString(),
    phase: 'creating',
    owner: stack.owner,
    started:
      options.extent !== 'files' || Object.keys(repos).some((repo) => (config.repos[repo]?.setup ?? []).length > 0),
    folder,
    repos,
    services,
    ...(own && { own }),
  };
  return { record, prerequisites, rescue, migrate: options.migrate === true };
}

/** What a create that was killed left behind goes first, so that the same command simply works the second time. */
async function clearHalfMade(stack: Stack, argument: string): Promise<void> {
  const { ticket } = parseTicketName(argument);
  const record = (await stack.store.read()).instances[ticket];
  if (record?.phase !== 'creating') return;
  if (await isOwnerAlive(record)) {
    throw new StackError('busy', `${ticket} is being made by another process (pid ${record.owner?.pid})`, {
      hint: '`stack ps` shows when it is done',
    });
  }
  stack.emit({ type: 'info', text: `${ticket} was left half-made; clearing that first` });
  // Its set-up may have left files behind; should they be a person's, they are saved.
  const how = { force: true, keepBranch: false, unfinished: true };
  await destroyTickets(stack, [ticket], how, async () => undefined);
}
