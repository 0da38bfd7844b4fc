import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bestEffort, StackError } from '../../../domain/errors.ts';
import { nameFew } from '../../../domain/few.ts';
import { hintToEnd } from '../../../domain/standing.ts';
import { ifThere } from '../../files/file-errors.ts';
import { withLock } from '../../lock.ts';
import { findLocal } from '../branch.ts';
import { askGit, changeGit, firstLine, type GitChange, gitError, type OnStart } from '../git.ts';
import { repoLock } from '../lock.ts';
import { readUncommitted } from '../merge/work-tree.ts';
import { listOperations, readOwnEntry, readRebasedBranch, type WorktreeEntry } from '../worktree/entry.ts';
import { listWorktrees } from '../worktree/list.ts';
import { type HeldIndex, holdIndex } from './held-index.ts';
import { moveBranch } from './move-ref.ts';
import { listOverwritten, listPaths } from './overwritten.ts';
import { restoreFiles } from './restore-files.ts';
import { findFailingFilter, type Tried } from './try-filters.ts';

/** A move of a branch, with the files of all checkouts that are on it. */
export interface FilesMove {
  gitCommonDir: string;
  branch: string;
  /** Full ids of commits. */
  from: string;
  to: string;
}

/** A folder in which something is checked out. */
interface Checkout {
  folder: string;
  /** Where git keeps what is its own: index, HEAD, what is under way. */
  entry: WorktreeEntry;
}

/** Why the files of a checkout cannot go along. */
export interface Obstacle {
  reason: string;
  hint: string;
  /** Relative to the checkout; [] where it is not about files. */
  paths: string[];
  /** True where git, or a program that it runs, has failed: nothing that a person has there is the reason. */
  failed?: true;
}

/** A large repo on a slow disk. */
const FILES_SECONDS = 600;

/** Returns where a branch is checked out: nowhere, in one folder, or in several where somebody forced git. Throws `git`. */
export async function listCheckouts(gitCommonDir: string, branch: string): Promise<Checkout[]> {
  const listed = (await listKept(gitCommonDir)).filter((one) => one.branch === branch);
  return lookAtCheckouts(gitCommonDir, listed);
}

/** How it is looked for what is in the way. */
export interface Look {
  signal: AbortSignal;
  /** True: filters are tried too, which costs what the move will: for who is about to make it. */
  filters: boolean;
}

/**
 * Returns why a branch cannot be moved with the files of its checkouts, a git that fails too; undefined where it can. What is not committed in them stays, as
 * long as the move has nothing to do with it. Touches nothing. Throws `git`, `files`, `interrupted`.
 */
export async function findObstacle(move: FilesMove, look: Look): Promise<Obstacle | undefined> {
  const { gitCommonDir, branch } = move;
  const listed = await listKept(gitCommonDir);
  const away = findAway(listed, branch);
  if (away) return away;
  const isOn = (one: Listed): boolean => one.branch === branch;
  for (const one of listed.filter((other) => !isOn(other))) {
    // Of a worktree that is just being made or taken away nothing can be read, and nothing is under way there.
    const entry = await findOwnEntry(gitCommonDir, one);
    if (entry && (await readRebasedBranch(entry)) === branch) return describeUnderWay('a rebase', branch, one.path);
  }
  for (const { folder, entry } of await lookAtCheckouts(gitCommonDir, listed.filter(isOn))) {
    const [operation] = await listOperations(entry);
    if (operation !== undefined) return describeUnderWay(operation, branch, folder);
    const inTheWay = await findInTheWay(folder, entry, move, look);
    if (inTheWay) return inTheWay;
  }
  return undefined;
}

function describeUnderWay(operation: string, branch: string, folder: string): Obstacle {
  const hint = hintToEnd(operation.replace(/^an? /, ''), folder);
  return { reason: `${operation} of ${branch} is under way in ${folder}`, hint, paths: [] };
}

interface Listed {
  path: string;
  branch: string | undefined;
  isMain: boolean;
}

/** One that is locked may be on a disk that is away. */
async function listKept(gitCommonDir: string): Promise<Listed[]> {
  const listed = (await listWorktrees(gitCommonDir)).map((one, at) => ({ ...one, isMain: at === 0 }));
  return listed.filter((one) => !one.bare && !one.prunable);
}

/** Returns where a branch is checked out in a folder that is away, so that its files cannot go along. */
function findAway(listed: readonly Listed[], branch: string): Obstacle | undefined {
  const away = listed.find((one) => one.branch === branch && !existsSync(one.path));
  if (!away) return undefined;
  const hint = 'bring that disk back, or switch to another branch there';
  return { reason: `${branch} is checked out in ${away.path}, which is not there`, hint, paths: [] };
}

