import { lstat, stat } from 'node:fs/promises';
import path from 'node:path';
import type { DedicatedRepo } from '../../../domain/instance.ts';
import { ifThere } from '../../files/file-errors.ts';
import { refPattern } from '../branch.ts';
import { type Commit, listUnreachable, listUnreachableInSubmodule, MOST_COMMITS } from '../commits.ts';
import { askGit, tryGit } from '../git.ts';
import { readOwnStatus, type WorktreeStatus } from '../status.ts';
import { canonicalPath, findEntry, listOperations, readOwnEntry, type WorktreeEntry } from '../worktree/entry.ts';
import { listSubmodules, type Submodule } from '../worktree/submodule.ts';
import { readEntries } from './inside.ts';
import { isMerged } from './merged.ts';
import { listOwned } from './nobodys.ts';
import { findOwnCommits, findOwnInSubmodule, type OwnCommits, type OwnWork } from './own-commits.ts';
import { describeObjects, type OwnObject } from './own-objects.ts';

/**
 * Work that would be lost (`unpushed`: commits that no other branch, tag or remote has; `ignored`: files that git ignores
 * and a person made), what cannot be saved (`nested`: another git repo among the files; `closed`: a folder that cannot be
 * opened or emptied), or a choice of somebody that a removal would overrule (`unseen`: nobody could look for one).
 */
type WorkKind = 'uncommitted' | 'untracked' | 'ignored' | 'in-progress' | 'unpushed' | 'stashed' | 'nested' | 'closed';
type ChoiceKind = 'moved' | 'locked' | 'switched' | 'elsewhere' | 'occupied' | 'agent' | 'unseen';

/** Something that speaks against removing a worktree and its branch. */
export interface RiskFinding {
  kind: WorkKind | ChoiceKind;
  /** One line for a person. */
  text: string;
  /** Relative to the worktree, a folder ends in `/`; for `moved` and `elsewhere` the absolute path of the other place. */
  paths?: string[];
  /** Of the files, together. */
  bytes?: number;
  /** The newest first, 100 at most. */
  commits?: Commit[];
  /** True where a service may run that nobody can see, and so nobody end: `--force` does not go on then. */
  mayRun?: boolean;
}

export interface RiskQuestion
  extends Pick<DedicatedRepo, 'gitCommonDir' | 'worktree' | 'branch' | 'ownsBranch' | 'base' | 'baseCommit'> {
  repoPath: string;
  /** Env files that stack writes, relative to the worktree. */
  envFiles?: readonly string[];
  /** Globs of files that are nobody's work. */
  disposable?: readonly string[] | undefined;
  /** Other branches that are about to go: what they alone have too is not safe in them. */
  alsoGoing?: readonly string[];
}

/** A worktree, its branch and what of them would be lost. */
export interface Look {
  findings: RiskFinding[];
  /** Undefined when the folder is no worktree, or one that was never filled. */
  linked: { entry: WorktreeEntry; status: WorktreeStatus } | undefined;
  refs: BranchRefs;
  /** Commits that nothing leads to but the own refs and logs of the worktree and its submodules. */
  own: OwnCommits;
}

interface BranchRefs {
  /** Full id of the commit the branch is at; undefined when it is gone. */
  tip: string | undefined;
  /** Folder the branch is checked out in; '' for none. */
  checkedOutAt: string;
  hasStash: boolean;
}

const SHOWN = 4;

/**
 * Finds what would be lost with a worktree and, where it would go too, its branch, and gives what was learnt on the way. Files
 * that git ignores do not count. Changes nothing. Throws `git`.
 */
export async function lookAt(question: RiskQuestion): Promise<Look> {
  const { repoPath, worktree } = question;
  const entry = await readOwnEntry(worktree);
  const cwd = (await ifThere(stat(repoPath))) ? repoPath : entry && worktree;
  const [inFiles, { refs, unreachable }] = await Promise.all([
    entry === undefined ? findWithout(question, cwd) : findInFiles(question, entry, cwd),
    listOnBranch(cwd, question),
  ]);
  const { status, findings } = inFiles;
  // Where somebody has deleted the branch that is checked out, its commits are the worktree's alone.
  const isAlone = status?.branch === undefined || status.isLost;
  const detached = status?.head !== undefined && isAlone ? [status.head] : [];
  const kept = [...new Set([refs.tip, status?.head].filter((commit) => commit !== undefined))];
  const [commits, own] = await Promise.all([
    cwd === undefined || detached.length === 0 ? [] : listUnreachable(cwd, detached, question),
    cwd === undefined ? NO_WORK : findOwnCommits(cwd, inFiles.entry, question, kept),
  ]);
  const all = [...new Map([...commits, ...unreachable].map((one) => [one.commit, one])).values()];
  return {
    findings: [...findings, ...renderCommits(all, question), ...renderLeft(own.left), ...renderObjects(own.objects)],
    linked: entry && status && { entry, status },
    refs,
    own: { left: own.left, heads: [...own.heads, ...inFiles.heads] },
  };
}

