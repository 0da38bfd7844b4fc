import { createHash } from 'node:crypto';
import { findMergeBase, listCommitsSince } from '../../adapters/git/merge/bases.ts';
import { listChanges, listTouchedLines, listTrees } from '../../adapters/git/merge/changes.ts';
import { type MergePlace, type MergeRoom, type NotMerged, withMerging } from '../../adapters/git/merge/merging.ts';
import type { Merged } from '../../adapters/git/merge/read-merges.ts';
import { writeWorkTree } from '../../adapters/git/merge/work-tree.ts';
import type { ResultCache } from '../../adapters/state/result-cache.ts';
import {
  type Collision,
  describeNear,
  type FileChange,
  judgePair,
  type LineRange,
  mayConflict,
} from '../../domain/collision.ts';
import type { RepoWork } from './work.ts';

/** Two works in one repo, and how they collide. */
export interface JudgedPair {
  one: RepoWork;
  other: RepoWork;
  collisions: Collision[];
  /** Why git did not merge the two: nothing is known of their conflicts then. */
  failed?: string | undefined;
}

/** Patterns of a repo's contracts, and what tests a path by each. */
export interface Contracts {
  patterns: readonly string[];
  tests: readonly ((path: string) => boolean)[];
}

/** One more whenever what is found changes its meaning. */
const VERSION = 2;
/** Who shares more commits than this with another is compared with all that it has. */
const MOST_COMMITS = 1000;

/** Ids of a work as it is: none of its ids changes as long as it does not. */
interface Known extends RepoWork {
  /** The tree with what is not committed; undefined until it is made, '' where HEAD has all. */
  tree: string | undefined;
}

/**
 * Returns how each pair collides, all of one repo. What is known of the same commits and files comes from the cache; the rest is found
 * out by merging as objects, which leaves nothing in the repo. Throws `git`, `files`, `interrupted`.
 */
export async function judgePairs(
  place: MergePlace,
  pairs: readonly (readonly [RepoWork, RepoWork])[],
  { cache, contracts }: { cache: ResultCache; contracts: Contracts },
): Promise<JudgedPair[]> {
  const works = new Map([...new Set(pairs.flat())].map((work) => [work, describe(work, cache)]));
  const known = (work: RepoWork): Known => works.get(work) as Known;
  const keyOf = (one: RepoWork, other: RepoWork): string => keyOfPair(known(one), known(other), contracts);
  const isOpen = ([one, other]: readonly [RepoWork, RepoWork]): boolean =>
    [one, other].some((work) => known(work).tree === undefined) || cache.get(keyOf(one, other)) === undefined;
  const open = pairs.filter(isOpen);
  const failures = new Map<string, Judged>();
  if (open.length > 0) {
    await withMerging(place, async (room) => {
      const involved = [...new Set(open.flat())];
      await Promise.all(involved.map((work) => makeTree(room, known(work), cache)));
      const judge = await prepare(place, room, involved.map(known));
      const found = await judge(
        open.map(([one, other]) => [known(one), known(other)]),
        contracts,
      );
      for (const [index, [one, other]] of open.entries()) {
        const judged = found[index] ?? { collisions: [] };
        if (judged.failed === undefined) cache.set(keyOf(one, other), judged.collisions);
        else failures.set(keyOf(one, other), judged);
      }
    });
  }
  return pairs.map(([one, other]) => {
    const key = keyOf(one, other);
    return { one, other, ...(failures.get(key) ?? { collisions: cache.get(key) as Collision[] }) };
  });
}

type Judged = Pick<JudgedPair, 'collisions' | 'failed'>;

function describe(work: RepoWork, cache: ResultCache): Known {
  const { signature } = work.uncommitted;
  const tree = signature === '' ? '' : cache.get(`tree ${signature}`);
  return { ...work, tree: typeof tree === 'string' ? tree : undefined };
}

function keyOfPair(one: Known, other: Known, { patterns }: Contracts): string {
  const ids = [one, other].map(({ base, head, tree }) => [base, head, tree]);
  const text = JSON.stringify([VERSION, ...ids, patterns]);
  return `pair ${createHash('sha1').update(text).digest('base64url')}`;
}

async function makeTree(room: MergeRoom, work: Known, cache: ResultCache): Promise<void> {
  if (work.uncommitted.signature === '') return;
  work.tree = await writeWorkTree(room, work.own.worktree, work.uncommitted);
  cache.set(`tree ${work.uncommitted.signature}`, work.tree);
}

/** What is known of a work for as long as merges are made. */
interface Prepared {
  headTree: string;
  baseTree: string;
  /** The tree of all files. */
  tree: string;
  changes: FileChange[];
}

type Pair = readonly [Known, Known];

