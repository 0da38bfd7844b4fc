import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { bytesOf } from '../../files/byte-names.ts';
import { readWhole } from '../../files/read-file.ts';
import { askGit, tryGit } from '../git.ts';
import { readEntries } from '../risk/inside.ts';
import { type GitFolders, withRawView } from '../risk/raw-view.ts';
import { listUnfilled } from '../unfilled.ts';
import { listHidden } from '../worktree/assume-unchanged.ts';
import type { WorktreeEntry } from '../worktree/entry.ts';
import { type ExactList, listExactly } from './exact-list.ts';
import { type Git, gitWith, requireAdded, requireOutsideRepos } from './snapshot.ts';

/** A worktree as it is on the disk, to the byte and the mode. */
export interface Exact {
  /**
   * A tree of four: `files` byte for byte, `own` (git's own files of the worktree, the index among them), `objects` (what the
   * index alone names) and `list`, a text that says what trees cannot: modes, times, empty folders.
   */
  tree: string;
  /** Commits that git's own files of the worktree name: of a merge, a rebase, a bisect under way. */
  commits: string[];
}

/** What git, and stack, keep of one worktree and must come back for it to be as it was; the rest is made with it, or is a log. */
const OWN =
  /^(index|stack\.json|sharedindex\..*|(MERGE|BISECT)_.*|(CHERRY_PICK|REVERT|REBASE|ORIG)_HEAD|(SQUASH|COMMIT_EDIT)_?MSG|config\.worktree|info\/sparse-checkout|(sequencer|rebase-merge|rebase-apply|refs)\/.*)$/;
const OBJECT_ID = /\b[0-9a-f]{40}(?:[0-9a-f]{24})?\b/g;
/** Longer ones are no notes of git's. */
const MOST_BYTES = 1_000_000;

/**
 * Saves a worktree as it is, past all filters, attributes and line ends: what git tracks, what is new, and the ignored files
 * that are named. Nothing leads to the tree yet. Throws `git`, and `dirty` for a file that cannot be read.
 */
export async function saveExact(worktree: string, entry: WorktreeEntry, ignored: readonly string[]): Promise<Exact> {
  const commonDir = path.dirname(path.dirname(entry.folder));
  const [names, hidden] = await Promise.all([
    listNames(worktree, ignored),
    askGit(worktree, ['ls-files', '-z', '--others', '--ignored', '--exclude-standard', '--directory']),
  ]);
  return withRawView({ gitDir: entry.folder, commonDir }, async (view) => {
    const own = listOwn(entry.folder);
    const lfs = await listLfs(view, worktree, names);
    const parts = await Promise.all([
      saveFiles({ view, folder: worktree }, names, { apart: hidden.split('\0'), lfs }),
      writeFiles({ view, folder: entry.folder, index: 'exact-own' }, own),
      keepStaged(view, worktree),
    ]);
    const [{ files, list }, ownTree, objects] = parts;
    const others = [`040000 tree ${ownTree}\town`, `040000 tree ${objects}\tobjects`];
    const tree = await makeTree(view, [...listEntries({ files, list }), ...others]);
    return { tree, commits: await listNamed(worktree, entry.folder, own) };
  });
}

/** A tree of the files of a folder, and a blob that says of them what trees cannot. */
interface SavedFiles {
  files: string;
  list: string;
}

/** Returns what is saved of a worktree: what git tracks, what is new, and the ignored files that are named. Throws `git`. */
export async function listNames(worktree: string, ignored: readonly string[]): Promise<string[]> {
  const [known, unfilled] = await Promise.all([
    askGit(worktree, ['ls-files', '-z', '--cached', '--others', '--exclude-standard']),
    listUnfilled(worktree),
  ]);
  const inUnfilled = [...unfilled.values()].flat();
  return [...new Set([...known.split('\0'), ...inUnfilled, ...ignored])].filter(
    (name) => name !== '' && !name.endsWith('/'),
  );
}

/**
 * Saves files of a folder that is no worktree in a repo, as exactly: a tree of `files` and `list`. `apart` are folders, with a `/`
 * at their end, of which nothing else is noted. Nothing leads to the tree yet. Throws `git`, and `dirty` for what cannot be read.
 */
export async function saveFolder(
  folders: GitFolders,
  folder: string,
  { names, apart }: { names: readonly string[]; apart: readonly string[] },
): Promise<{ tree: string; files: string }> {
  await requireOutsideRepos(folder, names);
  return withRawView(folders, async (view) => {
    const saved = await saveFiles({ view, folder }, names, { apart });
    return { tree: await makeTree(view, listEntries(saved)), files: saved.files };
  });
}

function listEntries({ files, list }: SavedFiles): string[] {
  return [`040000 tree ${files}\tfiles`, `100644 blob ${list}\tlist`];
}

