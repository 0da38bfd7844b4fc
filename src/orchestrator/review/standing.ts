import { isAncestor, readCommits } from '../../adapters/git/commits.ts';
import type { Ref } from '../../adapters/git/every-ref.ts';
import { isUntouched } from '../../adapters/git/risk/head-log.ts';
import { chooseTargets, isMergedInto } from '../../adapters/git/risk/merged.ts';
import { listOperations } from '../../adapters/git/worktree/entry.ts';
import { StackError } from '../../domain/errors.ts';
import { type DedicatedRepo, dedicatedRepos, type InstanceRecord, listWorkedOn } from '../../domain/instance.ts';
import {
  findVerdict,
  hintToEnd,
  hintToSwitch,
  type RepoStanding,
  type TicketStanding,
  type UnseenRepo,
} from '../../domain/standing.ts';
import { isOwnerAlive, requireInstances } from '../core/claim.ts';
import { requireOwnThings } from '../core/ownership.ts';
import type { Stack } from '../core/stack.ts';
import {
  countCached,
  findUpstream,
  hashCommits,
  openLooks,
  type RepoChanges,
  type RepoLook,
  readChanges,
} from './changes.ts';

/** What is known of a repo before its last commit is read. */
type Judged = { standing: Omit<RepoStanding, 'head'>; head: string | undefined };

/**
 * Returns how the work of tickets stands in each of their repos, as of the last fetch; of all tickets where none is named. A repo that
 * cannot be looked at says why. No index, ref, file or setting changes. Throws `not-found`, `interrupted`.
 */
export async function readStandings(stack: Stack, tickets: readonly string[] = []): Promise<TicketStanding[]> {
  const state = await stack.store.read();
  const records = tickets.length > 0 ? requireInstances(state, tickets) : listWorkedOn(state);
  const { looks, lookAt, cache } = await openLooks(stack);
  for (const [repo, own] of records.flatMap(dedicatedRepos)) lookAt(repo, own);
  const found = await Promise.all(records.map((record) => judgeTicket(stack, record, looks)));
  await cache.save();
  return addHeads(found, looks);
}

type Found = {
  ticket: string;
  /** What a command does to the ticket, whose repos nobody has looked at then. */
  doing?: 'creating' | 'destroying';
  repos: [repo: string, own: DedicatedRepo, judged: Judged | UnseenRepo][];
};

async function judgeTicket(stack: Stack, record: InstanceRecord, looks: ReadonlyMap<string, RepoLook>): Promise<Found> {
  const { ticket, phase } = record;
  if (phase !== 'ready' && (await isOwnerAlive(record))) return { ticket, doing: phase, repos: [] };
  const owned = phase === 'ready' ? requireOwnThings(stack, record) : Promise.reject(halfDone(record));
  // A ticket without repos of its own has nobody who waits for it.
  owned.catch(() => undefined);
  const repos = dedicatedRepos(record).map(async ([repo, own]): Promise<Found['repos'][number]> => {
    const look = looks.get(own.gitCommonDir) as RepoLook;
    try {
      await owned;
      return [repo, own, await judgeRepo(own, look)];
    } catch (error) {
      if (!(error instanceof StackError) || error.code === 'interrupted') throw error;
      return [repo, own, { branch: own.branch, base: own.base, problem: error.message }];
    }
  });
  return { ticket, repos: await Promise.all(repos) };
}

function halfDone({ ticket, phase }: InstanceRecord): StackError {
  const verb = phase === 'creating' ? 'create' : 'destroy';
  return new StackError('state', `a ${verb} did not finish: \`stack destroy ${ticket}\` clears it`);
}

/** One process a repo reads the last commits of all its tickets. */
async function addHeads(found: readonly Found[], looks: ReadonlyMap<string, RepoLook>): Promise<TicketStanding[]> {
  const all = found.flatMap(({ repos }) => repos);
  const read = [...looks].map(async ([common, { folder, signal }]) => {
    const ids = all.flatMap(([, own, judged]) =>
      own.gitCommonDir === common && 'head' in judged && judged.head !== undefined ? [judged.head] : [],
    );
    return readCommits(folder, [...new Set(ids)], signal);
  });
  const commits = new Map((await Promise.all(read)).flatMap((part) => [...part]));
  return found.map(({ ticket, doing, repos }) => {
    const views = repos.map(([repo, , judged]): [string, RepoStanding | UnseenRepo] => [
      repo,
      'problem' in judged ? judged : { ...judged.standing, head: commits.get(judged.head ?? '') ?? null },
    ]);
    const byName = Object.fromEntries(views);
    return { ticket, verdict: doing ?? findVerdict(byName), repos: byName };
  });
}

