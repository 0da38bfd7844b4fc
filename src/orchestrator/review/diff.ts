import path from 'node:path';
import { listTrees } from '../../adapters/git/merge/changes.ts';
import {
  joinTrees,
  listObjectFolders,
  listShownFiles,
  type ShownFile,
  showChanges,
} from '../../adapters/git/merge/show-changes.ts';
import { writeWorkTree } from '../../adapters/git/merge/work-tree.ts';
import { type PlainGit, withPlainGit } from '../../adapters/git/risk/plain.ts';
import { StackError } from '../../domain/errors.ts';
import { requireInstance } from '../core/claim.ts';
import type { Stack } from '../core/stack.ts';
import { readWorks, type TicketWorks } from './works.ts';

/** What of a ticket is compared, and how it is shown. */
export interface DiffWanted {
  ticket: string;
  /** Another ticket: what it has otherwise. Undefined: the ticket is compared with its bases. */
  other: string | undefined;
  /** Repos alone that are meant; none: all that the ticket has of its own. */
  repos: readonly string[];
  /** True: what is not committed is left out. */
  committed: boolean;
  /** Files and folders as typed, from the folder `cwd`, or with the repo's name in front. */
  paths: readonly string[];
  cwd: string;
  /** Undefined: no text is wanted. */
  show?: { flags: readonly string[]; env: Record<string, string | undefined> } | undefined;
}

/** What a ticket has changed. */
export interface TicketDiff {
  ticket: string;
  /** The other ticket. */
  other?: string;
  repos: Record<string, { base: string; files: ShownFile[] }>;
  /** Of which repos nothing is known, and why. */
  problems: string[];
  /** As git prints it, all repos in one; '' where nothing changed. */
  text: string;
}

/**
 * Returns what a ticket has changed since its bases, or what another ticket has otherwise: committed or not, with files that git does
 * not know. No index, ref, object or file of a repo changes, and no program of one runs. Throws `not-found`, `usage`, `git`.
 */
export async function diffTicket(stack: Stack, wanted: DiffWanted): Promise<TicketDiff> {
  const state = await stack.store.read();
  const record = requireInstance(state, wanted.ticket);
  const second = wanted.other === undefined ? undefined : requireInstance(state, wanted.other);
  const mine = await readWorks(stack, record, second && wanted.repos.length > 0 ? [] : wanted.repos);
  const theirs = second && (await readWorks(stack, second, []));
  const unseen = [...mine.unseen, ...(theirs?.unseen ?? [])];
  const all = [...new Set([...Object.keys(mine.works), ...Object.keys(theirs?.works ?? {})])];
  // Of a repo that one of them has and that cannot be looked at nothing is known.
  const known = all.filter((repo) => !unseen.includes(repo));
  const stranger = wanted.repos.find((repo) => second && ![...all, ...unseen].includes(repo));
  if (stranger !== undefined)
    throw new StackError('not-found', `neither ticket has ${stranger} of its own`, {
      hint: `they have ${all.join(', ')}`,
    });
  const repos = wanted.repos.length > 0 && second ? known.filter((repo) => wanted.repos.includes(repo)) : known;
  const problems = [...mine.problems, ...(theirs?.problems ?? [])];
  const about = { ticket: record.ticket, ...(second && { other: second.ticket }) };
  if (repos.length === 0) return { ...about, repos: {}, problems, text: '' };
  const shown = theirs ?? mine;
  const worktrees = repos.map((repo) => (shown.works[repo] ?? mine.works[repo])?.own.worktree ?? '');
  const attributesOf = path.dirname(worktrees[0] ?? '');
  const paths = wanted.paths.map((name) => placePath(name, { ...wanted, repos, worktrees }));
  return withPlainGit(worktrees[0] ?? '', async (plain, folder) => {
    const folders = [mine, shown].flatMap(({ works }) => Object.values(works).map(({ own }) => own.worktree));
    const objects = await listObjectFolders(folders);
    const git: PlainGit = (args, input, more) =>
      plain(args, input, { ...more, env: { ...more?.env, GIT_ALTERNATE_OBJECT_DIRECTORIES: objects } });
    const bases = await readBases(git, repos, mine, shown);
    const treesOf = (one: TicketWorks) => readTrees({ git, folder }, one, wanted.committed);
    const [from, to] = await Promise.all([theirs ? treesOf(mine) : {}, treesOf(shown)]);
    const pick = (some: Record<string, string>) =>
      Object.fromEntries(repos.map((repo) => [repo, some[repo] ?? bases[repo] ?? '']));
    const trees = [await joinTrees(git, pick(from)), await joinTrees(git, pick(to))] as const;
    const how = { paths, attributesOf };
    const { show } = wanted;
    const [files, text] = await Promise.all([
      show ? [] : listShownFiles(git, trees, how),
      show ? showChanges(git, trees, { ...show, ...how }) : '',
    ]);
    const baseOf = (repo: string): string => (mine.works[repo] ?? shown.works[repo])?.base ?? '';
    const told = repos.map((repo) => [repo, { base: baseOf(repo), files: filesOf(repo, files) }] as const);
    return { ...about, repos: Object.fromEntries(told), problems, text };
  });
}

/** A path's first part is the repo. */
function filesOf(repo: string, files: readonly ShownFile[]): ShownFile[] {
  const own = (name: string): string => (name.startsWith(`${repo}/`) ? name.slice(repo.length + 1) : name);
  return files
    .filter((file) => file.path.startsWith(`${repo}/`))
    .map((file) => ({ ...file, path: own(file.path), ...(file.from !== undefined && { from: own(file.from) }) }));
}

async function readBases(git: PlainGit, repos: readonly string[], mine: TicketWorks, other: TicketWorks) {
  const commits = repos.map((repo) => (mine.works[repo] ?? other.works[repo])?.base ?? '');
  const trees = await listTrees(git, commits);
  return Object.fromEntries(repos.map((repo, index) => [repo, trees[index] ?? '']));
}

async function readTrees(
  room: { git: PlainGit; folder: string },
  { works }: TicketWorks,
  committed: boolean,
): Promise<Record<string, string>> {
  const entries = Object.entries(works);
  const heads = await listTrees(
    room.git,
    entries.map(([, { head }]) => head),
  );
  const trees = await Promise.all(
    entries.map(async ([repo, { own, uncommitted }], index) => {
      const isClean = committed || uncommitted.signature === '';
      return [repo, isClean ? (heads[index] ?? '') : await writeWorkTree(room, own.worktree, uncommitted)];
    }),
  );
  return Object.fromEntries(trees);
}

/** Returns a path from the top, where each repo is a folder. Throws `usage` for one that is in none of the repos. */
function placePath(
  name: string,
  { cwd, repos, worktrees }: { cwd: string; repos: readonly string[]; worktrees: readonly string[] },
): string {
  const file = path.resolve(cwd, name);
  const isIn = (folder: string): boolean => file === folder || file.startsWith(folder + path.sep);
  const at = worktrees.findIndex(isIn);
  if (at !== -1) return path.join(repos[at] ?? '', path.relative(worktrees[at] ?? '', file));
  const [first = ''] = path.normalize(name).split(path.sep);
  if (repos.includes(first)) return path.normalize(name);
  throw new StackError('usage', `${name} is in no repo of the ticket`, {
    hint: `put the repo’s name in front: ${repos.map((repo) => path.join(repo, name)).join(' or ')}`,
  });
}
