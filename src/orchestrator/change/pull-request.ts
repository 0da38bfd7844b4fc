import { listProposed, type RequestBase } from '../../adapters/git/change/request-base.ts';
import type { Commit } from '../../adapters/git/commits.ts';
import { findOnRemotes } from '../../adapters/git/remote.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import { compareUrl, type Forge, type ForgePlace, type PullRequest, type Verdicts } from '../../domain/forge.ts';
import { type DedicatedRepo, dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import { sortByDependencies } from '../../domain/order.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { findForge, findProposedBase, type ProposedBase, type Unproposable } from '../review/proposal.ts';
import { findGoal, isApart, nameLeaving } from './lower.ts';
import { pushTicket } from './push.ts';
import { changesOf, linkRequests, type RequestWords, wordRequest } from './request-wish.ts';
import { type ChangedRepo, inAllRepos, refusal, requireChangeable, type TicketChange } from './result.ts';
import { refreshOnce } from './sync/fetch.ts';

export interface RequestOptions extends RequestWords {
  ticket: string;
  draft: boolean;
  /** Repos in the order in which they are to be merged; undefined: as their services depend on each other. */
  order?: readonly string[] | undefined;
  /** True: asks, and neither pushes nor makes anything. */
  dryRun: boolean;
}

/** What became of a repo's pull request. */
export interface RequestedRepo extends ChangedRepo {
  base?: string | undefined;
  number?: number | undefined;
  url?: string | undefined;
  title?: string | undefined;
  draft?: boolean | undefined;
}

export type TicketRequests = TicketChange<RequestedRepo> & { order: string[]; dryRun: boolean };

/** A pull request with what others say of it; why nobody could ask; `null` where a repo has none. */
export type RequestState = (PullRequest & Verdicts) | { problem: string; hint?: string | undefined } | null;

/** A repo with work to propose. */
interface Proposal {
  own: DedicatedRepo;
  /** The worktree, or where that is gone the main checkout. */
  folder: string;
  base: RequestBase;
  /** The oldest first. */
  commits: Commit[];
  /** The page on which a person makes the request. */
  byHand: string;
  forge: Forge | undefined;
  /** The repo that has the base. */
  to: ForgePlace;
  found: PullRequest | undefined;
}

type Planned = Proposal | RequestedRepo;

/**
 * Pushes the branches of a ticket and makes a pull request for each that has commits of its own, or brings the one that there is up to
 * date. All name their sisters. Throws `not-found`, `busy`, `conflict`, `usage`, `git`, `process`, `interrupted`.
 */
export async function requestTicket(stack: Stack, options: RequestOptions): Promise<TicketRequests> {
  const record = await requireChangeable(stack, options.ticket);
  const config = await configIfReadable(stack);
  const order = orderRepos(record, config, options.order);
  const planned = await inAllRepos(record, (repo, own) => plan(stack, own, config?.repos[repo]?.base, record));
  const result = (repos: Record<string, RequestedRepo>): TicketRequests => ({
    ...{ ticket: record.ticket, order, dryRun: options.dryRun },
    repos: Object.fromEntries(order.map((repo) => [repo, repos[repo]!])),
  });
  const isHeldUp = Object.values(planned).some((one) => !isProposal(one) && one.result !== 'unchanged');
  if (isHeldUp || options.dryRun || !Object.values(planned).some(isProposal)) return result(settleAll(planned));
  const pushed = await pushTicket(stack, { ticket: options.ticket, dryRun: false, force: false });
  const isPushed = !Object.values(pushed.repos).some((one) => one.result === 'refused' || one.result === 'failed');
  if (!isPushed) return result(pushed.repos);
  const made = await makeAll(stack, { record, order, planned, options });
  return result(made);
}

/** Returns what is said of the pull requests of a ticket's repos. Throws `not-found`, `git`, `process`, `interrupted`. */
export async function judgeRequests(
  stack: Stack,
  ticket: string,
): Promise<{ ticket: string; repos: Record<string, RequestState> }> {
  const record = await requireChangeable(stack, ticket);
  const config = await configIfReadable(stack);
  const repos = await inAllRepos(record, async (repo, own): Promise<RequestState> => {
    const one = await plan(stack, own, config?.repos[repo]?.base, { ticket: record.ticket, isMerged: true });
    if (!isProposal(one)) return one.result === 'unchanged' ? null : { problem: one.reason ?? '', hint: one.hint };
    if (!one.forge) return { problem: 'its program (gh, glab) is not installed', hint: one.byHand };
    return one.found ? { ...one.found, ...(await one.forge.judge(one.found)) } : null;
  });
  return { ticket: record.ticket, repos };
}

function isProposal(one: Planned): one is Proposal {
  return 'own' in one;
}

/** Throws `usage` where an order names something else than the ticket's own repos. */
function orderRepos(record: InstanceRecord, config: StackConfig | undefined, wished: readonly string[] = []): string[] {
  const own = dedicatedRepos(record).map(([repo]) => repo);
  const strange = wished.find((repo) => !own.includes(repo));
  if (strange !== undefined) {
    throw new StackError('usage', `${record.ticket} has no copy of ${strange}`, {
      hint: `--order names its own repos: ${own.join(', ')}`,
    });
  }
  const services = Object.values(config?.services ?? {});
  const others = (repo: string): string[] =>
    services
      .filter((service) => service.repo === repo)
      .flatMap(({ dependsOn }) => dependsOn.flatMap((name) => config?.services[name]?.repo ?? []));
  const rest = own.filter((repo) => !wished.includes(repo));
  return [...new Set([...wished, ...sortByDependencies(rest, others)])];
}

async function plan(
  stack: Stack,
  own: DedicatedRepo,
  configured: string | undefined,
  { ticket, isMerged = false }: { ticket: string; isMerged?: boolean },
): Promise<Planned> {
  const { branch } = own;
  const place = await findPlace(stack, own, configured, { ticket, isMerged });
  if ('reason' in place) return refusal(branch, place.reason, place.hint);
  const { folder, base } = place;
  const commits = (await listProposed(folder, branch, base.commit)).reverse();
  const reason = `it has no commit that ${base.branch} lacks`;
  const nothing = { result: 'unchanged', branch, base: base.branch, reason } as const;
  if (commits.length === 0 && !isMerged) return nothing;
  const at = await findForge(stack, place);
  if ('reason' in at) return refusal(branch, at.reason, at.hint);
  const { kind, to, forge } = at;
  let found: PullRequest | undefined;
  try {
    found = await forge?.find(branch);
  } catch (error) {
    if (!(error instanceof StackError) || error.code === 'interrupted') throw error;
    return { result: 'failed', branch, base: base.branch, reason: error.message, hint: error.hint };
  }
  if (commits.length === 0 && !found) return nothing;
  const isOver = found !== undefined && found.state !== 'open';
  // What was merged or closed has had its say: the next one is a new one.
  if (isOver && !isMerged) found = undefined;
  return { own, folder, base, commits, byHand: compareUrl(kind, to, base.branch, branch), forge, to, found };
}

/** Of a ticket on top of another one's branch that is merged, or gone, it is what that one went into. */
async function findPlace(
  stack: Stack,
  own: DedicatedRepo,
  configured: string | undefined,
  { ticket, isMerged }: { ticket: string; isMerged: boolean },
): Promise<ProposedBase | Unproposable> {
  const goal = own.ownsBranch ? (await findGoal(stack, own, refreshOnce(stack))).base : own.base;
  const place = await findProposedBase({ ...own, base: goal }, configured);
  if ('reason' in place || goal === own.base || isMerged) return place;
  // What that one brought may be in the base as other commits: here they would count as this one's.
  if (!(await isApart(place.folder, own.baseCommit, place.base.commit))) return place;
  const reason = `it stands on ${own.base}, which is merged or gone, and still has its commits`;
  return { reason, hint: `${await nameLeaving(own, ticket, place.base.commit)} puts it on ${goal} first` };
}

/** Returns what would become of all. */
function settleAll(planned: Record<string, Planned>): Record<string, RequestedRepo> {
  return Object.fromEntries(
    Object.entries(planned).map(([repo, one]) => [repo, isProposal(one) ? describe(one, 'waiting', one.found) : one]),
  );
}

interface Making {
  record: InstanceRecord;
  order: readonly string[];
  planned: Record<string, Planned>;
  options: RequestOptions;
}

/** The first that fails ends it: what is made stays, and the same command goes on from there. */
async function makeAll(
  stack: Stack,
  { record, order, planned, options }: Making,
): Promise<Record<string, RequestedRepo>> {
  const repos = settleAll(planned);
  const requests = new Map<string, PullRequest>();
  for (const repo of order) {
    const one = planned[repo];
    if (!one || !isProposal(one)) continue;
    throwIfAborted(stack.signal);
    if (!one.forge) {
      repos[repo] = { ...describe(one, 'by-hand', undefined), url: one.byHand };
      continue;
    }
    const made = await tryOn(repos, repo, one, () => ensure(one, record, options));
    if (!made) return repos;
    requests.set(repo, made);
    repos[repo] = describe(one, one.found?.number === made.number ? 'unchanged' : 'created', made);
  }
  await linkAll(stack, { record, order, planned, options }, { repos, requests });
  return repos;
}

/** Has the texts of all name their sisters, now that all have a number. */
async function linkAll(
  stack: Stack,
  { record, planned, options }: Making,
  { repos, requests }: { repos: Record<string, RequestedRepo>; requests: ReadonlyMap<string, PullRequest> },
): Promise<void> {
  const places = Object.fromEntries([...requests.keys()].map((repo) => [repo, (planned[repo] as Proposal).to]));
  const blocks = linkRequests(record, requests, places);
  for (const [repo, request] of requests) {
    const one = planned[repo] as Proposal;
    throwIfAborted(stack.signal);
    const now = await tryOn(repos, repo, one, async () => {
      const words = await wordRequest(one.own, one.commits, options);
      const wish = { ...words, base: await findNewBase(stack, one, request) };
      const wanted = changesOf(request, wish, blocks[repo] ?? '');
      return wanted && one.forge?.update(request, wanted);
    });
    if (repos[repo]?.result === 'failed') return;
    if (now) repos[repo] = describe(one, repos[repo]?.result === 'created' ? 'created' : 'updated', now);
  }
}

/** Notes why something could not be done in a repo. */
async function tryOn<Result>(
  repos: Record<string, RequestedRepo>,
  repo: string,
  one: Proposal,
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof StackError) || error.code === 'interrupted') throw error;
    repos[repo] = { ...describe(one, 'failed', one.found), reason: error.message, hint: error.hint };
    return undefined;
  }
}

