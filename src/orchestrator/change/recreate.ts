import { isAlive } from '../../adapters/process/identity.ts';
import { addHint, StackError } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord, type RecreateNote, type ServiceRecord } from '../../domain/instance.ts';
import { quoteForShell } from '../../domain/shell.ts';
import { ticketOf } from '../../domain/ticket.ts';
import { requireInstance } from '../core/claim.ts';
import { findRecreate, forgetRecreate } from '../core/recreating.ts';
import type { Stack } from '../core/stack.ts';
import { type CreateOptions, createInstance, planInstance, requireSpace } from '../lifecycle/create.ts';
import { type DestroyPlan, destroyTickets, previewDestroy } from '../lifecycle/destroy.ts';
import type { DestroyedTicket } from '../lifecycle/remove.ts';
import { withRuntimes } from '../lifecycle/restore.ts';
import { requireNoAgents } from '../runs/stop.ts';
import type { TicketRisk } from '../safety/risks.ts';

/** What is said is laid over what the ticket was made with. */
export interface RecreateOptions
  extends Pick<CreateOptions, 'request' | 'own' | 'migrate' | 'extent' | 'skipSetup' | 'ask'> {
  ticket: string;
  /** False when a runtime was asked for, which then wins over the one that each service has. */
  keepRuntimes: boolean;
}

/** Everything that is needed goes first, and is saved. */
const HOW = { force: true, keepBranch: false, remade: true };

/**
 * Makes a ticket again, with what it was made with, once nothing speaks against making it: until then it stays as it is. What was
 * there is saved as `destroy --force` saves it; returns what that was. Throws `not-found`, and what `destroy` and `create` throw.
 */
export async function recreateInstance(
  given: Stack,
  options: RecreateOptions,
  ask: (question: string) => Promise<void>,
): Promise<DestroyedTicket> {
  const { stack, ticket, record, request } = await planRecreate(given, options);
  await stack.requireTrust();
  if (record) await requireNoAgents(stack, record.ticket);
  const config = await stack.config();
  const wanted = { ...request, ask: options.ask, ...(record && { instead: record }) };
  await requireSpace(stack, config, await planInstance(stack, config, wanted, { fetch: true }), wanted);
  await noteRecreate(stack, ticket, request);
  const was = record ? await removeNoted(stack, ticket, ask) : { ticket, rescued: [] };
  try {
    await createInstance(stack, { ...request, ask: options.ask });
  } catch (error) {
    throw tellGone(error, request, was);
  }
  return was;
}

/** What a recreate would do. */
export interface RecreatePlan {
  planned: DestroyPlan[];
  /** What would be saved first. */
  risks: TicketRisk[];
  /** The command line that makes the ticket again. */
  create: string;
}

/** Returns what a recreate would do, once nothing speaks against it. Touches nothing. Throws what it would throw by then. */
export async function previewRecreate(given: Stack, options: RecreateOptions): Promise<RecreatePlan> {
  const { stack, record, request } = await planRecreate(given, options);
  await planInstance(stack, await stack.config(), { ...request, ...(record && { instead: record }) }, { fetch: false });
  const going = record ? [record.ticket] : [];
  return { ...(await previewDestroy(stack, going, HOW)), create: toCommand(request) };
}

/** Written before the first thing goes, so that a recreate that is killed can go on. Throws `busy` where another one is at it. */
async function noteRecreate(stack: Stack, ticket: string, request: Request): Promise<void> {
  const { argument, own = [], migrate = false, extent, skipSetup = false, leases, task, documents, issue } = request;
  await stack.store.update(async (draft) => {
    const other = draft.recreating?.[ticket]?.owner;
    if (other && other.pid !== stack.owner.pid && (await isAlive(other)))
      throw new StackError('busy', `${ticket} is being made again by another process (pid ${other.pid})`, {
        hint: '`stack ps` shows when it is done',
      });
    const what = { argument, request: { ...request.request, with: [...request.request.with] }, own: [...own] };
    const note = { ...what, owner: stack.owner, migrate, extent, skipSetup, services: leases, task, documents, issue };
    draft.recreating = { ...draft.recreating, [ticket]: note };
  });
}

