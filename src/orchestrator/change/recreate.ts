import { addHint, StackError } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import { quoteForShell } from '../../domain/shell.ts';
import { requireInstance } from '../core/claim.ts';
import type { Stack } from '../core/stack.ts';
import { type CreateOptions, createInstance, planInstance } from '../lifecycle/create.ts';
import { type DestroyPlan, destroyTickets, previewDestroy } from '../lifecycle/destroy.ts';
import type { DestroyedTicket } from '../lifecycle/remove.ts';
import { withRuntimes } from '../lifecycle/restore.ts';
import type { TicketRisk } from '../safety/risks.ts';

/** What is said is laid over what the ticket was made with. */
export interface RecreateOptions extends Pick<CreateOptions, 'request' | 'own' | 'migrate' | 'extent' | 'skipSetup'> {
  ticket: string;
  /** False when a runtime was asked for, which then wins over the one that each service has. */
  keepRuntimes: boolean;
}

/** Everything that is needed goes first, and is saved. */
const HOW = { force: true, keepBranch: false };

/**
 * Makes a ticket anew, with what it was made with, once nothing speaks against making it: until then it stays as it is. What was
 * there is saved as `destroy --force` saves it; returns what that was. Throws `not-found`, and what `destroy` and `create` throw.
 */
export async function recreateInstance(
  given: Stack,
  options: RecreateOptions,
  ask: (question: string) => Promise<void>,
): Promise<DestroyedTicket> {
  const { stack, record, request } = await planRecreate(given, options);
  await stack.requireTrust();
  await planInstance(stack, await stack.config(), { ...request, instead: record }, { fetch: true });
  const { destroyed } = await destroyTickets(stack, [record.ticket], HOW, ask);
  const was = destroyed[0] ?? { ticket: record.ticket, rescued: [] };
  try {
    await createInstance(stack, request);
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
  await planInstance(stack, await stack.config(), { ...request, instead: record }, { fetch: false });
  return { ...(await previewDestroy(stack, [record.ticket], HOW)), create: toCommand(request) };
}

async function planRecreate(
  stack: Stack,
  options: RecreateOptions,
): Promise<{ stack: Stack; record: InstanceRecord; request: CreateOptions }> {
  const { repos } = await stack.config();
  const record = requireInstance(await stack.store.read(), options.ticket);
  refuseOwnBranch(record, options.request.from);
  refuseStay(record, options.request.on);
  const known = dedicatedRepos(record).filter(([repo]) => Object.hasOwn(repos, repo));
  return {
    stack: withRuntimes(stack, record.services, options),
    record,
    request: { ...toRequest({ ...record, repos: Object.fromEntries(known) }, options), leases: record.services },
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
    hint: `\`stack destroy ${ticket} --keep-branch\` and then \`stack create ${quoteForShell(argument)} ${flags}\` keep its commits; without --on-${repo} it is cut anew from its base`,
  });
}

/** Returns what would be the branch in a ref: `feat` of `heads/feat~2`. No branch has one of these signs in its name. */
function branchIn(ref: string): string | undefined {
  return ref.replace(/^(refs\/)?heads\//, '').split(/[~^:]|@\{/)[0];
}

/** Returns what a `create` of the ticket as it is would be told, with what is said now laid over it. */
export function toRequest(
  record: Pick<InstanceRecord, 'argument' | 'repos' | 'own'>,
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
