import { accessSync, constants, lstatSync, type Stats } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { StackError } from '../../domain/errors.ts';
import { bytesOf, pathOf } from '../byte-names.ts';
import type { WorktreeEntry } from './entry.ts';
import { askGit, tryGit } from './git.ts';
import { readEntries } from './inside.ts';
import { withRawView } from './raw-view.ts';
import { type Git, gitWith } from './snapshot.ts';

/** A worktree as it is on the disk, to the byte and the mode. */
export interface Exact {
  /**
   * A tree of four: `files` byte for byte, `own` (git's own files of the worktree, the index among them), `objects` (what the
   * index names) and `list`, a text that says what trees cannot: modes, times, empty folders.
   */
  tree: string;
  /** Commits that git's own files of the worktree name: of a merge, a rebase, a bisect under way. */
  commits: string[];
}

/** What `list` says. Names that are not UTF-8 are as `textOf` gives them. */
export interface ExactList {
  version: 1;
  /** Permissions, and the time of the last change in ms. */
  files: Record<string, [mode: number, changed: number]>;
  /** Folders without saved files, and those with unusual permissions. */
  folders: Record<string, number>;
  /** Files that git LFS keeps: git's own tree has them, by their ids. */
  lfs: string[];
}

/** What git keeps of one worktree and must come back for it to be as it was; the rest is made with a worktree, or is a log. */
const OWN =
  /^(index|sharedindex\..*|(MERGE|BISECT)_.*|(CHERRY_PICK|REVERT|REBASE|ORIG)_HEAD|SQUASH_MSG|config\.worktree|info\/sparse-checkout|(sequencer|rebase-merge|rebase-apply|refs)\/.*)$/;
const OBJECT_ID = /\b[0-9a-f]{40}(?:[0-9a-f]{24})?\b/g;
/** Longer ones are no notes of git's. */
const MOST_BYTES = 1_000_000;

/**
 * Saves a worktree as it is, past all filters, attributes and line ends: what git tracks, what is new, and the ignored files
 * that are named. Nothing leads to the tree yet. Throws `git`, and `dirty` for a file that cannot be read.
 */
export async function saveExact(worktree: string, entry: WorktreeEntry, ignored: readonly string[]): Promise<Exact> {
  const commonDir = path.dirname(path.dirname(entry.folder));
  const [known, hidden] = await Promise.all([
    askGit(worktree, ['ls-files', '-z', '--cached', '--others', '--exclude-standard']),
    askGit(worktree, ['ls-files', '-z', '--others', '--ignored', '--exclude-standard', '--directory']),
  ]);
  const names = [...new Set([...known.split('\0'), ...ignored])].filter((name) => name !== '' && !name.endsWith('/'));
  const lfs = await listLfs(worktree, names);
  const there = statAll(worktree, names);
  requireReadable(worktree, there);
  const files = [...there.keys()].filter((name) => !lfs.has(name));
  const list: ExactList = {
    version: 1,
    files: Object.fromEntries([...there].map(([name, stat]) => [name, [stat.mode & 0o7777, stat.mtimeMs]])),
    folders: listFolders(worktree, [...there.keys()], hidden.split('\0')),
    lfs: [...lfs],
  };
  return withRawView({ gitDir: entry.folder, commonDir }, async (view) => {
    const own = listOwn(entry.folder);
    const parts = await Promise.all([
      writeFiles({ view, folder: worktree, index: 'exact-files' }, files),
      writeFiles({ view, folder: entry.folder, index: 'exact-own' }, own),
      keepIndexed(view, worktree),
      writeList(view, list),
    ]);
    const tree = await makeTree(view, [
      `040000 tree ${parts[0]}\tfiles`,
      `040000 tree ${parts[1]}\town`,
      `040000 tree ${parts[2]}\tobjects`,
      `100644 blob ${parts[3]}\tlist`,
    ]);
    return { tree, commits: await listNamed(worktree, entry.folder, own) };
  });
}

/** Gives a git that sees a folder through a raw view, with an index of its own. */
export function exactGit({ view, folder, index }: { view: string; folder: string; index: string }): Git {
  return gitWith(folder, { GIT_DIR: view, GIT_WORK_TREE: folder, GIT_INDEX_FILE: path.join(view, index) });
}

/** Puts files into an index as they are, and gives git's words for the tree of it. */
export async function writeFiles(
  place: { view: string; folder: string; index: string },
  files: readonly string[],
): Promise<string> {
  const git = exactGit(place);
  await git(['update-index', '--add', '--remove', '-z', '--stdin'], await writeLines(place.view, place.index, files));
  return git(['write-tree']);
}

