import { randomBytes } from 'node:crypto';
import { copyFile, lstat, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StackError } from '../../domain/errors.ts';
import { bytesOf } from '../byte-names.ts';
import { isThere } from '../files.ts';
import { askGit, changeGit, gitError, tryGit } from './git.ts';
import { listHidden } from './hidden.ts';
import { listDeclared } from './submodule.ts';
import { isUsual } from './usual-files.ts';

/** All files of a worktree, and what of them was staged. */
export interface Snapshot {
  /** The commit that keeps them; its parents are HEAD and, where need be, a commit of what was staged. */
  commit: string;
  /** Tree of all files as they were. */
  files: string;
  /** Tree of the index. */
  staged: string;
}

/** `add -A` cleans every file through its filters, and LFS may be slow. */
const SNAPSHOT_SECONDS = 600;
/** A person's settings must not leave a file out: what is outside of a sparse checkout, line ends git would not give back. */
const EVERY_FILE = ['-c', 'core.safecrlf=false', '-c', 'core.sparseCheckout=false'];
/** As many paths as a command line surely has room for. */
const ARGUMENTS = 200;

/** Commits of ours need no person, and must not fail where git knows none. */
const IDENTITY = {
  GIT_AUTHOR_NAME: 'stack',
  GIT_AUTHOR_EMAIL: 'stack@localhost',
  GIT_COMMITTER_NAME: 'stack',
  GIT_COMMITTER_EMAIL: 'stack@localhost',
};

/**
 * Takes all files of a worktree as they are, those that git ignores only when named, with a temporary index: the person's
 * own is not touched. Undefined when all is as in HEAD. Throws `git`, and `dirty` for a repo among the files.
 */
export async function takeSnapshot(
  folder: string,
  gitDir: string,
  ignored: readonly string[] = [],
): Promise<Snapshot | undefined> {
  const index = temporaryIndex(gitDir);
  const git = gitWith(folder, { GIT_INDEX_FILE: index });
  try {
    await copyFile(path.join(gitDir, 'index'), index);
    const head = (await tryGit(folder, ['rev-parse', '--verify', '--quiet', 'HEAD'])).stdout.trim();
    // A branch without a commit has no files yet.
    const tree = head === '' ? await git(['mktree']) : await git(['rev-parse', `${head}^{tree}`]);
    // A merge with conflicts has no staged tree.
    const staged = await git(['write-tree']).catch(() => tree);
    await showHidden(git, folder);
    await git([...EVERY_FILE, 'add', '--all', '--', '.']);
    await addIgnored(git, { folder, index, ignored });
    await requireNoRepos(folder, git, tree);
    const files = await git(['write-tree']);
    if (files === tree && staged === tree) return undefined;
    const base = head === '' ? [] : [head];
    const parents = staged === tree || staged === files ? base : [...base, await commitTree(git, staged, base)];
    return { commit: await commitTree(git, files, parents), files, staged };
  } finally {
    await Promise.all(['', '.lock', '.paths'].map((end) => rm(`${index}${end}`, { force: true })));
  }
}

/** Gives a commit of the files in a folder that is no worktree any more; undefined when it has none. */
export async function snapshotFolder(repo: string, folder: string): Promise<Snapshot | undefined> {
  const there = await lstat(folder).catch(() => undefined);
  if (!there?.isDirectory()) return undefined;
  const gitDir = (await askGit(repo, ['rev-parse', '--absolute-git-dir'])).trimEnd();
  const index = temporaryIndex(gitDir);
  const git = gitWith(folder, { GIT_INDEX_FILE: index, GIT_DIR: gitDir, GIT_WORK_TREE: folder });
  try {
    await git([...EVERY_FILE, 'add', '--all', '--', '.']);
    await requireNoRepos(folder, git, await git(['mktree']));
    const staged = await git(['write-tree']);
    // No notes tell any more which of them a person made.
    const hidden = (await git(['ls-files', '--others', '--ignored', '--exclude-standard', '-z'])).split('\0');
    await addIgnored(git, { folder, index, ignored: hidden.filter((file) => file !== '' && !isUsual(file)) });
    const files = await git(['write-tree']);
    if ((await git(['ls-tree', files])) === '') return undefined;
    return { commit: await commitTree(git, files, []), files, staged };
  } finally {
    await Promise.all(['', '.paths'].map((end) => rm(`${index}${end}`, { force: true })));
  }
}