/** Returns the open request, or a new one. */
async function ensure(
  { own, base, commits, forge, found }: Proposal,
  { issue }: InstanceRecord,
  { title, body, fill, draft }: RequestOptions,
): Promise<PullRequest> {
  if (found) return found;
  const said = { title: title ?? (fill ? undefined : issue?.title), body, fill: true };
  const words = await wordRequest(own, commits, said);
  if (!forge || words.title === undefined) throw new StackError('process', 'there is nothing to propose');
  return forge.create({ branch: own.branch, base: base.branch, draft, title: words.title, body: words.body ?? '' });
}

/** Returns the base that a request is to have instead of its own; a branch that has gone, as merged ones do, is none. */
async function findNewBase(
  stack: Stack,
  { folder, base }: Proposal,
  request: PullRequest,
): Promise<string | undefined> {
  if (base.branch === request.base) return undefined;
  const { found } = await findOnRemotes(folder, base.branch, [base.remote], stack.signal);
  if (found) return base.branch;
  const text = `#${request.number} stays for ${request.base}: ${base.remote} has no branch ${base.branch}`;
  stack.emit({ type: 'warning', text });
  return undefined;
}

function describe(one: Proposal, result: RequestedRepo['result'], request: PullRequest | undefined): RequestedRepo {
  const { own, base } = one;
  return {
    ...{ result, branch: own.branch, base: request?.base ?? base.branch },
    ...(request && { number: request.number, url: request.url, title: request.title, draft: request.draft }),
  };
}
