import { existsSync } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { StackError } from '../../../domain/errors.ts';
import { removeIfEmpty } from '../../files/files.ts';
import type { HeldLock } from '../../lock.ts';
import { dropEmptyLog, findLocal } from '../branch.ts';
import { listUnreachableInSubmodule } from '../commits.ts';
import { changeGit, type GitChange, gitError, listWords, tryGit } from '../git.ts';
import { describeObjects } from '../risk/own-objects.ts';
import { lookForOwnCommits } from '../risk/risk.ts';
import { forgetBranchSettings, hasBranchSettings, setPushTarget } from '../settings.ts';
import { clearStaleLocks } from '../stale-locks.ts';
import { findEntry, readOwnEntry, type WorktreeEntry } from './entry.ts';
import { guardPush } from './guard-push.ts';
import { describeFolder, inspectBranch, lockedError, QUICK, removeEntry } from './place.ts';
import { fillSubmodules, listSubmodules } from './submodule.ts';

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
  /** Ends the waiting for other commands, and git with its hooks. */
  signal?: AbortSignal | undefined;
  /** After so many seconds git and its hooks are ended; default 600. */
  deadlineSeconds?: number | undefined;
  /** Told when another process is changing this repo's worktrees. */
  onWait?: ((holder: string) => void) | undefined;
  /** Told when what was begun could neither be finished nor undone; whoever unmakes the worktree meets it. */
  onHalfMade?: (() => void) | undefined;
}

/** Checking out gigabytes, or a hook that installs packages, may take minutes. */
const ADD_SECONDS = 600;
/** For a hint alone; git's words decide nothing. */
const CANNOT_WRITE = /unable to (write|create)|cannot create|No space left|quota/;
const IN_THE_WAY = 'move it away, or choose another name for the ticket';

/** What is to be made once the lock is held. `path` is canonical. */
export interface WorktreeJob extends NewWorktree {
  held: HeldLock;
}

/**
 * True when the worktree is there; clears away what a killed `git worktree add`, or a deleted folder, left of it. Throws
 * `exists` (it is on another branch), `conflict` (locked), `unpushed` (commits that go with its entry), `git`.
 */
export async function isMade({ repoPath, gitCommonDir, path: target, branch }: WorktreeJob): Promise<boolean> {
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
  if (existsSync(target)) return false;
  await requireNoWork({ repoPath, gitCommonDir, worktree: target, branch, ownsBranch: false }, entry);
  await removeEntry(repoPath, target, entry);
  return false;
}

/** Of a worktree that is gone its entry alone leads to what was left on no branch, and to the commits of its submodules. */
async function requireNoWork(gone: Parameters<typeof lookForOwnCommits>[0], entry: WorktreeEntry): Promise<void> {
  const hint = '`stack destroy` with --force saves them, and says where';
  const { worktree } = gone;
  for (const submodule of await listSubmodules(worktree, entry)) {
    const [newest] = await listUnreachableInSubmodule(submodule);
    if (!newest) continue;
    const what = `its submodule ${submodule.path} has commits that no remote has: ${newest.subject}`;
    throw new StackError('unpushed', `${worktree} was deleted, and ${what}`, { hint });
  }
  const { heads, objects } = await lookForOwnCommits(gone);
  if (objects.length > 0) {
    const refs = describeObjects(objects).join(', ');
    throw new StackError('unpushed', `${worktree} was deleted, and its refs alone lead to work: ${refs}`, { hint });
  }
  if (heads.length === 0) return;
  const what = `commits that no branch has were made in it: ${heads.map((id) => id.slice(0, 7)).join(', ')}`;
  throw new StackError('unpushed', `${worktree} was deleted, and ${what}`, { hint });
}

/** Throws `exists` when something is where a worktree is to be made. */
export async function requirePlace(target: string): Promise<void> {
  const there = await describeFolder(target);
  if (there !== 'full' && there !== 'other') return;
  throw new StackError('exists', `${target} is in the way: it is there and no worktree of ours`, { hint: IN_THE_WAY });
}

/** Makes the worktree, or leaves nothing (else `onHalfMade` is told). Throws `exists`, `git`. */
export async function makeWorktree(job: WorktreeJob): Promise<{ warning?: string }> {
  const { repoPath, gitCommonDir, path: target, branch, newBranch } = job;
  await requirePlace(target);
  const parents = listMissing(path.dirname(target));
  // Beside the checkout: `worktree add --no-track` leaves the config alone.
  const pushing = newBranch ? setPushTarget(repoPath, gitCommonDir, branch) : Promise.resolve();
  const settled = pushing.catch(() => undefined);
  try {
    const warning = await judge(job, await runAdd(job));
    await pushing;
    await fillSubmodules({ ...job, worktree: target, onStart: job.held.addHelper });
    const warnings = [warning, await guardOwnPush(job)].filter((one) => one !== undefined);
    return warnings.length === 0 ? {} : { warning: warnings.join('; ') };
  } catch (error) {
    await settled;
    await undo(job, parents).catch(job.onHalfMade);
    throw error;
  }
}

