import { existsSync } from 'node:fs';
import { findLocal } from '../../adapters/git/branch.ts';
import { readBranch } from '../../adapters/git/change/move-ref.ts';
import {
  findPushPlace,
  hasPushHook,
  type PushAnswer,
  type PushPlace,
  type PushWish,
  pushBranch,
  tryPush,
} from '../../adapters/git/change/push.ts';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import type { DedicatedRepo, InstanceRecord } from '../../domain/instance.ts';
import { withChangeLock } from '../core/journal.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { type ChangedRepo, inAllRepos, inEach, refusal, requireChangeable, type TicketChange } from './result.ts';

export interface PushOptions {
  ticket: string;
  /** True: asks the remotes and the hooks, and moves nothing. */
  dryRun: boolean;
  /** True: commits there that this branch had once, and has no more, go. */
  force: boolean;
}

/** A repo whose branch is pushed. */
export interface PushedRepo extends ChangedRepo {
  remote?: string | undefined;
  /** What it is, or would be, to the remote. */
  outcome?: PushAnswer['outcome'] | undefined;
  /** Where its worktree is, when that is not on the branch. */
  note?: string | undefined;
}

export type TicketPush = TicketChange<PushedRepo> & { dryRun: boolean };

/** How long a remote may take to say what it has. */
const ASK_SECONDS = 20;
/** Hooks may build and test, and a line may be slow. */
const PUSH_SECONDS = 600;

interface Ready {
  wish: PushWish;
  place: PushPlace;
  /** Full id of the commit that is pushed. */
  tip: string;
  answer?: PushAnswer | undefined;
  note: string | undefined;
}

/**
 * Pushes the branches of a ticket, each to its own name at its remote, which becomes its upstream. All remotes are asked, then all
 * hooks, before the first branch is pushed; a push to several remotes is not one, so what became of each is returned. Throws
 * `not-found`, `busy`, `conflict`, `git`, `interrupted`.
 */
export async function pushTicket(stack: Stack, options: PushOptions): Promise<TicketPush> {
  const { ticket } = await requireChangeable(stack, options.ticket);
  return withChangeLock(stack, ticket, async ({ addHelper: onStart }) => {
    // Whoever had the lock before may have destroyed it.
    const record = await requireChangeable(stack, ticket);
    const { dryRun } = options;
    const result = (repos: Record<string, PushedRepo>): TicketPush => ({ ticket: record.ticket, dryRun, repos });
    const bases = await findBases(stack, record);
    const planned = await inAllRepos(record, (repo, own) =>
      plan(stack, own, { options, base: bases.get(repo), onStart }),
    );
    const asked = await each(planned, (one) => ask(one, false));
    if (isHeldUp(asked)) return result(settleAll(asked, record));
    const heard = await each(asked, async (one) =>
      one.answer?.outcome !== 'unchanged' && (await hasPushHook(one.wish.worktree)) ? ask(one, true) : one,
    );
    if (isHeldUp(heard) || options.dryRun) return result(settleAll(heard, record));
    throwIfAborted(stack.signal);
    const pushed = result(settleAll(await each(heard, push), { ticket: record.ticket, isPushed: true }));
    return stack.signal.aborted ? { ...pushed, interrupted: true } : pushed;
  });
}

type Planned = Ready | PushedRepo;

function isReady(one: Planned): one is Ready {
  return 'wish' in one;
}

async function each(all: Record<string, Planned>, work: (one: Ready) => Promise<Planned>) {
  return inEach(all, async (_, one) => (isReady(one) ? work(one) : one));
}

/** Returns the branch that a push must not move, by repo: the one that tickets start from. */
async function findBases(stack: Stack, record: InstanceRecord): Promise<Map<string, string[]>> {
  const config = await configIfReadable(stack);
  return new Map(
    Object.entries(record.repos).map(([repo, own]) => {
      const base = config && Object.hasOwn(config.repos, repo) ? config.repos[repo]?.base : undefined;
      const started = own.mode === 'dedicated' && own.ownsBranch ? own.base : undefined;
      return [repo, [base, started].filter((one) => one !== undefined)];
    }),
  );
}

