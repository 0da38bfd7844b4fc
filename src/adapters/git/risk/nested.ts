import { lstat, readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import pLimit from 'p-limit';
import { messageOf, tolerate } from '../../../domain/errors.ts';
import { pathOf } from '../../files/byte-names.ts';
import { ifThere } from '../../files/file-errors.ts';
import { isThere, readFileIfThere } from '../../files/files.ts';
import { readWhole } from '../../files/read-file.ts';
import { type Commit, listCommits } from '../commits.ts';
import { askGit } from '../git.ts';
import { listFetched } from './fetched.ts';
import { findOwnInRepo } from './own-commits.ts';
import { findObjectsInRepo, type OwnObject } from './own-objects.ts';
import { type GitFolders, withRawView } from './raw-view.ts';
import { listStashCommits } from './stash.ts';

/** Another repo among the files of a worktree, and what is in it and nowhere else. */
export interface NestedRepo {
  /** Relative to the worktree. */
  path: string;
  /** Where the repo is that this is a worktree of; undefined for one that is here as a whole. */
  worktreeOf: string | undefined;
  commits: Commit[];
  /** What its refs lead to that is no commit. */
  objects: OwnObject[];
  /** Files that differ from what was committed, new ones too. */
  files: string[];
  /** Why git cannot tell; undefined when it can. */
  fault: string | undefined;
}

/** Each takes a few processes. */
const AT_ONCE = 4;

/**
 * Looks into other repos among the files of a worktree, with nothing of their settings and hooks. A `.git` that leads nowhere
 * is none. `homes` are the folders that go away: what a repo keeps elsewhere is safe. Never throws.
 */
export async function examineNested(
  worktree: string,
  folders: readonly string[],
  homes: readonly string[],
): Promise<NestedRepo[]> {
  const limit = pLimit(AT_ONCE);
  const found = await limit.map([...folders].sort(), async (folder): Promise<NestedRepo[]> => {
    let worktreeOf: string | undefined;
    const nothing = { path: folder, commits: [], objects: [], files: [], fault: undefined };
    try {
      const place = await locate(path.join(worktree, folder), homes);
      if (place === undefined) return [];
      worktreeOf = place.gitDir !== place.commonDir ? topOf(place.commonDir) : undefined;
      return [{ ...nothing, worktreeOf, ...(await withRawView(place, (view) => ask(view, place))) }];
    } catch (error) {
      return [{ ...nothing, worktreeOf, fault: messageOf(error) }];
    }
  });
  return found.flat();
}

/** True for a repo of which nothing would be lost. */
export function isSafe({ worktreeOf, commits, objects, files, fault }: NestedRepo): boolean {
  return worktreeOf === undefined && fault === undefined && commits.length + objects.length + files.length === 0;
}

/** The main checkout of a repo, or the repo itself where that is bare. */
function topOf(commonDir: string): string {
  return path.basename(commonDir) === '.git' ? path.dirname(commonDir) : commonDir;
}

interface Found extends GitFolders {
  /** Undefined for a bare repo. */
  files: string | undefined;
  /** False for one that is kept elsewhere and stays. */
  goes: boolean;
}

async function locate(folder: string, homes: readonly string[]): Promise<Found | undefined> {
  const dotGit = path.join(folder, '.git');
  const there = await ifThere(lstat(pathOf(dotGit)));
  const named = there?.isFile() ? await readFile(pathOf(dotGit), 'utf8') : '';
  const wanted = there === undefined ? folder : there.isFile() ? followPointer(folder, named) : dotGit;
  // A link that leads in a circle leads to no repo.
  const gitDir = await ifThere(tolerate(realpath(wanted), 'ELOOP'));
  if (gitDir === undefined) return undefined;
  const pointer = path.join(gitDir, 'commondir');
  // What is there and cannot be read leads somewhere all the same.
  const common = (await isThere(pointer)) ? ((await readFileIfThere(pointer)) ?? '.') : '.';
  const commonDir = path.resolve(gitDir, common.trimEnd());
  if (!(await isThere(path.join(commonDir, 'objects')))) return undefined;
  const goes = homes.some((home) => `${commonDir}/`.startsWith(`${home}/`));
  return { gitDir, commonDir, goes, files: there === undefined ? undefined : folder };
}

function followPointer(folder: string, text: string): string {
  return path.resolve(folder, text.startsWith('gitdir: ') ? text.slice('gitdir: '.length).trimEnd() : '\0');
}

async function ask(view: string, place: Found): Promise<Pick<NestedRepo, 'commits' | 'objects' | 'files'>> {
  // Tools keep a bare clone as their cache (bundler, Swift, Go).
  const fetched = place.files === undefined ? await listFetched(place.commonDir) : [];
  const [files, commits, objects] = await Promise.all([
    place.files === undefined ? [] : listFiles(view, place.files),
    listOwnCommits(view, place, fetched),
    place.goes ? findObjectsInRepo(view, { gitDir: view }) : [],
  ]);
  const known = new Set(fetched);
  return { files, commits, objects: objects.filter(({ id, ofCommit }) => !ofCommit && !known.has(id)) };
}

/** Repos in it are looked at by themselves; git would do it with their settings. */
async function listFiles(gitDir: string, folder: string): Promise<string[]> {
  const how = ['--porcelain=v2', '-z', '--no-renames', '--untracked-files=normal', '--ignore-submodules=all'];
  const entries = (await askGit(folder, ['status', ...how], { gitDir })).split('\0');
  return entries.flatMap((entry) => {
    const fields = { '1': 8, u: 10, '?': 1 }[entry[0] ?? ''];
    return fields === undefined ? [] : [entry.split(' ').slice(fields).join(' ')];
  });
}

async function listOwnCommits(view: string, { goes, gitDir }: Found, fetched: readonly string[]): Promise<Commit[]> {
  const how = { gitDir: view };
  if (!goes) {
    const head = (await readWhole(path.join(gitDir, 'HEAD'))).toString('utf8').trim();
    // Its branches stay; a commit that is checked out without one may be nowhere else.
    if (head.startsWith('ref: ')) return [];
    return listCommits(view, [head, '--not', '--branches', '--tags', '--remotes'], how);
  }
  const [stashes, { heads }] = await Promise.all([listStashCommits(view), findOwnInRepo(gitDir, { cwd: view, how })]);
  return listCommits(view, ['--ignore-missing', ...stashes, ...heads, '--all', '--not', '--remotes', ...fetched], how);
}
