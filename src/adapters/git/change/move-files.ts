import { existsSync, lstatSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { StackError } from '../../../domain/errors.ts';
import { pathOf } from '../../files/byte-names.ts';
import { ifReadableNow, ifThere } from '../../files/file-errors.ts';
import { askGit, changeGit, firstLine, gitError } from '../git.ts';
import { readUncommitted } from '../merge/work-tree.ts';
import { listOperations, readRebasedBranch, type WorktreeEntry } from '../worktree/entry.ts';
import { listWorktrees } from '../worktree/list.ts';
import { moveBranch } from './move-ref.ts';
import { restoreFiles } from './restore-files.ts';

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
  /** The branch; undefined when HEAD is detached. */
  on: string | undefined;
  /** Where git keeps what is its own: index, HEAD, what is under way. */
  entry: WorktreeEntry;
}

/** Why the files of a checkout cannot go along. */
export interface Obstacle {
  reason: string;
  hint: string;
  /** Relative to the checkout; [] where it is not about files. */
  paths: string[];
}

/** Is told git's process number as soon as it runs. */
type OnStart = (pid: number) => void;

/** A large repo on a slow disk. */
const FILES_SECONDS = 600;

/** Returns where a branch is checked out: nowhere, in one folder, or in several where somebody forced git. Throws `git`. */
export async function listCheckouts(gitCommonDir: string, branch: string): Promise<Checkout[]> {
  return (await lookAtCheckouts(gitCommonDir)).filter(({ on }) => on === branch);
}

/**
 * Returns why a branch cannot be moved with the files of its checkouts; undefined where it can. What is not committed in them stays, as
 * long as the move has nothing to do with it. Touches nothing. Throws `git`, `files`.
 */
export async function findObstacle({ gitCommonDir, branch, from, to }: FilesMove): Promise<Obstacle | undefined> {
  const away = await findAway(gitCommonDir, branch);
  if (away) return away;
  for (const { folder, entry, on } of await lookAtCheckouts(gitCommonDir)) {
    const isOn = on === branch;
    const [operation] = listOperations(entry);
    const isBusy = isOn ? operation !== undefined : (await readRebasedBranch(entry)) === branch;
    if (isBusy) {
      const verb = (operation ?? 'a rebase').replace(/^an? /, '');
      const hint = `finish it first: \`git ${verb} --continue\` or \`git ${verb} --abort\` in ${folder}`;
      return { reason: `${operation ?? 'a rebase'} of ${branch} is under way in ${folder}`, hint, paths: [] };
    }
    const inTheWay = isOn ? await findInTheWay(folder, entry, { from, to }) : undefined;
    if (inTheWay) return inTheWay;
  }
  return undefined;
}

/** One that is locked may be on a disk that is away. */
async function listKept(gitCommonDir: string) {
  return (await listWorktrees(gitCommonDir)).filter((one) => !one.bare && !one.prunable);
}

/** Returns where a branch is checked out in a folder that is away, so that its files cannot go along. */
async function findAway(gitCommonDir: string, branch: string): Promise<Obstacle | undefined> {
  const away = (await listKept(gitCommonDir)).find((one) => one.branch === branch && !existsSync(one.path));
  if (!away) return undefined;
  const hint = 'bring that disk back, or switch to another branch there';
  return { reason: `${branch} is checked out in ${away.path}, which is not there`, hint, paths: [] };
}

async function lookAtCheckouts(gitCommonDir: string): Promise<Checkout[]> {
  return Promise.all(
    (await listKept(gitCommonDir))
      .filter((one) => existsSync(one.path))
      .map(async ({ path: folder, branch: on }) => {
        const gitDir = (await askGit(folder, ['rev-parse', '--absolute-git-dir'])).trimEnd();
        return { folder, on, entry: { folder: gitDir, lock: 'none', hasIndex: true } };
      }),
  );
}

