import { chmodSync, constants, lstatSync, mkdirSync, type Stats, utimesSync } from 'node:fs';
import path from 'node:path';
import { StackError } from '../../../domain/errors.ts';
import { pathOf } from '../../files/byte-names.ts';
import { explainFileError, mayUse } from '../../files/file-errors.ts';
import { askGit } from '../git.ts';
import { lookIn, readEntries } from '../risk/inside.ts';

/** What `list` says. Names that are not UTF-8 are as `textOf` gives them. */
export interface ExactList {
  version: 1;
  /** Permissions, and the time of the last change in ms. */
  files: Record<string, [mode: number, changed: number]>;
  /** Folders without saved files, and those with unusual permissions. */
  folders: Record<string, number>;
  /** Files that git LFS keeps, as they are in HEAD: a checkout brings them. */
  lfs: string[];
}

/**
 * Returns what trees cannot say of some files in a folder and of its folders; what is none any more is left out. `apart` are
 * folders, with a `/` at their end, of which only what leads to the files counts. Throws `dirty` for a file that cannot be read.
 */
export function listExactly(
  folder: string,
  names: readonly string[],
  { apart, lfs = new Set() }: { apart: readonly string[]; lfs?: ReadonlySet<string> },
): ExactList {
  const there = statAll(folder, names);
  requireReadable(folder, there);
  return {
    version: 1,
    files: stampAll(there),
    folders: listFolders(folder, [...there.keys()], apart),
    lfs: [...lfs],
  };
}

/** Returns the files among some in a folder that are not, or no longer, as a list has them. */
export function listChanged(folder: string, names: readonly string[], { files }: Pick<ExactList, 'files'>): string[] {
  const look = lookIn(folder);
  const isSame = (name: string, stat: Stats): boolean => {
    const [mode, changed] = files[name] ?? [];
    const [modeNow, changedNow] = stampOf(stat);
    return mode === modeNow && changed === changedNow;
  };
  return names.filter((name) => {
    const { stat } = look(name);
    return stat !== undefined && !isSame(name, stat);
  });
}

function stampAll(files: ReadonlyMap<string, Stats>): ExactList['files'] {
  return Object.fromEntries([...files].map(([name, stat]) => [name, stampOf(stat)]));
}

function stampOf(stat: Stats): [mode: number, changed: number] {
  return [stat.mode & 0o7777, stat.mtimeMs];
}

/** Folders among them are submodules. */
function statAll(folder: string, names: readonly string[]): Map<string, Stats> {
  const look = lookIn(folder);
  return new Map(
    names.flatMap((name) => {
      const { stat } = look(name);
      return stat ? [[name, stat] as const] : [];
    }),
  );
}

function requireReadable(worktree: string, files: ReadonlyMap<string, Stats>): void {
  const person = process.getuid?.() ?? 0;
  for (const [name, stat] of files) {
    if (person === 0 || !stat.isFile() || (stat.uid === person && stat.mode & 0o400)) continue;
    const file = path.join(worktree, name);
    if (mayUse(file, constants.R_OK)) continue;
    throw new StackError('dirty', `${file} cannot be saved: it may not be read`, {
      hint: `\`${stat.uid === person ? '' : 'sudo '}chmod a+r ${file}\`, or move it out of the ticket; then run the command again`,
      details: { paths: [name] },
    });
  }
}

/** What git ignores and nobody saves comes from tools: they make its folders again. */
function listFolders(worktree: string, files: readonly string[], hidden: readonly string[]): Record<string, number> {
  const ignored = new Set(hidden);
  const full = listParents(files);
  const usual = 0o777 & ~process.umask();
  const folders: Record<string, number> = {};
  const left = [''];
  for (let folder = left.pop(); folder !== undefined; folder = left.pop()) {
    const inside = listFoldersIn(worktree, folder).filter((name) => full.has(name) || !ignored.has(`${name}/`));
    for (const name of inside) {
      const mode = (lstatSync(pathOf(path.join(worktree, name)), { throwIfNoEntry: false })?.mode ?? usual) & 0o7777;
      if (!full.has(name) || mode !== usual) folders[name] = mode;
    }
    left.push(...inside);
  }
  return folders;
}

function listParents(files: readonly string[]): Set<string> {
  const parents = new Set<string>();
  for (const file of files) {
    for (let above = path.dirname(file); above !== '.' && !parents.has(above); above = path.dirname(above)) {
      parents.add(above);
    }
  }
  return parents;
}

/** Nothing of another repo or a submodule. */
function listFoldersIn(worktree: string, folder: string): string[] {
  const entries = readEntries(path.join(worktree, folder));
  if (folder !== '' && entries.some(({ name }) => name === '.git')) return [];
  const folders = entries.filter((entry) => entry.isDirectory() && entry.name !== '.git');
  return folders.map(({ name }) => path.join(folder, name));
}

/** Gives files and folders their modes and times again. Throws `files`. */
export function applyList(worktree: string, { files, folders }: ExactList): void {
  const at = (name: string): string | Buffer => pathOf(path.join(worktree, name));
  // Folders that nobody may write to come last, the innermost first.
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

/** Returns the list of a saved tree. Throws `git`. */
export async function readList(repo: string, tree: string): Promise<ExactList> {
  return JSON.parse(await askGit(repo, ['cat-file', 'blob', `${tree}:list`])) as ExactList;
}
