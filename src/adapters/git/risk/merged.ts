import { listEveryRef, type Ref } from '../every-ref.ts';
import type { AskOptions } from '../git.ts';
import { type PlainGit, withPlainGit } from './plain.ts';

export interface MergeQuestion {
  /** A folder of the repo. */
  cwd: string;
  branch: string;
  /** Full id of the commit the branch is at. */
  tip: string;
  /** What the branch was started from, as asked for. */
  base: string;
  /** Other branches that are about to go: in them nothing is safe. */
  alsoGoing?: readonly string[] | undefined;
}

/** A squash touches every path of the work: this many are enough to find it by. */
const PATHS = 50;
const RAW = ['--raw', '-z', '--no-renames', '--no-abbrev', '--ignore-submodules=none'];
/** Of the commits that may have brought the work, so many are compared with it, the likeliest first. */
const MOST_COMPARED = 100;

/**
 * True when all that the branch holds is in its base, the base's upstream, or the repo's main branch, as of the last
 * fetch: merged, rebased, or squashed into one commit. The bytes of the files decide: attributes, merge drivers, settings
 * and white space rules have no say, and what is in doubt is not merged. Throws `git`, `files`.
 */
export async function isMerged(question: MergeQuestion): Promise<boolean> {
  return isMergedInto(question, chooseTargets(await listEveryRef(question.cwd), question));
}

/** The same for the commits of branches that the work may have gone to. */
export async function isMergedInto(
  { cwd, tip }: Pick<MergeQuestion, 'cwd' | 'tip'>,
  targets: readonly string[],
): Promise<boolean> {
  if (targets.length === 0) return false;
  return withPlainGit(cwd, async (git) => {
    for (const target of targets) {
      if (await isIn(git, tip, target)) return true;
    }
    return false;
  });
}

/** Returns those of some commits that add nothing to one of the `kept` ones by their content. Throws `git`, `files`. */
export async function listContained(
  cwd: string,
  commits: readonly string[],
  kept: readonly string[],
  how: AskOptions,
): Promise<string[]> {
  if (commits.length === 0 || kept.length === 0) return [];
  const compare = async (git: PlainGit): Promise<string[]> => {
    const pairs = commits.flatMap((commit) => kept.map((into) => ({ into, commit })));
    const adds = await listAdding(git, pairs);
    return pairs.flatMap(({ commit }, index) => (adds[index] === false ? [commit] : []));
  };
  return withPlainGit(cwd, compare, how);
}

/** Returns the commits of the branches that the work may have gone to, each once. */
export function chooseTargets(
  refs: readonly Ref[],
  { base, branch, alsoGoing = [] }: Pick<MergeQuestion, 'base' | 'branch' | 'alsoGoing'>,
): string[] {
  const remoteHeads = refs.filter(({ name }) => /^refs\/remotes\/[^/]+\/HEAD$/.test(name)).map(({ symref }) => symref);
  const wanted = new Set(['main', 'master', base, ...remoteHeads.map(nameOf)]);
  wanted.delete(branch);
  const upstreams = refs.flatMap(({ name, upstream }) => (wanted.has(nameOf(name)) ? [upstream] : []));
  const going = new Set(alsoGoing.map((name) => `refs/heads/${name}`));
  const found = refs.filter(({ name }) => !going.has(name) && (wanted.has(nameOf(name)) || upstreams.includes(name)));
  return [...new Set(found.map(({ commit }) => commit))];
}

