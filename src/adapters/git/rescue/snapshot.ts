import { copyFile, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StackError } from '../../../domain/errors.ts';
import { bytesOf } from '../../files/byte-names.ts';
import { isThere } from '../../files/files.ts';
import { askGit, changeGit, gitError, inArguments, tryGit } from '../git.ts';
import { lookIn } from '../risk/inside.ts';
import { type GitFolders, NO_FILTERS, withRawView } from '../risk/raw-view.ts';
import { listLinks, listUnfilled } from '../unfilled.ts';
import { listHidden } from '../worktree/assume-unchanged.ts';
import { listDeclared } from '../worktree/submodule.ts';

/** All files of a worktree, and what of them was staged. */
export interface Snapshot {
  /** The commit that keeps them; its parents are HEAD and, where need be, a commit of what was staged. */
  commit: string;
  /** Tree of all files as they were. */
  files: string;
  /** Tree of the index. */
  staged: string;
}

/** Large files take a while to be packed. */
const SNAPSHOT_SECONDS = 600;
/** What of a repo's settings says how its files lie on the disk. */
const FILE_SETTINGS = '^core\\.(filemode|symlinks|ignorecase|precomposeunicode|autocrlf|eol)$';
/** What a partial clone has not fetched is not needed for a tree. */
const WRITE_TREE = ['write-tree', '--missing-ok'];

/** Commits of ours need no person, and must not fail where git knows none. */
const IDENTITY = {
  GIT_AUTHOR_NAME: 'stack',
  GIT_AUTHOR_EMAIL: 'stack@localhost',
  GIT_COMMITTER_NAME: 'stack',
  GIT_COMMITTER_EMAIL: 'stack@localhost',
};

/** What is taken of a worktree. Paths are relative to it. */
export interface Wanted {
  /** Files that git ignores and that are taken too. */
  ignored?: readonly string[];
  /** Files in other repos that are taken without those. */
  inRepos?: readonly string[];
  /** These alone, and what is staged, as far as git can keep them; default: all that git does not ignore. */
  only?: readonly string[] | undefined;
  /** Tells which other repos among the files are left out; asked for only where there is one. Default: none. */
  listPassedOver?: PassedOver | undefined;
}

type PassedOver = () => Promise<readonly string[]>;

/**
 * Takes all files of a worktree as they are, those that git ignores only when named, with an index of its own: the person's
 * is not touched, and no filter runs. Undefined when all is as in HEAD. Throws `git`, and `dirty` for a repo among the files that
 * is not passed over.
 */
export async function takeSnapshot(
  folder: string,
  folders: GitFolders,
  { ignored = [], inRepos = [], only, listPassedOver = async () => [] }: Wanted,
): Promise<Snapshot | undefined> {
  const [untracked, settings, unfilled] = await Promise.all([
    askGit(folder, ['ls-files', '-z', '--others', '--exclude-standard']),
    listSettings(folder),
    listUnfilled(folder),
  ]);
  const take = async (view: string): Promise<Snapshot | undefined> => {
    const index = path.join(view, 'snapshot');
    const plain = gitWith(folder, { GIT_DIR: view, GIT_WORK_TREE: folder, GIT_INDEX_FILE: index });
    const git: Git = (args, inputFile) => plain([...settings, ...args], inputFile);
    await copyIndex(path.join(folders.gitDir, 'index'), index);
    const head = (await tryGit(folder, ['rev-parse', '--verify', '--quiet', 'HEAD'])).stdout.trim();
    // A branch without a commit has no files yet.
    const tree = head === '' ? await git(['mktree']) : await git(['rev-parse', `${head}^{tree}`]);
    // A merge with conflicts has no staged tree.
    const isMerged = (await git(['ls-files', '--unmerged', '-z'])) === '';
    const staged = isMerged ? await git(WRITE_TREE) : tree;
    await showHidden(git, folder);
    await requireOutsideRepos(folder, ignored);
    const names = only ?? (await listToTake(git, untracked.split('\0'), unfilled));
    const wanted = [...new Set([...names, ...ignored, ...inRepos].filter((name) => name !== ''))];
    const added = await putIntoIndex(git, { folder, list: `${index}.paths` }, wanted);
    if (!only) {
      await requireAdded(git, folder, added);
      const repos = wanted.filter((name) => name.endsWith('/'));
      await requireNoRepos(folder, git, { since: tree, repos, listPassedOver });
    }
    const files = await git(WRITE_TREE);
    if (files === tree && staged === tree) return undefined;
    const base = head === '' ? [] : [head];
    const parents = staged === tree || staged === files ? base : [...base, await commitTree(git, staged, base)];
    return { commit: await commitTree(git, files, parents), files, staged };
  };
  return withRawView(folders, take, NO_FILTERS);
}

