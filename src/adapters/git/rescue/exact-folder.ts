import { lstat } from 'node:fs/promises';
import { ifThere } from '../../files/file-errors.ts';
import { askGit, tryGit } from '../git.ts';
import { listPassedOver } from '../risk/inside-risk.ts';
import { type GitFolders, withRawView } from '../risk/raw-view.ts';
import { isUsual } from '../risk/usual-files.ts';
import { readOwnEntry } from '../worktree/entry.ts';
import { listSubmodules } from '../worktree/submodule.ts';
import { exactGit, listNames, listStaged, saveFolder } from './exact.ts';
import { applyList, listChanged, readList } from './exact-list.ts';
import { commitTree, gitWith, type Snapshot } from './snapshot.ts';
import { listUnsavedSubmodules, wantedIn } from './submodules.ts';

/** Returns all files in a folder that is no worktree any more, as they are; undefined when it has none. Throws `git`, `dirty`. */
export async function snapshotFolder(repo: string, folder: string): Promise<(Snapshot & { tree: string }) | undefined> {
  const there = await ifThere(lstat(folder));
  if (!there?.isDirectory()) return undefined;
  const folders = await findFolders(repo);
  const names = await listIn(folders, folder);
  if (names.length === 0) return undefined;
  const { tree, files } = await saveFolder(folders, folder, { names, apart: [] });
  const git = gitWith(repo, {});
  return { commit: await commitTree(git, files, []), files, staged: files, tree };
}

/** No notes tell any more which of the ignored files a person made. */
async function listIn(folders: GitFolders, folder: string): Promise<string[]> {
  const [shown, hidden] = await withRawView(folders, async (view) => {
    const list = async (...which: string[]): Promise<string[]> => {
      const empty = exactGit({ view, folder, index: 'none' });
      const names = await empty(['ls-files', '-z', '--others', '--exclude-standard', ...which]);
      return names.split('\0').filter((name) => name !== '');
    };
    return [await list(), await list('--ignored')] as const;
  });
  return [...shown, ...hidden.filter((name) => !isUsual(name))];
}

/** What was saved of a worktree: its tree, and by their paths what there was in each of its submodules. */
interface SavedAs {
  tree: string | undefined;
  submodules: Readonly<Record<string, string>>;
}

/**
 * Returns the files of a worktree, or of what is none any more, that are not, or no longer, as they were saved in `tree`, and
 * of which that has not what is staged; and its submodules in which something is not as in `submodules`. Throws `git`.
 */
export async function listUnsaved(
  repo: string,
  worktree: string,
  { tree, ignored, submodules: states, isHalfMade }: SavedAs & { ignored: readonly string[]; isHalfMade: boolean },
): Promise<string[]> {
  const there = await ifThere(lstat(worktree));
  if (!there?.isDirectory()) return [];
  const saved = tree === undefined ? { files: {} } : await readList(repo, tree);
  const entry = await readOwnEntry(worktree);
  if (!entry?.hasIndex) return listChanged(worktree, await listIn(await findFolders(repo), worktree), saved);
  const submodules = await listSubmodules(worktree, entry);
  const [names, inSubmodules] = await Promise.all([
    listNames(worktree, wantedIn(submodules, undefined, { ignored }).ignored ?? []),
    listUnsavedSubmodules(repo, submodules, {
      ...{ states, ignored },
      listPassedOver: () => listPassedOver(worktree, isHalfMade),
    }),
  ]);
  const changed = [...listChanged(worktree, names, saved), ...inSubmodules];
  if (tree === undefined || changed.length > 0) return changed;
  const [staged, kept] = await Promise.all([
    listStaged(worktree),
    askGit(repo, ['ls-tree', '--name-only', `${tree}:objects`]),
  ]);
  const known = new Set(kept.split('\n'));
  return [...staged].some((id) => !known.has(id)) ? ['what is staged'] : [];
}

/** Returns the files among some beside the worktrees that are not, or no longer, as they were saved in `tree`. Throws `git`. */
export async function listUnsavedFiles(
  repo: string,
  folder: string,
  { tree, names }: { tree: string; names: readonly string[] },
): Promise<string[]> {
  return listChanged(folder, names, await readList(repo, tree));
}

/**
 * Keeps some files of a folder that belongs to no repo. Returns a commit of them and the tree that `restoreFiles` takes. Throws
 * `git`, and `dirty` for a repo among them.
 */
export async function snapshotFiles(
  repo: string,
  folder: string,
  what: { names: readonly string[]; apart: readonly string[] },
): Promise<{ commit: string; tree: string }> {
  const { tree } = await saveFolder(await findFolders(repo), folder, what);
  return { commit: await commitTree(gitWith(repo, {}), tree, []), tree };
}

/** Puts files that were kept so back into a folder, with modes and times; what is there stays. Throws `git`, `files`. */
export async function restoreFiles(repo: string, folder: string, tree: string): Promise<void> {
  await withRawView(await findFolders(repo), async (view) => {
    const git = await openKept(repo, { view, folder, tree });
    await git(['checkout-index', '--all', '--quiet']);
  });
  if (await hasList(repo, tree)) applyList(folder, await readList(repo, tree));
}

/**
 * Returns those of the files that were kept so which are in a folder as they were kept, times aside; none that only a link leads
 * to. Throws `git`.
 */
export async function listAsKept(repo: string, folder: string, tree: string): Promise<string[]> {
  return withRawView(await findFolders(repo), async (view) => {
    const git = await openKept(repo, { view, folder, tree });
    await git(['update-index', '-q', '--ignore-missing', '--refresh']);
    const [all = [], changed = []] = (
      await Promise.all([git(['ls-files', '-z']), git(['diff-files', '-z', '--name-only'])])
    ).map((names) => names.split('\0').filter((name) => name !== ''));
    const others = new Set(changed);
    return all.filter((name) => !others.has(name));
  });
}

/** Returns git with the files of a tree as its index, and a folder as what is compared with them. */
async function openKept(repo: string, { view, folder, tree }: { view: string; folder: string; tree: string }) {
  const git = exactGit({ view, folder, index: 'exact-files' });
  await git(['read-tree', (await hasList(repo, tree)) ? `${tree}:files` : tree]);
  return git;
}

/** Older versions kept the files alone. */
async function hasList(repo: string, tree: string): Promise<boolean> {
  return (await tryGit(repo, ['cat-file', '-e', `${tree}:list`])).exitCode === 0;
}

async function findFolders(repo: string): Promise<GitFolders> {
  const which = ['--absolute-git-dir', '--path-format=absolute', '--git-common-dir'];
  const [gitDir = '', commonDir = ''] = (await askGit(repo, ['rev-parse', ...which])).split('\n');
  return { gitDir, commonDir };
}
