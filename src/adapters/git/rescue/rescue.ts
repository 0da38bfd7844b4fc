import { existsSync } from 'node:fs';
import path from 'node:path';
import { StackError } from '../../../domain/errors.ts';
import { findLocal } from '../branch.ts';
import { listUnreachableCommits } from '../commits.ts';
import { tryGit } from '../git.ts';
import { listPassedOver } from '../risk/inside-risk.ts';
import { findOwnCommits } from '../risk/own-commits.ts';
import { hasFiles } from '../risk/risk.ts';
import { canonicalPath, findEntry, listOperations, readOwnEntry, type WorktreeEntry } from '../worktree/entry.ts';
import { listSubmodules } from '../worktree/submodule.ts';
import { type Exact, saveExact } from './exact.ts';
import { snapshotFolder } from './exact-folder.ts';
import { gitWith, joinCommits, type Snapshot, takeSnapshot, unique, type Wanted } from './snapshot.ts';
import { rescueSubmodules, wantedIn } from './submodules.ts';

export interface RescueOptions {
  repoPath: string;
  gitCommonDir: string;
  worktree: string;
  branch: string;
  /** False: the branch stays, with its log; default true. */
  ownsBranch?: boolean;
  /** Full name of the ref that is to keep the work: `refs/stack/rescue/<ticket>/<time>`. */
  ref: string;
  /** Files that git ignores and that are to be saved too, relative to the worktree. */
  ignored?: readonly string[];
  /** True: the ref is made also when nothing would be lost, so that all can be put back as it was. */
  always?: boolean;
  /** Files in other repos that are saved without those. */
  inRepos?: readonly string[];
  /** Of the files these alone; default: all. */
  only?: readonly string[] | undefined;
  /** True: a set-up may have been ended before it was noted what it made. */
  isHalfMade?: boolean;
}

/** What is checked out: a commit, a branch, or a branch that has no commit yet. */
interface Head {
  commit?: string | undefined;
  branch?: string | undefined;
}

/** What was saved, and what is needed to put it back. */
export interface Rescued {
  ref: string;
  /** Where the branch was; undefined when it is gone. */
  tip?: string | undefined;
  /** What was checked out; undefined when there was no worktree. */
  head?: Head | undefined;
  /** Trees of the files and of the index; undefined when all was as in HEAD. */
  files?: string | undefined;
  staged?: string | undefined;
  /** Tree of all as it is on the disk, and commits that it names; the record leads to both. */
  exact?: Exact | undefined;
  /** `a merge`: what was under way. */
  operations: string[];
  /** Commits to which logs and refs of the worktree alone led; undefined for none. */
  others?: string[] | undefined;
  /** Tags, trees and blobs to which its refs alone led; undefined for none. */
  objects?: string[] | undefined;
  /** By its path, what was there to save of each submodule; undefined where there is none. */
  submodules?: Record<string, string> | undefined;
}

/**
 * Saves all work that would be lost with a worktree and its branch: a commit with every file as it is (untracked ones too)
 * whose parents are HEAD, what was staged, and the branch. Other repos in which nothing is that counts are left out. The worktree
 * and its index are not touched. Undefined when there was nothing to save. A submodule's work, and what is no commit, goes to refs
 * that begin with the same name. Throws `git`, and `dirty` for what
 * git cannot save (another repo among the files).
 */
export async function rescueWork(options: RescueOptions): Promise<Rescued | undefined> {
  const { repoPath, worktree, ref } = options;
  const entry = await readOwnEntry(worktree);
  const cwd = existsSync(repoPath) ? repoPath : entry && worktree;
  if (cwd === undefined) return requireNoFiles(options);
  const linked = entry?.hasIndex ? entry : undefined;
  // One that was deleted by hand has an entry still, with the git folders of its submodules.
  const home = linked ?? (await findEntry(options.gitCommonDir, await canonicalPath(worktree)));
  const submodules = home ? await listSubmodules(worktree, home) : [];
  const wanted = { ...options, listPassedOver: () => listPassedOver(worktree, options.isHalfMade === true) };
  const inSubmodules = await rescueSubmodules(wanted, cwd, submodules);
  const { saved, tips } = await gather({ ...options, ...wantedIn(submodules, undefined, wanted) }, cwd, {
    linked,
    home,
  });
  const others = [...(saved.others ?? []), ...inSubmodules.flatMap((one) => one.others)];
  const states = Object.fromEntries(inSubmodules.map(({ path: name, state }) => [name, state]));
  const all: Rescued = {
    ...saved,
    ...(others.length > 0 && { others }),
    ...(inSubmodules.length > 0 && { submodules: states }),
  };
  const [first] = tips;
  if (first === undefined) return saved.objects || inSubmodules.some(({ isSaved }) => isSaved) ? all : undefined;
  await keep(cwd, ref, tips.length === 1 ? first : await joinCommits(cwd, tips));
  return all;
}