/** Returns a warning where a plain `git push` in there may still move a base. Throws `git`, `files`. */
export async function guardOwnPush({ path: target, gitCommonDir, branch }: WorktreeJob): Promise<string | undefined> {
  const entry = await readOwnEntry(target, gitCommonDir);
  return entry && guardPush(target, gitCommonDir, { entry, branch });
}

async function runAdd(job: WorktreeJob): Promise<GitChange> {
  const { repoPath, gitCommonDir, path: target, branch, start, newBranch, signal } = job;
  // A hook may hang, and whoever interrupts wants it unmade: git may stop anywhere, `undo` takes away what it left.
  const options = { deadlineSeconds: job.deadlineSeconds ?? ADD_SECONDS, onStart: job.held.addHelper, signal };
  const add = (...what: string[]) => changeGit(repoPath, ['worktree', 'add', '--quiet', ...what], options);
  if (!newBranch) return add('--', target, branch);
  const added = await add('--no-track', '-b', branch, '--', target, start);
  if (added.exitCode === 0 || added.timedOut || (await findEntry(gitCommonDir, target))) return added;
  // An attempt that was killed may have got as far as the branch.
  const left = await findLocal(repoPath, branch);
  if (left === undefined || left.checkedOutAt !== '') return added;
  if (left.commit === start) return add('--', target, branch);
  throw new StackError('exists', `the branch ${branch} is there already`, {
    hint: 'choose another name for the ticket',
  });
}

/** A hook may fail, or hang, after the worktree is fine: what is there counts, not how git ended. */
async function judge(job: WorktreeJob, added: GitChange): Promise<string | undefined> {
  if (added.exitCode === 0) return undefined;
  const seconds = job.deadlineSeconds ?? ADD_SECONDS;
  const hook = added.timedOut ? await findHook(job.repoPath) : undefined;
  if (await isFine(job)) {
    return added.timedOut
      ? `${hook ?? 'a git hook'} was ended after ${seconds} s; the worktree is fine`
      : `a git hook failed, the worktree is fine: ${listWords(added).join('; ') || `exit ${added.exitCode}`}`;
  }
  const trying = `cannot make the worktree at ${job.path}`;
  if (added.timedOut) {
    const what = hook === undefined ? 'git' : `git, or ${hook},`;
    throw new StackError('git', `${trying}: ${what} was not done after ${seconds} s and was ended`, {
      hint: `STACK_GIT_TIMEOUT=${seconds * 2} in the environment gives it longer`,
    });
  }
  const isFull = CANNOT_WRITE.test(added.stderr);
  throw gitError(trying, added, isFull ? `is the disk full? \`df -h ${job.gitCommonDir}\` tells` : undefined);
}

/** True when all is checked out, on the branch, and nothing of it was changed. */
async function isFine({ path: target, gitCommonDir, branch }: WorktreeJob): Promise<boolean> {
  const entry = await readOwnEntry(target, gitCommonDir);
  if (entry?.lock !== 'none' || !entry.hasIndex) return false;
  if ((await inspectBranch(target, entry, branch)).state !== 'present') return false;
  const status = await tryGit(target, ['status', '--porcelain', '--untracked-files=no', '--ignore-submodules=all']);
  return status.exitCode === 0 && status.stdout === '';
}

/** The one hook that `worktree add` runs for what people do with it, as a person finds it; undefined when there is none. */
async function findHook(folder: string): Promise<string | undefined> {
  const answer = await tryGit(folder, ['rev-parse', '--path-format=absolute', '--git-path', 'hooks/post-checkout']);
  const file = answer.stdout.trimEnd();
  return answer.exitCode === 0 && existsSync(file) ? `the hook ${file}` : undefined;
}

async function undo(job: WorktreeJob, parents: string[]): Promise<void> {
  const { repoPath, gitCommonDir, path: target, branch, start, newBranch } = job;
  await rm(target, { recursive: true, force: true });
  const entry = await findEntry(gitCommonDir, target);
  if (entry) await removeEntry(repoPath, target, entry);
  // A git that was ended takes its entry back itself, but not the folder for entries.
  const folders = [...parents, path.join(gitCommonDir, 'worktrees')];
  for (const folder of folders) await removeIfEmpty(folder);
  if (!newBranch) return;
  // Ended between making a lock and knowing it for its own, git leaves it.
  await clearStaleLocks({ repoPath, gitCommonDir, branch });
  const deleted = await changeGit(repoPath, ['update-ref', '-d', `refs/heads/${branch}`, start], QUICK);
  await dropEmptyLog(gitCommonDir, branch);
  const local = await findLocal(repoPath, branch);
  // At another commit it is somebody's own.
  if (local?.commit === start) throw gitError(`cannot delete the branch ${branch}`, deleted);
  const kept = local !== undefined || !(await hasBranchSettings(repoPath, branch));
  if (!kept) await forgetBranchSettings(repoPath, gitCommonDir, branch);
}

/** The folders above a path that are not there, the innermost first. */
function listMissing(folder: string): string[] {
  return existsSync(folder) ? [] : [folder, ...listMissing(path.dirname(folder))];
}