const NO_WORK: OwnWork = { left: [], heads: [], objects: [] };

/** Returns what nothing leads to but the own refs and logs of a worktree and its submodules. Throws `git`, `files`. */
export async function lookForOwnCommits(
  question: Pick<RiskQuestion, 'repoPath' | 'gitCommonDir' | 'worktree' | 'branch' | 'ownsBranch' | 'alsoGoing'>,
): Promise<OwnWork> {
  const { repoPath, gitCommonDir, worktree, branch } = question;
  if (!(await ifThere(stat(repoPath)))) return NO_WORK;
  const own = await readOwnEntry(worktree);
  const entry = own ?? (await findEntry(gitCommonDir, await canonicalPath(worktree)));
  const [{ tip }, head] = await Promise.all([
    readRefs(repoPath, branch),
    own?.hasIndex ? tryGit(worktree, ['rev-parse', '--verify', '--quiet', 'HEAD']) : undefined,
  ]);
  const kept = new Set([tip, head?.stdout.trim()].filter((commit) => commit !== undefined && commit !== ''));
  const submodules = entry ? await listSubmodules(worktree, entry) : [];
  const [here, ...inside] = await Promise.all([
    findOwnCommits(repoPath, entry, question, [...kept] as string[]),
    ...submodules.map((submodule) => findOwnInSubmodule(repoPath, submodule)),
  ]);
  const looks = [here, ...inside];
  return {
    left: looks.flatMap(({ left }) => left),
    heads: looks.flatMap(({ heads }) => heads),
    objects: looks.flatMap(({ objects }) => objects),
  };
}

/** Finds the commits alone that only a branch holds which would go. Throws `git`. */
export async function findUnreachableCommits(question: RiskQuestion): Promise<RiskFinding[]> {
  const { repoPath, worktree } = question;
  const cwd = (await ifThere(stat(repoPath))) ? repoPath : (await readOwnEntry(worktree)) && worktree;
  return renderCommits((await listOnBranch(cwd, question)).unreachable, question);
}

/** A squash has other ids than the commits it stands for, so only what no other branch holds by its content is unreachable. */
async function listOnBranch(
  cwd: string | undefined,
  question: RiskQuestion,
): Promise<{ refs: BranchRefs; unreachable: Commit[] }> {
  if (cwd === undefined) return { refs: { tip: undefined, checkedOutAt: '', hasStash: false }, unreachable: [] };
  const { branch, ownsBranch, base, alsoGoing } = question;
  const refs = await readRefs(cwd, branch);
  if (!ownsBranch || refs.tip === undefined) return { refs, unreachable: [] };
  const unreachable = await listUnreachable(cwd, [refs.tip], question);
  if (unreachable.length > 0 && (await isMerged({ cwd, branch, tip: refs.tip, base, alsoGoing })))
    return { refs, unreachable: [] };
  return { refs, unreachable };
}

async function readRefs(cwd: string, branch: string): Promise<BranchRefs> {
  const format = '--format=%(refname)%00%(objectname)%00%(worktreepath)';
  const text = await askGit(cwd, ['for-each-ref', format, refPattern(branch), 'refs/stash']);
  const refs = new Map(text.split('\n').map((line) => [line.split('\0')[0], line.split('\0')]));
  const [, tip, checkedOutAt = ''] = refs.get(`refs/heads/${branch}`) ?? [];
  return { tip, checkedOutAt, hasStash: refs.has('refs/stash') };
}

interface InFiles {
  /** Of the worktree, also when somebody has deleted its folder. */
  entry: WorktreeEntry | undefined;
  findings: RiskFinding[];
  status: WorktreeStatus | undefined;
  /** Commits that only logs in its submodules lead to. */
  heads: string[];
}

async function findInFiles(question: RiskQuestion, entry: WorktreeEntry, cwd = question.worktree): Promise<InFiles> {
  const { worktree, branch } = question;
  // Git was ended before the files were there: nobody has worked in them.
  if (!entry.hasIndex) return { entry, findings: [], status: undefined, heads: [] };
  const [status, submodules] = await Promise.all([
    readOwnStatus(worktree, entry, branch),
    listSubmodules(worktree, entry),
  ]);
  const inSubmodules = await findInSubmodules(cwd, submodules);
  const { changed, untracked } = await listOwned(question, entry, status);
  const findings: RiskFinding[] = [
    ...(await listOperations(entry)).map((name) => ({ kind: 'in-progress', text: `${name} is under way` }) as const),
    ...describeFiles('uncommitted', 'uncommitted change', changed),
    ...describeFiles('untracked', 'untracked file', untracked),
    ...inSubmodules.findings,
  ];
  return { entry, findings, status, heads: inSubmodules.heads };
}

