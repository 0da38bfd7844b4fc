import { lstatSync } from 'node:fs';
import path from 'node:path';
import { pathOf } from '../../files/byte-names.ts';
import { askGit, tryGit } from '../git.ts';
import { withRawView } from '../risk/raw-view.ts';
import type { WorktreeEntry } from '../worktree/entry.ts';
import { addNotes, readNotes } from '../worktree/own-notes.ts';
import { exactGit, writeFiles } from './exact.ts';
import { applyList, readList } from './exact-list.ts';

/**
 * Puts a worktree, which is checked out by now, back to what `saveExact` saved: bytes, modes, times, empty folders, the
 * index, and what was under way. False when git has that tree no more. Throws `git`, `files`.
 */
export async function restoreExact(worktree: string, entry: WorktreeEntry, tree: string): Promise<boolean> {
  if ((await tryGit(worktree, ['cat-file', '-e', `${tree}^{tree}`])).exitCode !== 0) return false;
  const list = await readList(worktree, tree);
  const commonDir = path.dirname(path.dirname(entry.folder));
  // A folder that was no worktree any more had nothing of git's.
  const hasOwn = (await tryGit(worktree, ['cat-file', '-e', `${tree}:own`])).exitCode === 0;
  const present = await listPresent(worktree, new Set(list.lfs));
  await withRawView({ gitDir: entry.folder, commonDir }, async (view) => {
    const files = { view, folder: worktree, index: 'exact-files' };
    // What is as it was is not written again.
    await writeFiles(files, present);
    await exactGit(files)(['read-tree', '--reset', '-u', `${tree}:files`]);
    if (!hasOwn) return;
    const own = exactGit({ view, folder: entry.folder, index: 'exact-own' });
    await own(['read-tree', `${tree}:own`]);
    const { owner } = await readNotes(entry.folder);
    await own(['checkout-index', '--all', '--force']);
    // Whose work a file is comes back with it; whose the worktree is may be another root's since.
    await addNotes(worktree, () => ({ owner }));
  });
  applyList(worktree, list);
  return true;
}

async function listPresent(worktree: string, apart: ReadonlySet<string>): Promise<string[]> {
  const names = (await askGit(worktree, ['ls-files', '-z', '--cached', '--others', '--exclude-standard'])).split('\0');
  return names.filter((name) => {
    if (name === '' || name.endsWith('/') || apart.has(name)) return false;
    // Folders among them are submodules.
    return lstatSync(pathOf(path.join(worktree, name)), { throwIfNoEntry: false })?.isDirectory() === false;
  });
}
