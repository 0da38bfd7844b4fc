import path from 'node:path';
import { isThere } from '../../adapters/files/files.ts';
import { refuseLinkedFolder } from '../../adapters/files/own-folders.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { addHint, bestEffort, StackError } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord, type IssueLink, type ServiceRecord } from '../../domain/instance.ts';
import { fittingLeases } from '../../domain/leases.ts';
import type { Rescue } from '../../domain/rescue.ts';
import { type Extent, requireOrder, type Step, type StepState } from '../../domain/step.ts';
import type { DocumentRecord } from '../../domain/task.ts';
import { parseTicketName } from '../../domain/ticket.ts';
import { requireDisk } from '../capacity/disk.ts';
import { type Ask, type RoomWish, takeRoom } from '../capacity/limits.ts';
import { isOwnerAlive, requireInstance } from '../core/claim.ts';
import { converge } from '../core/converge.ts';
import { settleAllChanges } from '../core/journal.ts';
import { findRecreate, forgetRecreate } from '../core/recreating.ts';
import type { Stack } from '../core/stack.ts';
import { saveRecord, ticketsFolder, type Work } from '../core/work.ts';
import { planOwn } from '../data/own.ts';
import { planPrerequisites, requireRunnable } from '../prepare/prerequisites.ts';
import { type Adopted, checkRequest, countAsSetUp, planRepos, type RepoRequest } from '../prepare/repos.ts';
import { planRescued } from '../prepare/rescued.ts';
import { planServices } from '../prepare/services.ts';
import { planTold, storeDocuments, type Told } from '../runs/brief/documents.ts';
import { takeBackDocuments, writeBrief } from '../runs/brief/write.ts';
import { tellCollisions } from '../runs/tell-collisions.ts';
import { requireNothingBeside } from '../safety/beside.ts';
import { listTicketSteps } from '../steps/list.ts';
import { tellMigration } from '../steps/migrate.ts';
import { destroyTickets } from './destroy.ts';
import { type Plan, requireUnused, reserve } from './reserve.ts';
import { startInstance } from './start.ts';
import { unwind } from './unwind.ts';

export interface CreateOptions extends Told {
  argument: string;
  request: RepoRequest;
  /** Shared services it gets one of its own of, besides what stack.yml says. */
  own?: readonly string[];
  /** Runs `migrate:` commands also on the database that all share. */
  migrate?: boolean;
  extent: Extent;
  /** `setup:` and `migrate:` commands count as run. */
  skipSetup?: boolean;
  /** Makes the ticket again as it was when this was saved; `request` is about the other repos. */
  rescue?: Rescue;
  /** What a create that fails has made stays for a look. */
  keep?: boolean;
  /** Its services' former records, of which they keep the leases that nobody has taken meanwhile. */
  leases?: Record<string, ServiceRecord>;
  /** Of its services only these are started, with what they depend on; undefined: all. */
  only?: readonly string[];
  /** The ticket whose merge it is made to verify. */
  verifies?: string;
  /** Worktrees that somebody else made and that are its own from now on, by repo. */
  adopt?: Readonly<Record<string, Adopted>>;
  /** The issue that says what is to be done in it. */
  issue?: IssueLink | undefined;
  /** Asks a person whether another ticket may be paused where `limits:` leaves no room. */
  ask?: Ask;
  /** The ticket that goes before this one is made in its place. */
  instead?: InstanceRecord;
}

/**
 * Makes an instance: plan (nothing is touched), record, steps. Whatever fails, all that was begun is unwound and the
 * first error is thrown; with `keep` it stays, and the next create goes on from there. Returns the ticket's name.
 */
