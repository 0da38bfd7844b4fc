import { lstat, readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathOf } from '../../files/byte-names.ts';
import { ifReadable, ifThere } from '../../files/file-errors.ts';
import { openAtOnce } from '../../files/read-file.ts';
import { isKnownText } from '../env-text.ts';
import { readStatus } from '../status.ts';
import type { WorktreeEntry } from '../worktree/entry.ts';
import type { OwnNotes } from '../worktree/own-notes.ts';
import { listSubmodules } from '../worktree/submodule.ts';
import { expandFolders, readEntries } from './inside.ts';
import { disposableIn, isNoted } from './nobodys.ts';
import { isUsual } from './usual-files.ts';

/** Files in a worktree that git ignores and that a person made or changed. */
export interface IgnoredWork {
  /** Relative to the worktree. */
  paths: string[];
  bytes: number;
}

export interface IgnoredQuestion {
  worktree: string;
  /** The main checkout: what it has too is not lost. */
  repoPath: string;
  /** As git lists it; a folder ends in `/`. */
  ignored: readonly string[];
  /** Env files that stack writes, relative to the worktree. */
  envFiles: readonly string[];
  /** Globs of files that are nobody's work. */
  disposable?: readonly string[] | undefined;
  notes: OwnNotes;
  /** Other repos among the files: what is in them is theirs. */
  repos: readonly string[];
}

/** Finds the ignored files that would be lost with a worktree. What tools make again by themselves does not count. */
export async function findIgnoredWork(question: IgnoredQuestion): Promise<IgnoredWork> {
  const known = new Set(question.notes.ignored);
  const names = question.ignored.filter((name) => !isUsual(name) && !known.has(name));
  const files = names.flatMap((name) => expand(question.worktree, name));
  const isOthers = (file: string): boolean => question.repos.some((repo) => file.startsWith(`${repo}/`));
  const isDisposable = await disposableIn(question.disposable ?? []);
  const lost = files.filter((file) => !known.has(file) && !isOthers(file) && !isDisposable(file));
  const judged = await Promise.all(lost.map(async (file) => ((await isKnown(question, file)) ? [] : [file])));
  const paths = judged.flat();
  const sizes = await Promise.all(paths.map((file) => ifThere(lstat(pathOf(path.join(question.worktree, file))))));
  return { paths, bytes: sizes.reduce((sum, stat) => sum + (stat?.size ?? 0), 0) };
}

/** Returns what git ignores in the submodules of a worktree, relative to that. Throws `git`. */
export async function listIgnoredInside(worktree: string, entry: WorktreeEntry): Promise<string[]> {
  const submodules = await listSubmodules(worktree, entry);
  const names = await Promise.all(
    submodules.map(async ({ folder, path: prefix }) =>
      folder === undefined ? [] : (await readStatus(folder)).ignored.map((name) => path.join(prefix, name)),
    ),
  );
  return names.flat();
}

/** Returns the files that are changed or new in those submodules of a worktree that are wanted, relative to it. Throws `git`. */
export async function listChangedInside(
  worktree: string,
  entry: WorktreeEntry,
  isWanted: (submodule: string) => boolean = () => true,
): Promise<string[]> {
  const submodules = await listSubmodules(worktree, entry);
  const found = await Promise.all(
    submodules.map(async ({ folder, path: top }) => {
      if (folder === undefined || !isWanted(top)) return [];
      const { changed, untracked } = await readStatus(folder);
      return [...changed, ...expandFolders(folder, untracked)].map((file) => path.join(top, file));
    }),
  );
  return found.flat();
}

/** Returns the files in what git lists as one ignored folder, those aside that tools make again. */
export function expand(worktree: string, name: string): string[] {
  if (!name.endsWith('/')) return [name];
  let found: string[] = [];
  for (const entry of readEntries(path.join(worktree, name))) {
    const inside = path.join(name, entry.isDirectory() ? `${entry.name}/` : entry.name);
    // Git keeps no sockets and pipes.
    const isKept = entry.isDirectory() || entry.isFile() || entry.isSymbolicLink();
    if (isKept && !isUsual(inside)) found = found.concat(expand(worktree, inside));
  }
  return found;
}

/** True for what stack wrote, what came from the main checkout and was not changed since, and what that has just so. */
async function isKnown(question: IgnoredQuestion, file: string): Promise<boolean> {
  const { worktree, repoPath, envFiles, notes } = question;
  const [own, main] = [path.join(worktree, file), path.join(repoPath, file)];
  if (envFiles.includes(file)) return isKnownText({ worktree, repoPath, file, noted: notes.envTexts[file] });
  if (await isNoted({ worktree, notes, file, status: { unstaged: new Map() } })) return true;
  const stamp = notes.copied[file];
  if (stamp !== undefined && stamp === (await timeStampOf(own))) return true;
  return isSame(own, main);
}

/** True where two files have the same content. */
export async function isSame(one: string, other: string): Promise<boolean> {
  const [here, there] = await Promise.all([one, other].map((file) => ifReadable(lstat(pathOf(file)))));
  if (!here?.isFile() || !there?.isFile() || here.size !== there.size) return false;
  // What cannot be read is not known to be the same.
  const texts = await Promise.all([one, other].map((file) => ifReadable(openAtOnce(() => readFile(pathOf(file))))));
  return texts[0] !== undefined && texts[1] !== undefined && texts[0].equals(texts[1]);
}

/** Returns the size and time of a file; '' where there is none. */
export async function timeStampOf(file: string): Promise<string> {
  const stat = await ifThere(lstat(pathOf(file)));
  return stat === undefined ? '' : `${stat.size} ${Math.round(stat.mtimeMs)}`;
}