async function saveFiles(
  { view, folder }: { view: string; folder: string },
  names: readonly string[],
  how: Parameters<typeof listExactly>[2],
): Promise<SavedFiles> {
  const list = listExactly(folder, names, how);
  const files = Object.keys(list.files).filter((name) => !how.lfs?.has(name));
  const [tree, blob] = await Promise.all([
    writeFiles({ view, folder, index: 'exact-files' }, files),
    writeList(view, list),
  ]);
  return { files: tree, list: blob };
}

/** Returns a git that sees a folder through a raw view, with an index of its own. */
export function exactGit({ view, folder, index }: { view: string; folder: string; index: string }): Git {
  return gitWith(folder, { GIT_DIR: view, GIT_WORK_TREE: folder, GIT_INDEX_FILE: path.join(view, index) });
}

/** Puts files into an index as they are, and gives git's words for the tree of it. */
export async function writeFiles(
  place: { view: string; folder: string; index: string },
  files: readonly string[],
): Promise<string> {
  const git = exactGit(place);
  const lines = await writeLines(place.view, place.index, files);
  await git(['update-index', '--add', '--remove', '-z', '--stdin'], lines);
  await requireAdded(git, place.folder, files);
  return git(['write-tree']);
}

/** Returns the files among some that git LFS keeps and that are as in HEAD: what is big stays where LFS has it. Throws `git`. */
async function listLfs(view: string, worktree: string, names: readonly string[]): Promise<Set<string>> {
  const input = names.map((name) => `${name}\0`).join('');
  const fields = (await askGit(worktree, ['check-attr', '-z', '--stdin', 'filter'], { input })).split('\0');
  const lfs = fields.filter((_, index) => index % 3 === 0 && fields[index + 2] === 'lfs');
  if (lfs.length === 0) return new Set();
  const [tracked, changed, hidden] = await Promise.all([
    askGit(worktree, ['ls-files', '-z', '--cached']),
    // A branch without a commit has no HEAD.
    tryGit(worktree, ['diff-index', '--name-only', '--no-renames', '-z', 'HEAD', '--'], { gitDir: view }),
    listHidden(worktree),
  ]);
  if (changed.exitCode !== 0) return new Set();
  const known = new Set(tracked.split('\0'));
  for (const name of [...changed.stdout.split('\0'), ...hidden]) known.delete(name);
  return new Set(lfs.filter((name) => known.has(name)));
}

function listOwn(entryFolder: string, prefix = ''): string[] {
  return readEntries(path.join(entryFolder, prefix)).flatMap((entry) => {
    const name = path.join(prefix, entry.name);
    if (entry.isDirectory()) return /^(modules|logs)$/.test(name) ? [] : listOwn(entryFolder, name);
    return entry.isFile() && OWN.test(name) && !name.endsWith('.lock') ? [name] : [];
  });
}

/** A tree of the blobs that the index alone names, each under its id: those of a merge, and what is staged, are in no other tree. */
async function keepStaged(view: string, worktree: string): Promise<string> {
  const none = exactGit({ view, folder: worktree, index: 'none' });
  const [ids, empty] = await Promise.all([
    listStaged(worktree),
    // `add --intent-to-add` names it, and it need not be there.
    none(['hash-object', '-w', '--no-filters', '/dev/null']),
  ]);
  return makeTree(
    view,
    [...new Set([...ids, empty])].sort().map((id) => `100644 blob ${id}\t${id}`),
  );
}

/** Returns the ids of the blobs that the index of a worktree names and its commit has not just there. Throws `git`. */
export async function listStaged(worktree: string): Promise<Set<string>> {
  const head = await tryGit(worktree, ['rev-parse', '--verify', '--quiet', 'HEAD']);
  // On a branch without a commit all of it is staged.
  const since = head.stdout.trim() || (await askGit(worktree, ['hash-object', '-t', 'tree', '/dev/null'])).trim();
  const [changed, unmerged] = await Promise.all([
    askGit(worktree, ['diff-index', '--cached', '--raw', '-z', '--no-abbrev', '--no-renames', since, '--']),
    askGit(worktree, ['ls-files', '--unmerged', '-z']),
  ]);
  const isId = (mode: string, id: string): boolean => /^1[02]/.test(mode) && /[1-9a-f]/.test(id);
  // `:100644 100644 <in the commit> <in the index> M`; `100644 <id> <stage>`
  const now = [...changed.matchAll(/(?<![^\0]):\d+ (\d+) [0-9a-f]+ ([0-9a-f]+) /g)];
  const sides = [...unmerged.matchAll(/(?<![^\0])(\d+) ([0-9a-f]+) /g)];
  return new Set([...now, ...sides].flatMap(([, mode = '', id = '']) => (isId(mode, id) ? [id] : [])));
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

/** Returns the commits that git's notes name. Throws `git`. */
async function listNamed(worktree: string, entryFolder: string, own: readonly string[]): Promise<string[]> {
  const notes = own.filter((name) => !/index/.test(name));
  const texts = await Promise.all(
    notes.map(async (name) => {
      const bytes = await readWhole(path.join(entryFolder, name));
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
