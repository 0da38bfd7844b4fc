import { existsSync } from 'node:fs';
import { findBase, findMergeBase } from '../../adapters/git/merge/bases.ts';
import { readUncommitted, type UncommittedWork } from '../../adapters/git/merge/work-tree.ts';
import { defaultBranch } from '../../adapters/git/repo.ts';
import { readOwnEntry } from '../../adapters/git/worktree/entry.ts';
import type { ResultCache } from '../../adapters/state/result-cache.ts';
import { StackError } from '../../domain/errors.ts';
import type { DedicatedRepo } from '../../domain/instance.ts';

/** What a ticket has done in one repo. */
export interface RepoWork {
  ticket: string;
  own: DedicatedRepo;
  /** Full id of the commit that its worktree is at. */
  head: string;
  /** Full id of the commit that it began from: the newest one that it and its base have in common. */
  base: string;
  /** What is not committed. */
  uncommitted: UncommittedWork;
}

/** Finds the commit that the name of a base stands for, once for each name. */
export type FindBase = (name: string) => Promise<string | undefined>;

/** Returns a `FindBase` for one repo. `folder` is any of its folders. */
export function createFindBase(folder: string, signal?: AbortSignal): FindBase {
  const known = new Map<string, Promise<string | undefined>>();
  return (name) => {
    const found = known.get(name) ?? findBase(folder, name, signal);
    known.set(name, found);
    return found;
  };
}

/**
 * Returns what a ticket has done in one of its repos. A ticket on a branch that exists (`--on`) is compared with the repo's own base.
 * Throws `git`, also where its worktree is not there, or has no commit; `interrupted`.
 */
export async function readWork(
  { ticket, own, repoBase }: { ticket: string; own: DedicatedRepo; repoBase: string | undefined },
  { cache, findBase, signal }: { cache: ResultCache; findBase: FindBase; signal: AbortSignal },
): Promise<RepoWork> {
  const { worktree } = own;
  // Without its `.git` a folder belongs to whatever repo is around it.
  if (!existsSync(worktree) || !(await readOwnEntry(worktree, own.gitCommonDir)))
    throw new StackError('git', `${worktree} is no worktree of ${own.path}`);
  const [uncommitted, found] = await Promise.all([
    readUncommitted(worktree, { signal }),
    findTip(own, repoBase, findBase),
  ]);
  const { head } = uncommitted;
  if (head === undefined) throw new StackError('git', `${worktree} has no commit`);
  const tip = found ?? own.baseCommit;
  const key = `base ${head} ${tip}`;
  const known = cache.get(key);
  const base =
    typeof known === 'string' ? known : await findStart(worktree, head, { tips: [tip, own.baseCommit], signal });
  if (base !== known) cache.set(key, base);
  return { ticket, own, head, base, uncommitted };
}

async function findTip(
  own: DedicatedRepo,
  repoBase: string | undefined,
  findBase: FindBase,
): Promise<string | undefined> {
  if (own.base !== own.branch) return findBase(own.base);
  const name = repoBase ?? (await defaultBranch(own.worktree));
  return name === own.branch ? own.baseCommit : findBase(name);
}

async function findStart(
  worktree: string,
  head: string,
  { tips, signal }: { tips: readonly string[]; signal: AbortSignal },
): Promise<string> {
  for (const tip of tips) {
    const base = await findMergeBase(worktree, [head, tip], { signal });
    if (base !== undefined) return base;
  }
  throw new StackError('git', `the history of ${worktree} has nothing in common with its base`, {
    hint: 'a shallow clone may lack it: `git fetch --unshallow`',
  });
}
