import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { listEveryRef, type Ref } from '../../adapters/git/every-ref.ts';
import { countApart, findBase, hasUnpushed } from '../../adapters/git/merge/bases.ts';
import { defaultBranch } from '../../adapters/git/repo.ts';
import { readOwnEntry, readReturnBranch, type WorktreeEntry } from '../../adapters/git/worktree/entry.ts';
import { readStanding, type Standing } from '../../adapters/git/worktree/standing.ts';
import { openResultCache, type ResultCache } from '../../adapters/state/result-cache.ts';
import { StackError } from '../../domain/errors.ts';
import type { DedicatedRepo } from '../../domain/instance.ts';
import { standingsFileOf } from '../../domain/layout.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';

/** What a ticket has in one of its repos, and how that stands to its base. */
export interface RepoChanges {
  entry: WorktreeEntry;
  standing: Standing;
  /** The branch that is checked out, or that the end of a rebase or bisect under way goes back to; null for none. */
  on: string | null;
  /** The name of the base, what stands for it (`origin/main` where no branch here has its name), and its commit; undefined where it is gone. */
  base: string;
  baseRef: string | undefined;
  baseTip: string | undefined;
  /** To the base, else to where the ticket began. */
  ahead: number;
  behind: number;
  /** True where nothing of its own is missing at a remote. */
  pushed: boolean;
}

/** What is asked of a repo once, for all tickets. */
export interface RepoLook {
  /** A folder of the repo. */
  folder: string;
  refs: Promise<readonly Ref[]>;
  cache: ResultCache;
  signal: AbortSignal | undefined;
  /** The repo's own base; undefined while stack.yml cannot be read. */
  repoBase: string | undefined;
}

/** Begins to look at a repo: nothing of it is asked before somebody wants it. */
function lookAtRepo(own: DedicatedRepo, about: Pick<RepoLook, 'cache' | 'signal' | 'repoBase'>): RepoLook {
  const folder = [own.path, own.worktree].find((one) => existsSync(path.join(one, '.git'))) ?? own.path;
  const refs = listEveryRef(folder, about.signal);
  // Whoever waits for it is told; where nobody does, nobody needs to know.
  refs.catch(() => undefined);
  return { ...about, folder, refs };
}

/** Returns looks at the repos of tickets, one for each repo that is asked for, and the cache that they share. */
export async function openLooks(stack: Stack): Promise<{
  looks: ReadonlyMap<string, RepoLook>;
  lookAt(repo: string, own: DedicatedRepo): RepoLook;
  cache: ResultCache;
}> {
  const [config, cache] = await Promise.all([configIfReadable(stack), openResultCache(standingsFileOf(stack.root))]);
  const looks = new Map<string, RepoLook>();
  const lookAt = (repo: string, own: DedicatedRepo): RepoLook => {
    const repoBase = config && Object.hasOwn(config.repos, repo) ? config.repos[repo]?.base : undefined;
    const look = looks.get(own.gitCommonDir) ?? lookAtRepo(own, { cache, signal: stack.signal, repoBase });
    looks.set(own.gitCommonDir, look);
    return look;
  };
  return { looks, lookAt, cache };
}

/**
 * Returns what a ticket has in a repo. No index, ref, file or setting changes. Throws `git`, also where its worktree is not there;
 * `interrupted`.
 */
export async function readChanges(own: DedicatedRepo, look: RepoLook): Promise<RepoChanges> {
  const { worktree } = own;
  const entry = await readOwnEntry(worktree, own.gitCommonDir);
  // Without its `.git` a folder belongs to whatever repo is around it.
  if (!entry) throw new StackError('git', `there is no worktree of ${own.path} at ${worktree}`);
  const [found, refs] = await Promise.all([readStanding(worktree, { signal: look.signal }), look.refs]);
  const base = await nameBase(own, look);
  const { ref: baseRef, commit: baseTip } = (await findTip(base, refs, look)) ?? {};
  const { on, head } = await findHead(entry, found, refs);
  const standing = { ...found, head };
  const about = { entry, standing, on, base, baseRef, baseTip };
  if (head === undefined) return { ...about, ahead: 0, behind: 0, pushed: true };
  const start = baseTip ?? own.baseCommit;
  const [since, behind] = await countCached(look, [head, start]);
  const newer = since > 0 ? await findNewer(base, refs, look) : undefined;
  const [ahead] = newer === undefined ? [since] : await countCached(look, [head, newer]);
  return { ...about, ahead, behind, pushed: ahead === 0 || (await isPushed(look, refs, { head, start })) };
}

