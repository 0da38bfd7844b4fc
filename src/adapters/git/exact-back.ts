import { chmodSync, lstatSync, mkdirSync, utimesSync } from 'node:fs';
import path from 'node:path';
import { pathOf } from '../byte-names.ts';
import { explainFileError } from '../files.ts';
import type { WorktreeEntry } from './entry.ts';
import { type ExactList, exactGit, writeFiles } from './exact.ts';
import { askGit, tryGit } from './git.ts';
import { withRawView } from './raw-view.ts';

/**
 * Puts a worktree, which is checked out by now, back to what `saveExact` saved: bytes, modes, times, empty folders, the
 * index, and what was under way. False when git has that tree no more. Throws `git`, `files`.
 */
export async function bringBackExact(worktree: string, entry: WorktreeEntry, tree: string): Promise<boolean> {
  if ((await tryGit(worktree, ['cat-file', '-e', `${tree}^{tree}`])).exitCode !== 0) return false;
  const list = JSON.parse(await askGit(worktree, ['cat-file', 'blob', `${tree}:list`])) as ExactList;
  const commonDir = path.dirname(path.dirname(entry.folder));
  const present = await listPresent(worktree, new Set(list.lfs));
  await withRawView({ gitDir: entry.folder, commonDir }, async (view) => {
    const files = { view, folder: worktree, index: 'exact-files' };
    // What is as it was is not written again.
    await writeFiles(files, present);
    await exactGit(files)(['read-tree', '--reset', '-u', `${tree}:files`]);
    const own = exactGit({ view, folder: entry.folder, index: 'exact-own' });
    await own(['read-tree', `${tree}:own`]);
    await own(['checkout-index', '--all', '--force']);
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

/** Folders that nobody may write to come last, the innermost first. */
function applyList(worktree: string, { files, folders }: ExactList): void {
  const at = (name: string): string | Buffer => pathOf(path.join(worktree, name));
  const inner = Object.entries(folders).sort(([one], [other]) => other.length - one.length);
  try {
    for (const [name] of inner) mkdirSync(at(name), { recursive: true });
    for (const [name, [mode, changed]] of Object.entries(files)) {
      const stat = lstatSync(at(name), { throwIfNoEntry: false });
      if (!stat?.isFile()) continue;
      if ((stat.mode & 0o7777) !== mode) chmodSync(at(name), mode);
      utimesSync(at(name), changed / 1000, changed / 1000);
    }
    for (const [name, mode] of inner) chmodSync(at(name), mode);
  } catch (error) {
    throw explainFileError(error, `give the files of ${worktree} their modes again`);
  }
}
