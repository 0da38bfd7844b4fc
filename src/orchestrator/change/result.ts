import type { Obstacle } from '../../adapters/git/change/move-files.ts';
import { EXIT_CODES, StackError } from '../../domain/errors.ts';
import { type DedicatedRepo, dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import { requireFree, requireInstance } from '../core/claim.ts';
import { requireOwnThings } from '../core/ownership.ts';
import type { Stack } from '../core/stack.ts';

/** What became of one repo in a change of a ticket. */
export interface ChangedRepo {
  /**
   * `conflict`: git cannot merge it without a person; `refused`: something in the way that a person decides on; `failed`: git, a hook or a remote said no; `undone`: it was done, and
   * taken back since another repo's was not; `waiting`: not begun, for the same reason; `by-hand`: a person does it on a page.
   */
  result:
    | 'committed'
    | 'pushed'
    | 'created'
    | 'updated'
    | 'merged'
    | 'unchanged'
    | 'conflict'
    | 'refused'
    | 'failed'
    | 'undone'
    | 'waiting'
    | 'by-hand';
  branch: string;
  /** Full ids of the commits that the branch was at and is at now: in the repo, or where it is pushed to. */
  from?: string | undefined;
  to?: string | undefined;
  /** Why, in one line. */
  reason?: string | undefined;
  hint?: string | undefined;
  /** What git, the hooks or the remote said. */
  said?: string[] | undefined;
}

/** What became of a ticket: a result for each repo that it has a copy of. */
export interface TicketChange<Repo extends ChangedRepo = ChangedRepo> {
  ticket: string;
  repos: Record<string, Repo>;
  /** A signal came once some of it could not be taken back any more: so what became of each repo is told all the same. */
  interrupted?: true | undefined;
}

/** Returns the exit code of a change: 130 where it was interrupted, 4 where a person must decide, else 1 where something failed. */
export function exitCodeOf({ repos, interrupted }: TicketChange): number {
  if (interrupted) return EXIT_CODES.interrupted;
  const results = Object.values(repos).map(({ result }) => result);
  return results.includes('refused') || results.includes('conflict') ? 4 : results.includes('failed') ? 1 : 0;
}

/** Returns the exit code of what became of several tickets: an interruption first, then what a person must decide, then what failed. */
export function exitCodeOfAll(codes: readonly number[]): number {
  const first = [EXIT_CODES.interrupted, EXIT_CODES.conflict].find((code) => codes.includes(code));
  return first ?? Math.max(0, ...codes);
}

/** Returns a ticket's record once its repos may be changed. Throws `not-found`, `busy`, and `conflict` for one that is half-made. */
export async function requireChangeable(stack: Stack, ticket: string): Promise<InstanceRecord> {
  const record = requireInstance(await stack.store.read(), ticket);
  await requireOwnThings(stack, record);
  if (record.phase === 'ready') return record;
  await requireFree(stack, record);
  const hint = `\`stack create ${record.argument}\` makes it whole, \`stack destroy ${record.ticket}\` removes it`;
  throw new StackError('conflict', `${record.ticket} is half-made`, { hint });
}

/** Does the same in all repos of a ticket side by side, and returns what came of it, by repo. Throws the first error, once all have ended. */
export async function inAllRepos<Result>(
  record: InstanceRecord,
  work: (repo: string, own: DedicatedRepo) => Promise<Result>,
): Promise<Record<string, Result>> {
  return inEach(Object.fromEntries(dedicatedRepos(record)), work);
}

/** The same over what is known of each repo. No git of one is cut off in the middle of its work by another's error. */
export async function inEach<One, Result>(
  all: Readonly<Record<string, One>>,
  work: (repo: string, one: One) => Promise<Result>,
): Promise<Record<string, Result>> {
  const done = await Promise.allSettled(
    Object.entries(all).map(async ([repo, one]): Promise<[string, Result]> => [repo, await work(repo, one)]),
  );
  const failed = done.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  return Object.fromEntries(done.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
}

/** Returns the refusal of a repo whose worktree is away. */
export function noWorktree({ branch, worktree }: DedicatedRepo, ticket: string): ChangedRepo {
  const hint = `\`stack start ${ticket}\` makes it again from its branch`;
  return refusal(branch, `there is no worktree at ${worktree}`, hint);
}

/** Returns what git, or a program that it runs, could not do as what becomes of a repo. */
export function failure(branch: string, reason: string, hint?: string): ChangedRepo {
  return { ...refusal(branch, reason, hint), result: 'failed' };
}

/** Returns what keeps a branch from being moved as what becomes of its repo. */
export function hindered(branch: string, { reason, hint, failed }: Obstacle): ChangedRepo {
  return failed ? failure(branch, reason, hint) : refusal(branch, reason, hint);
}

/** Returns what was in the way as what becomes of a repo; a fault of stack goes on. */
export function refusal(branch: string, reason: string, hint?: string): ChangedRepo {
  return { result: 'refused', branch, reason, ...(hint !== undefined && { hint }) };
}