/** A ticket that stays as it was is not being made again. */
async function removeNoted(
  stack: Stack,
  ticket: string,
  ask: (question: string) => Promise<void>,
): Promise<DestroyedTicket> {
  try {
    const { destroyed } = await destroyTickets(stack, [ticket], HOW, ask);
    return destroyed[0] ?? { ticket, rescued: [] };
  } catch (error) {
    if ((await stack.store.read()).instances[ticket]?.phase === 'ready') await forgetRecreate(stack, ticket);
    throw error;
  }
}

type Request = CreateOptions & { leases: Record<string, ServiceRecord> };

/** The record is undefined where a recreate was cut off after it had gone. */
interface Planned {
  stack: Stack;
  ticket: string;
  record: InstanceRecord | undefined;
  request: Request;
}

async function planRecreate(stack: Stack, options: RecreateOptions): Promise<Planned> {
  const { repos } = await stack.config();
  const state = await stack.store.read();
  const ticket = ticketOf(options.ticket);
  const note = findRecreate(state, ticket);
  if (note) {
    stack.emit({ type: 'info', text: `a recreate of ${ticket} was cut off; going on with what it was to make` });
    const record = Object.hasOwn(state.instances, ticket) ? state.instances[ticket] : undefined;
    const request = { ...resume(note, options), leases: note.services };
    return { stack: withRuntimes(stack, note.services, options), ticket, record, request };
  }
  const record = requireInstance(state, ticket);
  refuseAdopted(record);
  refuseOwnBranch(record, options.request.from);
  refuseStay(record, options.request.on);
  const known = dedicatedRepos(record).filter(([repo]) => Object.hasOwn(repos, repo));
  const request = toRequest({ ...record, repos: Object.fromEntries(known) }, options);
  return {
    stack: withRuntimes(stack, record.services, options),
    ...{ ticket, record, request: { ...request, leases: record.services } },
  };
}

/** What stack did not make it cannot make again. */
function refuseAdopted(record: InstanceRecord): void {
  const adopted = dedicatedRepos(record).flatMap(([, own]) => (own.adopted ? [quoteForShell(own.worktree)] : []));
  if (adopted.length === 0) return;
  throw new StackError('conflict', `${record.ticket} has worktrees that stack did not make`, {
    hint: `\`stack destroy ${record.ticket}\`, then \`stack adopt ${adopted.join(' ')} --as ${record.argument}\`: the worktrees stay`,
  });
}

/** What is said now is laid over what was written down. */
function resume(note: RecreateNote, { request, own = [], migrate, extent, skipSetup }: RecreateOptions): CreateOptions {
  const isSaid = (repo: string): boolean => Object.hasOwn(request.from, repo) || Object.hasOwn(request.on, repo);
  const rest = (refs: Record<string, string>): Record<string, string> =>
    Object.fromEntries(Object.entries(refs).filter(([repo]) => !isSaid(repo)));
  return {
    argument: note.argument,
    request: {
      from: { ...rest(note.request.from), ...request.from },
      on: { ...rest(note.request.on), ...request.on },
      with: [...new Set([...note.request.with, ...request.with])],
    },
    own: [...new Set([...note.own, ...own])],
    migrate: note.migrate || migrate === true,
    extent: extent === 'ready' ? note.extent : extent,
    skipSetup: note.skipSetup || skipSetup === true,
    ...{ task: note.task, documents: note.documents, issue: note.issue },
  };
}

/** Throws `usage` where a new branch is to start from the one that goes. */
export function refuseOwnBranch(
  { repos }: Pick<InstanceRecord, 'repos'>,
  from: Readonly<Record<string, string>>,
): void {
  for (const [repo, { branch, ownsBranch }] of dedicatedRepos({ repos })) {
    const ref = from[repo];
    if (!ownsBranch || ref === undefined || branchIn(ref) !== branch) continue;
    throw new StackError('usage', `--from-${repo}=${ref}: that branch goes with the ticket`, {
      hint: `\`stack create OTHER --from-${repo}=${quoteForShell(ref)}\` makes another ticket that starts there`,
    });
  }
}

