import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { ifThere } from '../../files/file-errors.ts';
import { readFileIfThere } from '../../files/files.ts';
import type { Commit } from '../commits.ts';
import { type AskOptions, askGit } from '../git.ts';
import { hasRefTables, listOwnTableRefs, listTableOperations } from '../ref-tables.ts';
import type { WorktreeEntry } from '../worktree/entry.ts';
import type { Submodule } from '../worktree/submodule.ts';
import { listFetched } from './fetched.ts';
import { isNone, type Move, readHeadLog, readLog } from './head-log.ts';
import { listContained } from './merged.ts';
import { findObjectsInRepo, findOwnObjects, type OwnObject } from './own-objects.ts';
import { listStashCommits } from './stash.ts';

/** Commits that go with a worktree and its branch, and to which no branch, tag or remote leads, nor what is checked out. */
export interface OwnCommits {
  /** Made on no branch and left there, or kept under `refs/worktree/`: somebody may not know that they go. */
  left: Commit[];
  /** Commits that lead to `left`, and to what was amended, rebased away or taken back. */
  heads: string[];
}

/** The same of a worktree or a submodule, and what its own refs lead to that is no commit. */
export interface OwnWork extends OwnCommits {
  objects: OwnObject[];
}

interface Question {
  gitCommonDir: string;
  branch: string;
  ownsBranch: boolean;
  alsoGoing?: readonly string[] | undefined;
}

/** What moves HEAD or a branch to a commit that was there before. */
const MOVES =
  /^(checkout|reset|clone|branch|Branch|bisect)\b|^(merge|pull)\b.*: Fast-forward$|^(rebase|pull)\b[^:]*\((start|finish|abort|skip)\)/;
/** Of an operation that is under way, and of the last one: whatever looks like an id in these files. */
const OPERATIONS = /^([A-Z_]+_HEAD|MERGE_AUTOSTASH|BISECT_.*|rebase-merge|rebase-apply|sequencer)$/;
const LARGE = 1_000_000;
/** More are kept without a look at what is in them. */
const MOST_COMPARED = 100;

/**
 * Finds the commits that only a worktree's own refs, its HEAD's log, the log of its branch where that goes too, or an
 * operation under way leads to, and the tags, trees and blobs that only its refs lead to. What `kept` commits have by content, and
 * what a rescue has, does not count. Changes nothing. Throws `git`, `files`.
 */
export async function findOwnCommits(
  cwd: string,
  entry: WorktreeEntry | undefined,
  question: Question,
  kept: readonly string[],
): Promise<OwnWork> {
  const { gitCommonDir, branch, ownsBranch, alsoGoing = [] } = question;
  const [log, branchLog, refs, operations] = await Promise.all([
    entry ? readHeadLog(entry.folder) : [],
    readLog(gitCommonDir, `refs/heads/${branch}`),
    entry ? readOwnRefs(entry.folder) : [],
    entry ? readOperations(entry.folder) : [],
  ]);
  const going = [...(ownsBranch ? [branch] : []), ...alsoGoing].map((name) => `--exclude=${name}`);
  const safe = [...kept, ...going, '--branches', '--tags', '--remotes', '--glob=refs/stack/rescue'];
  // A program may make a commit and then move HEAD there; what was fetched last is on a remote.
  const fetched = new Set(entry ? (await readIds(path.join(entry.folder, 'FETCH_HEAD'))).map(({ id }) => id) : []);
  const reached = log.flatMap(({ to }) => (isNone(to) || fetched.has(to) ? [] : [to]));
  const [commits, objects] = await Promise.all([
    sift({ log, branchLog, branchGoes: ownsBranch, refs, operations, reached }, { cwd, safe, kept }),
    findOwnObjects(cwd, refs, safe),
  ]);
  return { ...commits, objects };
}

/**
 * Finds the same of a submodule, whose branches all go with the worktree. What its refs and stashes lead to is told apart, and
 * what the rescues in the repo around it have does not count. Throws `git`, `files`.
 */
export async function findOwnInSubmodule(repo: string, { gitDir, twin }: Submodule): Promise<OwnWork> {
  // Git itself moves HEAD there to commits that it fetched by their ids: what was checked out was on a remote.
  const moves = (await readHeadLog(gitDir)).filter((move) => !isNone(move.to) && !isLeaving(move));
  const reached = moves.map(({ to }) => to);
  const how = { inGitDir: true };
  const [own, all] = await Promise.all([
    findOwnInRepo(gitDir, { cwd: gitDir, how, reached }),
    findObjectsInRepo(gitDir, how),
  ]);
  const [lost, objects] = await Promise.all([
    listUnsaved(repo, own.heads),
    all.length === 0 ? [] : listUnsavedObjects(repo, { gitDir, twin }, all),
  ]);
  const isLost = (commit: string): boolean => lost.includes(commit);
  return {
    left: own.left.filter((one) => lost.length === own.heads.length || isLost(one.commit)),
    heads: lost,
    objects,
  };
}