export async function createInstance(stack: Stack, options: CreateOptions): Promise<string> {
  const config = await stack.config();
  await stack.requireTrust();
  await tellRecreate(stack, options);
  await clearHalfMade(stack, options.argument);
  const kept = await findUnfinished(stack, options);
  if (kept) return finish(stack, kept, options);
  await settleAllChanges(stack);
  const plan = await planInstance(stack, config, options, { fetch: true });
  await requireDisk(stack, plan.record);
  const wish = wishOf(plan, options);
  plan.record.owner = { ...stack.owner, ...(wish && { starts: [...wish.services] }) };
  const work = await takeRoom(stack, config, { wish, ask: options.ask }, async () => {
    await storeDocuments(stack, plan.told);
    return stack.store.update((draft) => reserve(stack, config, draft, plan));
  });
  // The last ticket that had one of them may have gone in between.
  await storeDocuments(stack, plan.told);
  if (options.extent !== 'files') tellMigration(work, config, await stack.store.read());
  const error = await converge(work, () => listTicketSteps(work, config, options.extent, options.only), {
    unwind: async (run) => {
      if (options.keep && (await keepUnfinished(work))) return addHint(run.error, hintAtKept(work.record));
      return unwind(work, run, { forget: true });
    },
  });
  if (error !== undefined) throw error;
  work.record.phase = 'ready';
  work.record.owner = undefined;
  // Whoever begins once it is ready finds it.
  await writeBrief(stack, work.record);
  await saveRecord(work);
  await forgetRecreate(stack, work.record.ticket);
  // It has what it verifies, so it would collide with that.
  if (options.verifies === undefined) await tellCollisions(stack, work.record);
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

/** Returns what a create is to make, and throws what is in its way. Makes nothing. */
export async function planInstance(
  stack: Stack,
  config: StackConfig,
  options: CreateOptions,
  { fetch }: { fetch: boolean },
): Promise<Plan> {
  const { rescue, instead } = options;
  const name = parseTicketName(options.argument);
  checkRequest(config, options.request);
  const [told, state] = await Promise.all([planTold(options), stack.store.read()]);
  if (!instead) requireUnused(state, name.ticket);
  const folder = path.join(await ticketsFolder(stack.root, config.worktrees), name.ticket);
  await refuseLinkedFolder(stack.root, folder);
  if (folder !== instead?.folder) await requireNothingBeside({ folder, worktrees: Object.keys(config.repos) });
  const planning = { name, request: options.request, folder, fetch, instead, adopt: options.adopt };
  const [repos, prerequisites] = await Promise.all([
    rescue ? planRescued(stack, config, rescue, planning) : planRepos(stack, config, planning),
    planPrerequisites(stack, config, state),
  ]);
  if (options.skipSetup) countAsSetUp({ repos });
  const services = await planServices(stack, config, name.ticket, repos);
  for (const [service, planned] of Object.entries(services)) {
    const before = options.leases?.[service];
    if (before) planned.ports = fittingLeases(config, service, before);
  }
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
    ...(options.verifies !== undefined && { verifies: options.verifies }),
    ...told.record,
    ...(options.issue && { issue: options.issue }),
  };
  return { record, prerequisites, rescue, migrate: options.migrate === true, told };
}

/** What only verifies a merge is gone soon, and waits for nobody. */
/** Throws what a create of this would throw for lack of room, before `instead` goes: it is not counted any more. */
export async function requireSpace(
  stack: Stack,
  config: StackConfig,
  plan: Plan,
  options: CreateOptions,
): Promise<void> {
  await requireDisk(stack, plan.record, options.instead);
  await takeRoom(stack, config, { wish: wishOf(plan, options), ask: options.ask }, async () => undefined);
}

function wishOf({ record }: Plan, { extent, only, verifies }: CreateOptions): RoomWish | undefined {
  if (extent === 'files' || verifies !== undefined) return undefined;
  const services = Object.keys(record.services).filter((name) => only?.includes(name) ?? true);
  return { ticket: record.ticket, services };
}

/** Makes a ticket of what there is, for somebody to look at. False where a worktree is lacking: there is little to see then. */
async function keepUnfinished(work: Work): Promise<boolean> {
  const worktrees = dedicatedRepos(work.record).map(([, { worktree }]) => worktree);
  if (!(await Promise.all(worktrees.map(isThere))).every(Boolean)) return false;
  await writeBrief(work.stack, work.record);
  Object.assign(work.record, { phase: 'ready', owner: undefined, unfinished: true });
  await saveRecord(work);
  return true;
}

function hintAtKept({ ticket, argument, folder }: InstanceRecord): string {
  return `what was made stays for a look in ${folder}: \`stack create ${argument}\` goes on from there, \`stack destroy ${ticket}\` removes it`;
}