/** Returns what is new, and what git finds to be otherwise than in the index: at the rest nobody needs to look. */
async function listToTake(
  git: Git,
  untracked: readonly string[],
  unfilled: ReadonlyMap<string, string[]>,
): Promise<string[]> {
  const options = ['-z', '--name-only', '--no-renames', '--ignore-submodules=dirty'];
  const changed = (await git(['diff-files', ...options])).split('\0');
  // Its files take the place of a submodule that was never filled.
  const names = [...changed, ...untracked].filter((name) => !unfilled.has(name));
  return [...names, ...[...unfilled.values()].flat()];
}

/** Returns what a repo's settings say of how its files lie on the disk, as options of git. Throws `git`. */
export async function listSettings(folder: string): Promise<string[]> {
  const { stdout } = await tryGit(folder, ['config', '-z', '--get-regexp', FILE_SETTINGS]);
  const entries = stdout.split('\0').filter((entry) => entry.includes('\n'));
  return ['-c', 'core.safecrlf=false', ...entries.flatMap((entry) => ['-c', entry.replace('\n', '=')])];
}

/** By its time git knows which files may have changed in the moment that it was written. */
async function copyIndex(from: string, to: string): Promise<void> {
  await copyFile(from, to);
  const seconds = Math.floor((await stat(from)).mtimeMs) / 1000;
  await utimes(to, seconds, seconds);
}

/** In this index git passes over none of the files that are there. */
async function showHidden(git: Git, folder: string): Promise<void> {
  // Git itself passes over fewer where a sparse checkout is set, of which this index knows nothing.
  for (const files of inArguments(await listHidden(folder, git))) {
    // Told both at once it does the one alone.
    for (const flag of ['--no-skip-worktree', '--no-assume-unchanged'])
      await git(['update-index', flag, '--', ...files]);
  }
}

/**
 * Brings what an index has of some paths up to what is on the disk. Not with `git add`: that compares every path with every
 * file, a quarter of a minute for 30,000. Returns the files that are there. Throws `git`.
 */
export async function putIntoIndex(
  git: Git,
  { folder, list }: { folder: string; list: string },
  names: readonly string[],
): Promise<string[]> {
  const look = lookIn(folder);
  const files = names.filter((name) => !name.endsWith('/'));
  const odd = new Map(
    files.flatMap((name) => {
      const { place } = look(name);
      return place === 'folder' || place === 'other' ? [[name, place]] : [];
    }),
  );
  // Only a folder may be a submodule, and to list an index takes a process.
  const isAsked = [...odd.values()].includes('folder');
  const links = new Set(isAsked ? listLinks(await git(['ls-files', '--stage', '-z'])) : []);
  // Where a file was there may be a folder or a pipe now, and where a folder was a link.
  const isGone = (name: string): boolean => odd.has(name) && !(odd.get(name) === 'folder' && links.has(name));
  const update = async (flags: readonly string[], paths: readonly string[]): Promise<void> => {
    if (paths.length === 0) return;
    await writeFile(list, bytesOf(paths.map((name) => `${name}\0`).join('')));
    await git(['update-index', ...flags, '-z', '--stdin'], list);
  };
  await update(['--force-remove'], files.filter(isGone));
  const there = files.filter((name) => !isGone(name));
  await update(['--add', '--remove', '--replace', '--ignore-skip-worktree-entries'], there);
  return there;
}