/** Returns those of some objects that neither a rescue in a repo nor the main checkout's copy of a submodule has. Throws `git`. */
async function listUnsavedObjects(
  repo: string,
  { gitDir, twin }: Pick<Submodule, 'gitDir' | 'twin'>,
  objects: readonly OwnObject[],
): Promise<OwnObject[]> {
  const input = objects.map(({ id }) => `${id}\n`).join('');
  const [saved, inTwin, fetched] = await Promise.all([
    askGit(repo, ['for-each-ref', '--format=%(objectname)', 'refs/stack/rescue']),
    (await ifThere(stat(twin))) ? askGit(twin, ['cat-file', '--batch-check'], { input, inGitDir: true }) : '',
    listFetched(gitDir),
  ]);
  const known = new Set(saved.split('\n'));
  const answers = inTwin.split('\n');
  return objects.filter(({ id, ofCommit }, index) => {
    const isInTwin = inTwin !== '' && !answers[index]?.endsWith(' missing');
    return !known.has(id) && !isInTwin && !(ofCommit && fetched.includes(id));
  });
}

/**
 * Finds the commits that were made in a repo that goes as a whole, and to which nothing but its logs or an operation under way
 * leads; those of `reached` too, whoever made them. Throws `git`, `files`.
 */
export async function findOwnInRepo(
  gitDir: string,
  { cwd, how, reached = [] }: Pick<Prerequisites, 'cwd' | 'how'> & { reached?: readonly string[] },
): Promise<OwnCommits> {
  const branches = await listLogged(gitDir, cwd);
  const [log, branchLogs, operations, stashes, tips] = await Promise.all([
    readHeadLog(gitDir),
    Promise.all(branches.map((ref) => readLog(gitDir, ref))),
    readOperations(gitDir),
    listStashCommits(cwd),
    askGit(cwd, ['rev-list', '--no-walk', '--exclude=refs/remotes/*', '--all'], how),
  ]);
  const kept = [...new Set(tips.split('\n').filter((id) => id !== ''))];
  const traces = { log, branchLog: branchLogs.flat(), branchGoes: true, refs: [], operations, reached };
  return sift(traces, { cwd, how, safe: ['--all', ...stashes], kept });
}

/** Returns the branches that have a log: those that are gone too, where logs are files. */
async function listLogged(gitDir: string, cwd: string): Promise<string[]> {
  if (hasRefTables(gitDir))
    return (await askGit(cwd, ['for-each-ref', '--format=%(refname)', 'refs/heads'])).split('\n').filter(Boolean);
  const logs = path.join(gitDir, 'logs');
  const heads = path.join(logs, 'refs', 'heads');
  const found = (await ifThere(readdir(heads, { recursive: true, withFileTypes: true }))) ?? [];
  const files = found.filter((one) => one.isFile()).map((one) => path.join(one.parentPath, one.name));
  return files.map((file) => path.relative(logs, file));
}

/** What tells of commits that were made. */
interface Traces {
  log: readonly Move[];
  branchLog: readonly Move[];
  /** False: the branch stays, and its log with it. */
  branchGoes: boolean;
  refs: readonly { name: string; id: string }[];
  operations: readonly string[];
  /** Where HEAD has been, whoever made that. */
  reached: readonly string[];
}

interface Prerequisites {
  cwd: string;
  how?: AskOptions | undefined;
  /** Revisions: what they lead to is not lost. */
  safe: readonly string[];
  /** Ids of commits: what they have by content is not lost. */
  kept: readonly string[];
}

