import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import path from 'node:path';
import { pathOf } from '../../files/byte-names.ts';
import { ifReadableNow } from '../../files/file-errors.ts';
import { type AskOptions, gitError } from '../git.ts';
import { listSettings, putIntoIndex } from '../rescue/snapshot.ts';
import { askAboutFiles } from '../risk/filters.ts';
import type { MergeRoom } from './merging.ts';

/** What is in a worktree and in no commit. */
export interface UncommittedWork {
  /** Full id of the commit that HEAD is at; undefined on a branch without a commit. */
  head: string | undefined;
  /** Paths, relative to the worktree, of what differs from HEAD. */
  changed: string[];
  /** Those of them that have a conflict. */
  unmerged: string[];
  /** How many files, which git does not know, are left out: they are too many, or too large. */
  leftOut: number;
  /** The same as long as all of it is the same; '' where there is nothing. */
  signature: string;
}

/** More files that git does not know are no work of a person's: an ignore file lacks a line. */
const MOST_UNTRACKED = 1000;
const LARGEST_UNTRACKED = 10 * 1024 * 1024;

/**
 * Returns what a worktree has that is not committed, with the files that git does not know. No program that watches files is asked for it.
 * Throws `git`, `interrupted`.
 */
export async function readUncommitted(worktree: string, how: AskOptions = {}): Promise<UncommittedWork> {
  const args = [
    ...['status', '--porcelain=v2', '--branch', '-z', '--no-ahead-behind', '--no-renames'],
    ...['--untracked-files=all', '--ignore-submodules=dirty'],
  ];
  const text = await askAboutFiles(worktree, args, { ...how, withoutMonitor: true });
  const entries = text.split('\0');
  const after = (mark: string): string[] =>
    entries.flatMap((entry) => (entry.startsWith(mark) ? [entry.slice(mark.length)] : []));
  const head = after('# branch.oid ').find((id) => id !== '(initial)');
  const tracked = entries.flatMap((entry) => readTracked(entry, TRACKED));
  const untracked = after('? ').filter((name) => !name.endsWith('/'));
  const taken = untracked.length > MOST_UNTRACKED ? [] : untracked.filter((name) => isSmall(worktree, name));
  const changed = [...tracked, ...taken];
  const signature = changed.length === 0 ? '' : sign(worktree, head ?? '', changed, tracked.length > 0 ? entries : []);
  const unmerged = entries.flatMap((entry) => readTracked(entry, UNMERGED));
  return { head, changed, unmerged, leftOut: untracked.length - taken.length, signature };
}

/** The fields before the path of a changed file, and of one with a conflict (git-status(1)). */
const UNMERGED: Partial<Record<string, number>> = { u: 10 };
const TRACKED = { ...UNMERGED, '1': 8 };

function readTracked(entry: string, kinds: typeof UNMERGED): string[] {
  const fields = kinds[entry.slice(0, entry.indexOf(' '))];
  return fields === undefined ? [] : [entry.split(' ').slice(fields).join(' ')];
}

function lookAt(worktree: string, name: string) {
  return ifReadableNow(() => lstatSync(pathOf(path.join(worktree, name)), { bigint: true }));
}

function isSmall(worktree: string, name: string): boolean {
  return (lookAt(worktree, name)?.size ?? 0n) <= LARGEST_UNTRACKED;
}

/** A file that somebody writes to has another time, or another inode. */
function sign(worktree: string, head: string, changed: readonly string[], entries: readonly string[]): string {
  const hash = createHash('sha1').update(`${worktree}\0${head}\0${entries.join('\0')}`);
  for (const name of changed) {
    const found = lookAt(worktree, name);
    const about = found && [found.mode, found.size, found.mtimeNs, found.ctimeNs, found.ino];
    hash.update(`\0${name}\0${about?.join(' ') ?? ''}`);
  }
  return hash.digest('hex');
}

/**
 * Returns the tree that a worktree would be, were all of that work committed. Its index is neither read nor written, and no filter
 * runs: a file that one would clean is in it as it lies on the disk. Throws `git`.
 */
export async function writeWorkTree(
  { git: plain, folder }: Pick<MergeRoom, 'git' | 'folder'>,
  worktree: string,
  { head, changed, signature }: UncommittedWork,
): Promise<string> {
  const index = path.join(folder, `index-${signature}`);
  // Which files a commit has is so whatever the settings say of them.
  const listed = listSettings(worktree);
  const git = async (args: readonly string[], inputFile?: string): Promise<string> => {
    const settings = args[0] === 'read-tree' ? [] : await listed;
    const answer = await plain([...settings, ...args], undefined, { workTree: worktree, index, inputFile });
    if (answer.exitCode !== 0) throw gitError(`cannot look at the work in ${worktree}`, answer);
    return answer.stdout.trimEnd();
  };
  await Promise.all([git(head === undefined ? ['read-tree', '--empty'] : ['read-tree', head]), listed]);
  await putIntoIndex(git, { folder: worktree, list: `${index}.paths` }, changed);
  return git(['write-tree', '--missing-ok']);
}
