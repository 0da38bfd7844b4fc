import { listCommitted } from '../../../adapters/git/change/commit.ts';
import { findObstacle, type Look } from '../../../adapters/git/change/move-files.ts';
import { requireMerging } from '../../../adapters/git/merge/merging.ts';
import type { HeldLock } from '../../../adapters/lock.ts';
import { isMigration } from '../../../domain/collision.ts';
import { StackError, throwIfAborted, tolerate } from '../../../domain/errors.ts';
import { type InstanceRecord, requireDedicated } from '../../../domain/instance.ts';
import { isEnvFile, isLockfile } from '../../../domain/lock-files.ts';
import { requireInstance } from '../../core/claim.ts';
import { type Move, settleAllChanges, withChangeLock } from '../../core/journal.ts';
import type { Stack } from '../../core/stack.ts';
import { writeBrief } from '../../runs/brief/write.ts';
import { tellCollisions } from '../../runs/tell-collisions.ts';
import {
  abortAll,
  advanceAll,
  beginResolving,
  beingResolved,
  type ConflictStep,
  isResolved,
  moveBranches,
  requireNothingElse,
  requireResolving,
} from '../resolve.ts';
import { hindered, inAllRepos, requireChangeable, type TicketChange } from '../result.ts';
import { refreshOnce } from './fetch.ts';
import { isConflict, isMove, planSync, type Refresh, type SyncedRepo, type SyncMove, type SyncWish } from './plan.ts';
import { noteStale, type SetUp, setUpNews } from './set-up.ts';

export interface SyncOptions extends Pick<SyncWish, 'way'> {
  ticket: string;
  /** True: all is found out, and nothing moves. */
  dryRun: boolean;
  step: ConflictStep | undefined;
  /** The ticket whose branches are to be the bases, until it is merged. */
  onto: string | undefined;
  /** True: what the news ask for is run afterwards. */
  setup: boolean;
}

export type TicketSync = TicketChange<SyncedRepo> & {
  dryRun: boolean;
  /** What was run afterwards; undefined where nothing was to. */
  setup?: SetUp | undefined;
};

type Repos = Record<string, SyncedRepo>;
type OnStart = HeldLock['addHelper'];

/** A sync under way. */
interface Run {
  options: SyncOptions;
  onStart: OnStart;
  refresh: Refresh;
}

/**
 * Brings the news of the bases into the branches of a ticket, with the files of their worktrees: in all repos, or in none. Bases are
 * fetched first; they do not move. Returns what became of each repo. Throws `not-found`, `busy`, `conflict`, `git` (older than 2.38
 * too), `interrupted`, and `usage` where there is nothing to go on with.
 */
export async function syncTicket(stack: Stack, options: SyncOptions, refresh?: Refresh): Promise<TicketSync> {
  const { step, dryRun, onto, way, setup } = options;
  requireNothingElse(step, { '--dry-run': dryRun, '--onto': onto !== undefined, [`--${way}`]: way !== undefined });
  requireNothingElse(step === 'abort' ? step : undefined, { '--setup': setup });
  const { ticket } = await requireChangeable(stack, options.ticket);
  await requireMerging();
  if (setup) await stack.requireTrust();
  await settleAllChanges(stack);
  const done = await withChangeLock(stack, ticket, async ({ addHelper: onStart }) => {
    const record = await requireChangeable(stack, ticket);
    const run = { options, onStart, refresh: refresh ?? refreshOnce(stack) };
    const repos = await tellNews(record, await takeStep(stack, record, run));
    const ran = setup && !dryRun && isDone(repos) ? await setUpNews(stack, ticket, repos) : undefined;
    const now = dryRun ? undefined : (await stack.store.read()).instances[ticket];
    if (now) await writeBrief(stack, now);
    const isCut = stack.signal.aborted;
    return {
      record,
      change: { ticket, dryRun, repos, ...(ran && { setup: ran }), ...(isCut && { interrupted: true as const }) },
    };
  });
  const { record, change } = done;
  const isChanged = !dryRun && Object.values(change.repos).some(({ result }) => result === 'updated');
  // It is done by then, whoever interrupts the look.
  if (isChanged) await tolerate(tellCollisions(stack, record), 'interrupted');
  return change;
}

