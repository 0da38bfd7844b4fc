import { existsSync } from 'node:fs';
import path from 'node:path';
import { StackError } from '../../../domain/errors.ts';
import { readFileIfThere } from '../../files/files.ts';
import {
  askGit,
  changeGit,
  firstLine,
  type GitAnswer,
  gitError,
  gitVersion,
  hintUnsigned,
  isAtLeast,
  tryGit,
} from '../git.ts';
import { findCommit } from '../repo.ts';
import { type PlainGit, withPlainGit } from '../risk/plain.ts';
import { type Merged, readMerges, readOneMerge } from './read-merges.ts';

/** The repo in which something is merged. */
export interface MergePlace {
  /** A folder of it. */
  folder: string;
  /**
   * A checkout whose `.gitattributes` say how files are merged (`merge=union`, `-merge`, `binary`); default: `folder`. Drivers and
   * filters that they name are programs of a repo's settings: they do not run, and their files are merged as text.
   */
  attributesOf?: string;
  signal?: AbortSignal | undefined;
}

/** Full ids of commits that are there. */
interface MergeRequest {
  ours: string;
  theirs: string;
  /** What both count as changes to; default: the best that both histories have in common. */
  base?: string;
}

/** A merge that git does not do, and its word for it: unrelated histories, objects that a partial clone has not fetched. */
export interface NotMerged {
  failed: string;
}

/** Where merges are made. No index, no ref and no file of any checkout is read for them or changed by them. */
export interface MergeRoom {
  /** A git that knows the repo's objects and nothing else of it. */
  git: PlainGit;
  /** An empty folder that goes afterwards. */
  folder: string;
  /** Returns what each merge would give, in the order asked for. Throws `git`, `interrupted`. */
  merge(requests: readonly MergeRequest[]): Promise<(Merged | NotMerged)[]>;
  /** Returns a commit by nobody, the same for the same tree and parents. Throws `git`. */
  standIn(tree: string, parents?: readonly string[]): Promise<string>;
}

/** The first git that has `merge-tree --write-tree`, and the first that does many at once. */
const MERGES = [2, 38] as const;
const MERGES_MANY = [2, 39] as const;
const COMMIT_SECONDS = 120;
/** The same each time, so that the same commit has the same id. */
const NOBODY = {
  ...{ GIT_AUTHOR_NAME: 'stack', GIT_AUTHOR_EMAIL: 'stack@localhost', GIT_AUTHOR_DATE: '@0 +0000' },
  ...{ GIT_COMMITTER_NAME: 'stack', GIT_COMMITTER_EMAIL: 'stack@localhost', GIT_COMMITTER_DATE: '@0 +0000' },
};

/** Throws `git` for a git that cannot merge without a checkout: older than 2.38. */
export async function requireMerging(): Promise<void> {
  await gitVersion(MERGES);
}

/**
 * Merges as objects: trees come out, and nothing else changes. With `keep` these are in the repo, for commits that are to stay (nothing
 * leads to them yet, and git's own tidying takes them after two weeks); without it they are gone when `work` is done, and the repo was
 * only read. No hook, merge driver, filter or setting of the repo has a part in it. Throws `git` (older than 2.38 too), `files`.
 */
export async function withMerging<Result>(
  place: MergePlace,
  work: (room: MergeRoom) => Promise<Result>,
  { keep = false }: { keep?: boolean } = {},
): Promise<Result> {
  const { folder: repo, attributesOf = repo, signal } = place;
  const version = await gitVersion(MERGES);
  const attributes = await readAttributes(repo);
  return withPlainGit(
    repo,
    (git, folder) => {
      const many = isAtLeast(version, MERGES_MANY);
      const mergeAll: MergeAll = (lines) => (many ? runMany : runEach)(git, attributesOf, lines);
      const standIn: MergeRoom['standIn'] = (tree, parents = []) => makeStandIn(git, tree, parents);
      return work({ git, folder, standIn, merge: (requests) => mergeInTurn(requests, mergeAll, standIn) });
    },
    { keep, attributes, signal },
  );
}

async function makeStandIn(git: PlainGit, tree: string, parents: readonly string[]): Promise<string> {
  const flags = parents.flatMap((parent) => ['-p', parent]);
  const made = await git(['commit-tree', '-m', 'stack', ...flags, tree], undefined, { env: NOBODY });
  if (made.exitCode !== 0) throw gitError('cannot make a commit for a merge', made);
  return made.stdout.trim();
}

/**
 * Returns the tree that a tree, which came of one base, is on top of another one; undefined where they conflict, that base is not there
 * any more, or git is older than 2.38. `base` leads to a tree. Throws `git` when git cannot run.
 */
export async function carryOver(
  git: PlainGit,
  { tree, base, onto }: { tree: string; base: string; onto: string },
): Promise<string | undefined> {
  if ((await git(['cat-file', '-e', `${base}^{tree}`])).exitCode !== 0) return undefined;
  const root = await makeStandIn(git, `${base}^{tree}`, []);
  const [ours, theirs] = await Promise.all([onto, tree].map((one) => makeStandIn(git, one, [root])));
  const answer = await git([...MERGE, ours ?? '', theirs ?? '']);
  return answer.exitCode === 0 ? readOneMerge(answer.stdout, true).tree : undefined;
}

/** Returns the paths at which two commits conflict. Throws `git`, also where git does not merge them at all, or is older than 2.38; `interrupted`. */
export async function listMergeConflicts(
  place: MergePlace,
  [ours, theirs]: readonly [string, string],
): Promise<string[]> {
  const [merged] = await withMerging(place, ({ merge }) => merge([{ ours, theirs }]));
  if (!merged || 'failed' in merged) throw new StackError('git', merged?.failed ?? 'git says nothing');
  return merged.conflicts.map((conflict) => conflict.path);
}