async function lookAtCheckouts(gitCommonDir: string, listed: readonly Listed[]): Promise<Checkout[]> {
  return Promise.all(
    listed
      .filter((one) => existsSync(one.path))
      .map(async (one) => {
        const own = await findOwnEntry(gitCommonDir, one);
        // What the folder says itself needs no git, of which there would be one for each worktree.
        const gitDir = own?.folder ?? (await askGit(one.path, ['rev-parse', '--absolute-git-dir'])).trimEnd();
        return { folder: one.path, entry: { folder: gitDir, lock: 'none', hasIndex: true } };
      }),
  );
}

/** Undefined where the folder does not say. */
async function findOwnEntry(
  gitCommonDir: string,
  { path: folder, isMain }: Listed,
): Promise<WorktreeEntry | undefined> {
  return isMain ? { folder: gitCommonDir, lock: 'none', hasIndex: true } : readOwnEntry(folder, gitCommonDir);
}

/** Tries it on a copy of the index. */
async function findInTheWay(
  folder: string,
  entry: WorktreeEntry,
  { gitCommonDir, from, to }: FilesMove,
  { signal, filters }: Look,
): Promise<Obstacle | undefined> {
  const temporary = await mkdtemp(path.join(tmpdir(), 'stack-index-'));
  try {
    const index = path.join(temporary, 'index');
    await ifThere(copyFile(path.join(entry.folder, 'index'), index));
    // git's own words, which tell a file in the way from a fault of git's.
    const env = { GIT_INDEX_FILE: index, LC_ALL: 'C' };
    const how = { deadlineSeconds: FILES_SECONDS, env, signal };
    const refreshed = await changeGit(folder, REFRESH, how);
    const overwritten = await listOverwritten(folder, from, to);
    const tried = await changeGit(folder, ['read-tree', '-m', '-u', '--dry-run', from, to], how);
    const listed = await listPaths(folder, from, to);
    const changes = new Set(listed.map(({ name }) => name));
    // Of a file that is deleted, or staged as it is to be, git says nothing.
    const { changed, unmerged } = await readUncommitted(folder, { signal });
    if (unmerged.length > 0)
      return {
        reason: `files with conflicts in ${folder} are in the way: ${nameFew(unmerged)}`,
        hint: 'resolve them there, and `git add` them',
        paths: unmerged,
      };
    const paths = [...new Set([...changed.filter((name) => changes.has(name)), ...overwritten])];
    if (paths.length > 0)
      return {
        reason: `uncommitted work in ${folder} is in the way: ${nameFew(paths)}`,
        hint: `commit it, or \`git stash --include-untracked\` in ${folder}`,
        paths,
      };
    const bad = [refreshed, tried].find(({ exitCode }) => exitCode !== 0);
    if (!bad)
      return filters
        ? await findFailing(folder, { gitCommonDir, gitDir: entry.folder, commit: to, listed, signal })
        : undefined;
    const hint = `see what is in the way with \`git read-tree -m -u --dry-run ${from} ${to}\` there`;
    const about = { reason: `git cannot bring the files of ${folder} along: ${sayWhy(bad)}`, hint, paths };
    return isRefusal(bad) ? about : { ...about, failed: true };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Of a file in the way git says `error:`, and ends with 128; of a fault of its own it says `fatal:`, or nothing. */
function isRefusal({ exitCode, stderr, timedOut }: GitChange): boolean {
  return !timedOut && exitCode === 128 && /^error: /m.test(stderr) && !/^fatal: /m.test(stderr);
}

/** A partial clone has to ask its remote for what the files have in them. */
function sayWhy({ exitCode, stderr, timedOut }: GitChange): string {
  if (timedOut) return `no answer within ${FILES_SECONDS} s`;
  return firstLine(stderr) || `exit ${exitCode}`;
}

async function findFailing(
  folder: string,
  {
    listed,
    ...wanted
  }: Omit<Tried, 'names' | 'deadlineSeconds'> & { listed: readonly { status: string; name: string }[] },
): Promise<Obstacle | undefined> {
  const names = listed.filter(({ status }) => status !== 'D').map(({ name }) => name);
  const said = await findFailingFilter(folder, { ...wanted, names, deadlineSeconds: FILES_SECONDS });
  if (said === undefined) return undefined;
  const hint = `see what is wrong with it: \`git config --get-regexp ^filter\` in ${folder} names the programs`;
  return { reason: `git cannot write the files of ${folder}: ${said}`, hint, paths: [], failed: true };
}

/** Without the hook `post-index-change`: it is no news to anybody, and may be of a copy. */
const REFRESH = ['-c', 'core.hooksPath=/dev/null', 'update-index', '-q', '--refresh'];

/**
 * Moves a branch, if it is where it is said to be, and before it the files of all checkouts that are on it. No other git stages, commits
 * or switches in these between the two. Where it fails all is as it was. `onStart` is told of each git that writes files. Throws
 * `conflict` when the branch has moved, with nothing touched; `git`, also when it moves meanwhile, or somebody switches to or from it; `files`.
 */
export async function moveWithFiles(move: FilesMove, how: MoveHow): Promise<void> {
  await withLock(repoLock(move.gitCommonDir), () => moveNow(move, how), { signal: how.signal });
}

interface MoveHow {
  /** For the log of the branch. */
  reason: string;
  onStart?: OnStart | undefined;
  /** Ends the waiting for others who change the repo, never the move. */
  signal?: AbortSignal | undefined;
}

async function moveNow(move: FilesMove, { reason, onStart }: MoveHow): Promise<void> {
  const { gitCommonDir, branch, from, to } = move;
  // Somebody may have moved it while this waited; no file of theirs is to be written then.
  if ((await findLocal(gitCommonDir, branch))?.commit !== from)
    throw new StackError('conflict', `${branch} has moved meanwhile`, { hint: 'run the command again' });
  const checkouts = await listCheckouts(gitCommonDir, branch);
  const begun: string[] = [];
  try {
    await withIndexes(checkouts, async (held) => {
      for (const [folder, index] of held) {
        begun.push(folder);
        await moveFiles(folder, from, to, { index: index.file, onStart });
      }
      for (const [, index] of held) await index.put();
      await requireSame(move, checkouts);
      await moveBranch(checkouts[0]?.folder ?? gitCommonDir, { branch, from, to }, reason);
    });
  } catch (error) {
    // What is left is taken back with the journal; why it failed at first is told.
    for (const folder of begun) await bestEffort(restoreFiles(folder, { written: to, wanted: from }, onStart));
    throw error;
  }
}

/** Runs `work` while the indexes of checkouts are held; what it has put is put back where it throws. */
async function withIndexes(
  checkouts: readonly Checkout[],
  work: (held: ReadonlyMap<string, HeldIndex>) => Promise<void>,
): Promise<void> {
  const held = new Map<string, HeldIndex>();
  try {
    for (const { folder, entry } of checkouts) held.set(folder, await holdIndex(entry.folder));
    await work(held);
  } catch (error) {
    for (const index of held.values()) await index.putBack();
    throw error;
  } finally {
    for (const index of held.values()) await index.release();
  }
}

/** A `git switch` lets go of the index before it changes HEAD. */
async function requireSame({ gitCommonDir, branch }: FilesMove, checkouts: readonly Checkout[]): Promise<void> {
  const known = checkouts.map(({ folder }) => folder);
  const now = (await listCheckouts(gitCommonDir, branch)).map(({ folder }) => folder);
  const changed = [...known.filter((one) => !now.includes(one)), ...now.filter((one) => !known.includes(one))];
  if (changed.length === 0) return;
  throw new StackError(
    'git',
    `cannot move ${branch}: somebody has switched branches in ${changed.join(', ')} meanwhile`,
    {
      hint: 'run the command again',
    },
  );
}

/**
 * Takes a move back, also one that was cut off: the branch, where it is at `moved`, and the files of all checkouts that are on it. Throws
 * `git`, when work that is not committed is in the way too; `files`.
 */
export async function takeMoveBack(
  move: FilesMove,
  { moved, ...how }: Omit<MoveHow, 'signal'> & { moved: string | undefined },
): Promise<void> {
  const { gitCommonDir, branch, from } = move;
  try {
    if (moved !== undefined) await moveWithFiles({ ...move, from: moved, to: from }, how);
    else await withLock(repoLock(gitCommonDir), () => bringFilesBack(move, how.onStart));
  } catch (error) {
    if (!(error instanceof StackError) || (error.code !== 'git' && error.code !== 'conflict')) throw error;
    throw new StackError('git', `a move of ${branch} cannot be taken back: ${error.message}`, {
      hint: error.hint ?? 'commit or `git stash` there what is in the way; then run the command again',
      cause: error,
    });
  }
}

/** Its files may have gone before the branch, in part or all; where they are as they were, nothing happens. */
async function bringFilesBack({ gitCommonDir, branch, from, to }: FilesMove, onStart?: OnStart): Promise<void> {
  for (const { folder } of await listCheckouts(gitCommonDir, branch)) {
    // A new file that is there already would be in the way.
    await restoreFiles(folder, { written: to, wanted: from }, onStart);
    await moveFiles(folder, to, from, { onStart });
  }
}

/** What is not committed and has nothing to do with it stays, in the index too. */
async function moveFiles(
  folder: string,
  from: string,
  to: string,
  { index, onStart }: { index?: string; onStart?: OnStart | undefined } = {},
): Promise<void> {
  const how = { deadlineSeconds: FILES_SECONDS, env: index === undefined ? {} : { GIT_INDEX_FILE: index } };
  // A file that was touched, and is as it was, would count as changed.
  await changeGit(folder, REFRESH, how);
  const done = await changeGit(folder, ['read-tree', '-m', '-u', from, to], { ...how, onStart });
  if (done.exitCode !== 0) throw gitError(`cannot bring the files of ${folder} along`, done);
}