/** Gives a commit of some files in a folder that belongs to no repo. Throws `git`, and `dirty` for a repo among them. */
export async function snapshotFiles(
  repo: string,
  folder: string,
  files: readonly string[],
): Promise<Pick<Snapshot, 'commit' | 'files'>> {
  return withIndexOf(repo, folder, async (git, index) => {
    await addIgnored(git, { folder, index, ignored: files });
    const tree = await git(['write-tree']);
    return { commit: await commitTree(git, tree, []), files: tree };
  });
}

/** Puts the files of a tree into a folder that belongs to no repo; what is there stays. Throws `git`. */
export async function bringBackFiles(repo: string, folder: string, tree: string): Promise<void> {
  await withIndexOf(repo, folder, async (git) => {
    await git(['read-tree', tree]);
    await git(['checkout-index', '--all', '--quiet']);
  });
}

/** Takes a folder for the files of a repo, with an index of its own. */
async function withIndexOf<Result>(
  repo: string,
  folder: string,
  use: (git: Git, index: string) => Promise<Result>,
): Promise<Result> {
  const gitDir = (await askGit(repo, ['rev-parse', '--absolute-git-dir'])).trimEnd();
  const index = temporaryIndex(gitDir);
  try {
    return await use(gitWith(folder, { GIT_INDEX_FILE: index, GIT_DIR: gitDir, GIT_WORK_TREE: folder }), index);
  } finally {
    await Promise.all(['', '.lock', '.paths'].map((end) => rm(`${index}${end}`, { force: true })));
  }
}

/** In this index git passes over none of the files that are there. */
async function showHidden(git: Git, folder: string): Promise<void> {
  const hidden = await listHidden(folder);
  for (let from = 0; from < hidden.length; from += ARGUMENTS) {
    const files = hidden.slice(from, from + ARGUMENTS);
    // Told both at once it does the one alone.
    for (const flag of ['--no-skip-worktree', '--no-assume-unchanged'])
      await git(['update-index', flag, '--', ...files]);
  }
}

/** Not with `git add`: that compares every path with every file, a quarter of a minute for 30,000. */
async function addIgnored(
  git: Git,
  { folder, index, ignored }: { folder: string; index: string; ignored: readonly string[] },
): Promise<void> {
  if (ignored.length === 0) return;
  await requireOutsideRepos(folder, ignored);
  const list = `${index}.paths`;
  await writeFile(list, bytesOf(ignored.map((file) => `${file}\0`).join('')));
  // One that has just gone is nothing to save.
  const flags = ['--add', '--remove', '-z', '--stdin'];
  await git([...EVERY_FILE, 'update-index', ...flags], list);
  await requireAdded(git, folder, ignored);
}

/** It passes over names that git keeps for itself (`git~1`), and ends with 0 all the same. */
async function requireAdded(git: Git, folder: string, files: readonly string[]): Promise<void> {
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

/** What is in another repo would be saved without that repo. */
async function requireOutsideRepos(folder: string, files: readonly string[]): Promise<void> {
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
async function requireNoRepos(folder: string, git: Git, since: string): Promise<void> {
  const fields = (await git(['diff-index', '--cached', '--raw', '-z', '--no-renames', since])).split('\0');
  const added = fields.filter((_, index) => fields[index - 1]?.startsWith(':000000 160000 '));
  const submodules = added.length === 0 ? [] : await listDeclared(folder);
  const strangers = added.filter((name) => submodules.every((one) => one.path !== name));
  if (strangers.length === 0) return;
  throw new StackError(
    'dirty',
    `${path.join(folder, strangers[0] ?? '')} is a git repo of its own and cannot be saved`,
    {
      hint: 'move it out of the ticket, then run the command again',
      details: { paths: strangers },
    },
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

/** Gives a git that changes things as stack itself, needing nobody's name, and prints one answer. Throws `git`. */
export function gitWith(cwd: string, env: Record<string, string>): Git {
  return async (args, inputFile) => {
    const options = { deadlineSeconds: SNAPSHOT_SECONDS, env: { ...IDENTITY, ...env }, inputFile };
    const done = await changeGit(cwd, args, options);
    if (done.exitCode !== 0) throw gitError(`cannot save the work in ${cwd}`, done);
    return done.stdout.trim();
  };
}

function temporaryIndex(gitDir: string): string {
  return path.join(gitDir, `stack-index-${randomBytes(4).toString('hex')}`);
}