async function plan(
  stack: Stack,
  { worktree, path, branch }: DedicatedRepo,
  { options, base = [], onStart }: { options: PushOptions; base: string[] | undefined; onStart: PushWish['onStart'] },
): Promise<Planned> {
  const folder = existsSync(worktree) ? worktree : path;
  const tip = (await findLocal(folder, branch))?.commit;
  if (tip === undefined) return refusal(branch, `there is no branch ${branch} any more`);
  let place: PushPlace | undefined;
  try {
    place = await findPushPlace(folder, branch);
  } catch (error) {
    if (!(error instanceof StackError) || error.code !== 'usage') throw error;
    return refusal(branch, error.message, error.hint);
  }
  if (!place) return refusal(branch, 'it has no remote', `\`git remote add origin URL\` in ${folder}`);
  const { remote } = place;
  const names = base
    .map((one) => one.replace(/^(refs\/)?(heads|remotes)\//, ''))
    .map((one) => (one.startsWith(`${remote}/`) ? one.slice(remote.length + 1) : one));
  // Where nothing tells the head of the remote, these are what it is called.
  const heads = place.head === undefined ? ['main', 'master'] : [place.head];
  if ([...names, ...heads].includes(branch))
    return refusal(
      branch,
      `${branch} is a base, and a ticket pushes none`,
      `\`git push ${remote} ${branch}\` in ${folder} does, if that is meant`,
    );
  const note = await findElsewhere(worktree, branch);
  if (place.tip === undefined && !place.hasOwnCommits)
    return { result: 'unchanged', branch, remote, to: tip, reason: `it has no commit that ${remote} lacks`, note };
  const wish = {
    ...{ worktree: folder, branch, remote, force: options.force, signal: stack.signal, env: stack.env },
    ...{ onStart, deadlineSeconds: Number(stack.values('STACK_GIT_TIMEOUT')) || PUSH_SECONDS },
  };
  return { wish, place, tip, note };
}

/** What somebody commits in the worktree meanwhile is on no branch that is pushed. */
async function findElsewhere(worktree: string, branch: string): Promise<string | undefined> {
  const on = existsSync(worktree) ? await readBranch(worktree) : branch;
  if (on === branch) return undefined;
  return on === undefined
    ? `no branch is checked out in its worktree: what is committed there is not pushed`
    : `its worktree is on ${on}, which is not pushed`;
}

async function ask(one: Ready, hooks: boolean): Promise<Ready> {
  const deadlineSeconds = hooks ? one.wish.deadlineSeconds : Math.min(ASK_SECONDS, one.wish.deadlineSeconds);
  const answer = await tryPush({ ...one.wish, deadlineSeconds }, { hooks });
  // The remote has been asked without the hooks before, and had nothing against it.
  const reason = hooks && answer.outcome === 'failed' ? 'its pre-push hook refuses it' : answer.reason;
  return { ...one, answer: { ...answer, reason } };
}

const HELD_UP = ['rejected', 'unreachable', 'failed', 'interrupted'];

function isHeldUp(all: Record<string, Planned>): boolean {
  return Object.values(all).some((one) =>
    isReady(one) ? HELD_UP.includes(one.answer?.outcome ?? '') : one.result === 'refused',
  );
}

/** Hooks have had their say already, unless the branch has moved since. */
async function push(one: Ready): Promise<Planned> {
  const { wish, place, tip, answer } = one;
  if (answer?.outcome === 'unchanged' && place.isUpstream) return one;
  const now = (await findLocal(wish.worktree, wish.branch))?.commit;
  return { ...one, answer: await pushBranch(wish, { hooks: now !== tip }) };
}

function settleAll(all: Record<string, Planned>, how: { ticket: string; isPushed?: boolean }) {
  return Object.fromEntries(Object.entries(all).map(([repo, one]) => [repo, isReady(one) ? settle(one, how) : one]));
}

function settle(
  { wish, place, tip, answer, note }: Ready,
  { ticket, isPushed = false }: { ticket: string; isPushed?: boolean },
): PushedRepo {
  const { branch, remote } = wish;
  const base = { branch, remote, from: place.tip, to: tip, outcome: answer?.outcome, note };
  const said = answer && answer.said.length > 0 ? { said: answer.said } : {};
  if (answer?.outcome === 'unchanged') return { ...base, result: 'unchanged' };
  if (answer?.outcome === 'rejected')
    return {
      ...base,
      ...said,
      result: 'refused',
      to: place.tip,
      reason: answer.reason,
      hint: hintAt(wish, answer, ticket),
    };
  if (answer === undefined || HELD_UP.includes(answer.outcome))
    return { ...base, ...said, result: 'failed', to: place.tip, reason: answer?.reason };
  return isPushed ? { ...base, ...said, result: 'pushed' } : { ...base, result: 'waiting', to: place.tip };
}

/** Returns how somebody sees what a remote has that a branch lacks. */
export function hintToLook({ branch, remote, worktree }: Pick<PushWish, 'branch' | 'remote' | 'worktree'>): string {
  return `\`git fetch ${remote} && git log ${branch}..${remote}/${branch}\` in ${worktree} shows them`;
}

/** A hook of the remote has a say of its own: nothing that is fetched or forced changes that. */
function hintAt(wish: PushWish, { reason = '', said }: PushAnswer, ticket: string): string {
  if ([reason, ...said].some((line) => /hook declined/.test(line)))
    return `a hook at ${wish.remote} declined it; do what it asks for, then \`stack push ${ticket}\` again`;
  const look = hintToLook(wish);
  return wish.force ? look : `${look}; --force-with-lease replaces them once they have been in this branch`;
}