/** Throws `dirty` where an index lacks files: git passes over names that it keeps for itself (`git~1`), and ends with 0 all the same. */
export async function requireAdded(git: Git, folder: string, files: readonly string[]): Promise<void> {
  const added = new Set((await git(['ls-files', '-z'])).split('\0'));
  const missing = files.filter((file) => !added.has(file));
  const isLeft = await Promise.all(missing.map((file) => isThere(path.join(folder, file))));
  const left = missing.filter((_, index) => isLeft[index]);
  if (left.length === 0) return;
  throw new StackError('dirty', `git cannot keep a file with this name: ${path.join(folder, left[0] ?? '')}`, {
    hint: 'give it another name, or move it out of the ticket, then run the command again',
    details: { paths: left },
  });
}

/** Throws `dirty` for a file in another repo: it would be saved without that repo. */
export async function requireOutsideRepos(folder: string, files: readonly string[]): Promise<void> {
  const firstIn = new Map<string, string>();
  for (const file of files) {
    // A folder ends in `/`, and is a repo then.
    for (let above = path.dirname(`${file}.`); above !== '.' && !firstIn.has(above); above = path.dirname(above)) {
      firstIn.set(above, file);
    }
  }
  for (const [above, file] of firstIn) {
    if (!(await isThere(path.join(folder, above, '.git')))) continue;
    throw new StackError('dirty', `${path.join(folder, file)} belongs to a git repo of its own and cannot be saved`, {
      hint: 'move that repo out of the ticket, then run the command again',
      details: { paths: [above] },
    });
  }
}

/** Another repo among the files would be saved as a mere commit id. Submodules are saved on their own. */
async function requireNoRepos(
  folder: string,
  git: Git,
  { since, repos, listPassedOver }: { since: string; repos: readonly string[]; listPassedOver: PassedOver },
): Promise<void> {
  const fields = (await git(['diff-index', '--cached', '--raw', '-z', '--no-renames', since])).split('\0');
  const added = fields.filter((_, index) => fields[index - 1]?.startsWith(':000000 160000 '));
  const found = [...added, ...repos.map((name) => name.slice(0, -1))];
  if (found.length === 0) return;
  const [submodules, passedOver] = await Promise.all([listDeclared(folder), listPassedOver()]);
  const known = new Set([...submodules.map((one) => one.path), ...passedOver]);
  const strangers = found.filter((name) => !known.has(name));
  if (strangers.length === 0) return;
  throw new StackError(
    'dirty',
    `${path.join(folder, strangers[0] ?? '')} is a git repo of its own and cannot be saved`,
    { hint: 'move it out of the ticket, then run the command again', details: { paths: strangers } },
  );
}

/** Makes a commit of a tree. Throws `git`. */
export async function commitTree(
  git: Git,
  tree: string,
  parents: readonly string[],
  message = 'Work saved by stack',
): Promise<string> {
  const flags = parents.flatMap((parent) => ['-p', parent]);
  return git(['commit-tree', '-m', message, ...flags, tree]);
}

/** With `inputFile`, git reads that. */
export type Git = (args: readonly string[], inputFile?: string) => Promise<string>;

/** Returns a git that changes things as stack itself, needing nobody's name, and prints one answer. Throws `git`. */
export function gitWith(cwd: string, env: Record<string, string>): Git {
  return async (args, inputFile) => {
    const options = { deadlineSeconds: SNAPSHOT_SECONDS, env: { ...IDENTITY, ...env }, inputFile };
    const done = await changeGit(cwd, args, options);
    if (done.exitCode !== 0) throw gitError(`cannot save the work in ${cwd}`, done);
    return done.stdout.trimEnd();
  };
}

/** Returns a commit that leads to all of them, with the first one's files. Throws `git`. */
export async function joinCommits(
  cwd: string,
  tips: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  return commitTree(gitWith(cwd, env), `${tips[0]}^{tree}`, tips);
}

/** Returns the ids that are some, each once. */
export function unique(commits: readonly (string | undefined)[]): string[] {
  return [...new Set(commits.filter((commit) => commit !== undefined && commit !== ''))] as string[];
}