/** `refs/heads/feat/ui` and `refs/remotes/origin/feat/ui` are both `feat/ui`. */
function nameOf(ref: string): string {
  return ref.replace(/^refs\/(heads|remotes\/[^/]+)\//, '');
}

async function isIn(git: PlainGit, tip: string, target: string): Promise<boolean> {
  const { start, work } = await findWork(git, tip, target);
  if (start === '') return false;
  if (start === tip) return true;
  // Work that was taken back again is nowhere else: that its sum is nothing does not make it merged.
  if (work.length === 0) return false;
  if (await addsNothing(git, tip, [target])) return true;
  const paths = work.slice(0, PATHS).map(({ path }) => path);
  const since = await listCommits(git, ['--ancestry-path', '--full-history', `${start}..${target}`, '--', ...paths]);
  const likely = rank(since, work).slice(0, MOST_COMPARED);
  // All of its files were there as it has them.
  if (likely[0]?.same === work.length) return true;
  const commits = likely.map(({ commit }) => commit);
  return (await addsNothing(git, tip, commits)) || hasEvery(await listCommits(git, [tip, '--not', target]), since);
}

/** What a commit has changed since it and the other parted, and where that was; '' for nowhere. */
async function findWork(git: PlainGit, tip: string, other: string): Promise<{ start: string; work: Change[] }> {
  const start = (await git(['merge-base', other, tip])).stdout.trim();
  const work: Change[] = [];
  if (start === '' || start === tip) return { start, work };
  const { stdout } = await git(['diff-tree', '-r', ...RAW, start, tip]);
  readFields(
    stdout,
    () => undefined,
    (change) => work.push(change),
  );
  return { start, work };
}

/** True when a merge into one of the commits would change nothing. */
async function addsNothing(git: PlainGit, tip: string, commits: readonly string[]): Promise<boolean> {
  const adds = await listAdding(
    git,
    commits.map((into) => ({ into, commit: tip })),
  );
  return adds.includes(false);
}

/** Tells of each merge whether it would change something; conflicts do. Git before 2.38 cannot tell, and gives none. */
async function listAdding(git: PlainGit, pairs: readonly { into: string; commit: string }[]): Promise<boolean[]> {
  if (pairs.length === 0) return [];
  const trees = (await git(['rev-parse', ...pairs.map(({ into }) => `${into}^{tree}`)])).stdout.split('\n');
  const input = pairs.map(({ into, commit }) => `${into} ${commit}\n`).join('');
  const { stdout } = await git(['merge-tree', '--write-tree', '--no-messages', '--stdin'], input);
  // git-merge-tree(1): for each merge `1` when it is clean, then its tree, and an empty field at the end.
  const merges = stdout.split('\0\0').filter((merge) => merge !== '');
  return merges.map((merge, index) => merge !== `1\0${trees[index]}`);
}

/** What a commit changes in one file: `from` and `to` are mode and id. */
interface Change {
  path: string;
  from: string;
  to: string;
}

interface ChangingCommit {
  commit: string;
  isMerge: boolean;
  changes: Change[];
}

/** Returns commits, the newest first, with what they change; a merge as its first parent sees it. */
async function listCommits(git: PlainGit, revisions: readonly string[]): Promise<ChangingCommit[]> {
  const { stdout } = await git(['log', '--format=%H %P', '--diff-merges=first-parent', ...RAW, ...revisions]);
  const found: ChangingCommit[] = [];
  readFields(
    stdout,
    (ids) => {
      const [commit = '', ...parents] = ids.trim().split(' ');
      found.push({ commit, isMerge: parents.length > 1, changes: [] });
    },
    (change) => found.at(-1)?.changes.push(change),
  );
  return found;
}

/** Reads `--raw -z`: `:100644 100644 <id> <id> M` and a path in turn, and between them what else there is. */
function readFields(text: string, onOther: (field: string) => void, onChange: (change: Change) => void): void {
  const fields = text.split('\0');
  for (let index = 0; index < fields.length; index++) {
    const field = fields[index]?.trim() ?? '';
    if (field.startsWith(':')) {
      const [fromMode, toMode, fromId, toId] = field.slice(1).split(' ');
      index++;
      onChange({ path: fields[index] ?? '', from: `${fromMode} ${fromId}`, to: `${toMode} ${toId}` });
    } else if (field !== '') onOther(field);
  }
}

/** The commits that may have brought the work, those first that leave most of its files as the work has them. */
function rank(commits: readonly ChangingCommit[], work: readonly Change[]): { commit: string; same: number }[] {
  const wanted = new Set(work.map(({ path, to }) => `${to} ${path}`));
  const scored = commits.map(({ commit, changes }) => {
    const same = changes.filter(({ path, to }) => wanted.has(`${to} ${path}`)).length;
    return { commit, same, touched: changes.length };
  });
  return scored.sort((one, other) => other.same - one.same || other.touched - one.touched);
}

/** True when each commit has another that changes the very same. What somebody did in a merge has none. */
function hasEvery(commits: readonly ChangingCommit[], others: readonly ChangingCommit[]): boolean {
  const known = others.map(({ changes }) => new Set(changes.map(keyOf)));
  return (
    commits.length > 0 &&
    commits.every(
      ({ isMerge, changes }) => !isMerge && known.some((other) => changes.every((change) => other.has(keyOf(change)))),
    )
  );
}

function keyOf({ path, from, to }: Change): string {
  return `${from} ${to} ${path}`;
}
