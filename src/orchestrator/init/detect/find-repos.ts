import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { ifReadable } from '../../../adapters/files/file-errors.ts';
import { gitVersion, tryGit } from '../../../adapters/git/git.ts';
import { StackError } from '../../../domain/errors.ts';
import { type Checkout, inspectCheckout, listSubmodules } from './checkouts.ts';

/** A repo that was found; `path` is relative to the root, `.` for the root itself. */
export interface FoundRepo {
  path: string;
  /** Where new branches start; undefined when nothing tells. */
  base: string | undefined;
}

/** Something that looks like a repo and cannot be one of the stack. */
export interface LeftOut {
  path: string;
  reason: string;
}

export interface FoundRepos {
  /** How the repos lie: beside each other, as submodules of the root, or the root is the one repo. */
  layout: 'siblings' | 'submodules' | 'single';
  repos: FoundRepo[];
  leftOut: LeftOut[];
}

const OTHER_FOLDERS = /^(?:\..*|node_modules|vendor|tickets)$/;
const MOST_FOLDERS = 200;
const MOST_BESIDE = 4;

/**
 * Finds the git repos of a folder: its submodules, else those in its folders and one level deeper, else the folder
 * itself. Throws `not-found` when there is none, `git` when git cannot run.
 */
export async function findRepos(root: string): Promise<FoundRepos> {
  await gitVersion();
  const own = await inspectCheckout(root);
  const submodules = own ? await listSubmodules(root) : [];
  const children = await listFolders(root, '');
  // Places of repos by their git folders.
  const seen = new Map<string, string>();
  const below = await inspectAll(root, seen, [...new Set([...submodules, ...children])]);
  const found = submodules.length > 0 ? noteMissing(below, submodules) : below;
  if (submodules.length > 0 && found.repos.length > 0) return { layout: 'submodules', ...found };
  if (own && found.repos.length === 0) return useRoot(root, own, [...found.leftOut, ...(await listBeside(root))]);
  // A repo in a folder of one is that one's own affair.
  const known = new Set([...found.repos, ...found.leftOut].map((entry) => entry.path));
  const plain = own ? [] : children.filter((child) => !known.has(child));
  const deeper = await Promise.all(plain.map((child) => listFolders(root, child)));
  const nested = await inspectAll(root, seen, deeper.flat().slice(0, MOST_FOLDERS));
  // Beside repos, what else lies deeper is nobody's question.
  const leftOut = found.repos.length > 0 ? found.leftOut : [...found.leftOut, ...nested.leftOut];
  const repos = [...found.repos, ...nested.repos];
  if (repos.length > 0) return { layout: 'siblings', repos, leftOut };
  throw await noRepos(root, leftOut);
}

/** Returns the root as the one repo of the stack. Throws `not-found` when it cannot be that. */
export function useRoot(root: string, own: Checkout, leftOut: LeftOut[]): FoundRepos {
  if (own.kind === 'repo') {
    const place = own.worktree === undefined ? '.' : path.relative(root, own.worktree);
    return { layout: 'single', repos: [{ path: place, base: own.base }], leftOut };
  }
  throw new StackError('not-found', `this folder is a git repo, but ${own.reason}`, {
    hint: own.hint ?? 'run `stack init` in the folder that holds your repos',
  });
}

/** Returns the repos beside the one that is the root; nothing where there are so many that they hardly belong together. */
async function listBeside(root: string): Promise<LeftOut[]> {
  const above = path.dirname(root);
  const folders = (await listFolders(above, '')).filter((folder) => folder !== path.basename(root));
  const looks = folders.map((folder) => ifReadable(stat(path.join(above, folder, '.git'))));
  const isRepo = (await Promise.all(looks)).map((found) => found !== undefined);
  const beside = folders.filter((_, index) => isRepo[index]);
  const reason = 'it lies beside this repo: `stack init` in the folder above takes both';
  return beside.length > MOST_BESIDE ? [] : beside.map((folder) => ({ path: `../${folder}`, reason }));
}

async function inspectAll(
  root: string,
  seen: Map<string, string>,
  folders: readonly string[],
): Promise<Omit<FoundRepos, 'layout'>> {
  const checkouts = await Promise.all(
    folders.map(async (folder) => ({ path: folder, checkout: await inspectCheckout(path.join(root, folder)) })),
  );
  const repos: FoundRepo[] = [];
  const leftOut: LeftOut[] = [];
  for (const { path: folder, checkout } of checkouts) {
    if (!checkout) continue;
    const twin = checkout.kind === 'repo' ? seen.get(checkout.gitCommonDir) : undefined;
    if (checkout.kind === 'unusable') leftOut.push({ path: folder, reason: checkout.reason });
    else if (twin !== undefined) leftOut.push({ path: folder, reason: `it is the same repo as ${twin}` });
    else {
      const place = checkout.worktree === undefined ? folder : path.relative(root, checkout.worktree);
      seen.set(checkout.gitCommonDir, place);
      repos.push({ path: place, base: checkout.base });
    }
  }
  return { repos, leftOut };
}

/** A submodule that was not fetched is an empty folder. */
function noteMissing(found: Omit<FoundRepos, 'layout'>, submodules: readonly string[]): Omit<FoundRepos, 'layout'> {
  const seen = new Set([...found.repos, ...found.leftOut].map((entry) => entry.path));
  const missing = submodules.filter((submodule) => !seen.has(submodule));
  const reason = 'it is a submodule that is not there yet: `git submodule update --init`';
  return { repos: found.repos, leftOut: [...found.leftOut, ...missing.map((entry) => ({ path: entry, reason }))] };
}

async function listFolders(root: string, dir: string): Promise<string[]> {
  const entries = (await ifReadable(readdir(path.join(root, dir), { withFileTypes: true }))) ?? [];
  const folders: string[] = [];
  for (const entry of entries) {
    if (OTHER_FOLDERS.test(entry.name) || folders.length >= MOST_FOLDERS) continue;
    const isFolder =
      entry.isDirectory() || (entry.isSymbolicLink() && (await leadsToFolder(path.join(root, dir, entry.name))));
    if (isFolder) folders.push(path.posix.join(dir, entry.name));
  }
  return folders.sort();
}

async function leadsToFolder(link: string): Promise<boolean> {
  return (await ifReadable(stat(link)))?.isDirectory() ?? false;
}

async function noRepos(root: string, leftOut: readonly LeftOut[]): Promise<StackError> {
  const top = (await tryGit(root, ['rev-parse', '--show-toplevel'])).stdout.trim();
  const lines = leftOut.map((entry) => `${entry.path}: ${entry.reason}`);
  const hint =
    top === ''
      ? 'run `stack init` in the folder that holds your repos, or clone them here first'
      : `this folder is a part of the repo ${top}: run \`stack init\` there`;
  return new StackError('not-found', `there is no git repo that could be used in ${root}`, {
    hint,
    lines,
    details: { root, leftOut },
  });
}
