import path from 'node:path';
import { refuseLinkedFolder } from '../adapters/own-folders.ts';
import type { StackConfig } from '../domain/config/config.ts';
import { StackError } from '../domain/errors.ts';
import type { InstanceRecord, StackState } from '../domain/instance.ts';
import type { Rescue } from '../domain/rescue.ts';
import type { Extent, Step, StepState } from '../domain/step.ts';
import { foldTicket, parseTicketName } from '../domain/ticket.ts';
import { requireNothingBeside } from './beside.ts';
import { isOwnerAlive } from './claim.ts';
import { type Ground, planGround, requireRunnable, reserveGround } from './ground.ts';
import { leasePorts } from './leases.ts';
import { leaseOwn, planOwn } from './own.ts';
import { checkWishes, planRepos, planServices, type RepoWishes } from './plan.ts';
import { planRescued } from './plan-rescued.ts';
import { runForward } from './run.ts';
import type { Stack } from './stack.ts';
import { listTicketSteps } from './steps/list.ts';
import { tellMigration } from './steps/migrate.ts';
import { examineTickets, takeApart } from './take-apart.ts';
import { unwind } from './unwind.ts';
import { createWork, putRecord, saveRecord, ticketsFolder, type Work } from './work.ts';

export interface CreateOptions {
  argument: string;
  wishes: RepoWishes;
  /** Shared services it gets one of its own of, besides what stack.yml says. */
  own?: readonly string[];
  /** Runs `migrate:` commands also on the database that all share. */
  migrate?: boolean;
  extent: Extent;
  /** Makes the ticket again as it was when this was saved; `wishes` are about the other repos. */
  rescue?: Rescue;
}

/**
 * Makes an instance: plan (nothing is touched), record, steps. Whatever fails, all that was begun is unwound and the
 * first error is thrown. Gives the ticket's name.
 */
export async function createInstance(stack: Stack, options: CreateOptions): Promise<string> {
  const config = await stack.config();
  await stack.requireTrust();
  await clearHalfMade(stack, options.argument);
  const plan = await planInstance(stack, config, options, { fetch: true });
  const work = await stack.store.update((draft) => reserve(stack, config, draft, plan));
  if (options.extent !== 'files') tellMigration(work, config, await stack.store.read());
  const error = await converge(work, config, options.extent, (undo) => unwind(work, undo, { forget: true }));
  if (error !== undefined) throw error;
  work.record.phase = 'ready';
  work.record.owner = undefined;
  await saveRecord(work);
  return work.record.ticket;
}

/** Gives what `create` would do, in order, with what is there already. Touches nothing, not even the remote. */
export async function previewCreate(
  stack: Stack,
  options: CreateOptions,
): Promise<{ record: InstanceRecord; steps: [Step, StepState][] }> {
  const config = await stack.config();
  const plan = await planInstance(stack, config, options, { fetch: false });
  const work = await reserve(stack, config, structuredClone(await stack.store.read()), plan);
  const steps = listTicketSteps(work, config, options.extent);
  const states = await Promise.all(steps.map((step) => step.inspect().catch(() => 'absent' as const)));
  return { record: work.record, steps: steps.map((step, index) => [step, states[index] ?? 'absent']) };
}

/**
 * Applies the list until nothing is different: a lease that had to move on the way changes what others were wired to.
 * What is to be `first` is made before anything else is touched. On failure hands the steps that were begun to `onFailure` and gives the error.
 */
export async function converge(
  work: Work,
  config: StackConfig,
  extent: Extent,
  onFailure: (undo: { made: Step[]; changed: Step[]; error: unknown }) => Promise<unknown>,
  first: (step: Step) => boolean = () => false,
): Promise<unknown> {
  const made: Step[] = [];
  const changed: Step[] = [];
  for (let pass = 0; pass < 3; pass++) {
    work.leases.moved = false;
    const all = listTicketSteps(work, config, extent);
    const ahead = pass === 0 ? all.filter(first) : [];
    const result = await runForward(ahead.length > 0 ? ahead : all, work.stack);
    made.push(...result.made);
    changed.push(...result.changed);
    if (result.error !== undefined) return onFailure({ made, changed, error: result.error });
    if (!work.leases.moved && ahead.length === 0) return undefined;
  }
  return undefined;
}

interface Plan {
  record: InstanceRecord;
  ground: Ground;
  rescue: Rescue | undefined;
  migrate: boolean;
}

async function planInstance(
  stack: Stack,
  config: StackConfig,
  options: CreateOptions,
  { fetch }: { fetch: boolean },
): Promise<Plan> {
  const { rescue } = options;
  const name = parseTicketName(options.argument);
  checkWishes(config, options.wishes);
  const state = await stack.store.read();
  requireUnused(state, name.ticket);
  const folder = path.join(await ticketsFolder(stack.root, config.worktrees), name.ticket);
  await refuseLinkedFolder(stack.root, folder);
  await requireNothingBeside({ folder, worktrees: Object.keys(config.repos) });
  const [repos, ground] = await Promise.all([
    rescue
      ? planRescued(stack, config, rescue, { name, wishes: options.wishes, folder, fetch })
      : planRepos(stack, config, { name, wishes: options.wishes, folder, fetch }),
    planGround(stack, config, state),
  ]);
  const services = await planServices(stack, config, name.ticket, repos);
  await requireRunnable(stack, config, { ground, services, extent: options.extent });
  const own = planOwn(stack, config, { ticket: name.ticket, wishes: options.own ?? [], repos });
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
  return { record, ground, rescue, migrate: options.migrate === true };
}

/** Writes names, branches and leases into the state, before the first effect. Call it with the state lock held. */
async function reserve(stack: Stack, config: StackConfig, draft: StackState, plan: Plan): Promise<Work> {
  const { record, rescue, migrate } = plan;
  requireUnused(draft, record.ticket);
  const baseline = await reserveGround(stack, config, draft, plan.ground);
  await leasePorts(stack, draft, record, config);
  await leaseOwn(stack, config, draft, record);
  putRecord(draft, record);
  // What comes from a rescue is in there still.
  const parts = { stack, config, record, baseline, shared: draft.shared };
  return createWork(parts, { rescue, migrate, saved: rescue !== undefined });
}

/** Throws `exists` when the name, or one that folds to the same, is in use; `busy` when it is being made. */
function requireUnused(state: StackState, ticket: string): void {
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
  await takeApart(stack, ticket, { ...how, risks: await examineTickets(stack, [ticket], how) });
}