/** Returns the ticket that a create was told to leave unfinished. Throws `exists` where this one asks for another. */
async function findUnfinished(stack: Stack, options: CreateOptions): Promise<InstanceRecord | undefined> {
  const { ticket } = parseTicketName(options.argument);
  const record = (await stack.store.read()).instances[ticket];
  if (!record?.unfinished || options.rescue) return undefined;
  if (options.adopt)
    throw new StackError('exists', `${ticket} is there, unfinished, so no worktree can be adopted as it`, {
      hint: `\`stack destroy ${ticket}\` removes it, or --as names another ticket`,
    });
  const other = findOther(record, options);
  if (other === undefined) return record;
  throw new StackError('exists', `${ticket} is there, unfinished, and ${other} is not what it was begun with`, {
    hint: `\`stack create ${record.argument}\` goes on with it as it was begun, \`stack recreate ${ticket} ${other}\` starts over`,
  });
}

/** Returns what is asked for that a ticket does not have, as it was typed. */
function findOther(
  { repos, own = {} }: InstanceRecord,
  { request, own: wanted = [] }: CreateOptions,
): string | undefined {
  const has = (repo: string, key: 'base' | 'branch', value: string): boolean => {
    const found = repos[repo];
    return found?.mode === 'dedicated' && found[key] === value;
  };
  return [
    ...Object.entries(request.from).flatMap(([repo, ref]) => (has(repo, 'base', ref) ? [] : `--from-${repo}=${ref}`)),
    ...Object.entries(request.on).flatMap(([repo, ref]) => (has(repo, 'branch', ref) ? [] : `--on-${repo}=${ref}`)),
    ...request.with.flatMap((repo) => (repos[repo]?.mode === 'dedicated' ? [] : `--with ${repo}`)),
    ...wanted.flatMap((service) => (Object.hasOwn(own, service) ? [] : `--own ${service}`)),
  ][0];
}

/** Goes on with a ticket that a create left unfinished; what fails again stays again. */
async function finish(stack: Stack, record: InstanceRecord, options: CreateOptions): Promise<string> {
  const { ticket } = record;
  stack.emit({ type: 'info', text: `${ticket} was left unfinished; going on from there` });
  if (options.task !== undefined || options.context?.length) await tellAgain(stack, record, options);
  const { extent, migrate = false, skipSetup = false } = options;
  try {
    await startInstance(stack, ticket, { extent, migrate, skipSetup, rebuild: false, keep: true, ask: options.ask });
  } catch (error) {
    throw addHint(error, hintAtKept(record));
  }
  return ticket;
}

/** What is said now takes the place of what was said before: a task that of the former task, documents that of the others. */
async function tellAgain(stack: Stack, record: InstanceRecord, { task, context = [] }: CreateOptions): Promise<void> {
  const isStale = ({ isTask }: DocumentRecord): boolean => (isTask ? task !== undefined : context.length > 0);
  const { documents = [] } = record;
  const told = await planTold({ task, context, documents: documents.filter((one) => !isStale(one)) });
  await storeDocuments(stack, told);
  await takeBackDocuments(stack, { ...record, documents: documents.filter(isStale) });
  await stack.store.update((draft) => {
    Object.assign(requireInstance(draft, record.ticket), { documents: undefined }, told.record);
  });
  // The last ticket that had one of them may have gone in between.
  await storeDocuments(stack, told);
}

/** Who says nothing of what the ticket is to have may mean what it had. */
async function tellRecreate(stack: Stack, { argument, request, own = [], rescue }: CreateOptions): Promise<void> {
  const { ticket } = parseTicketName(argument);
  if (rescue || !findRecreate(await stack.store.read(), ticket)) return;
  if ([request.from, request.on, request.with, own].some((said) => Object.keys(said).length > 0)) return;
  const text = `a recreate of ${ticket} was cut off; \`stack recreate ${ticket}\` makes it with what it had`;
  stack.emit({ type: 'warning', text });
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
  const how = { force: true, keepBranch: false, unfinished: true, remade: true };
  await destroyTickets(stack, [ticket], how, async () => undefined);
}
