import { existsSync } from 'node:fs';
import { lstat, readdir, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { StackError } from '../domain/errors.ts';
import { changeGit, firstLine, type GitChange, gitError, tryGit } from './git.ts';
import { findLocal, type LocalBranch } from './git-branch.ts';
import { canonicalPath, findEntry, readOwnEntry, readRebasedBranch, type WorktreeEntry } from './git-entry.ts';
import { repoLock } from './git-lock.ts';
import { findPushRemote, forgetBranchSettings, setPushTarget } from './git-settings.ts';
import { fillSubmodules } from './git-submodule.ts';
import { listWorktrees } from './git-worktree-list.ts';
import { type HeldLock, withLock } from './lock.ts';
import { moveToTrash } from './trash.ts';

export interface WorktreeState {
  state: 'present' | 'absent' | 'different';
  /** Why it is not `present`, for a person. */
  reason?: string;
}

export interface NewWorktree {
  /** Absolute path of a checkout of the repo. */
  repoPath: string;
  /** Absolute path of the repo's git common directory. */
  gitCommonDir: string;
  /** Absolute path of the folder to make. */
  path: string;
  branch: string;
  /** Full id of the commit that a new branch starts from. */
  start: string;
  /** True: make the branch. False: it is there. */
  newBranch: boolean;
  /** Ends the waiting for other commands; the change itself runs to its end. */
  signal?: AbortSignal | undefined;
  /** After so many seconds git and its hooks are ended; default 600. */
  deadlineSeconds?: number | undefined;
  /** Told when another process is changing this repo's worktrees. */
  onWait?: ((holder: string) => void) | undefined;
}

export interface OldWorktree {
  repoPath: string;
  gitCommonDir: string;
  /** Absolute path of the worktree. */
  path: string;
  /** Folder on the same file system that it is moved to before it is deleted in the background. */
  trash: string;
}

/** Checking out gigabytes, or a hook that installs packages, may take minutes. */
const ADD_SECONDS = 600;
/** Others' checkouts are waited for one after the other. */
const WAIT_SECONDS = 1800;

/** For a change that touches no files. */
const QUICK = { deadlineSeconds: 60 };
const IN_THE_WAY = 'move it away, or choose another name for the ticket';

/** Says whether a worktree is at the path, on the branch. A rebase of that branch under way counts as on it. Throws `git`. */
export async function inspectWorktree(options: {
  repoPath: string;
  path: string;
  branch: string;
}): Promise<WorktreeState> {
  const { repoPath, branch } = options;
  const target = await canonicalPath(options.path);
  const [listed, there, own] = await Promise.all([
    listWorktrees(repoPath),
    describeFolder(target),
    readOwnEntry(target),
  ]);
  const listing = listed.find((one) => one.path === target);
  if (listing && own && !listing.prunable) {
    if (own.hasIndex) return compareBranch(listing.branch, own, branch);
    return { state: 'absent', reason: `git was ended while it made ${target}` };
  }
  const elsewhere = listed.find((one) => one.path !== target && one.branch === branch && !one.prunable);
  if (elsewhere) return { state: 'different', reason: `${branch} is checked out at ${elsewhere.path}` };
  if (there === 'full') return { state: 'different', reason: `${target} is no worktree of this repo` };
  if (there === 'other') return { state: 'different', reason: `${target} is no folder` };
  return { state: 'absent', ...(listing && { reason: `${target} was deleted by hand` }) };
}

/**
 * Makes a linked worktree, and its branch where that is wanted; already there on that branch is done. Gives a warning
 * when a hook failed, or was ended at the deadline, after the worktree was fine. Throws `exists` (something else is at the
 * path), `conflict` (a locked entry), `git`, `busy`, `interrupted`, `files`; then nothing is left behind.
 */
export async function addWorktree(wanted: NewWorktree): Promise<{ warning?: string }> {
  const { repoPath, branch, gitCommonDir, signal, onWait } = wanted;
  // Nobody else makes or deletes this ticket's branch, so this may be asked while others still hold the lock.
  const asked = Promise.all([findLocal(repoPath, branch), findPushRemote(repoPath), canonicalPath(wanted.path)]);
  asked.catch(() => undefined);
  const work = async (held: HeldLock): Promise<{ warning?: string }> => {
    const [known, remote, target] = await asked;
    const job = { ...wanted, path: target, held, known, remote };
    return (await isMade(job)) ? {} : make(job);
  };
  return withLock(repoLock(gitCommonDir), work, { signal, onWait, waitSeconds: WAIT_SECONDS });
}

/**
 * Removes a worktree: its folder goes to the trash, its entry is forgotten; the branch stays, and so does every other
 * entry. Missing is done. Does not look for work that would be lost. Throws `conflict` (a locked entry, a link or another
 * repo in its place), `git`, `busy`, `files`.
 */
export async function removeWorktree({ repoPath, gitCommonDir, path: folder, trash }: OldWorktree): Promise<void> {
  const target = await canonicalPath(folder);
  const remove = async (): Promise<void> => {
    const entry = await findEntry(gitCommonDir, target);
    await requireRemovable(gitCommonDir, target, entry);
    if (existsSync(target)) await moveToTrash(target, trash);
    if (entry) await removeEntry(existsSync(repoPath) ? repoPath : gitCommonDir, target, entry);
  };
  if (!existsSync(gitCommonDir)) return remove();
  await withLock(repoLock(gitCommonDir), remove, { waitSeconds: WAIT_SECONDS });
}

interface Job extends NewWorktree {
  held: HeldLock;
  /** The branch as it was before. */
  known: LocalBranch | undefined;
  /** Where a plain `git push` is to go. */
  remote: string | undefined;
}

/** True when the worktree is there; clears away what a killed `git worktree add`, or a deleted folder, left of it. */
async function isMade({ repoPath, gitCommonDir, path: target, branch }: Job): Promise<boolean> {
  const entry = await findEntry(gitCommonDir, target);
  if (!entry) return false;
  const own = (await readOwnEntry(target, gitCommonDir))?.folder === entry.folder;
  if (entry.lock === 'wanted' && !own) throw lockedError(target);
  if (entry.hasIndex && own) {
    if (entry.lock === 'initializing') await changeGit(repoPath, ['worktree', 'unlock', target], QUICK);
    const { state, reason } = await inspectBranch(target, entry, branch);
    if (state !== 'present')
      throw new StackError('exists', `${target} is a worktree already: ${reason}`, { hint: IN_THE_WAY });
    return true;
  }
  // Without an index nobody has worked in there yet.
  if (own) await rm(target, { recursive: true, force: true });
  if ((await describeFolder(target)) === 'empty') await rmdir(target);
  if (!existsSync(target)) await removeEntry(repoPath, target, entry);
  return false;
}

async function make(job: Job): Promise<{ warning?: string }> {
  const { repoPath, path: target, branch, start, known, newBranch } = job;
  const there = await describeFolder(target);
  if (there === 'full' || there === 'other') {
    throw new StackError('exists', `${target} is in the way: it is there and no worktree of ours`, {
      hint: IN_THE_WAY,
    });
  }
  if (newBranch && known && known.commit !== start) {
    throw new StackError('exists', `the branch ${branch} is there already`, {
      hint: 'choose another name for the ticket',
    });
  }
  const parents = listMissing(path.dirname(target));
  const what = newBranch && !known ? ['--no-track', '-b', branch, '--', target, start] : ['--', target, branch];
  try {
    const added = await changeGit(repoPath, ['worktree', 'add', '--quiet', ...what], {
      deadlineSeconds: job.deadlineSeconds ?? ADD_SECONDS,
      onStart: job.held.addHelper,
    });
    const warning = await judge(job, added);
    if (newBranch && job.remote !== undefined) await setPushTarget(repoPath, job.gitCommonDir, branch, job.remote);
    await fillSubmodules({ ...job, worktree: target, onStart: job.held.addHelper });
    return warning === undefined ? {} : { warning };
  } catch (error) {
    // What this cannot undo is met again by whoever unmakes the worktree, and named there.
    await undo(job, parents).catch(() => undefined);
    throw error;
  }
}

/** A hook may fail, or hang, after the worktree is fine: what is there counts, not how git ended. */
async function judge(job: Job, added: GitChange): Promise<string | undefined> {
  if (added.exitCode === 0) return undefined;
  const { path: target, gitCommonDir, branch } = job;
  const entry = await readOwnEntry(target, gitCommonDir);
  const seconds = job.deadlineSeconds ?? ADD_SECONDS;
  if (entry?.lock === 'none' && entry.hasIndex && (await inspectBranch(target, entry, branch)).state === 'present') {
    const status = await tryGit(target, ['status', '--porcelain', '--untracked-files=no', '--ignore-submodules=all']);
    if (status.exitCode === 0 && status.stdout === '') {
      return added.timedOut
        ? `a git hook was ended after ${seconds} s; the worktree is fine`
        : `a git hook failed, the worktree is fine: ${firstLine(added.stderr) || `exit ${added.exitCode}`}`;
    }
  }
  const trying = `cannot make the worktree at ${target}`;
  if (added.timedOut)
    throw new StackError('git', `${trying}: git, or a hook, was not done after ${seconds} s and was ended`);
  throw gitError(trying, added);
}

async function undo(
  { repoPath, gitCommonDir, path: target, branch, start, newBranch, known }: Job,
  parents: string[],
): Promise<void> {
  await rm(target, { recursive: true, force: true });
  const entry = await findEntry(gitCommonDir, target);
  if (entry) await removeEntry(repoPath, target, entry);
  for (const parent of parents) await rmdir(parent).catch(() => undefined);
  if (!newBranch || known) return;
  await changeGit(repoPath, ['update-ref', '-d', `refs/heads/${branch}`, start], QUICK);
  await forgetBranchSettings(repoPath, gitCommonDir, branch);
}

/** Forgets one entry whose folder is gone. `worktree prune` would forget other people's too. */
async function removeEntry(cwd: string, target: string, entry: WorktreeEntry): Promise<void> {
  // Twice: the first for files that are not there to be checked, the second for the lock of an add that was killed.
  const removed = await changeGit(cwd, ['worktree', 'remove', '--force', '--force', '--', target], QUICK);
  if (existsSync(entry.folder)) throw gitError(`cannot make git forget the worktree ${target}`, removed);
}

async function requireRemovable(gitCommonDir: string, target: string, entry: WorktreeEntry | undefined): Promise<void> {
  if (entry?.lock === 'wanted') throw lockedError(target);
  const there = await describeFolder(target);
  const refuse = (what: string): never => {
    throw new StackError('conflict', `${target} is ${what}, and no worktree of ours any more`, {
      hint: 'move or delete it yourself, then run the command again',
    });
  };
  if (there === 'other') refuse('a link or a file');
  if (there !== 'full' || (await readOwnEntry(target, gitCommonDir))) return;
  const git = await lstat(path.join(target, '.git')).catch(() => undefined);
  if (git?.isDirectory()) refuse('a git repo of its own');
  if (git && (await tryGit(target, ['rev-parse', '--git-dir'])).exitCode === 0) refuse('a checkout of another repo');
}

async function inspectBranch(target: string, entry: WorktreeEntry, branch: string): Promise<WorktreeState> {
  const { stdout } = await tryGit(target, ['symbolic-ref', '--quiet', '--short', 'HEAD']);
  return compareBranch(stdout.trim() || undefined, entry, branch);
}

async function compareBranch(head: string | undefined, entry: WorktreeEntry, branch: string): Promise<WorktreeState> {
  const current = head ?? (await readRebasedBranch(entry));
  if (current === branch) return { state: 'present' };
  return { state: 'different', reason: current === undefined ? 'no branch is checked out' : `it is on ${current}` };
}

/** `other` is a file or a link: never followed. */
async function describeFolder(target: string): Promise<'none' | 'empty' | 'full' | 'other'> {
  const there = await lstat(target).catch(() => undefined);
  if (!there) return 'none';
  if (!there.isDirectory()) return 'other';
  return (await readdir(target)).length === 0 ? 'empty' : 'full';
}

/** The folders above a path that are not there, the innermost first. */
function listMissing(folder: string): string[] {
  return existsSync(folder) ? [] : [folder, ...listMissing(path.dirname(folder))];
}

function lockedError(target: string): StackError {
  return new StackError('conflict', `the worktree ${target} is locked`, {
    hint: `somebody wants it kept; \`git worktree unlock ${target}\` lets it go`,
  });
}