/** Of a worktree that somebody has deleted the repo keeps the submodules' git folders, until it forgets the worktree. */
async function findWithout({ worktree, gitCommonDir }: RiskQuestion, cwd = gitCommonDir): Promise<InFiles> {
  const [stray, left] = await Promise.all([
    findStray(worktree),
    findEntry(gitCommonDir, await canonicalPath(worktree)),
  ]);
  const submodules = left ? await listSubmodules(worktree, left) : [];
  const { findings, heads } = await findInSubmodules(cwd, submodules);
  return { entry: left, status: undefined, findings: [...stray, ...findings], heads };
}

/** Returns one finding for some files, none for none. */
export function describeFiles(kind: WorkKind, noun: string, paths: string[]): RiskFinding[] {
  return paths.length === 0 ? [] : [{ kind, text: `${count(paths.length, noun)}: ${shorten(paths)}`, paths }];
}

async function findInSubmodules(
  cwd: string,
  submodules: readonly Submodule[],
): Promise<Pick<InFiles, 'findings' | 'heads'>> {
  const looks = await Promise.all(
    submodules.map(async (submodule) => {
      const [commits, own] = await Promise.all([
        listUnreachableInSubmodule(submodule),
        findOwnInSubmodule(cwd, submodule),
      ]);
      const text = `${count(commits.length, 'commit')} in the submodule ${submodule.path} that no remote has: ${describeCommits(commits)}`;
      const where = `the submodule ${submodule.path}`;
      const asked = own.objects.filter(({ ofCommit }) => !ofCommit);
      const unreachable: RiskFinding[] = commits.length === 0 ? [] : [{ kind: 'unpushed', text, commits }];
      return {
        findings: [...unreachable, ...renderLeft(own.left, where), ...renderObjects(asked, where)],
        heads: own.heads,
      };
    }),
  );
  return { findings: looks.flatMap(({ findings }) => findings), heads: looks.flatMap(({ heads }) => heads) };
}

function renderLeft(commits: Commit[], where = ''): RiskFinding[] {
  if (commits.length === 0) return [];
  const place = where === '' ? '' : ` in ${where}`;
  const text = `${count(commits.length, 'commit')} made on no branch${place} and left there: ${describeCommits(commits)}`;
  return [{ kind: 'unpushed', text, commits }];
}

function renderObjects(objects: readonly OwnObject[], where?: string): RiskFinding[] {
  if (objects.length === 0) return [];
  const what = objects.length === 1 ? 'a ref' : `${objects.length} refs`;
  const whose =
    where === undefined
      ? 'of this worktree alone to what no commit, branch or tag has'
      : `in ${where} to what is nowhere else`;
  const text = `${what} ${whose}: ${shorten(describeObjects(objects))}`;
  return [{ kind: 'unpushed', text }];
}

function renderCommits(commits: Commit[], { branch, baseCommit }: RiskQuestion): RiskFinding[] {
  if (commits.length === 0) return [];
  const old = commits.some(({ commit }) => commit === baseCommit) ? ' (those of its base among them)' : '';
  const what = `${count(commits.length, 'commit')} on ${branch}${old}`;
  return [
    { kind: 'unpushed', text: `${what} that no other branch, tag or remote has: ${describeCommits(commits)}`, commits },
  ];
}

/** True when there is a file in a folder, other than git's own. */
export async function hasFiles(folder: string): Promise<boolean> {
  return (await findStray(folder)).length > 0;
}

/** In a folder that is no worktree (any more) every file may be the only one of its kind; empty folders are not. */
async function findStray(folder: string): Promise<RiskFinding[]> {
  const there = await ifThere(lstat(folder));
  const files = there?.isDirectory() ? listFiles(folder, '', SHOWN + 1) : [];
  const text = `files in a folder that is not a worktree any more: ${shorten(files)}`;
  return files.length === 0 ? [] : [{ kind: 'untracked', text, paths: files }];
}

/** What cannot be opened is a finding of its own. */
function listFiles(folder: string, prefix: string, most: number): string[] {
  const found: string[] = [];
  for (const entry of readEntries(path.join(folder, prefix))) {
    const name = path.join(prefix, entry.name);
    if (name === '.git') continue;
    found.push(...(entry.isDirectory() ? listFiles(folder, name, most - found.length) : [name]));
    if (found.length >= most) return found;
  }
  return found;
}

/** Returns `1 file`, `3 files`. */
export function count(number: number, noun: string, nouns = `${noun}s`): string {
  return number === 1 ? `1 ${noun}` : `${number}${number === MOST_COMMITS ? ' or more' : ''} ${nouns}`;
}

function shorten(paths: readonly string[]): string {
  return paths.length > SHOWN ? `${paths.slice(0, SHOWN).join(', ')}, …` : paths.join(', ');
}

/** Returns some commits in a few words. */
export function describeCommits(commits: readonly Commit[]): string {
  return shorten(commits.map(({ commit, subject }) => `${commit.slice(0, 7)} ${subject}`));
}