/** In the middle of a rebase or a bisect git is at some other commit than the branch, whose work it is. */
async function findHead(
  entry: WorktreeEntry,
  { branch, head }: Standing,
  refs: readonly Ref[],
): Promise<{ on: string | null; head: string | undefined }> {
  const back = branch === undefined ? await readReturnBranch(entry) : undefined;
  const known = refs.find(({ name }) => name === `refs/heads/${back}`);
  // What a bisect began from may be a commit as well.
  return { on: branch ?? known?.name.slice('refs/heads/'.length) ?? null, head: known?.commit ?? head };
}

/** Returns a local base with its upstream, as of the last fetch; undefined for one that is no branch, or follows none. */
export function findUpstream(base: string, refs: readonly Ref[]): { local: Ref; upstream: Ref } | undefined {
  const local = refs.find(({ name }) => name === `refs/heads/${base}`);
  const upstream = local && refs.find(({ name }) => name === local.upstream);
  return local && upstream && { local, upstream };
}

/** `sync` brings in what a base's upstream has: that is not the ticket's own, though the base has not come to it yet. */
async function findNewer(base: string, refs: readonly Ref[], look: RepoLook): Promise<string | undefined> {
  const found = findUpstream(base, refs);
  if (!found) return undefined;
  const { local, upstream } = found;
  const [own, news] = await countCached(look, [local.commit, upstream.commit]);
  return own === 0 && news > 0 ? upstream.commit : undefined;
}

async function nameBase({ base, branch }: DedicatedRepo, { folder, repoBase }: RepoLook): Promise<string> {
  return base === branch ? (repoBase ?? (await defaultBranch(folder))) : base;
}

/** A base that is a tag or a commit is asked for by itself. */
async function findTip(
  base: string,
  refs: readonly Ref[],
  { folder, signal }: RepoLook,
): Promise<{ ref: string; commit: string } | undefined> {
  const places = ['refs/heads/', 'refs/remotes/', 'refs/remotes/origin/'].map((place) => `${place}${base}`);
  const found = places.map((name) => refs.find((ref) => ref.name === name)).find((ref) => ref !== undefined);
  if (found) return { ref: found.name.replace(/^refs\/(heads|remotes)\//, ''), commit: found.commit };
  const commit = await findBase(folder, base, signal);
  return commit === undefined ? undefined : { ref: base, commit };
}

/** Returns how many commits only the one has, and only the other. Throws `git`, `interrupted`. */
export async function countCached(
  { folder, cache, signal }: Pick<RepoLook, 'folder' | 'cache' | 'signal'>,
  [one, other]: readonly [string, string],
): Promise<[ahead: number, behind: number]> {
  if (one === other) return [0, 0];
  const key = `apart ${one} ${other}`;
  const known = cache.get(key);
  if (Array.isArray(known)) return known as [number, number];
  const counted = await countApart(folder, [one, other], signal);
  cache.set(key, counted);
  return counted;
}

async function isPushed(
  { folder, signal, cache }: RepoLook,
  refs: readonly Ref[],
  { head, start }: { head: string; start: string },
): Promise<boolean> {
  const remotes = refs.filter(({ name }) => name.startsWith('refs/remotes/'));
  if (remotes.length === 0) return false;
  if (remotes.some(({ commit }) => commit === head)) return true;
  const key = `unpushed ${head} ${start} ${hashCommits(remotes.map(({ commit }) => commit))}`;
  const known = cache.get(key);
  const isMissing = typeof known === 'boolean' ? known : await hasUnpushed(folder, head, start, signal);
  cache.set(key, isMissing);
  return !isMissing;
}

/** Returns the same for the same commits, in whatever order. */
export function hashCommits(commits: readonly string[]): string {
  return createHash('sha1')
    .update([...new Set(commits)].sort().join(' '))
    .digest('base64url');
}
