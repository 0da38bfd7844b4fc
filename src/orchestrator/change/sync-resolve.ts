import {
  abortConflicted,
  advanceConflicted,
  beginConflicted,
  type Conflicted,
  type Standing,
} from '../../adapters/git/change/conflicted.ts';
import { findObstacle, moveWithFiles } from '../../adapters/git/change/move-files.ts';
import { reasonOf } from '../../adapters/git/change/move-ref.ts';
import { listOverwritten } from '../../adapters/git/change/overwritten.ts';
import { readStaged } from '../../adapters/git/change/staged.ts';
import { StackError } from '../../domain/errors.ts';
import { type InstanceRecord, type Resolving, requireDedicated } from '../../domain/instance.ts';
import type { Stack } from '../core/stack.ts';
import { inEach, refusal } from './result.ts';
import type { SyncConflict, SyncedRepo } from './sync-plan.ts';

type Repos = Record<string, SyncedRepo>;
type OnStart = Conflicted['onStart'];

/** Throws `usage` where no conflicts of a ticket are being resolved. */
function requireResolving({ ticket, resolving }: InstanceRecord): Record<string, Resolving> {
  if (resolving) return resolving;
  throw new StackError('usage', `no conflicts of ${ticket} are being resolved`, {
    hint: `\`stack sync ${ticket}\` finds out whether there are any, and \`--resolve\` begins`,
  });
}

/**
 * Makes the conflicted state in the worktrees of some repos, once nothing of theirs would be in its way; the record has them first. Returns
 * what became of each. Throws `git`, `files`, `state`.
 */
export async function beginResolving(
  stack: Stack,
  record: InstanceRecord,
  { clashing, onStart }: { clashing: Record<string, SyncConflict>; onStart: OnStart },
): Promise<Repos> {
  const dirty = await inEach(clashing, async (repo, one) => findDirty(requireDedicated(record, repo).worktree, one));
  if (Object.values(dirty).some(({ result }) => result === 'refused')) return dirty;
  const begun = Object.entries(clashing).map(([repo, { way, from, tip, base, start }]): [string, Resolving] => [
    repo,
    { way, from, tip, base, start },
  ]);
  await noteResolving(stack, record, { ...record.resolving, ...Object.fromEntries(begun) });
  return inEach(clashing, async (repo, one) => {
    const place = conflictedOf(record, repo, { ...one, onStart });
    const { branch } = one;
    const message = `Merge ${one.base} into ${branch}`;
    return tell(one, place, await beginConflicted(place, { commits: one.commits, message }));
  });
}

/** Goes on in all repos whose conflicts are resolved. Returns what became of each. Throws `git`, `usage`. */
export async function advanceAll(record: InstanceRecord, onStart: OnStart): Promise<Repos> {
  return inEach(requireResolving(record), async (repo, one) => {
    const place = conflictedOf(record, repo, { ...one, onStart });
    return tell({ branch: requireDedicated(record, repo).branch, ...one }, place, await advanceConflicted(place));
  });
}

/** Puts all repos back to where they were before. Returns what became of each. Throws `git`, `files`, `state`. */
export async function abortAll(stack: Stack, record: InstanceRecord, onStart: OnStart): Promise<Repos> {
  const repos = await inEach(requireResolving(record), (repo, one) => abortOne(record, repo, { ...one, onStart }));
  const left = Object.entries(requireResolving(record)).filter(([repo]) => repos[repo]?.result === 'refused');
  await noteResolving(stack, record, left.length > 0 ? Object.fromEntries(left) : undefined);
  return repos;
}

async function abortOne(
  record: InstanceRecord,
  repo: string,
  one: Resolving & { onStart: OnStart },
): Promise<SyncedRepo> {
  const { gitCommonDir, branch, worktree } = requireDedicated(record, repo);
  const { from, base, onStart } = one;
  const place = conflictedOf(record, repo, one);
  const fault = await abortConflicted(place);
  if (fault !== undefined) return { ...refusal(branch, fault), base, from, to: from };
  const { head, branch: on } = await readStaged(worktree);
  if (head === from || head === undefined) return { result: 'undone', branch, base, from, to: from };
  if (on !== branch)
    return { ...refusal(branch, `it is on ${on ?? 'no branch'}, not on ${branch}`), base, from, to: head };
  const move = { gitCommonDir, branch, from: head, to: from };
  const obstacle = await findObstacle(move);
  if (obstacle) return { ...refusal(branch, obstacle.reason, obstacle.hint), base, from, to: head };
  await moveWithFiles(move, { reason: reasonOf('sync'), onStart });
  const notes = [
    `what it had come to: \`git merge --ff-only ${head.slice(0, 7)}\` or \`git reset\` in ${worktree} goes there`,
  ];
  return { result: 'undone', branch, base, from, to: from, notes };
}

async function noteResolving(
  stack: Stack,
  record: InstanceRecord,
  resolving: Record<string, Resolving> | undefined,
): Promise<void> {
  record.resolving = resolving;
  await stack.store.update((draft) => {
    const own = draft.instances[record.ticket];
    if (own && resolving) own.resolving = resolving;
    else if (own) delete own.resolving;
  });
}

/** Forgets what was resolved: the branches start from what was brought in. Throws `state`. */
export async function noteResolved(stack: Stack, record: InstanceRecord): Promise<void> {
  await stack.store.update((draft) => {
    const own = draft.instances[record.ticket];
    for (const [repo, { start }] of Object.entries(record.resolving ?? {})) {
      const place = own?.repos[repo];
      if (place?.mode === 'dedicated' && start) Object.assign(place, { stackedOn: undefined, ...start });
    }
    if (own) delete own.resolving;
  });
}

function conflictedOf(
  record: InstanceRecord,
  repo: string,
  { way, from, tip, onStart }: Resolving & { onStart: OnStart },
): Conflicted {
  return { worktree: requireDedicated(record, repo).worktree, way, from, tip, onStart };
}

/** Git's own merge and rebase want nothing changed that git knows. */
async function findDirty(worktree: string, one: SyncConflict): Promise<SyncedRepo> {
  const { staged, changed } = await readStaged(worktree);
  // Git takes ignored files for its own.
  const overwritten = await listOverwritten(worktree, one.from, one.tip);
  const files = [...new Set([...staged.keys(), ...changed, ...overwritten])];
  if (files.length === 0) return one;
  const hint = `commit it, or put it aside with \`git stash\` in ${worktree}, before conflicts are resolved there`;
  return { ...one, result: 'refused', reason: `there is uncommitted work: ${files.join(', ')}`, hint };
}

function tell(
  { branch, base, from, tip, way, notes }: Resolving & { branch: string; notes?: string[] | undefined },
  { worktree }: Conflicted,
  standing: Standing,
): SyncedRepo {
  const about = { branch, base, from, tip, way, notes };
  if (standing.at === 'open') {
    const { paths } = standing;
    if (paths.length === 0) return { ...about, result: 'waiting', to: from };
    const hint = `resolve them in ${worktree}, \`git add\` them, then \`stack sync --continue\``;
    return {
      ...about,
      result: 'conflict',
      to: from,
      conflicts: paths,
      reason: `to be resolved: ${paths.join(', ')}`,
      hint,
    };
  }
  if (standing.at === 'done') return { ...about, result: 'updated', to: standing.commit };
  const reason = standing.at === 'off' ? `its ${way} was given up` : standing.reason;
  return { ...about, ...refusal(branch, reason, '`stack sync --abort` puts all repos back'), to: from };
}
