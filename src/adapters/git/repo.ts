import { existsSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { StackError } from '../../domain/errors.ts';
import { quoteForShell } from '../../domain/shell.ts';
import { suggest } from '../../domain/suggest.ts';
import { ifThere } from '../files/file-errors.ts';
import { askGit, firstLine, type GitAnswer, gitError, gitVersion, listWords, tryGit } from './git.ts';
import { readForgeRequest } from './names.ts';
import {
  fetchFromRemote,
  findForgeRequest,
  findOnRemotes,
  findTracked,
  listRemotes,
  type RemoteRef,
  type Unreachable,
} from './remote.ts';
import { isInRepo } from './tracked.ts';
import { listWorktrees } from './worktree/list.ts';

export interface RepoQuestion {
  /** The repo's name in stack.yml; errors begin with it. */
  repo: string;
  /** Where its main checkout should be; absolute. */
  path: string;
}

/** What git says about a checkout. */
export interface RepoFacts {
  /** Real path of the checkout's top folder. */
  top: string;
  /** Absolute real path of the git common directory. */
  gitCommonDir: string;
  /** The branch checked out; undefined when HEAD is detached. */
  branch: string | undefined;
  /** Full commit id of HEAD. */
  headCommit: string;
  /** True for a linked worktree of another checkout. */
  isLinked: boolean;
}

export interface BaseQuestion extends RepoQuestion {
  /** Branch, remote branch, tag, commit, or anything git reads as a commit. */
  ref: string;
  /** False: what only the remote has is named but not fetched. */
  fetch: boolean;
  signal?: AbortSignal | undefined;
}

export interface Base {
  /** What git reads as this commit from now on: the ref as it was asked for, but for `pr:123`. */
  name: string;
  /** Full commit id. */
  commit: string;
  fetched: boolean;
  /** The remote, when only it has the ref. */
  onlyOn?: string;
}

/**
 * Returns what git says about a checkout. Throws `config` (nothing there, no repo, bare, no commit, a folder inside a repo,
 * one that another repo carries, a submodule that is not there yet) and `git`.
 */
export async function inspectRepo({ repo, path: folder }: RepoQuestion): Promise<RepoFacts> {
  const there = await ifThere(stat(folder));
  if (!there) throw badPath(repo, `there is nothing at ${folder}`, 'clone it there, or set `path:` in stack.yml');
  if (!there.isDirectory()) throw badPath(repo, `${folder} is not a folder`, 'set `path:` in stack.yml');
  const answer = await tryGit(folder, [
    ...['rev-parse', '--path-format=absolute', '--is-bare-repository', '--git-common-dir', '--git-dir'],
    ...['--show-toplevel', 'HEAD', '--symbolic-full-name', 'HEAD'],
  ]);
  const lines = answer.stdout.split('\n');
  if (answer.exitCode !== 0) throw await explainRefusal(repo, folder, lines, answer);
  const [, gitCommonDir = '', gitDir = '', top = '', headCommit = '', head = ''] = lines;
  // A checkout can carry a bare repo whose settings name a working tree, and programs that git would run.
  if (isInRepo(folder) && !existsSync(path.join(top, '.git'))) {
    const what = `${folder} is a bare repo among the files of another repo`;
    throw badPath(repo, what, 'set `path:` to a clone, which has a `.git`');
  }
  const topStat = await stat(top);
  if (topStat.ino !== there.ino || topStat.dev !== there.dev) throw await explainInside(repo, folder, top);
  const branch = head.startsWith('refs/heads/') ? head.slice('refs/heads/'.length) : undefined;
  const isLinked = gitDir !== gitCommonDir;
  // git keeps the case in which a folder was named; realpath(3) of macOS gives names as the disk has them.
  return { top: await realpath(top), gitCommonDir: await realpath(gitCommonDir), branch, headCommit, isLinked };
}

/** Returns the branch that new work starts from: the remote's head, else main, else master, else what is checked out. */
export async function defaultBranch(folder: string): Promise<string> {
  const text = await askGit(folder, [
    ...['for-each-ref', '--format=%(refname) %(symref)', 'refs/heads/main', 'refs/heads/master'],
    ...['refs/remotes/*/HEAD', 'refs/remotes/*/main', 'refs/remotes/*/master'],
  ]);
  const refs = text.split('\n').map((line) => line.split(' '));
  const heads = refs.filter(([name]) => name?.endsWith('/HEAD'));
  const head =
    heads.find(([name]) => name === 'refs/remotes/origin/HEAD') ?? (heads.length === 1 ? heads[0] : undefined);
  if (head?.[1]) return head[1].split('/').slice(3).join('/');
  const usual = ['main', 'master'].find((name) => refs.some(([ref]) => ref?.endsWith(`/${name}`)));
  if (usual !== undefined) return usual;
  const current = await tryGit(folder, ['symbolic-ref', '--quiet', '--short', 'HEAD']);
  return current.stdout.trim() || 'HEAD';
}

/**
 * Returns the worktree that stands for the main checkout of a repo that is bare: the one on the default branch, else the only
 * one; undefined when there is none, or the repo is not bare. `folder` may be any of the repo's. Throws `git`.
 */
export async function findMainWorktree(folder: string): Promise<string | undefined> {
  const [main, ...linked] = await listWorktrees(folder);
  if (!main?.bare) return undefined;
  const there = linked.filter(({ prunable }) => !prunable);
  const base = await defaultBranch(folder);
  return (there.find(({ branch }) => branch === base) ?? (there.length === 1 ? there[0] : undefined))?.path;
}

/**
 * Returns the commit a ref stands for. A branch wins over a tag of its name; a bare name finds a remote's branch; what only
 * a remote has is fetched, and a pull or merge request (`pr:123`, `mr:45`) each time. Throws `usage` (no ref could look so, or
 * several remotes have it), `not-found`, `git`, `interrupted`.
 */
export async function resolveBase(question: BaseQuestion): Promise<Base> {
  const { repo, path: folder, ref, signal } = question;
  if (ref === '' || /[\s\p{Cc}]/u.test(ref)) {
    throw new StackError('usage', `${JSON.stringify(ref)} is not a ref`, { hint: 'name a branch, a tag or a commit' });
  }
  const request = readForgeRequest(ref);
  if (request) {
    const { found, unreachable } = await findForgeRequest(folder, request, await listRemotes(folder), signal);
    if (!found) throw unknownRequest(question, request.title, unreachable);
    return { ...(await bring(question, found)), name: request.name };
  }
  const known = await findCommit(folder, [`refs/heads/${ref}`, `refs/remotes/${ref}`, `refs/tags/${ref}`, ref], signal);
  if (known !== undefined) return { name: ref, commit: known, fetched: false };
  const remotes = await listRemotes(folder);
  const tracked = await findTracked({ repo, path: folder, branch: ref, remotes });
  if (tracked) return { name: ref, commit: tracked.commit, fetched: false };
  return bringFromRemotes(question, remotes, 'base');
}

/** Asks the remotes for a base, or for a branch only, and fetches it. Throws `not-found`, `git`, `interrupted`. */
export async function bringFromRemotes(
  question: BaseQuestion,
  remotes: readonly string[],
  what: 'base' | 'branch',
): Promise<Base> {
  const { path: folder, ref, signal } = question;
  const { found, unreachable } = await findOnRemotes(folder, ref, remotes, signal);
  if (!found || (what === 'branch' && !found.ref.startsWith('refs/heads/'))) {
    throw await unknownBase(question, what, unreachable);
  }
  return bring(question, found, what);
}

/** Fetches what a remote has. Throws `not-found` for the id of a commit that it has not, and `git`. */
async function bring(question: BaseQuestion, found: RemoteRef, what: 'base' | 'branch' = 'base'): Promise<Base> {
  const { path: folder, ref, fetch, signal } = question;
  const onlyOn = found.remote;
  if (!fetch) return { name: ref, commit: found.commit, fetched: false, onlyOn };
  const answer = await fetchFromRemote(folder, found, signal);
  // Somebody else may have fetched it in the same moment, and then ours failed: what counts is that it is here.
  const commit = await findCommit(folder, answer.exitCode === 0 ? [found.localRef, found.commit] : [found.commit]);
  if (commit !== undefined) return { name: ref, commit, fetched: true, onlyOn };
  if (found.ref === found.commit) throw await unknownBase(question, what, undefined);
  throw gitError(
    `cannot fetch ${ref} from ${onlyOn}`,
    answer,
    `\`git -C ${quoteForShell(folder)} fetch ${onlyOn}\` may say more`,
  );
}

/** Returns the first of some revisions that is, or leads to, a commit. A revision may hold no white space. */
export async function findCommit(
  folder: string,
  revisions: readonly string[],
  signal?: AbortSignal,
): Promise<string | undefined> {
  // One process answers for all of them, and what it reads from its input is never taken for an option.
  const input = revisions.map((revision) => `${revision}^{commit}\n`).join('');
  const { exitCode, stdout } = await tryGit(folder, ['cat-file', '--batch-check'], { signal, input });
  // Git gives up at what looks like a question about the checkout (`@{upstream}` where there is none): each on its own then.
  if (exitCode !== 0 && revisions.length > 1) {
    const found = await Promise.all(revisions.map((revision) => findCommit(folder, [revision], signal)));
    return found.find((commit) => commit !== undefined);
  }
  const line = stdout.split('\n').find((one) => /^[0-9a-f]{40,64} commit \d+$/.test(one));
  return line?.split(' ')[0];
}

/** Returns the error for a base or branch that nobody has, with the nearest names. */
export async function unknownBase(
  { repo, path: folder, ref }: { repo: string; path: string; ref: string },
  what: 'base' | 'branch',
  unreachable: Unreachable | undefined,
): Promise<StackError> {
  const text = await askGit(folder, ['for-each-ref', '--format=%(refname)', 'refs/heads', 'refs/remotes', 'refs/tags']);
  const names = text.split('\n').map((name) => name.replace(/^refs\/(heads|tags|remotes\/[^/]+)\//, ''));
  const known = [...new Set(names)].filter((name) => name !== '' && name !== 'HEAD');
  const near = suggest(ref, known);
  const nearest = near.length > 0 ? `did you mean ${near.join(' or ')}?` : `it has ${known.slice(0, 8).join(', ')}`;
  const { silent, lines } = describeSilence(unreachable);
  const request = what === 'branch' && readForgeRequest(ref);
  const hint = known.length > 8 && near.length === 0 ? `${nearest}, …` : nearest;
  return new StackError('not-found', `${repo} has no ${what} ${JSON.stringify(ref)}${silent}`, {
    hint: request ? `\`--from-${repo}=${ref}\` starts a branch from ${request.title}` : hint,
    lines,
    details: { repo, ref, near },
  });
}

function unknownRequest(
  { repo, path: folder, ref }: BaseQuestion,
  title: string,
  unreachable: Unreachable | undefined,
): StackError {
  const { silent, lines } = describeSilence(unreachable);
  const pattern = ref.startsWith('pr') ? 'refs/pull/*/head' : 'refs/merge-requests/*/head';
  return new StackError('not-found', `no remote of ${repo} has ${title}${silent}`, {
    hint: `\`git -C ${quoteForShell(folder)} ls-remote REMOTE '${pattern}'\` lists those that there are`,
    lines,
    details: { repo, ref },
  });
}

function describeSilence(unreachable: Unreachable | undefined): { silent: string; lines: string[] } {
  if (!unreachable) return { silent: '', lines: [] };
  // What ssh or a proxy says stands before git's own last words.
  const words = listWords(unreachable.answer);
  const said = firstLine(unreachable.answer.stderr) || 'no answer';
  return { silent: `, and ${unreachable.remote} could not be asked (${said})`, lines: words.length > 1 ? words : [] };
}

function badPath(repo: string, what: string, hint: string): StackError {
  return new StackError('config', `${repo}: ${what}`, { hint, details: { repo } });
}

/** Judged by how far git came with the list of questions, never by its words. */
async function explainRefusal(repo: string, folder: string, lines: string[], answer: GitAnswer): Promise<StackError> {
  const [bare, , , top] = lines;
  if (bare === '--path-format=absolute') await gitVersion();
  if (bare === 'true') {
    // A clone has an index from its first checkout on; a bare repo has none, wherever it lies.
    if (existsSync(path.join(folder, '.git', 'index'))) {
      const cure = `\`git -C ${quoteForShell(folder)} config core.bare false\` makes it work again`;
      return badPath(repo, `${folder} has core.bare=true, so git does not work there`, cure);
    }
    const worktree = await findMainWorktree(folder);
    const checkout = worktree === undefined ? 'a checkout of it (`git clone`)' : `its worktree ${worktree}`;
    return badPath(repo, `${folder} is a bare repo, without files`, `set \`path:\` to ${checkout}`);
  }
  if (top)
    return badPath(repo, `${folder} has no commit yet`, 'commit something there first: branches start from commits');
  if (bare === 'false') return badPath(repo, `${folder} is git’s own folder`, 'set `path:` to the folder above it');
  if (isInRepo(folder)) {
    // Another owner, most often: git says what to type, further down.
    const { code, message, details } = gitError(`${repo}: git cannot use ${folder}`, answer);
    return new StackError(code, message, { details, lines: answer.stderr.trim().split('\n').slice(1) });
  }
  return badPath(
    repo,
    `${folder} is not a git repo`,
    '`git init` and a first commit make it one, or set `path:` in stack.yml',
  );
}

async function explainInside(repo: string, folder: string, top: string): Promise<StackError> {
  const inside = path.relative(top, await realpath(folder));
  // A folder is no entry of the index itself, unless it stands for a submodule.
  const entry = await tryGit(top, ['rev-parse', '--verify', '--quiet', `:${inside}`]);
  if (entry.exitCode === 0) {
    return badPath(
      repo,
      `the submodule at ${folder} is not there yet`,
      `\`git -C ${quoteForShell(top)} submodule update --init\` gets it`,
    );
  }
  const hint = `set \`path:\` to ${top}, and \`dir: ${inside}\` on the services`;
  return badPath(repo, `${folder} is a folder inside the repo ${top}`, hint);
}
