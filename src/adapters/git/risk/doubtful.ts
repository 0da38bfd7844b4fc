import { constants } from 'node:fs';
import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { pathOf } from '../../files/byte-names.ts';
import { ifThere, mayUse } from '../../files/file-errors.ts';
import { readStatus } from '../status.ts';
import { readOwnEntry } from '../worktree/entry.ts';
import { readNotes } from '../worktree/own-notes.ts';
import { findIgnoredWork, type IgnoredQuestion, isSame, listChangedInside, listIgnoredInside } from './ignored.ts';
import { expandFolders } from './inside.ts';
import { listUncommittedInside } from './inside-risk.ts';
import { disposableIn } from './nobodys.ts';

/** Files that count as a set-up's and that a person may have written while it ran. Relative to the worktree. */
export interface Doubtful {
  files: string[];
  /** In other repos among them. */
  inRepos: string[];
}

type Question = Omit<IgnoredQuestion, 'ignored' | 'notes' | 'repos'>;

/** Of one worktree. What a person writes is small: the largest files are left out first. */
const MOST_BYTES = 50_000_000;

/**
 * Finds such files, those aside that the main checkout has just so. `isHalfMade`: the set-up may have been ended before
 * anything was noted, so ignored files and those in other repos may be its own as well. Throws `git`.
 */
export async function listDoubtful(question: Question, isHalfMade: boolean): Promise<Doubtful> {
  const { worktree, repoPath, disposable = [] } = question;
  const entry = await readOwnEntry(worktree);
  const notes = entry?.hasIndex ? await readNotes(entry.folder) : undefined;
  if (!entry || !notes || (notes.duringSetUp.length === 0 && !isHalfMade)) return { files: [], inRepos: [] };
  const [status, isDisposable] = await Promise.all([readStatus(worktree), disposableIn(disposable)]);
  const noted = new Set(notes.duringSetUp);
  const shown = [...status.changed, ...expandFolders(worktree, status.untracked)];
  const whole = shown.filter((file) => noted.has(file) && !isDisposable(file));
  // A submodule is noted as a whole.
  const isWhole = (top: string): boolean => whole.some((name) => top === name || top.startsWith(`${name}/`));
  const written = [...whole, ...(whole.length === 0 ? [] : await listChangedInside(worktree, entry, isWhole))];
  const same = await Promise.all(written.map((file) => isSame(path.join(worktree, file), path.join(repoPath, file))));
  const others = isHalfMade ? await listUncommittedInside(worktree, entry) : { repos: [], files: [] };
  const inside = isHalfMade ? await listIgnoredInside(worktree, entry) : [];
  const ignored = isHalfMade
    ? await findIgnoredWork({ ...question, ignored: [...status.ignored, ...inside], notes, repos: others.repos })
    : { paths: [] };
  const all = [...written.filter((_, index) => !same[index]), ...ignored.paths, ...others.files];
  const small = await takeSmall(worktree, all);
  const isOther = (file: string): boolean => others.files.includes(file);
  return { files: small.filter((file) => !isOther(file)), inRepos: small.filter(isOther) };
}

/** What cannot be read cannot be saved. */
async function takeSmall(worktree: string, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      const at = path.join(worktree, name);
      const stat = await ifThere(lstat(pathOf(at)));
      const isKept = stat?.isSymbolicLink() || (stat?.isFile() && mayUse(at, constants.R_OK));
      return stat && isKept ? [{ name, bytes: stat.size }] : [];
    }),
  );
  let left = MOST_BYTES;
  return found
    .flat()
    .sort((one, other) => one.bytes - other.bytes)
    .flatMap(({ name, bytes }) => {
      left -= bytes;
      return left < 0 ? [] : [name];
    });
}
