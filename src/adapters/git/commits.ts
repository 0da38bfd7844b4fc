import { existsSync } from 'node:fs';
import { findLocal } from './branch.ts';
import { type AskOptions, askGit, tryGit } from './git.ts';
import { listStashCommits } from './risk/stash.ts';
import type { Submodule } from './worktree/submodule.ts';

export interface Commit {
  /** Full id. */
  commit: string;
  subject: string;
}

/** More commits than this are not listed. */
export const MOST_COMMITS = 100;

/** Returns the commits from these tips that no branch that stays, no tag and no remote has; the newest first. Throws `git`. */
export async function listUnreachable(
  cwd: string,
  tips: readonly string[],
  {
    branch,
    ownsBranch,
    alsoGoing = [],
  }: { branch: string; ownsBranch: boolean; alsoGoing?: readonly string[] | undefined },
): Promise<Commit[]> {
  if (tips.length === 0) return [];
  const going = [...(ownsBranch ? [branch] : []), ...alsoGoing].map((name) => `--exclude=${name}`);
  const others = [...going, '--branches', '--tags', '--remotes'];
  return listCommits(cwd, [...tips, '--not', ...others]);
}

/**
 * Returns the commits that only this branch, where it goes with the worktree, or a HEAD without branch in the worktree leads
 * to; the newest first. Throws `git`.
 */
export async function listUnreachableCommits(
  cwd: string,
  { branch, ownsBranch }: { branch: string; ownsBranch: boolean },
  worktree: string | undefined,
): Promise<Commit[]> {
  const [local, detached] = await Promise.all([
    ownsBranch ? findLocal(cwd, branch) : undefined,
    worktree === undefined ? undefined : readDetachedHead(worktree),
  ]);
  const tips = [local?.commit, detached].filter((tip) => tip !== undefined);
  return listUnreachable(cwd, tips, { branch, ownsBranch });
}

/**
 * Returns the commits of a submodule that neither its remotes nor the main checkout's copy of it have; a tag there goes with
 * it. Throws `git`.
 */
export async function listUnreachableInSubmodule({ gitDir, twin }: Submodule): Promise<Commit[]> {
  const stashes = await listStashCommits(gitDir);
  const commits = await listCommits(gitDir, ['--all', ...stashes, '--not', '--remotes'], { inGitDir: true });
  if (commits.length === 0 || !existsSync(twin)) return commits;
  const input = commits.map(({ commit }) => `${commit}\n`).join('');
  const known = (await askGit(twin, ['cat-file', '--batch-check'], { input, inGitDir: true })).split('\n');
  return commits.filter((_, index) => known[index]?.endsWith(' missing'));
}

/** Returns the commit a worktree's HEAD is at when no branch is checked out, undefined otherwise. Throws `git`. */
async function readDetachedHead(worktree: string): Promise<string | undefined> {
  // It ends with 1 where no branch is checked out; a branch may have no commit yet.
  if ((await tryGit(worktree, ['symbolic-ref', '--quiet', 'HEAD'])).exitCode === 0) return undefined;
  return (await askGit(worktree, ['rev-parse', 'HEAD'])).trim();
}

/** Returns the commits that `git log` finds from some revisions, the newest first. Throws `git`. */
export async function listCommits(cwd: string, revisions: readonly string[], how: AskOptions = {}): Promise<Commit[]> {
  const options = [`--max-count=${MOST_COMMITS}`, '--no-patch', '--no-show-signature', '--format=%H %s'];
  const lines = (await askGit(cwd, ['log', ...options, ...revisions, '--'], how)).split('\n');
  return lines.flatMap((line) => {
    const space = line.indexOf(' ');
    return space === -1 ? [] : [{ commit: line.slice(0, space), subject: line.slice(space + 1) }];
  });
}

/** A commit, and when it was made. */
export interface DatedCommit extends Commit {
  /** As ISO 8601, in UTC. */
  at: string;
}

/** Returns some commits by their full ids; one that is not there is left out. Throws `git`, `interrupted`. */
export async function readCommits(
  cwd: string,
  ids: readonly string[],
  signal?: AbortSignal,
): Promise<Map<string, DatedCommit>> {
  if (ids.length === 0) return new Map();
  const options = ['--no-walk=unsorted', '--ignore-missing', '--stdin', '--no-patch', '--no-show-signature'];
  const input = ids.map((id) => `${id}\n`).join('');
  const text = await askGit(cwd, ['log', ...options, '-z', '--format=%H %ct %s'], { input, signal });
  const found = text.split('\0').flatMap((entry): [string, DatedCommit][] => {
    const [, commit, seconds, subject = ''] = /^([0-9a-f]+) (\d+) (.*)$/s.exec(entry) ?? [];
    return commit === undefined
      ? []
      : [[commit, { commit, subject, at: new Date(Number(seconds) * 1000).toISOString() }]];
  });
  return new Map(found);
}

/** True when one commit leads to another. Throws `git` when git cannot run. */
export async function isAncestor(cwd: string, one: string, other: string): Promise<boolean> {
  return (await tryGit(cwd, ['merge-base', '--is-ancestor', one, other])).exitCode === 0;
}