async function judgeRepo(own: DedicatedRepo, look: RepoLook): Promise<Judged> {
  const [changes, refs] = await Promise.all([readChanges(own, look), look.refs]);
  const { entry, standing, on, base, baseRef = own.baseCommit.slice(0, 7), ahead, behind, pushed } = changes;
  const { head, upstream, staged, unstaged, untracked, conflicted } = standing;
  const [baseState, baseUpstream, merged] = await Promise.all([
    judgeBase(own, changes, look),
    compareBase(base, refs, look),
    isMergedCached(own, changes, look),
  ]);
  const [operation] = await listOperations(entry);
  const isGone = upstream !== undefined && upstream.ahead === undefined;
  return {
    head,
    standing: {
      ...{ branch: own.branch, on, base, baseRef, ahead, behind, baseState, baseUpstream },
      ...{ staged, unstaged, untracked, conflicted },
      upstream:
        upstream === undefined || isGone
          ? null
          : { ref: upstream.ref, ahead: upstream.ahead ?? 0, behind: upstream.behind ?? 0 },
      ...findWayBack(own, on, operation?.replace(/^an? /, '') ?? null),
      ...{ pushed, merged },
      notes: [
        ...(baseState === 'gone' && own.stackedOn ? [`\`stack sync\` puts it on ${own.stackedOn.base}`] : []),
        ...(head === undefined ? [`${standing.branch} has no commit`] : []),
        // A branch that was never pushed follows its own name already.
        ...(isGone && !upstream.ref.endsWith(`/${own.branch}`) ? [`its upstream ${upstream.ref} is gone`] : []),
      ],
    },
  };
}

function findWayBack(
  { worktree, branch }: DedicatedRepo,
  on: string | null,
  operation: string | null,
): Pick<RepoStanding, 'operation' | 'hint'> {
  if (operation !== null) return { operation, hint: hintToEnd(operation, worktree) };
  return { operation, hint: on === branch ? null : hintToSwitch(branch, worktree) };
}

async function judgeBase(
  { baseCommit, base: recorded, branch }: DedicatedRepo,
  { base, baseTip }: RepoChanges,
  look: RepoLook,
): Promise<RepoStanding['baseState']> {
  if (baseTip === undefined) return 'gone';
  // Of a branch that was there nobody knows where it began.
  if (baseTip === baseCommit || recorded === branch) return 'same';
  if (await isWithin(look, baseCommit, baseTip)) return 'moved';
  // What `sync` brought in may have come from the upstream, which the base itself is behind of.
  const { upstream } = findUpstream(base, await look.refs) ?? {};
  return upstream && (await isWithin(look, baseCommit, upstream.commit)) ? 'same' : 'rewritten';
}

async function isWithin({ folder, cache }: RepoLook, commit: string, tip: string): Promise<boolean> {
  const key = `within ${commit} ${tip}`;
  const known = cache.get(key);
  const isOnTop = typeof known === 'boolean' ? known : await isAncestor(folder, commit, tip);
  cache.set(key, isOnTop);
  return isOnTop;
}

async function compareBase(base: string, refs: readonly Ref[], look: RepoLook): Promise<RepoStanding['baseUpstream']> {
  const { local, upstream } = findUpstream(base, refs) ?? {};
  if (!local || !upstream || local.commit === upstream.commit) return null;
  const [ahead, behind] = await countCached(look, [local.commit, upstream.commit]);
  return { ref: upstream.name.replace(/^refs\/(heads|remotes)\//, ''), ahead, behind };
}

/** Work that nobody has begun is not merged. */
async function isMergedCached(
  own: DedicatedRepo,
  { standing: { head }, base, baseTip, ahead, behind }: RepoChanges,
  { folder, refs, cache }: RepoLook,
): Promise<boolean> {
  if (head === undefined || (own.ownsBranch && (await isUntouched(own, head)))) return false;
  if (ahead === 0 && baseTip !== undefined) return true;
  const targets = chooseTargets(await refs, { base, branch: own.branch });
  // Nothing has come to the base since, so this work has not.
  const since = behind === 0 ? targets.filter((commit) => commit !== baseTip) : targets;
  if (since.length === 0) return false;
  const key = `merged ${head} ${hashCommits(since)}`;
  const known = cache.get(key);
  const isMerged = typeof known === 'boolean' ? known : await isMergedInto({ cwd: folder, tip: head }, since);
  cache.set(key, isMerged);
  return isMerged;
}
