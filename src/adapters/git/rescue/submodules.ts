import path from 'node:path';
import { StackError } from '../../../domain/errors.ts';
import { shortHash } from '../../../domain/names.ts';
import { listUnreachableInSubmodule } from '../commits.ts';
import { askGit, tryGit } from '../git.ts';
import { findOwnInSubmodule } from '../risk/own-commits.ts';
import type { OwnObject } from '../risk/own-objects.ts';
import { listStashCommits } from '../risk/stash.ts';
import { FROM_GIT_DIR, type Submodule } from '../worktree/submodule.ts';
import { gitWith, joinCommits, takeSnapshot, unique, type Wanted } from './snapshot.ts';

/** What there is to save of a submodule. */
interface Contents {
  /** The commits that lead to it. */
  tips: string[];
  /** Files and refs, in a few letters: other ones when any of them changes. */
  state: string;
  /** Commits to which nothing but its logs led. */
  others: string[];
  /** What its refs lead to that is no commit, and that is nowhere else. */
  objects: OwnObject[];
  /** False: its remotes, and the main checkout's copy of it, have all of it. */
  isUnreachable: boolean;
}

type Saved = Pick<Contents, 'state' | 'others'> & { path: string; isSaved: boolean };

/**
 * Saves the work in the submodules of a worktree, and gives what there was in each. A submodule's commits go into the repo itself:
 * its own git folder goes with the worktree. Throws `git`, `dirty`.
 */
export async function rescueSubmodules(
  wanted: Wanted & { ref: string },
  cwd: string,
  submodules: readonly Submodule[],
): Promise<Saved[]> {
  return Promise.all(
    submodules.map(async (submodule) => {
      const { gitDir, path: relative } = submodule;
      const { tips, state, others, objects, isUnreachable } = await lookInto(
        cwd,
        submodule,
        wantedIn(submodules, submodule, wanted),
      );
      const [first = ''] = tips;
      const target = `${wanted.ref}-${slugOf(relative)}`;
      if (isUnreachable) {
        const commit = tips.length === 1 ? first : await joinCommits(gitDir, tips, { GIT_WORK_TREE: '.' });
        await fetchInto(cwd, gitDir, [{ source: commit, id: commit, target }]);
      }
      const named = objects.map(({ ref, id }) => ({ source: ref, id, target: `${target}-object-${id}` }));
      await fetchInto(cwd, gitDir, [...new Map(named.map((one) => [one.id, one])).values()]);
      return { path: relative, state, others, isSaved: isUnreachable || objects.length > 0 };
    }),
  );
}

/** Returns the paths of the submodules in which something is not, or no longer, as it was saved. Throws `git`, `dirty`. */
export async function listUnsavedSubmodules(
  cwd: string,
  submodules: readonly Submodule[],
  { states, ...wanted }: { states: Readonly<Record<string, string>> } & Pick<Wanted, 'ignored' | 'listPassedOver'>,
): Promise<string[]> {
  const looks = await Promise.all(
    submodules.map(async (submodule) => {
      const { state, others, objects } = await lookInto(cwd, submodule, wantedIn(submodules, submodule, wanted));
      // What the rescue has by now is no commit of the logs alone.
      const isSaved = states[submodule.path] === state && others.length + objects.length === 0;
      return isSaved ? [] : [submodule.path];
    }),
  );
  return looks.flat();
}

/** Returns what is wanted of the files in one submodule, relative to it; `undefined`: of those in none. */
export function wantedIn(
  submodules: readonly Submodule[],
  submodule: Submodule | undefined,
  { ignored = [], inRepos = [], only, listPassedOver = async () => [] }: Wanted,
): Wanted {
  const pick = (files: readonly string[]): string[] =>
    files
      .filter((file) => holderOf(submodules, file) === submodule)
      .map((file) => (submodule ? path.relative(submodule.path, file) : file));
  return {
    ignored: pick(ignored),
    inRepos: pick(inRepos),
    only: only && pick(only),
    listPassedOver: async () => pick(await listPassedOver()),
  };
}

/** The innermost submodule that a file is in. */
function holderOf(submodules: readonly Submodule[], file: string): Submodule | undefined {
  const holders = submodules.filter(({ folder, path: top }) => folder !== undefined && file.startsWith(`${top}/`));
  return holders.sort((one, other) => other.path.length - one.path.length)[0];
}

async function lookInto(cwd: string, submodule: Submodule, wanted: Wanted): Promise<Contents> {
  const { folder, gitDir } = submodule;
  const { only, inRepos = [] } = wanted;
  const take = folder !== undefined && (!only || only.length + inRepos.length > 0);
  const snapshot = take ? await takeSnapshot(folder, { gitDir, commonDir: gitDir }, wanted) : undefined;
  const [unreachable, { heads: others, objects }, stashes] = await Promise.all([
    listUnreachableInSubmodule(submodule),
    findOwnInSubmodule(cwd, submodule),
    listStashCommits(gitDir),
  ]);
  const known = ['--all', ...stashes, '--not', '--remotes', '--'];
  const refs = (await askGit(gitDir, ['rev-list', '--no-walk', ...known], { inGitDir: true })).split('\n');
  const head = (await tryGit(gitDir, ['rev-parse', '--verify', '--quiet', 'HEAD'], { inGitDir: true })).stdout.trim();
  return {
    tips: unique([snapshot?.commit ?? head, ...refs.filter((tip) => tip !== head), ...others]),
    state: shortHash(JSON.stringify([snapshot?.files, snapshot?.staged, head, [...refs].sort()])),
    others,
    objects,
    isUnreachable: snapshot !== undefined || unreachable.length + others.length > 0,
  };
}

/** Paths that differ keep different names. */
function slugOf(relative: string): string {
  const slug = relative.replaceAll(/[^A-Za-z0-9_-]+/g, '-');
  return slug === relative ? slug : `${slug}-${shortHash(relative)}`;
}

interface Fetched {
  /** A ref, or the id of a commit. */
  source: string;
  /** What `target` is to lead to then. */
  id: string;
  target: string;
}

/** From a shallow clone git fetches nothing, and ends with 0, unless it may note where the history ends. */
async function fetchInto(cwd: string, gitDir: string, wanted: readonly Fetched[]): Promise<void> {
  if (wanted.length === 0) return;
  const options = ['--quiet', '--no-tags', '--no-write-fetch-head', '--no-auto-gc', '--no-recurse-submodules'];
  const from = ['--update-shallow', FROM_GIT_DIR, gitDir];
  const refs = wanted.map(({ source, target }) => `${source}:${target}`);
  await gitWith(cwd, {})(['fetch', ...options, ...from, ...refs]);
  for (const { id, target } of wanted) {
    const { stdout } = await tryGit(cwd, ['rev-parse', '--verify', '--quiet', target]);
    if (stdout.trim() !== id) throw new StackError('git', `git did not save the work of ${gitDir} under ${target}`);
  }
}
