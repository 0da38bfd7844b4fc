import { findLocal } from '../../adapters/git/branch.ts';
import { isAnyPushed, listOwnCommits } from '../../adapters/git/change/replay.ts';
import { isAncestor } from '../../adapters/git/commits.ts';
import { findCommit } from '../../adapters/git/repo.ts';
import { isUntouched } from '../../adapters/git/risk/head-log.ts';
import { judgeBranch } from '../../adapters/git/risk/judge-branch.ts';
import { isMerged } from '../../adapters/git/risk/merged.ts';
import { type DedicatedRepo, dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import type { Stack } from '../core/stack.ts';
import { findOwner, type Lower } from '../prepare/base.ts';

type Refresh = (own: DedicatedRepo, base: string) => Promise<unknown>;

/**
 * Returns how the branch that is a base has ended; undefined as long as it is to be followed. One that nobody has committed to ends with the
 * rest of its ticket. `refresh` fetches what that was merged into. Throws `git`, `files`, `interrupted`.
 */
export async function findEnd(
  stack: Stack,
  { path: cwd, gitCommonDir, base: branch }: DedicatedRepo,
  { ticket, base }: Lower,
  refresh?: Refresh,
): Promise<'merged' | 'gone' | undefined> {
  const local = await findLocal(cwd, branch);
  if (!local) return 'gone';
  const record = (await stack.store.read()).instances[ticket];
  const one = record && dedicatedRepos(record).find(([, own]) => isBranch(own, gitCommonDir, branch))?.[1];
  if (record && one && (await isUntouched(one, local.commit)))
    return (await isAllMerged(record, refresh)) ? 'merged' : undefined;
  return (await isMerged({ cwd, branch, base, tip: local.commit })) ? 'merged' : undefined;
}

function isBranch(own: DedicatedRepo, gitCommonDir: string, branch: string): boolean {
  return own.gitCommonDir === gitCommonDir && own.branch === branch;
}

/** True once all that a ticket has done is in its bases; one that has done nothing has yet to begin. */
async function isAllMerged(record: InstanceRecord, refresh: Refresh | undefined): Promise<boolean> {
  const ends = await Promise.all(
    dedicatedRepos(record).map(async ([, own]) => {
      // Its own worktree may be gone.
      await refresh?.({ ...own, worktree: own.path }, own.base);
      return (await judgeBranch(own)).end;
    }),
  );
  return ends.some((end) => end === 'merged' || end === 'gone') && !ends.includes('open');
}

/**
 * Returns the branch that a ticket's branch goes into by itself: its base or, where that was a ticket's that is merged or gone, what that goes
 * into. `lower` is the ticket whose branch it is where that is not merged yet. `refresh` fetches what such ones go into. Throws `git`, `files`.
 */
export async function findGoal(
  stack: Stack,
  own: DedicatedRepo,
  refresh?: Refresh,
): Promise<{ base: string; lower?: string }> {
  const all = Object.values((await stack.store.read()).instances);
  const seen = new Set([own.branch]);
  let { base, stackedOn } = own;
  while (!seen.has(base)) {
    seen.add(base);
    const on = stackedOn ?? findOwner(all, own.gitCommonDir, base);
    if (!on) break;
    await refresh?.(own, on.base);
    if ((await findEnd(stack, { ...own, base }, on, refresh)) === undefined) return { base, lower: on.ticket };
    [base, stackedOn] = [on.base, undefined];
  }
  return { base };
}

/** True where a commit that a branch began from is not in its base. One that git has no more is nothing to be seen. Throws `git`. */
export async function isApart(folder: string, start: string, base: string): Promise<boolean> {
  return (await findCommit(folder, [start])) !== undefined && !(await isAncestor(folder, start, base));
}

/**
 * Returns the command that puts a ticket's branch on a commit without what the branch began from: where it is pushed or has merges, `sync`
 * alone keeps that. Throws `git`.
 */
export async function nameLeaving(own: DedicatedRepo, ticket: string, onto: string): Promise<string> {
  const { path: folder, branch, baseCommit } = own;
  const [isPushed, { merges }] = await Promise.all([
    isAnyPushed(folder, `refs/heads/${branch}`, [onto, baseCommit]),
    listOwnCommits(folder, `refs/heads/${branch}`, [onto, baseCommit]),
  ]);
  return `\`stack sync ${ticket}${isPushed || merges > 0 ? ' --rebase' : ''}\``;
}

/** Returns the ticket whose branch is the base of a ticket's, also where it was made from that branch; undefined for no such one. */
export async function findLower(stack: Stack, own: DedicatedRepo): Promise<Lower | undefined> {
  if (own.stackedOn || own.base === own.branch) return own.stackedOn;
  return findOwner(Object.values((await stack.store.read()).instances), own.gitCommonDir, own.base);
}