function isDone(repos: Repos): boolean {
  return Object.values(repos).every(({ result }) => result === 'updated' || result === 'unchanged');
}

async function takeStep(stack: Stack, record: InstanceRecord, run: Run): Promise<Repos> {
  const { options, onStart, refresh } = run;
  if (options.step === 'abort') return abortAll(stack, record, requireResolving(record, 'sync'), onStart);
  if (options.step === 'continue') return goOn(stack, record, run);
  if (record.resolving) throw beingResolved(record);
  const onto = options.onto === undefined ? undefined : await requireOther(stack, record, options.onto);
  const { dryRun } = options;
  const planned = await planAll(stack, record, { way: options.way, refresh, onto }, { isMeant: !dryRun });
  throwIfAborted(stack.signal);
  if (dryRun) return planned;
  if (!isHeldUp(planned)) return moveAll(stack, record, { planned, run });
  const isDecided =
    options.step === 'resolve' &&
    Object.values(planned).every((one) => one.result !== 'failed' && one.result !== 'refused');
  return isDecided ? resolveAll(stack, record, { planned, way: options.way, run }) : stayAll(planned);
}

/** What the news have in them that somebody has to act on. */
async function tellNews(record: InstanceRecord, repos: Repos): Promise<Repos> {
  const told = Object.entries(repos).map(async ([repo, one]): Promise<[string, SyncedRepo]> => {
    const { result, from, to } = one;
    if ((result !== 'updated' && result !== 'waiting') || !from || !to || from === to) return [repo, one];
    const paths = [...(await listCommitted(requireDedicated(record, repo).worktree, from, to)).keys()];
    const changed = {
      lockfiles: paths.filter(isLockfile),
      migrations: paths.filter(isMigration),
      env: paths.filter(isEnvFile),
    };
    return [repo, { ...one, changed }];
  });
  return Object.fromEntries(await Promise.all(told));
}

/** Throws `usage` for one that can be no base of this ticket, `not-found`. */
async function requireOther(stack: Stack, { ticket, repos }: InstanceRecord, name: string): Promise<InstanceRecord> {
  const other = requireInstance(await stack.store.read(), name);
  const isOn = (one: InstanceRecord['repos'][string] | undefined, its: string): boolean =>
    one?.mode === 'dedicated' && one.stackedOn?.ticket === its;
  const both = Object.keys(repos).filter((repo) =>
    [repos, other.repos].every((all) => all[repo]?.mode === 'dedicated'),
  );
  const why =
    other.ticket === ticket
      ? 'a ticket cannot stand on itself'
      : both.some((repo) => isOn(other.repos[repo], ticket))
        ? `${other.ticket} stands on ${ticket} already`
        : both.length === 0
          ? `${other.ticket} and ${ticket} have copies of no common repo`
          : undefined;
  if (why === undefined) return other;
  throw new StackError('usage', `--onto ${name}: ${why}`, { hint: 'name a ticket whose work this one needs' });
}

/** `isMeant`: what is planned is about to be done. */
async function planAll(
  stack: Stack,
  record: InstanceRecord,
  wish: SyncWish,
  { isMeant }: { isMeant: boolean },
): Promise<Repos> {
  const look = { signal: stack.signal, filters: isMeant };
  return inAllRepos(record, async (repo, own) => {
    if (record.resolving && Object.hasOwn(record.resolving, repo)) return { result: 'updated', branch: own.branch };
    const plan = await planSync(stack, { ticket: record.ticket, repo, own, wish });
    return isMove(plan) ? checkFiles(record, repo, plan, look) : plan;
  });
}

function isHeldUp(repos: Repos): boolean {
  return Object.values(repos).some(({ result }) => ['refused', 'conflict', 'failed'].includes(result));
}