/** Throws `usage` where it is to be made again on a branch that goes with it. */
export function refuseStay(
  { ticket, argument, repos }: Pick<InstanceRecord, 'ticket' | 'argument' | 'repos'>,
  on: Readonly<Record<string, string>>,
): void {
  const own = dedicatedRepos({ repos }).filter(([, { ownsBranch }]) => ownsBranch);
  const [repo] = own.find(([name, { branch }]) => on[name] === branch) ?? [];
  if (repo === undefined) return;
  const flags = own.map(([name, { branch }]) => `--on-${name}=${quoteForShell(branch)}`).join(' ');
  throw new StackError('usage', `--on-${repo}=${on[repo]}: that branch goes with the ticket`, {
    hint: `\`stack destroy ${ticket} --keep-branch\` and then \`stack create ${quoteForShell(argument)} ${flags}\` keep its commits; without --on-${repo} it is cut again from its base`,
  });
}

/** Returns what would be the branch in a ref: `feat` of `heads/feat~2`. No branch has one of these signs in its name. */
function branchIn(ref: string): string | undefined {
  return ref.replace(/^(refs\/)?heads\//, '').split(/[~^:]|@\{/)[0];
}

/** Returns what a `create` of the ticket as it is would be told, with what is said now laid over it. */
export function toRequest(
  record: Pick<InstanceRecord, 'argument' | 'repos' | 'own' | 'task' | 'documents' | 'issue'>,
  { request, own = [], migrate, extent, skipSetup }: Omit<RecreateOptions, 'ticket' | 'keepRuntimes'>,
): CreateOptions {
  const from: Record<string, string> = {};
  const on: Record<string, string> = {};
  for (const [repo, { base, branch }] of dedicatedRepos(record)) {
    if (Object.hasOwn(request.from, repo) || Object.hasOwn(request.on, repo)) continue;
    // A new branch cannot have the name of what it starts from.
    if (base === branch) on[repo] = branch;
    else from[repo] = base;
  }
  return {
    argument: record.argument,
    request: { from: { ...from, ...request.from }, on: { ...on, ...request.on }, with: request.with },
    own: [...new Set([...Object.keys(record.own ?? {}), ...own])],
    ...{ migrate: migrate === true, extent, skipSetup: skipSetup === true },
    ...{ task: record.task, documents: record.documents, issue: record.issue },
  };
}

/** Returns the command line that makes the same. */
export function toCommand({ argument, request, own = [], migrate, extent, skipSetup }: CreateOptions): string {
  const words = [
    quoteForShell(argument),
    ...Object.entries(request.from).map(([repo, ref]) => `--from-${repo}=${quoteForShell(ref)}`),
    ...Object.entries(request.on).map(([repo, branch]) => `--on-${repo}=${quoteForShell(branch)}`),
    ...request.with.flatMap((repo) => ['--with', repo]),
    ...own.flatMap((service) => ['--own', service]),
    ...(migrate ? ['--migrate'] : []),
    ...(skipSetup ? ['--no-setup'] : []),
    ...{ files: ['--no-start'], started: ['--no-wait'], ready: [] }[extent],
  ];
  return `stack create ${words.join(' ')}`;
}

/** The old ticket is gone, so the error says how the new one comes, and how the old one comes back. */
function tellGone(error: unknown, request: CreateOptions, was: DestroyedTicket): unknown {
  // What could not be unmade says how it goes on.
  if (!(error instanceof StackError) || error.code === 'leftover') return error;
  const isSaved = was.rescued.length > 0 || was.beside || was.quiet || was.data;
  const back = isSaved ? `; \`stack restore ${was.ticket}\` brings back what was there` : '';
  const hint = `\`${toCommand(request)}\` goes on from here${back}`;
  return addHint(error, hint);
}