async function sift(traces: Traces, ground: Prerequisites): Promise<OwnCommits> {
  const { log, branchLog, branchGoes, refs, operations, reached } = traces;
  const { cwd, how = {}, kept } = ground;
  const onBranch = new Set(branchLog.map(({ to }) => to));
  const goes = (id: string): boolean => branchGoes || !onBranch.has(id);
  const fromLogs = [...log, ...(branchGoes ? branchLog : [])].filter(isMade).map(({ to }) => to);
  const made = new Set(fromLogs.filter(goes));
  const tips = new Set([...made, ...reached.filter(goes), ...refs.map(({ id }) => id), ...operations]);
  for (const id of kept) tips.delete(id);
  const unreachable = tips.size === 0 ? [] : await listUnreachable([...tips], ground);
  const parents = new Set(unreachable.flatMap((one) => one.parents));
  const heads = unreachable.map(idOf).filter((commit) => !parents.has(commit));
  const known = new Set(
    unreachable.length > MOST_COMPARED ? [] : await listContained(cwd, unreachable.map(idOf), kept, how),
  );
  const lost = heads.filter((head) => listBelow(unreachable, [head]).some(({ commit }) => !known.has(commit)));
  const wanted = new Set([
    ...log.filter(isLeaving).flatMap(({ from }) => (made.has(from) && !onBranch.has(from) ? [from] : [])),
    ...refs.flatMap(({ name, id }) => (name.startsWith('worktree/') ? [id] : [])),
  ]);
  return {
    left: listBelow(
      unreachable,
      lost.filter((commit) => wanted.has(commit)),
    ),
    heads: lost,
  };
}

function isMade({ to, message }: Move): boolean {
  return !isNone(to) && !MOVES.test(message);
}

function isLeaving({ message }: Move): boolean {
  return message.startsWith('checkout: ');
}

interface UnreachableCommit extends Commit {
  parents: string[];
}

/** An id of something that is no commit, or is gone, is passed over. */
async function listUnreachable(
  tips: readonly string[],
  { cwd, how = {}, safe }: Prerequisites,
): Promise<UnreachableCommit[]> {
  const options = [
    '--no-patch',
    '--no-show-signature',
    '--format=%H%x00%P%x00%s',
    '--ignore-missing',
    '--topo-order',
    '--stdin',
  ];
  const input = tips.map((tip) => `${tip}\n`).join('');
  const text = await askGit(cwd, ['log', ...options, '--not', ...safe], { ...how, input });
  return text.split('\n').flatMap((line) => {
    const [commit = '', parents = '', subject = ''] = line.split('\0');
    return commit === '' ? [] : [{ commit, parents: parents.split(' '), subject }];
  });
}

/** Returns those of some commits that no rescue in a repo has. Throws `git`. */
async function listUnsaved(repo: string, commits: readonly string[]): Promise<string[]> {
  if (commits.length === 0) return [];
  const input = commits.map((commit) => `${commit}\n`).join('');
  const known = (await askGit(repo, ['cat-file', '--batch-check'], { input })).split('\n');
  const [missing, there] = [true, false].map((gone) =>
    commits.filter((_, index) => known[index]?.endsWith(' missing') === gone),
  );
  const unreachable = await listUnreachable(there ?? [], { cwd: repo, safe: ['--glob=refs/stack/rescue'], kept: [] });
  const ids = new Set(unreachable.map(idOf));
  return [...(missing ?? []), ...(there ?? []).filter((commit) => ids.has(commit))];
}

function idOf({ commit }: Commit): string {
  return commit;
}

/** The commits among these that some of them lead to, themselves included. */
function listBelow(commits: readonly UnreachableCommit[], tips: readonly string[]): Commit[] {
  const found = new Set(tips);
  // Children come first, so whoever leads to a commit has been seen before it.
  for (const { commit, parents } of commits) if (found.has(commit)) for (const parent of parents) found.add(parent);
  return commits.flatMap(({ commit, subject }) => (found.has(commit) ? [{ commit, subject }] : []));
}

async function readOperations(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => OPERATIONS.test(name) && name !== 'FETCH_HEAD');
  const inFiles = await Promise.all(names.map((name) => readIds(path.join(folder, name))));
  const inTables = hasRefTables(folder) ? await listTableOperations(folder) : [];
  return [...inFiles.flat(), ...inTables].map(({ id }) => id);
}

async function readOwnRefs(folder: string): Promise<{ name: string; id: string }[]> {
  return hasRefTables(folder) ? listOwnTableRefs(folder) : readIds(path.join(folder, 'refs'));
}

/** Whatever looks like an id in a file, or in the files of a folder, by the file's name in there. */
async function readIds(file: string, name = ''): Promise<{ name: string; id: string }[]> {
  const there = await ifThere(stat(file));
  if (there?.isDirectory()) {
    const names = await readdir(file);
    return (await Promise.all(names.map((one) => readIds(path.join(file, one), path.join(name, one))))).flat();
  }
  if (!there?.isFile() || there.size > LARGE) return [];
  const text = (await readFileIfThere(file)) ?? '';
  return (text.match(/\b(?:[0-9a-f]{64}|[0-9a-f]{40})\b/g) ?? []).map((id) => ({ name, id }));
}