/** Returns what judges pairs of these works. */
async function prepare(place: MergePlace, room: MergeRoom, works: readonly Known[]) {
  const commits = [...new Set(works.flatMap(({ head, base }) => [head, base]))];
  const trees = await listTrees(room.git, commits);
  const treeOf = (commit: string): string => trees[commits.indexOf(commit)] ?? '';
  const all = works.map((work) => work.tree || treeOf(work.head));
  const changes = await listChanges(
    room.git,
    works.map(({ base }, index) => [treeOf(base), all[index] ?? '']),
  );
  const prepared = new Map<Known, Prepared>(
    works.map((work, index) => [
      work,
      {
        headTree: treeOf(work.head),
        baseTree: treeOf(work.base),
        tree: all[index] ?? '',
        changes: changes[index] ?? [],
      },
    ]),
  );
  const of = (work: Known): Prepared => prepared.get(work) as Prepared;
  return async (pairs: readonly Pair[], contracts: Contracts): Promise<Judged[]> => {
    const touched = await leaveOutShared(place, room, pairs, of);
    const readLines = createReadLines(room);
    const merges = await mergeWhereNeeded(room, pairs, touched, of);
    return Promise.all(
      pairs.map(async ([one, other], index) => {
        const [own = [], others = []] = touched[index] ?? [];
        const merged = merges[index];
        const conflicts = merged && 'conflicts' in merged ? merged.conflicts : [];
        const [between = []] =
          conflicts.length === 0 || one.base === other.base
            ? []
            : await listChanges(room.git, [[of(one).baseTree, of(other).baseTree]]);
        const facts = { one: own, other: others, conflicts, contracts: contracts.tests };
        const found = judgePair({ ...facts, between: new Set(between.map(({ path }) => path)) });
        await noteNear(readLines, found, own, others);
        const failed = merged && (await explainFailure(place, merged, one, other));
        // Where nothing was merged, a file of both may be a conflict.
        return { collisions: failed === undefined ? found : found.filter(({ kind }) => kind !== 'same-file'), failed };
      }),
    );
  };
}

/** Histories that have nothing in common are never merged, and are in nobody's way. */
async function explainFailure(
  { folder }: MergePlace,
  merged: Merged | NotMerged,
  one: Known,
  other: Known,
): Promise<string | undefined> {
  if (!('failed' in merged)) return undefined;
  return (await findMergeBase(folder, [one.head, other.head])) === undefined ? undefined : merged.failed;
}

/** Of a ticket that stands on another one's commits only what came since counts: the rest is the same work. */
async function leaveOutShared(
  { folder }: MergePlace,
  { git }: MergeRoom,
  pairs: readonly Pair[],
  of: (work: Known) => Prepared,
): Promise<(readonly FileChange[])[][]> {
  const commits = new Map<Known, Promise<ReadonlySet<string>>>();
  const commitsOf = (work: Known): Promise<ReadonlySet<string>> => {
    const found = commits.get(work) ?? listCommitsSince(folder, work, MOST_COMMITS).then((list) => new Set(list));
    commits.set(work, found);
    return found;
  };
  return Promise.all(
    pairs.map(async ([one, other]) => {
      const touched = [of(one).changes, of(other).changes];
      if (!mayConflict({ one: of(one).changes, other: of(other).changes })) return touched;
      const [own, others] = await Promise.all([commitsOf(one), commitsOf(other)]);
      if (![one.base, ...own].some((commit) => others.has(commit)) && !own.has(other.base)) return touched;
      const start = await findMergeBase(folder, [one.head, other.head]);
      if (start === undefined) return touched;
      const [tree = ''] = await listTrees(git, [start]);
      return listChanges(git, [
        [tree, of(one).tree],
        [tree, of(other).tree],
      ]);
    }),
  );
}

/** Merges those pairs alone that may conflict: most tickets touch nothing that another does. */
async function mergeWhereNeeded(
  room: MergeRoom,
  pairs: readonly Pair[],
  touched: readonly (readonly FileChange[])[][],
  of: (work: Known) => Prepared,
): Promise<(Merged | NotMerged | undefined)[]> {
  const needed = pairs.flatMap((_, index) => {
    const [one = [], other = []] = touched[index] ?? [];
    return mayConflict({ one, other }) ? [index] : [];
  });
  const commits = new Map<Known, Promise<string>>();
  const commitOf = (work: Known): Promise<string> => {
    const { tree, headTree } = of(work);
    const made =
      commits.get(work) ?? (tree === headTree ? Promise.resolve(work.head) : room.standIn(tree, [work.head]));
    commits.set(work, made);
    return made;
  };
  const requests = await Promise.all(
    needed.map(async (index) => {
      const [one, other] = pairs[index] as Pair;
      return { ours: await commitOf(one), theirs: await commitOf(other) };
    }),
  );
  const merges: (Merged | NotMerged | undefined)[] = pairs.map(() => undefined);
  for (const [at, merged] of (await room.merge(requests)).entries()) {
    merges[needed[at] ?? 0] = merged;
  }
  return merges;
}

type ReadLines = (from: string, to: string) => Promise<LineRange[]>;

/** Each change of a file is read once, however many pairs it is compared in. */
function createReadLines({ git }: MergeRoom): ReadLines {
  const known = new Map<string, Promise<LineRange[]>>();
  return (from, to) => {
    const key = `${from} ${to}`;
    const found = known.get(key) ?? listTouchedLines(git, from, to);
    known.set(key, found);
    return found;
  };
}

/** Says of files that merge cleanly where the two changes are next to each other. */
async function noteNear(
  readLines: ReadLines,
  found: readonly Collision[],
  own: readonly FileChange[],
  others: readonly FileChange[],
): Promise<void> {
  for (const { kind, paths, notes } of found) {
    if (kind !== 'same-file' && kind !== 'contract') continue;
    for (const path of paths) {
      const [one, other] = [own, others].map((changes) => changes.find((change) => change.path === path));
      if (!one?.from || one.from !== other?.from || !one.to || !other.to) continue;
      const ranges = [readLines(one.from, one.to), readLines(other.from, other.to)] as const;
      const note = describeNear(...(await Promise.all(ranges)));
      if (note !== undefined) notes[path] = note;
    }
  }
}