/** Without its repo there is nothing to save files in. */
async function requireNoFiles({ repoPath, worktree }: RescueOptions): Promise<undefined> {
  if (!(await hasFiles(worktree))) return undefined;
  throw new StackError('dirty', `the files in ${worktree} cannot be saved: their repo is gone from ${repoPath}`, {
    hint: `put the repo back, or move ${worktree} out of the ticket, or delete it; then run the command again`,
    details: { paths: [worktree] },
  });
}

/** Takes the snapshot, keeps what is no commit, and gives the commits that a ref must lead to. */
async function gather(
  options: RescueOptions & Wanted,
  cwd: string,
  { linked, home }: Record<'linked' | 'home', WorktreeEntry | undefined>,
): Promise<{ saved: Rescued; tips: string[] }> {
  const { worktree, branch, ref, always = false } = options;
  const [head, local] = await Promise.all([linked && readHead(worktree), findLocal(cwd, branch)]);
  const { snapshot, exact } = await takeFiles(options, cwd, linked);
  const operations = linked ? await listOperations(linked) : [];
  const kept = unique([local?.commit, head?.commit]);
  const { heads, objects } = await findOwnCommits(
    cwd,
    home,
    { ...options, ownsBranch: options.ownsBranch ?? true },
    kept,
  );
  const trees = { files: snapshot?.files, staged: snapshot?.staged, exact };
  const others = heads.length > 0 ? heads : undefined;
  const ids = objects.length > 0 ? unique(objects.map(({ id }) => id)) : undefined;
  const saved: Rescued = {
    ref,
    head,
    tip: local?.commit,
    ...trees,
    operations,
    ...(others && { others }),
    ...(ids && { objects: ids }),
  };
  const unreachable = always ? [] : await listUnreachableCommits(cwd, { branch, ownsBranch: true }, linked && worktree);
  for (const id of ids ?? []) await keep(cwd, `${ref}-object-${id}`, id);
  const needsAll = always || unreachable.length > 0;
  return { saved, tips: unique([...(needsAll ? listTips(saved, snapshot) : [snapshot?.commit]), ...heads]) };
}

interface TakenFiles {
  snapshot: Snapshot | undefined;
  exact: Exact | undefined;
}

async function takeFiles(
  { worktree, ignored = [], inRepos = [], only, listPassedOver, always = false }: RescueOptions & Wanted,
  cwd: string,
  linked: WorktreeEntry | undefined,
): Promise<TakenFiles> {
  if (only && (!linked || only.length + inRepos.length === 0)) return { snapshot: undefined, exact: undefined };
  if (linked) {
    const folders = { gitDir: linked.folder, commonDir: path.dirname(path.dirname(linked.folder)) };
    const snapshot = await takeSnapshot(worktree, folders, { ignored, inRepos, only, listPassedOver });
    return { snapshot, exact: always && !only ? await saveExact(worktree, linked, ignored) : undefined };
  }
  const snapshot = await snapshotFolder(cwd, worktree);
  return { snapshot, exact: snapshot && { tree: snapshot.tree, commits: [] } };
}

/** The commits that lead to all of the work, its files' first: a snapshot leads to HEAD. */
function listTips({ head, tip }: Rescued, snapshot: Snapshot | undefined): string[] {
  if (snapshot === undefined) return unique([head?.branch === undefined ? head?.commit : undefined, tip]);
  return unique([snapshot.commit, tip === head?.commit ? undefined : tip]);
}

/** Returns what is checked out in a worktree; undefined where there is none. Throws `git`. */
export async function readHead(worktree: string): Promise<Head | undefined> {
  if (!(await readOwnEntry(worktree))?.hasIndex) return undefined;
  const [commit, ref] = await Promise.all([
    tryGit(worktree, ['rev-parse', '--verify', '--quiet', 'HEAD']),
    tryGit(worktree, ['symbolic-ref', '--quiet', 'HEAD']),
  ]);
  const branch = /^refs\/heads\/(.+)$/.exec(ref.stdout.trim())?.[1];
  return { commit: commit.stdout.trim() || undefined, branch };
}

/** The empty old value: a ref that is there already is never overwritten. */
async function keep(cwd: string, ref: string, commit: string): Promise<void> {
  await gitWith(cwd, {})(['update-ref', '-m', 'stack: saved', ref, commit, '0'.repeat(commit.length)]);
}