/**
 * Returns what merging two revisions of a repo gives: the merged tree, kept in the repo, and the conflicts. `base` is what both are
 * compared with, for a cherry-pick or a rebase; it works with every git that merges. Throws `git` (also for histories that have
 * nothing in common), `not-found` for a revision that is none.
 */
export async function mergeTrees(place: MergePlace, ours: string, theirs: string, base?: string): Promise<Merged> {
  const revisions = base === undefined ? [ours, theirs] : [ours, theirs, base];
  // Git ends with 1 for a conflict, and for a revision that is none.
  const [one, other, from] = await Promise.all(revisions.map((revision) => requireCommit(place, revision)));
  const request = { ours: one ?? '', theirs: other ?? '', ...(from !== undefined && { base: from }) };
  const [merged] = await withMerging(place, ({ merge }) => merge([request]), { keep: true });
  if (merged && !('failed' in merged)) return merged;
  throw new StackError('git', `cannot merge ${theirs} into ${ours} in ${place.folder}: ${merged?.failed}`);
}

/** Who wrote a commit; `date` as git reads one. */
export interface Author {
  name: string;
  email: string;
  date?: string;
}

/**
 * Makes a commit of a tree, committed by the person, and returns its id. No ref moves, no hook runs; it is signed where `commit.gpgsign`
 * is on. Throws `git`, where git knows no name for the person, or cannot sign, too.
 */
export async function commitTree(
  { folder }: MergePlace,
  { tree, parents, message, author }: { tree: string; parents: readonly string[]; message: string; author?: Author },
): Promise<string> {
  const flags = parents.flatMap((parent) => ['-p', parent]);
  const env = author && {
    ...{ GIT_AUTHOR_NAME: author.name, GIT_AUTHOR_EMAIL: author.email, GIT_AUTHOR_DATE: author.date },
  };
  // Git's own `commit-tree` has no part in that setting.
  const signing = await tryGit(folder, ['config', '--type=bool', '--get', 'commit.gpgsign']);
  const sign = signing.stdout.trim() === 'true' ? ['-S'] : [];
  const made = await changeGit(folder, ['commit-tree', ...sign, '-m', message, ...flags, tree], {
    deadlineSeconds: COMMIT_SECONDS,
    env,
  });
  return requireAnswer(made, folder);
}

async function requireCommit({ folder, signal }: MergePlace, revision: string): Promise<string> {
  const commit = await findCommit(folder, [revision], signal);
  if (commit !== undefined) return commit;
  throw new StackError('not-found', `${folder} has no commit ${JSON.stringify(revision)}`);
}

type MergeAll = (lines: readonly [ours: string, theirs: string][]) => Promise<{ done: Merged[]; answer: GitAnswer }>;

/** Git stops at the first merge that it does not do: the others go on behind it. */
async function mergeInTurn(
  requests: readonly MergeRequest[],
  mergeAll: MergeAll,
  standIn: MergeRoom['standIn'],
): Promise<(Merged | NotMerged)[]> {
  const pairs = await Promise.all(requests.map((request) => bringTogether(request, standIn)));
  const merges: (Merged | NotMerged)[] = [];
  while (merges.length < pairs.length) {
    const { done, answer } = await mergeAll(pairs.slice(merges.length));
    merges.push(...done);
    if (merges.length < pairs.length) merges.push({ failed: firstLine(answer.stderr) || `exit ${answer.exitCode}` });
  }
  return merges;
}

/** `--merge-base` came with 2.40: in its place go commits of the same trees that have it as their parent. */
async function bringTogether(
  { ours, theirs, base }: MergeRequest,
  standIn: MergeRoom['standIn'],
): Promise<[string, string]> {
  if (base === undefined) return [ours, theirs];
  const root = await standIn(`${base}^{tree}`);
  return Promise.all([standIn(`${ours}^{tree}`, [root]), standIn(`${theirs}^{tree}`, [root])]);
}

const MERGE = ['merge-tree', '--write-tree', '--messages', '-z'];

async function runMany(git: PlainGit, workTree: string, pairs: readonly [string, string][]) {
  const input = pairs.map((pair) => `${pair.join(' ')}\n`).join('');
  const answer = await git([...MERGE, '--stdin'], input, { workTree });
  return { done: readMerges(answer.stdout), answer };
}

async function runEach(git: PlainGit, workTree: string, pairs: readonly [string, string][]) {
  const done: Merged[] = [];
  for (const pair of pairs) {
    const answer = await git([...MERGE, ...pair], undefined, { workTree });
    // The ids were looked at before: 1 is a conflict.
    if (answer.exitCode > 1 || answer.exitCode < 0 || answer.stdout === '') return { done, answer };
    done.push(readOneMerge(answer.stdout, answer.exitCode === 0));
  }
  return { done, answer: { exitCode: 0, stdout: '', stderr: '' } };
}

/** What a person said of files for this clone alone; no filter has a say, since none is there. */
async function readAttributes(repo: string): Promise<string> {
  const file = (await askGit(repo, ['rev-parse', '--path-format=absolute', '--git-path', 'info/attributes'])).trimEnd();
  const own = existsSync(file) && path.isAbsolute(file) ? await readFileIfThere(file) : '';
  return `${own ?? ''}\n* -filter !working-tree-encoding\n`;
}

function requireAnswer(answer: GitAnswer, folder: string): string {
  if (answer.exitCode === 0) return answer.stdout.trim();
  throw gitError(`cannot make a commit in ${folder}`, answer, hintUnsigned(answer));
}
