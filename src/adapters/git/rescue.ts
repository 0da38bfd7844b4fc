import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, lstat, rm } from 'node:fs/promises';
import path from 'node:path';
import { StackError } from '../../domain/errors.ts';
import { findLocal } from './branch.ts';
import { readOwnEntry, type WorktreeEntry } from './entry.ts';
import { askGit, changeGit, gitError } from './git.ts';
import { listLonelyCommits, listLonelyInSubmodule, readDetachedHead } from './risk.ts';
import { listDeclared, listSubmodules, type Submodule } from './submodule.ts';

export interface RescueOptions {
  repoPath: string;
  worktree: string;
  branch: string;
  /** Full name of the ref that is to keep the work: `refs/stack/rescue/<ticket>/<time>`. */
  ref: string;
}

/** `add -A` cleans every file through its filters, and LFS may be slow. */
const SNAPSHOT_SECONDS = 600;

/** Commits of ours need no person, and must not fail where git knows none. */
const IDENTITY = {
  GIT_AUTHOR_NAME: 'stack',
  GIT_AUTHOR_EMAIL: 'stack@localhost',
  GIT_COMMITTER_NAME: 'stack',
  GIT_COMMITTER_EMAIL: 'stack@localhost',
};

/**
 * Saves all work that would be lost with a worktree and its branch: a commit with every file as it is (untracked ones too,
 * ignored ones not) whose parents are HEAD, what was staged, and the branch. The worktree and its index are not touched.
 * Gives the ref; undefined when there was nothing to save. A submodule's work goes to refs that begin with the same name.
 * Throws `git`, and `dirty` for what git cannot save (another repo among the files).
 */
export async function rescueWork({ repoPath, worktree, branch, ref }: RescueOptions): Promise<string | undefined> {
  const entry = await readOwnEntry(worktree);
  const cwd = existsSync(repoPath) ? repoPath : entry && worktree;
  if (cwd === undefined) return undefined;
  const linked = entry?.hasIndex ? entry : undefined;
  const inSubmodules = linked !== undefined && (await rescueSubmodules(cwd, worktree, linked, ref));
  const tips = linked ? await saveLinked(cwd, worktree, linked, branch) : await saveFolder(cwd, worktree, branch);
  const [first] = tips;
  if (first === undefined) return inSubmodules ? ref : undefined;
  await keep(cwd, ref, tips.length === 1 ? first : await joinCommits(cwd, tips));
  return ref;
}

/** Gives the commits that lead to all of a worktree's work, its files' first. */
async function saveLinked(cwd: string, worktree: string, entry: WorktreeEntry, branch: string): Promise<string[]> {
  const snapshot = await takeSnapshot(worktree, entry.folder);
  const lonely = await listLonelyCommits(cwd, { branch, ownsBranch: true }, worktree);
  if (lonely.length === 0) return unique([snapshot]);
  const tip = (await findLocal(cwd, branch))?.commit;
  if (snapshot === undefined) return unique([await readDetachedHead(worktree), tip]);
  // A snapshot leads to HEAD, which is the branch's tip unless it is detached or elsewhere.
  const head = (await askGit(worktree, ['rev-parse', 'HEAD'])).trim();
  return unique([snapshot, tip === head ? undefined : tip]);
}

async function saveFolder(cwd: string, folder: string, branch: string): Promise<string[]> {
  const files = await snapshotFolder(cwd, folder);
  const lonely = await listLonelyCommits(cwd, { branch, ownsBranch: true }, undefined);
  return unique([files, lonely.length === 0 ? undefined : (await findLocal(cwd, branch))?.commit]);
}

/** Gives a commit of all files as they are, undefined when they are as in HEAD. */
async function takeSnapshot(folder: string, gitDir: string): Promise<string | undefined> {
  const index = temporaryIndex(gitDir);
  const git = gitWith(folder, { GIT_INDEX_FILE: index });
  try {
    await copyFile(path.join(gitDir, 'index'), index);
    const head = (await askGit(folder, ['rev-parse', 'HEAD', 'HEAD^{tree}'])).split('\n');
    const [commit = '', tree = ''] = head;
    // A merge with conflicts has no staged tree.
    const staged = await git(['write-tree']).catch(() => tree);
    await git(['-c', 'core.safecrlf=false', 'add', '--all', '--', '.']);
    await requireNoRepos(folder, git);
    const files = await git(['write-tree']);
    if (files === tree && staged === tree) return undefined;
    const parents = staged === tree || staged === files ? [commit] : [commit, await commitTree(git, staged, [commit])];
    return await commitTree(git, files, parents);
  } finally {
    await rm(index, { force: true });
    await rm(`${index}.lock`, { force: true });
  }
}

