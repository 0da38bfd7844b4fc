import { existsSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { findLocal } from './branch.ts';
import { listOperations, readOwnEntry, type WorktreeEntry } from './entry.ts';
import { askGit } from './git.ts';
import { listSubmodules, type Submodule } from './submodule.ts';

/** `unpushed`: commits that no other branch, tag or remote has. */
type RiskKind = 'uncommitted' | 'untracked' | 'in-progress' | 'unpushed';

/** Work that would be lost with a worktree or its branch. */
export interface RiskFinding {
  kind: RiskKind;
  /** One line for a person. */
  text: string;
  /** Relative to the worktree; a folder ends in `/`. */
  paths?: string[];
  /** The newest first, 100 at most. */
  commits?: Commit[];
}

export interface Commit {
  /** Full id. */
  commit: string;
  subject: string;
}

export interface RiskQuestion {
  repoPath: string;
  worktree: string;
  branch: string;
  /** True when the branch would be deleted with the worktree. */
  ownsBranch: boolean;
  /** The commit the branch was started from. */
  baseCommit: string;
}

const MOST_COMMITS = 100;
const SHOWN = 4;

/**
 * Finds what would be lost with a worktree and, where it would go too, its branch; [] for nothing. Files that git ignores
 * do not count. Changes nothing. Throws `git`.
 */
export async function findWorkAtRisk(question: RiskQuestion): Promise<RiskFinding[]> {
  const { repoPath, worktree } = question;
  const entry = await readOwnEntry(worktree);
  const cwd = existsSync(repoPath) ? repoPath : entry && worktree;
  const [inFiles, commits] = await Promise.all([
    entry === undefined ? findStrayFiles(worktree) : findInFiles(worktree, entry),
    cwd === undefined ? [] : listLonelyCommits(cwd, question, entry?.hasIndex ? worktree : undefined),
  ]);
  return [...inFiles, ...renderCommits(commits, question)];
}

/**
 * Gives the commits that only this branch, where it goes with the worktree, or a HEAD without branch in the worktree leads
 * to; the newest first. Throws `git`.
 */
export async function listLonelyCommits(
  cwd: string,
  { branch, ownsBranch }: { branch: string; ownsBranch: boolean },
  worktree: string | undefined,
): Promise<Commit[]> {
  const [local, detached] = await Promise.all([
    ownsBranch ? findLocal(cwd, branch) : undefined,
    worktree === undefined ? undefined : readDetachedHead(worktree),
  ]);
  const tips = [local?.commit, detached].filter((tip) => tip !== undefined);
  if (tips.length === 0) return [];
  const others = [...(ownsBranch ? [`--exclude=${branch}`] : []), '--branches', '--tags', '--remotes'];
  return listCommits(cwd, [...tips, '--not', ...others]);
}

/** Gives the commits of a submodule that neither its remotes nor the main checkout's copy of it have. Throws `git`. */
export async function listLonelyInSubmodule({ folder, twin }: Submodule): Promise<Commit[]> {
  const commits = await listCommits(folder, ['--all', 'HEAD', '--not', '--remotes', '--tags']);
  if (commits.length === 0 || !existsSync(twin)) return commits;
  const input = commits.map(({ commit }) => `${commit}\n`).join('');
  const known = (await askGit(twin, ['cat-file', '--batch-check'], { input })).split('\n');
  return commits.filter((_, index) => known[index]?.endsWith(' missing'));
}

/** Gives the commit a worktree's HEAD is at when no branch is checked out, undefined otherwise. Throws `git`. */
export async function readDetachedHead(worktree: string): Promise<string | undefined> {
  const lines = (await askGit(worktree, ['rev-parse', 'HEAD', '--symbolic-full-name', 'HEAD'])).split('\n');
  return lines[1] === 'HEAD' ? lines[0] : undefined;
}

async function findInFiles(worktree: string, entry: WorktreeEntry): Promise<RiskFinding[]> {
  // Git was ended before the files were there: nobody has worked in them.
  if (!entry.hasIndex) return [];
  const [status, submodules] = await Promise.all([readStatus(worktree), listSubmodules(worktree, entry)]);
  const findings: RiskFinding[] = listOperations(entry).map((name) => ({
    kind: 'in-progress',
    text: `${name} is under way`,
  }));
  const { changed, untracked } = status;
  if (changed.length > 0) {
    const text = `${count(changed.length, 'uncommitted change')}: ${shorten(changed)}`;
    findings.push({ kind: 'uncommitted', text, paths: changed });
  }
  if (untracked.length > 0) {
    const text = `${count(untracked.length, 'untracked file')}: ${shorten(untracked)}`;
    findings.push({ kind: 'untracked', text, paths: untracked });
  }
  const inSubmodules = await Promise.all(submodules.map(findInSubmodule));
  return [...findings, ...inSubmodules.flat()];
}

async function findInSubmodule(submodule: Submodule): Promise<RiskFinding[]> {
  const commits = await listLonelyInSubmodule(submodule);
  if (commits.length === 0) return [];
  const text = `${count(commits.length, 'commit')} in the submodule ${submodule.path} that no remote has: ${describe(commits)}`;
  return [{ kind: 'unpushed', text, commits }];
}

function renderCommits(commits: Commit[], { branch, baseCommit }: RiskQuestion): RiskFinding[] {
  if (commits.length === 0) return [];
  const old = commits.some(({ commit }) => commit === baseCommit) ? ' (those of its base among them)' : '';
  const what = `${count(commits.length, 'commit')} on ${branch}${old}`;
  return [{ kind: 'unpushed', text: `${what} that no other branch, tag or remote has: ${describe(commits)}`, commits }];
}

async function listCommits(cwd: string, revisions: readonly string[]): Promise<Commit[]> {
  const options = [`--max-count=${MOST_COMMITS}`, '--no-patch', '--no-show-signature', '--format=%H %s'];
  const lines = (await askGit(cwd, ['log', ...options, ...revisions, '--'])).split('\n');
  return lines.flatMap((line) => {
    const space = line.indexOf(' ');
    return space === -1 ? [] : [{ commit: line.slice(0, space), subject: line.slice(space + 1) }];
  });
}

/** Gives what git sees in a worktree, whatever the person's settings hide from `git status`. Throws `git`. */
async function readStatus(worktree: string): Promise<{ changed: string[]; untracked: string[] }> {
  const options = ['--porcelain=v2', '-z', '--untracked-files=normal', '--ignore-submodules=none', '--no-renames'];
  const entries = (await askGit(worktree, ['status', ...options])).split('\0');
  const untracked = entries.flatMap((entry) => (entry.startsWith('? ') ? [entry.slice(2)] : []));
  // `1` has eight fields before the path, `u` (unmerged) ten; a path may hold spaces.
  const changed = entries.flatMap((entry) => {
    const fields = entry.startsWith('1 ') ? 8 : entry.startsWith('u ') ? 10 : 0;
    return fields === 0 ? [] : [entry.split(' ').slice(fields).join(' ')];
  });
  return { changed, untracked };
}

/** In a folder that is no worktree (any more) every file may be the only one of its kind; empty folders are not. */
async function findStrayFiles(folder: string): Promise<RiskFinding[]> {
  const there = await lstat(folder).catch(() => undefined);
  if (!there?.isDirectory()) return [];
  const files = await listFiles(folder, '', SHOWN + 1);
  if (files.length === 0) return [];
  return [
    { kind: 'untracked', text: `files in a folder that is no worktree any more: ${shorten(files)}`, paths: files },
  ];
}

async function listFiles(folder: string, prefix: string, most: number): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(path.join(folder, prefix), { withFileTypes: true })) {
    const name = path.join(prefix, entry.name);
    if (name === '.git') continue;
    found.push(...(entry.isDirectory() ? await listFiles(folder, name, most - found.length) : [name]));
    if (found.length >= most) return found;
  }
  return found;
}

function count(number: number, noun: string): string {
  return number === 1 ? `1 ${noun}` : `${number}${number === MOST_COMMITS ? ' or more' : ''} ${noun}s`;
}

function shorten(paths: readonly string[]): string {
  return paths.length > SHOWN ? `${paths.slice(0, SHOWN).join(', ')}, …` : paths.join(', ');
}

function describe(commits: readonly Commit[]): string {
  return shorten(commits.map(({ commit, subject }) => `${commit.slice(0, 7)} ${subject}`));
}