/** The conflicts come into the worktrees that have one; the other repos wait, as long as somebody has to look at these. */
async function resolveAll(
  stack: Stack,
  record: InstanceRecord,
  { planned, way, run }: { planned: Repos; way: SyncWish['way']; run: Run },
): Promise<Repos> {
  const clashing = Object.entries(planned).flatMap(([repo, one]) => (isConflict(one) ? [[repo, one] as const] : []));
  const wish = { verb: 'sync', way } as const;
  const begun = await beginResolving(stack, record, {
    clashing: Object.fromEntries(clashing),
    wish,
    onStart: run.onStart,
  });
  return isResolved(begun) ? goOn(stack, record, run) : stayAll({ ...planned, ...begun });
}

/** Once all is resolved the repos that waited get their news; what conflicts in them by now is to be resolved as well. */
async function goOn(stack: Stack, record: InstanceRecord, run: Run): Promise<Repos> {
  const resolving = requireResolving(record, 'sync');
  const advanced = await advanceAll(record, resolving, run.onStart);
  if (!isResolved(advanced)) {
    const all = await inAllRepos(record, async (_, { branch }): Promise<SyncedRepo> => ({ result: 'waiting', branch }));
    return { ...all, ...advanced };
  }
  const onto = Object.values(resolving).find(({ start }) => start?.stackedOn)?.start?.stackedOn?.ticket;
  const other = onto === undefined ? undefined : (await stack.store.read()).instances[onto];
  // The repos that waited get theirs in the same way as the others.
  const { way } = record.resolvingFor?.verb === 'sync' ? record.resolvingFor : {};
  const planned = {
    ...(await planAll(stack, record, { way, refresh: undefined, onto: other }, { isMeant: true })),
    ...advanced,
  };
  if (Object.values(planned).some(isConflict)) return resolveAll(stack, record, { planned, way, run });
  if (isHeldUp(planned)) return stayAll(planned);
  return moveAll(stack, record, { planned, run });
}

/** What is not committed stays where it is, so it must have nothing to do with the news. */
async function checkFiles(record: InstanceRecord, repo: string, move: SyncMove, look: Look): Promise<SyncedRepo> {
  const { gitCommonDir } = requireDedicated(record, repo);
  const { branch, from, to } = move;
  const obstacle = await findObstacle({ gitCommonDir, branch, from, to }, look);
  return obstacle ? { ...move, to: from, ...hindered(branch, obstacle) } : move;
}

/** Nothing has moved, whatever would have; but for what was resolved. */
function stayAll(repos: Repos): Repos {
  const stay = (one: SyncedRepo): SyncedRepo => (one.result === 'updated' ? one : { ...one, to: one.from });
  return Object.fromEntries(Object.entries(repos).map(([repo, one]) => [repo, stay(one)]));
}

async function moveAll(
  stack: Stack,
  record: InstanceRecord,
  { planned, run: { options, onStart } }: { planned: Repos; run: Run },
): Promise<Repos> {
  if (options.setup) await noteStale(stack, record.ticket, await tellNews(record, planned));
  const moves = Object.entries(planned).flatMap(([repo, one]): Move[] => {
    const { branch, from, to, start } = one;
    // Where there is nothing to bring in, the base may be another one all the same.
    const isOther = one.result === 'unchanged' && start && start.base !== requireDedicated(record, repo).base;
    return (isMove(one) || isOther) && from !== undefined ? [{ repo, branch, from, to, files: true, start }] : [];
  });
  if (moves.length === 0 && !record.resolving) return planned;
  const resolving = record.resolving ? 'done' : undefined;
  await moveBranches(stack, record, { moves, resolving, onStart });
  const told = Object.entries(planned).map(([repo, one]): [string, SyncedRepo] => [
    repo,
    isMove(one) ? { ...one, result: 'updated' } : one,
  ]);
  return Object.fromEntries(told);
}