/** Gives a commit of the files in a folder that is no worktree any more; undefined when it has none. */
async function snapshotFolder(repo: string, folder: string): Promise<string | undefined> {
  const there = await lstat(folder).catch(() => undefined);
  if (!there?.isDirectory()) return undefined;
  const gitDir = (await askGit(repo, ['rev-parse', '--absolute-git-dir'])).trimEnd();
  const index = temporaryIndex(gitDir);
  const git = gitWith(folder, { GIT_INDEX_FILE: index, GIT_DIR: gitDir, GIT_WORK_TREE: folder });
  try {
    await git(['add', '--all', '--', '.']);
    const files = await git(['write-tree']);
    return (await git(['ls-tree', files])) === '' ? undefined : await commitTree(git, files, []);
  } finally {
    await rm(index, { force: true });
  }
}

/** True when something was saved. A submodule's commits go into the repo itself: its own git folder goes with the worktree. */
async function rescueSubmodules(cwd: string, worktree: string, entry: WorktreeEntry, ref: string): Promise<boolean> {
  const submodules = await listSubmodules(worktree, entry);
  const saved = await Promise.all(submodules.map((submodule) => rescueSubmodule(cwd, submodule, ref)));
  return saved.includes(true);
}

async function rescueSubmodule(cwd: string, submodule: Submodule, ref: string): Promise<boolean> {
  const { folder, gitDir, path: relative } = submodule;
  const snapshot = await takeSnapshot(folder, gitDir);
  const lonely = await listLonelyInSubmodule(submodule);
  if (snapshot === undefined && lonely.length === 0) return false;
  const refs = (await askGit(folder, ['for-each-ref', '--format=%(objectname)', 'refs/heads', 'refs/stash'])).split(
    '\n',
  );
  const head = (await askGit(folder, ['rev-parse', 'HEAD'])).trim();
  const tips = unique([snapshot ?? head, ...refs.filter((tip) => tip !== head)]);
  const commit = tips.length === 1 ? (snapshot ?? head) : await joinCommits(folder, tips);
  const target = `${ref}-${relative.replaceAll(/[^A-Za-z0-9_-]+/g, '-')}`;
  const options = ['--quiet', '--no-tags', '--no-write-fetch-head', '--no-auto-gc', '--no-recurse-submodules'];
  await gitWith(cwd, {})(['fetch', ...options, gitDir, `${commit}:${target}`]);
  return true;
}

/** Another repo among the files would be saved as a mere commit id. Submodules are saved on their own. */
async function requireNoRepos(folder: string, git: Git): Promise<void> {
  const fields = (await git(['diff-index', '--cached', '--raw', '-z', '--no-renames', 'HEAD'])).split('\0');
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

/** Gives a commit that leads to all of them, with the first one's files. */
async function joinCommits(cwd: string, tips: readonly string[]): Promise<string> {
  return commitTree(gitWith(cwd, {}), `${tips[0]}^{tree}`, tips);
}

async function commitTree(git: Git, tree: string, parents: readonly string[]): Promise<string> {
  const flags = parents.flatMap((parent) => ['-p', parent]);
  return git(['commit-tree', '-m', 'Work saved by stack', ...flags, tree]);
}

/** The empty old value: a ref that is there already is never overwritten. */
async function keep(cwd: string, ref: string, commit: string): Promise<void> {
  await gitWith(cwd, {})(['update-ref', '-m', 'stack: saved', ref, commit, '0'.repeat(commit.length)]);
}

type Git = (args: readonly string[]) => Promise<string>;

function gitWith(cwd: string, env: Record<string, string>): Git {
  return async (args) => {
    const done = await changeGit(cwd, args, { deadlineSeconds: SNAPSHOT_SECONDS, env: { ...IDENTITY, ...env } });
    if (done.exitCode !== 0) throw gitError(`cannot save the work in ${cwd}`, done);
    return done.stdout.trim();
  };
}

function temporaryIndex(gitDir: string): string {
  return path.join(gitDir, `stack-index-${randomBytes(4).toString('hex')}`);
}

function unique(commits: readonly (string | undefined)[]): string[] {
  return [...new Set(commits.filter((commit) => commit !== undefined && commit !== ''))] as string[];
}
