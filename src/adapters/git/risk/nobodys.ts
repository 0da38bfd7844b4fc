import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, mkdtemp, readlink, rm } from 'node:fs/promises';
import path from 'node:path';
import { bestEffort, isFault } from '../../../domain/errors.ts';
import { isEscaped, pathOf } from '../../files/byte-names.ts';
import { ifReadable, ifThere } from '../../files/file-errors.ts';
import { isThere } from '../../files/files.ts';
import { openAtOnce } from '../../files/read-file.ts';
import { isKnownText } from '../env-text.ts';
import { tryGit } from '../git.ts';
import { readStatus, type WorktreeStatus } from '../status.ts';
import type { WorktreeEntry } from '../worktree/entry.ts';
import { type OwnNotes, readNotes } from '../worktree/own-notes.ts';
import { expandFolders, listInside } from './inside.ts';

/** A filter may ask the network for what it does not have. */
const CHECKOUT_SECONDS = 20;

export interface Place {
  worktree: string;
  /** The main checkout. */
  repoPath: string;
  /** Env files that stack writes, relative to the worktree. */
  envFiles?: readonly string[] | undefined;
  /** Globs of files that are nobody's work, whoever writes them. */
  disposable?: readonly string[] | undefined;
}

/**
 * Returns what of a worktree's changed and untracked files is somebody's work: all but what is still as it was when stack, git
 * or the set-up wrote it, and what is disposable. Throws `git`.
 */
export async function listOwned(
  { worktree, repoPath, envFiles = [], disposable = [] }: Place,
  entry: WorktreeEntry,
  status: WorktreeStatus,
): Promise<Pick<WorktreeStatus, 'changed' | 'untracked'>> {
  if (status.changed.length + status.untracked.length === 0) return { changed: [], untracked: [] };
  const [notes, isDisposable] = await Promise.all([readNotes(entry.folder), disposableIn(disposable)]);
  const keep = async (files: readonly string[]): Promise<string[]> => {
    const known = await Promise.all(
      files.map(
        async (file) =>
          // A repo that the set-up made is looked at for itself.
          isDisposable(file) ||
          Object.hasOwn(notes.repos, file.slice(0, -1)) ||
          // Also one that git ignored as it was made.
          (envFiles.includes(file)
            ? isKnownText({ worktree, repoPath, file, noted: notes.envTexts[file] })
            : !status.halfStaged.has(file) && isNoted({ worktree, notes, file, status })),
      ),
    );
    return files.filter((_, index) => !known[index]);
  };
  const names = [...Object.keys(notes.written), ...Object.keys(notes.repos), ...envFiles];
  const folders = status.untracked.filter((name) => name.endsWith('/'));
  const mixed = folders.filter((name) => disposable.length > 0 || names.some((file) => file.startsWith(name)));
  const inMixed = await Promise.all(
    mixed.map(async (name) => {
      const all = listInside(worktree, name);
      const owned = await keep(all);
      return owned.length === all.length && all.length > 0 ? [name] : owned;
    }),
  );
  const changed = await keep(status.changed);
  const rest = status.untracked.filter((name) => !mixed.includes(name));
  const untracked = [...(await keep(rest)), ...inMixed.flat()].sort();
  const asMade = await listAsCheckedOut(
    worktree,
    entry,
    changed.filter((file) => status.unstaged.has(file) && !isEscaped(file)),
  );
  return { changed: changed.filter((file) => !asMade.has(file)), untracked };
}

/** Returns what tells whether a file, or a folder with all in it, is disposable; a folder ends in `/`, and a repo never is. */
export async function disposableIn(globs: readonly string[]): Promise<(name: string) => boolean> {
  if (globs.length === 0) return () => false;
  const { default: picomatch } = await import('picomatch');
  const tops = globs.map((glob) => path.posix.normalize(glob).replace(/\/$/, ''));
  const isMatch = picomatch([...tops, ...tops.map((glob) => `${glob}/**`)], { dot: true });
  return (name) => !name.endsWith('/') && isMatch(name);
}

interface Noted {
  worktree: string;
  notes: OwnNotes;
  file: string;
  status: Pick<WorktreeStatus, 'unstaged'>;
}

/** True when a file is as it was noted, and so is what the index has of it. */
export async function isNoted({ worktree, notes, file, status }: Noted): Promise<boolean> {
  const note = notes.written[file];
  return note !== undefined && note === (await stampOf(worktree, file, status));
}

/** Returns what a file is, by its content; undefined for what is neither file nor link and for what cannot be read. */
export async function stampOf(
  worktree: string,
  file: string,
  { unstaged }: Pick<WorktreeStatus, 'unstaged'>,
): Promise<string | undefined> {
  const inIndex = unstaged.get(file) ?? '';
  const at = path.join(worktree, file);
  const content = (await isThere(at)) ? await ifReadable(contentOf(at)) : 'gone';
  return content === undefined || file.endsWith('/') ? undefined : `${inIndex} ${content}`;
}

/**
 * Returns what a file, a link or a checkout of a submodule is, by its content; undefined for anything else. Throws `git`, and what
 * the disk says.
 */
export async function contentOf(file: string): Promise<string | undefined> {
  const found = await lstat(pathOf(file));
  if (found.isDirectory()) return (await isThere(path.join(file, '.git'))) ? contentOfCheckout(file) : undefined;
  if (found.isSymbolicLink()) return `link ${await readlink(pathOf(file))}`;
  if (!found.isFile()) return undefined;
  const hash = createHash('sha256');
  await openAtOnce(async () => {
    for await (const piece of createReadStream(pathOf(file))) hash.update(piece as Buffer);
  });
  return `${(found.mode & 0o100) === 0 ? 'file' : 'program'} ${hash.digest('hex')}`;
}

async function contentOfCheckout(folder: string): Promise<string> {
  const { head, changed, untracked } = await readStatus(folder);
  const names = [...changed, ...expandFolders(folder, untracked)];
  const contents = await Promise.all(names.map((name) => ifThere(contentOf(path.join(folder, name)))));
  const hash = createHash('sha256').update(JSON.stringify([head, names, contents]));
  return `checkout ${hash.digest('hex')}`;
}

/**
 * Returns those files that are just as git checks them out, and which it calls changed all the same: a filter that does not give
 * back what it was given, line ends that the attributes do not allow, a file that was to be in LFS.
 */
async function listAsCheckedOut(
  worktree: string,
  entry: WorktreeEntry,
  files: readonly string[],
): Promise<ReadonlySet<string>> {
  if (files.length === 0) return new Set();
  const folder = await bestEffort(mkdtemp(path.join(entry.folder, 'stack-checkout-')));
  if (folder === undefined) return new Set();
  try {
    const input = files.map((file) => `${file}\0`).join('');
    const signal = AbortSignal.timeout(CHECKOUT_SECONDS * 1000);
    await tryGit(worktree, ['checkout-index', '-z', '--stdin', `--prefix=${folder}/`], { input, signal });
    const same = await Promise.all(
      files.map(async (file) => {
        const [made, found] = await Promise.all(
          [folder, worktree].map((top) => ifReadable(contentOf(path.join(top, file)))),
        );
        return made !== undefined && made === found;
      }),
    );
    return new Set(files.filter((_, index) => same[index]));
  } catch (error) {
    if (isFault(error)) throw error;
    // What cannot be told counts as somebody's.
    return new Set();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