/** Gives the files among some that git LFS keeps: what is big stays where LFS has it. Throws `git`. */
async function listLfs(worktree: string, names: readonly string[]): Promise<Set<string>> {
  const { stdout } = await tryGit(worktree, ['config', '--get-regexp', '^filter\\.lfs\\.']);
  if (stdout === '') return new Set();
  const input = names.map((name) => `${name}\0`).join('');
  const fields = (await askGit(worktree, ['check-attr', '-z', '--stdin', 'filter'], { input })).split('\0');
  return new Set(fields.filter((_, index) => index % 3 === 0 && fields[index + 2] === 'lfs'));
}

/** Folders among them are submodules. */
function statAll(worktree: string, names: readonly string[]): Map<string, Stats> {
  const found = new Map<string, Stats>();
  for (const name of names) {
    const stat = lstatSync(pathOf(path.join(worktree, name)), { throwIfNoEntry: false });
    if (stat?.isFile() || stat?.isSymbolicLink()) found.set(name, stat);
  }
  return found;
}

function requireReadable(worktree: string, files: ReadonlyMap<string, Stats>): void {
  const person = process.getuid?.() ?? 0;
  for (const [name, stat] of files) {
    if (person === 0 || !stat.isFile() || (stat.uid === person && stat.mode & 0o400)) continue;
    const file = path.join(worktree, name);
    try {
      accessSync(pathOf(file), constants.R_OK);
    } catch {
      throw new StackError('dirty', `${file} cannot be saved: it may not be read`, {
        hint: `\`${stat.uid === person ? '' : 'sudo '}chmod a+r ${file}\`, or move it out of the ticket; then run the command again`,
        details: { paths: [name] },
      });
    }
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

function listOwn(entryFolder: string, prefix = ''): string[] {
  return readEntries(path.join(entryFolder, prefix)).flatMap((entry) => {
    const name = path.join(prefix, entry.name);
    if (entry.isDirectory()) return /^(modules|logs)$/.test(name) ? [] : listOwn(entryFolder, name);
    return entry.isFile() && OWN.test(name) && !name.endsWith('.lock') ? [name] : [];
  });
}

/** A tree of all blobs that the index names, each under its id: those of a merge, and what is staged, are in no other tree. */
async function keepIndexed(view: string, worktree: string): Promise<string> {
  const entries = (await askGit(worktree, ['ls-files', '--stage', '-z'])).split('\0');
  const ids = new Set(entries.filter((entry) => /^1[02]/.test(entry)).map((entry) => entry.split(' ')[1] ?? ''));
  // `add --intent-to-add` names the empty blob, which need not be there.
  await exactGit({ view, folder: worktree, index: 'none' })(['hash-object', '-w', '--no-filters', '/dev/null']);
  return makeTree(
    view,
    [...ids].map((id) => `100644 blob ${id}\t${id}`),
  );
}

async function writeList(view: string, list: ExactList): Promise<string> {
  const file = path.join(view, 'exact-list');
  await writeFile(file, JSON.stringify(list));
  return exactGit({ view, folder: view, index: 'none' })(['hash-object', '-w', '--no-filters', file]);
}

async function makeTree(view: string, lines: readonly string[]): Promise<string> {
  const file = await writeLines(view, `exact-tree-${lines.length}`, lines);
  return exactGit({ view, folder: view, index: 'none' })(['mktree', '-z', '--missing'], file);
}

async function writeLines(view: string, name: string, lines: readonly string[]): Promise<string> {
  const file = path.join(view, `${name}.lines`);
  await writeFile(file, bytesOf(lines.map((line) => `${line}\0`).join('')));
  return file;
}

/** Gives the commits that git's notes name. Throws `git`. */
async function listNamed(worktree: string, entryFolder: string, own: readonly string[]): Promise<string[]> {
  const notes = own.filter((name) => !/index/.test(name));
  const texts = await Promise.all(
    notes.map(async (name) => {
      const bytes = await readFile(path.join(entryFolder, name));
      return bytes.length > MOST_BYTES ? '' : bytes.toString('latin1');
    }),
  );
  const ids = [...new Set(texts.flatMap((text) => text.match(OBJECT_ID) ?? []))];
  if (ids.length === 0) return [];
  const input = ids.map((id) => `${id}\n`).join('');
  const kinds = (await askGit(worktree, ['cat-file', '--batch-check=%(objectname) %(objecttype)'], { input })).split(
    '\n',
  );
  return kinds.flatMap((line) => (line.endsWith(' commit') ? [line.slice(0, line.indexOf(' '))] : []));
}