/** Tries it on a copy of the index. */
async function findInTheWay(
  folder: string,
  entry: WorktreeEntry,
  { from, to }: { from: string; to: string },
): Promise<Obstacle | undefined> {
  const temporary = await mkdtemp(path.join(tmpdir(), 'stack-index-'));
  try {
    const index = path.join(temporary, 'index');
    await ifThere(copyFile(path.join(entry.folder, 'index'), index));
    const env = { GIT_INDEX_FILE: index };
    await changeGit(folder, REFRESH, { deadlineSeconds: FILES_SECONDS, env });
    const overwritten = await listOverwritten(folder, from, to);
    const tried = await changeGit(folder, ['read-tree', '-m', '-u', '--dry-run', from, to], {
      ...{ deadlineSeconds: FILES_SECONDS, env },
    });
    const changes = new Set((await listPaths(folder, from, to)).map(({ name }) => name));
    // Of a file that is deleted, or staged as it is to be, git says nothing.
    const { changed } = await readUncommitted(folder);
    const paths = [...new Set([...changed.filter((name) => changes.has(name)), ...overwritten])];
    if (tried.exitCode === 0 && paths.length === 0) return undefined;
    const what = paths.length > 0 ? paths.join(', ') : firstLine(tried.stderr);
    return {
      reason: `uncommitted work in ${folder} is in the way: ${what}`,
      hint: `commit it, or \`git stash --include-untracked\` in ${folder}`,
      paths,
    };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

const REFRESH = ['update-index', '-q', '--refresh'];

/**
 * Returns what nobody can get back and git would write over on the way from one commit to another, relative to the checkout: it takes
 * ignored files for its own, also where a file comes in the place of their folder, or a folder in theirs. Throws `git`.
 */
export async function listOverwritten(folder: string, from: string, to: string): Promise<string[]> {
  const added = (await listPaths(folder, from, to)).filter(({ status }) => status === 'A').map(({ name }) => name);
  const [files, folders] = [new Set<string>(), new Set<string>()];
  for (const name of added) {
    const { at, isFolder } = findLast(folder, name);
    if (at !== undefined && !isFolder) files.add(at);
    else if (at === name) folders.add(name);
  }
  const list = async (how: readonly string[], names: ReadonlySet<string>): Promise<string[]> =>
    names.size === 0
      ? []
      : (await askGit(folder, ['--literal-pathspecs', 'ls-files', '-z', ...how, '--', ...names]))
          .split('\0')
          .filter(Boolean);
  const [known, inside] = await Promise.all([list([], files), list(['--others'], folders)]);
  return [...[...files].filter((name) => !known.includes(name)), ...inside];
}

/** Returns the part of a path that is there: all of it, the first that is no folder, or the last folder. */
function findLast(folder: string, name: string): { at: string | undefined; isFolder: boolean } {
  let at: string | undefined;
  for (const part of name.split('/')) {
    const next = at === undefined ? part : `${at}/${part}`;
    const found = ifReadableNow(() => lstatSync(pathOf(path.join(folder, next))));
    if (!found) break;
    at = next;
    if (!found.isDirectory()) return { at, isFolder: false };
  }
  return { at, isFolder: true };
}

async function listPaths(folder: string, from: string, to: string): Promise<{ status: string; name: string }[]> {
  const options = ['-r', '-z', '--name-status', '--no-renames', '--ignore-submodules=none'];
  const parts = (await askGit(folder, ['diff-tree', ...options, from, to, '--'])).split('\0');
  return parts.flatMap((name, at) => (at % 2 === 1 ? [{ status: parts[at - 1] ?? '', name }] : []));
}

/**
 * Moves a branch, if it is where it is said to be, and before it the files of all checkouts that are on it. Where it fails all is as it
 * was. `onStart` is told of each git that writes files. Throws `git`, also when the branch has moved.
 */
export async function moveWithFiles(
  { gitCommonDir, branch, from, to }: FilesMove,
  { reason, onStart }: { reason: string; onStart: OnStart },
): Promise<void> {
  const checkouts = await listCheckouts(gitCommonDir, branch);
  const moved: string[] = [];
  try {
    for (const { folder } of checkouts) {
      moved.push(folder);
      await moveFiles(folder, from, to, onStart);
    }
    await moveBranch(checkouts[0]?.folder ?? gitCommonDir, { branch, from, to }, reason);
  } catch (error) {
    for (const folder of moved) await moveFiles(folder, to, from);
    throw error;
  }
}

/**
 * Takes the files of all checkouts of a branch from what they were moved to back to what they were; where they are so, nothing happens.
 * The branch itself is back already. Throws `git`.
 */
export async function bringFilesBack({ gitCommonDir, branch, from, to }: FilesMove): Promise<void> {
  for (const { folder } of await listCheckouts(gitCommonDir, branch)) {
    try {
      // A new file that is there already would be in the way.
      await restoreFiles(folder, { written: to, wanted: from });
      await moveFiles(folder, to, from);
    } catch (error) {
      if (!(error instanceof StackError) || error.code !== 'git') throw error;
      throw new StackError('git', `the files of ${folder} cannot be taken back: ${error.message}`, {
        hint: `\`git stash\` in ${folder} saves what is in the way; then run the command again`,
        cause: error,
      });
    }
  }
}

/** What is not committed and has nothing to do with it stays, in the index too. */
async function moveFiles(folder: string, from: string, to: string, onStart?: OnStart): Promise<void> {
  // A file that was touched, and is as it was, would count as changed.
  await changeGit(folder, REFRESH, { deadlineSeconds: FILES_SECONDS });
  const done = await changeGit(folder, ['read-tree', '-m', '-u', from, to], {
    deadlineSeconds: FILES_SECONDS,
    onStart,
  });
  if (done.exitCode !== 0) throw gitError(`cannot bring the files of ${folder} along`, done);
}
