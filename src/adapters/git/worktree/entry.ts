import { existsSync } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { tolerate } from '../../../domain/errors.ts';
import { textOf } from '../../files/byte-names.ts';
import { ifThere } from '../../files/file-errors.ts';
import { readFileIfThere } from '../../files/files.ts';
import { readWhole } from '../../files/read-file.ts';
import { hasRefTables, listTableOperations } from '../ref-tables.ts';

/** What a repo keeps of one linked worktree: `worktrees/<id>` in the common directory (gitrepository-layout(5)). */
export interface WorktreeEntry {
  /** Absolute path of that folder. */
  folder: string;
  /** `initializing`: by a `git worktree add` that has not ended, or was killed. `wanted`: by a person. */
  lock: 'none' | 'initializing' | 'wanted';
  /** False until the files have been checked out: the index is written last. */
  hasIndex: boolean;
}

/** Returns the entry of the worktree at a canonical path, undefined when the repo has none for it. */
export async function findEntry(gitCommonDir: string, worktree: string): Promise<WorktreeEntry | undefined> {
  const home = path.join(gitCommonDir, 'worktrees');
  const ids = (await ifThere(readdir(home))) ?? [];
  const found = await Promise.all(
    ids.map(async (id) => {
      const folder = path.join(home, id);
      const text = await readText(path.join(folder, 'gitdir'));
      // Since git 2.48 the path may be relative to the entry.
      return text !== '' && path.dirname(path.resolve(folder, text.trimEnd())) === worktree
        ? [await readEntry(folder)]
        : [];
    }),
  );
  return found.flat()[0];
}

/**
 * Returns the entry that the folder itself points to; undefined when it is no linked worktree, or one of another repo than
 * the one given.
 */
export async function readOwnEntry(worktree: string, gitCommonDir?: string): Promise<WorktreeEntry | undefined> {
  const text = await readText(path.join(worktree, '.git'));
  if (!text.startsWith('gitdir: ')) return undefined;
  const folder = await ifThere(realpath(path.resolve(worktree, text.slice('gitdir: '.length).trimEnd())));
  if (folder === undefined) return undefined;
  const home = path.dirname(folder);
  if (gitCommonDir !== undefined && home !== path.join((await ifThere(realpath(gitCommonDir))) ?? '', 'worktrees'))
    return undefined;
  return path.basename(home) === 'worktrees' ? readEntry(folder) : undefined;
}

/** Returns a path as git writes it down: links in the part that exists are followed, except for the last name. */
export async function canonicalPath(file: string): Promise<string> {
  const parent = path.dirname(file);
  if (parent === file) return file;
  const real = (await ifThere(realpath(parent))) ?? (await canonicalPath(parent));
  return path.join(real, path.basename(file));
}

/** What somebody is in the middle of, by the file it leaves in the worktree's entry. */
const OPERATIONS: Record<string, string> = {
  MERGE_HEAD: 'a merge',
  'rebase-merge': 'a rebase',
  'rebase-apply': 'a rebase',
  CHERRY_PICK_HEAD: 'a cherry-pick',
  REVERT_HEAD: 'a revert',
  BISECT_LOG: 'a bisect',
};

/** Returns what is under way in a worktree: `a merge`, `a rebase`; [] for nothing. Throws `git`. */
export async function listOperations({ folder }: WorktreeEntry): Promise<string[]> {
  const inTables = hasRefTables(folder) ? (await listTableOperations(folder)).map(({ name }) => name) : [];
  const names = Object.keys(OPERATIONS).filter(
    (file) => inTables.includes(file) || existsSync(path.join(folder, file)),
  );
  return [...new Set(names.map((file) => OPERATIONS[file] ?? file))];
}

/** Returns the branch that a rebase under way will put back, undefined when there is none. */
export async function readRebasedBranch(entry: WorktreeEntry): Promise<string | undefined> {
  for (const name of ['rebase-merge', 'rebase-apply']) {
    const head = await readText(path.join(entry.folder, name, 'head-name'));
    if (head.startsWith('refs/heads/')) return head.slice('refs/heads/'.length).trimEnd();
  }
  return undefined;
}

/** Returns the branch that the end of a rebase or a bisect under way goes back to, undefined when there is none. */
export async function readReturnBranch(entry: WorktreeEntry): Promise<string | undefined> {
  const rebased = await readRebasedBranch(entry);
  if (rebased !== undefined) return rebased;
  const began = await readText(path.join(entry.folder, 'BISECT_START'));
  return began.trimEnd() || undefined;
}

async function readEntry(folder: string): Promise<WorktreeEntry> {
  const reason = await readFileIfThere(path.join(folder, 'locked'));
  const hasIndex = existsSync(path.join(folder, 'index'));
  if (reason === undefined) return { folder, hasIndex, lock: 'none' };
  // `git worktree add` locks before it makes anything else, with this reason in a language of the person's choice.
  return { folder, hasIndex, lock: hasIndex && reason.trim() !== 'initializing' ? 'wanted' : 'initializing' };
}

/** '' where no file is there; a folder or a pipe is none. Throws `files` for one that cannot be read: it may lead to somebody's work. */
async function readText(file: string): Promise<string> {
  const bytes = await ifThere(tolerate(readWhole(file), 'EISDIR', 'files'));
  return bytes ? textOf(bytes) : '';
}
