import path from 'node:path';
import { isEscaped } from '../../files/byte-names.ts';
import { replaceFile } from '../../files/files.ts';
import { findLocal } from '../branch.ts';
import { askGit, changeGit, gitError } from '../git.ts';
import { readOwnEntry } from '../worktree/entry.ts';
import { restoreExact } from './exact-back.ts';

export interface SavedWork {
  worktree: string;
  /** What keeps the work; a submodule's is in refs that begin with the same name. */
  ref?: string | undefined;
  /** What was checked out, where it was not the branch itself. */
  head?: { commit?: string | undefined; branch?: string | undefined } | undefined;
  /** Trees of the files and of the index. */
  files?: string | undefined;
  staged?: string | undefined;
  /** All as it was on the disk; saves of older versions have none. */
  exact?: { tree: string } | undefined;
  /** What was under way. */
  operations: readonly string[];
  /** Commits that no branch led to. */
  others?: readonly string[] | undefined;
}

/** Filters, LFS among them, run over every file. */
const CHECKOUT_SECONDS = 600;

/**
 * Puts saved work back into a worktree that is just made and clean: what was checked out, every file as it was, staged what
 * was staged, the rest as changes and new files. Returns a line for what cannot be put back. Throws `git`.
 */
export async function bringBack(saved: SavedWork): Promise<string[]> {
  const { worktree, head, files, staged, operations } = saved;
  const warnings: string[] = [];
  if (head?.commit !== undefined) warnings.push(...(await checkOut(worktree, head.commit, head.branch)));
  else if (head?.branch !== undefined) warnings.push(...(await beginAgain(worktree, head.branch)));
  const isExact = saved.exact !== undefined && (await restoreAll(worktree, saved.exact.tree));
  if (files !== undefined && !isExact) {
    await change(worktree, ['read-tree', '--reset', '-u', files]);
    await change(worktree, ['read-tree', staged ?? 'HEAD']);
  }
  // It ends with 1 just because there are changes.
  await changeGit(worktree, ['-c', 'core.fsmonitor=false', 'update-index', '-q', '--refresh'], {
    deadlineSeconds: CHECKOUT_SECONDS,
  });
  const begun = isExact ? 'is under way, as it was' : 'was under way: its files are back, begin it again';
  warnings.unshift(...operations.map((name) => `${name} ${begun}`));
  const others = saved.others?.map((commit) => commit.slice(0, 10)) ?? [];
  if (others.length > 0) warnings.push(`commits that no branch led to are kept: \`git log ${others.join(' ')}\``);
  return [...warnings, ...(await listInSubmodules(saved))];
}

async function restoreAll(worktree: string, tree: string): Promise<boolean> {
  const entry = await readOwnEntry(worktree);
  return entry !== undefined && (await restoreExact(worktree, entry, tree));
}

/** The branch that was checked out may have gone on, or be in use, since. */
async function checkOut(worktree: string, commit: string, branch: string | undefined): Promise<string[]> {
  const local = branch === undefined ? undefined : await findLocal(worktree, branch);
  if (branch !== undefined && local?.commit === commit && local.checkedOutAt === '') {
    if (!isEscaped(branch)) await change(worktree, ['checkout', '--quiet', branch, '--']);
    else await putOn(worktree, commit, branch);
    return [`${branch} is checked out, as it was`];
  }
  await change(worktree, ['checkout', '--quiet', '--detach', commit, '--']);
  return [`no branch is checked out, but the commit that was: ${commit.slice(0, 7)}`];
}

/** No argument can carry a name that is not UTF-8, but HEAD can (gitrepository-layout(5)). */
async function putOn(worktree: string, commit: string, branch: string): Promise<void> {
  await change(worktree, ['checkout', '--quiet', '--detach', commit, '--']);
  const entry = await readOwnEntry(worktree);
  if (entry) await replaceFile(path.join(entry.folder, 'HEAD'), `ref: refs/heads/${branch}\n`, { mode: 0o644 });
}

/** A branch that had no commit yet, unless somebody has made one of its name since. */
async function beginAgain(worktree: string, branch: string): Promise<string[]> {
  if (await findLocal(worktree, branch)) return [`${branch} was checked out without a commit, and has one now`];
  await change(worktree, ['symbolic-ref', 'HEAD', `refs/heads/${branch}`]);
  const emptyTree = (await askGit(worktree, ['hash-object', '-t', 'tree', '/dev/null'])).trim();
  await change(worktree, ['read-tree', '--reset', '-u', emptyTree]);
  return [`${branch} is checked out, as it was: a branch without a commit`];
}

async function listInSubmodules({ worktree, ref }: SavedWork): Promise<string[]> {
  if (ref === undefined) return [];
  const refs = (await askGit(worktree, ['for-each-ref', '--format=%(refname)', `${ref}-*`])).split('\n');
  return refs
    .filter((name) => name !== '')
    .map((name) => `a submodule’s work is not put back; it is kept under ${name}`);
}

async function change(worktree: string, args: readonly string[]): Promise<void> {
  const done = await changeGit(worktree, args, { deadlineSeconds: CHECKOUT_SECONDS });
  if (done.exitCode !== 0) throw gitError(`cannot put the saved work back into ${worktree}`, done);
}
