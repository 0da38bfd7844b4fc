import path from 'node:path';
import { listTrees } from '../../adapters/git/merge/changes.ts';
import { carryOver } from '../../adapters/git/merge/merging.ts';
import { writeWorkTree } from '../../adapters/git/merge/work-tree.ts';
import { type PlainGit, withPlainGit } from '../../adapters/git/risk/plain.ts';
import type { Stack } from '../core/stack.ts';
import type { Seen, SeenMarks } from './seen.ts';
import type { RepoWork } from './work.ts';
import type { TicketWorks } from './works.ts';

/** What is compared of a repo: two trees. */
interface RepoTrees {
  repo: string;
  worktree: string;
  /** Full ids of the commits that its work stands on and is at. */
  base: string;
  head: string;
  from: string;
  to: string;
  /** When `from` was seen; null for never. */
  since: string | null;
  /** True where the base's news since then are in what is told as changed. */
  isMixed: boolean;
  /** The folder that keeps what of `to` no repo has. */
  objects: string | undefined;
}

/** Where such trees are compared. */
export interface TreeRoom {
  git: PlainGit;
  trees: RepoTrees[];
}

interface TreeQuestion {
  repos: readonly string[];
  mine: TicketWorks;
  theirs: TicketWorks | undefined;
  committed?: boolean;
  seen: SeenMarks | undefined;
  sinceSeen?: boolean;
  isLook?: boolean;
}

/** Lends `work` the trees of a ticket's repos, and a git that knows their objects. The repos are only read. Throws `git`, `interrupted`. */
export async function withTrees<Result>(
  { signal }: Pick<Stack, 'signal'>,
  question: TreeQuestion,
  work: (room: TreeRoom) => Promise<Result>,
): Promise<Result> {
  const { repos, mine, theirs, seen, isLook } = question;
  const works = [mine, theirs].flatMap((one) => Object.entries(one?.works ?? {}));
  const first = works[0]?.[1].own.worktree ?? '';
  const rooms = new Map(isLook && seen ? await Promise.all(repos.map((repo) => seen.makeRoom(repo))) : []);
  const inRepos = works.map(([, { own }]) => path.join(own.gitCommonDir, 'objects'));
  const everywhere = [...inRepos, ...repos.flatMap((repo) => seen?.find(repo)?.objects ?? []), ...rooms.values()];
  // Git takes a quoted path as C has it.
  const join = (folders: readonly string[]): string =>
    [...new Set(folders)].map((folder) => JSON.stringify(folder)).join(':');
  return withPlainGit(
    first,
    async (plain, folder) => {
      const writeTo =
        (objects: string | undefined): PlainGit =>
        (args, input, more) => {
          // What an earlier look has kept goes: this one keeps it again.
          const alternates = join(objects === undefined ? everywhere : inRepos);
          const env = { ...more?.env, GIT_ALTERNATE_OBJECT_DIRECTORIES: alternates };
          return plain(args, input, {
            ...more,
            env: objects === undefined ? env : { ...env, GIT_OBJECT_DIRECTORY: objects },
          });
        };
      const trees = await readTrees({ git: writeTo(undefined), writeTo, folder, rooms }, question);
      return work({ git: writeTo(undefined), trees });
    },
    { signal },
  );
}

interface Room {
  git: PlainGit;
  writeTo: (objects: string | undefined) => PlainGit;
  folder: string;
  /** Where the objects of a look stay, by repo. */
  rooms: ReadonlyMap<string, string>;
}

async function readTrees(
  room: Room,
  { repos, mine, theirs, committed, seen, sinceSeen }: TreeQuestion,
): Promise<RepoTrees[]> {
  const works = repos.flatMap((repo) => [mine.works[repo], theirs?.works[repo]].filter((one) => one !== undefined));
  const commits = [...new Set(works.flatMap(({ base, head }) => [base, head]))];
  const ids = await listTrees(room.git, commits);
  const treeOf = (commit: string): string => ids[commits.indexOf(commit)] ?? '';
  const write = async (repo: string, work: RepoWork): Promise<string> => {
    const { own, head, uncommitted } = work;
    if (committed || uncommitted.signature === '') return treeOf(head);
    return writeWorkTree({ git: room.writeTo(room.rooms.get(repo)), folder: room.folder }, own.worktree, uncommitted);
  };
  const readOne = async (repo: string): Promise<RepoTrees> => {
    const own = mine.works[repo];
    const shown = theirs ? theirs.works[repo] : own;
    const { head, own: place } = (shown ?? own) as RepoWork;
    // A repo that one of two tickets borrows is as the other one's base.
    const { base } = (own ?? shown) as RepoWork;
    const bare = treeOf(base);
    const [from, to] = await Promise.all([theirs && own ? write(repo, own) : bare, shown ? write(repo, shown) : bare]);
    const before = sinceSeen ? await findBefore(room.git, seen?.find(repo), { base, bare }) : undefined;
    const unseen = { from, since: null, isMixed: false };
    return { repo, worktree: place.worktree, base, head, to, objects: room.rooms.get(repo), ...unseen, ...before };
  };
  return Promise.all(repos.map(readOne));
}

/** Returns what was seen as it would be on today's base; undefined where nothing was, or git has it no more. */
async function findBefore(
  git: PlainGit,
  seen: Seen | undefined,
  { base, bare }: { base: string; bare: string },
): Promise<Pick<RepoTrees, 'from' | 'since' | 'isMixed'> | undefined> {
  if (!seen) return undefined;
  const { at: since, tree, base: stoodOn } = seen;
  // Of a tree that was seen git may have taken what lies in it.
  if ((await git(['rev-list', '--objects', '--quiet', tree])).exitCode !== 0) return undefined;
  if (stoodOn === base) return { from: tree, since, isMixed: false };
  const carried = await carryOver(git, { tree, base: stoodOn, onto: bare });
  return { from: carried ?? tree, since, isMixed: carried === undefined };
}
