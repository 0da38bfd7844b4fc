import { existsSync } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { ifThere } from '../../files/file-errors.ts';
import { askGit, changeGit, type GitChange, gitError, type OnStart, tryGit } from '../git.ts';
import { listLinks } from '../unfilled.ts';
import type { WorktreeEntry } from './entry.ts';

/** A submodule, or another repo that the index names as one, whose git folder goes with the worktree. */
export interface Submodule {
  /** Relative to the top of the worktree; where its files are gone, its name. */
  path: string;
  /** Absolute path of its files; undefined when they are gone (`git rm`, `git submodule deinit`). */
  folder: string | undefined;
  /** Absolute path of its git folder. */
  gitDir: string;
  /** Where the main checkout keeps its git folder of the same submodule; may be missing. */
  twin: string;
}

export interface FillOptions {
  /** The checkout that has the submodules. */
  repoPath: string;
  gitCommonDir: string;
  /** The worktree to fill. */
  worktree: string;
  onStart?: OnStart | undefined;
  /** Ends git when aborted; what is there then is undone with the worktree. */
  signal?: AbortSignal | undefined;
}

/** What `.gitmodules` says of one submodule. */
export interface Declared {
  name: string;
  path: string;
}

/** For a fetch from a git folder: the files that its settings name may be gone, and git would look for them. */
export const FROM_GIT_DIR = '--upload-pack=GIT_WORK_TREE=. git upload-pack';

/** A submodule that the main checkout lacks comes over the network. */
const UPDATE_SECONDS = 900;

/**
 * Fills the submodules of a new worktree with what the main checkout has of them, without asking any remote; what only a
 * remote has is fetched. One that the main checkout left out is left out. None is done. Throws `git`.
 */
export async function fillSubmodules(options: FillOptions): Promise<void> {
  const { repoPath, worktree } = options;
  const declared = await listDeclared(worktree);
  if (declared.length === 0) return;
  const [known, active] = await Promise.all([listDeclared(repoPath), listActive(repoPath)]);
  const wanted = declared.filter(({ name }) => active.has(name) || known.every((other) => other.name !== name));
  if (wanted.length === 0) return;
  await runSubmodule(options, ['init', '--', ...wanted.map((one) => one.path)]);
  const local = wanted.filter((one) => existsSync(sourceOf(options, one)));
  if (local.length > 0) await copyLocal(options, local);
  // What is there already is left alone; a commit that the local copy lacks, or a whole submodule, is fetched.
  await runSubmodule(options, ['update', '--', ...wanted.map((one) => one.path)]);
  for (const one of wanted) {
    const gitCommonDir = moduleHome(options.gitCommonDir, one.name);
    const folder = path.join(worktree, one.path);
    if (existsSync(path.join(folder, '.git'))) {
      await fillSubmodules({ ...options, repoPath: path.join(repoPath, one.path), gitCommonDir, worktree: folder });
    }
  }
}

/** Returns the submodules of a worktree, nested ones and those whose files are gone too, maybe with all of it. Throws `git`. */
export async function listSubmodules(worktree: string, entry: WorktreeEntry): Promise<Submodule[]> {
  const commonDir = path.dirname(path.dirname(entry.folder));
  const modules = path.join(entry.folder, 'modules');
  const twinOf = (gitDir: string): string =>
    gitDir.startsWith(modules + path.sep) ? path.join(commonDir, path.relative(entry.folder, gitDir)) : '';
  const visit = async (prefix: string): Promise<Submodule[]> => {
    const found = await Promise.all(
      (await listPlaces(path.join(worktree, prefix))).map(async (place): Promise<Submodule[]> => {
        const relative = path.join(prefix, place);
        const folder = path.join(worktree, relative);
        if (!existsSync(path.join(folder, '.git'))) return [];
        const gitDir = await realpath((await askGit(folder, ['rev-parse', '--absolute-git-dir'])).trimEnd());
        return [{ path: relative, folder, gitDir, twin: twinOf(gitDir) }, ...(await visit(relative))];
      }),
    );
    return found.flat();
  };
  const isThere = existsSync(path.join(worktree, '.git'));
  const [there, gitDirs] = await Promise.all([isThere ? visit('') : [], listGitDirs(modules)]);
  const gone = gitDirs.filter((gitDir) => there.every((one) => one.gitDir !== gitDir));
  const lost = gone.map((gitDir) => {
    return { path: path.relative(modules, gitDir), folder: undefined, gitDir, twin: twinOf(gitDir) };
  });
  return [...there, ...lost];
}

/** Where a checkout has submodules. One that was added with `git add` alone is declared nowhere. */
async function listPlaces(top: string): Promise<string[]> {
  const [declared, index] = await Promise.all([listDeclared(top), askGit(top, ['ls-files', '--stage', '-z'])]);
  return [...new Set([...declared.map((one) => one.path), ...listLinks(index)])];
}

/** The git folders below one: a submodule's name may have slashes, and its own submodules are in its `modules`. */
async function listGitDirs(folder: string): Promise<string[]> {
  const entries = (await ifThere(readdir(folder, { withFileTypes: true }))) ?? [];
  const names = entries.map(({ name }) => name);
  // A clone that was killed may have one of them alone: then there is nothing in it.
  if (names.includes('HEAD') && names.includes('objects'))
    return [folder, ...(await listGitDirs(path.join(folder, 'modules')))];
  const folders = entries.filter((entry) => entry.isDirectory());
  return (await Promise.all(folders.map(({ name }) => listGitDirs(path.join(folder, name))))).flat();
}

/** Clones from the main checkout's git folders, then gives each clone the remote and remote branches of its source. */
async function copyLocal(options: FillOptions, local: readonly Declared[]): Promise<void> {
  const env = Object.fromEntries(local.map((one, index) => [`STACK_URL_${index}`, sourceOf(options, one)]));
  const urls = local.map(({ name }, index) => `--config-env=submodule.${name}.url=STACK_URL_${index}`);
  const paths = local.map((one) => one.path);
  // Since git 2.38 a submodule may not come from a local path unless that is said; it is the person's own repo.
  const config = ['-c', 'protocol.file.allow=always', ...urls];
  await changeGit(options.worktree, [...config, 'submodule', '--quiet', 'update', '--', ...paths], {
    deadlineSeconds: UPDATE_SECONDS,
    onStart: options.onStart,
    signal: options.signal,
    env,
  });
  // Whether that went well is not judged here: what is missing now is fetched next, and that has the say.
  await Promise.all(local.map((one) => adoptRemote(options, one)));
}

async function adoptRemote(options: FillOptions, one: Declared): Promise<void> {
  const source = sourceOf(options, one);
  const clone = path.join(options.worktree, one.path);
  if (!existsSync(path.join(clone, '.git'))) return;
  const urls = await askGit(source, ['config', '-z', '--local', '--list'], { inGitDir: true });
  const url = urls.split('\0').find((line) => /^remote\.origin\.url\n/.test(line));
  if (url === undefined) return;
  const change = { deadlineSeconds: UPDATE_SECONDS, signal: options.signal };
  await changeGit(clone, ['config', 'remote.origin.url', url.slice(url.indexOf('\n') + 1)], change);
  const refspec = '+refs/remotes/origin/*:refs/remotes/origin/*';
  const only = ['--no-tags', '--prune', '--no-write-fetch-head', '--no-auto-gc', '--no-recurse-submodules'];
  const fetched = await changeGit(clone, ['fetch', '--quiet', ...only, FROM_GIT_DIR, source, refspec], change);
  if (fetched.exitCode !== 0) throw submoduleError(fetched);
}

async function runSubmodule(options: FillOptions, args: string[]): Promise<void> {
  const done = await changeGit(options.worktree, ['submodule', '--quiet', ...args], {
    deadlineSeconds: UPDATE_SECONDS,
    onStart: options.onStart,
    signal: options.signal,
  });
  if (done.exitCode !== 0) throw submoduleError(done);
}

function submoduleError(answer: GitChange): Error {
  return gitError(
    'cannot fill the worktree’s submodules',
    answer,
    'see that `git submodule update --init` works in the main checkout',
  );
}

/** Returns what `.gitmodules` of a checkout declares; [] when it has none. Throws `git`. */
export async function listDeclared(top: string): Promise<Declared[]> {
  const file = path.join(top, '.gitmodules');
  if (!existsSync(file)) return [];
  const { stdout } = await tryGit(top, ['config', '-z', '--file', file, '--get-regexp', '^submodule\\..*\\.path$']);
  return stdout.split('\0').flatMap((entry) => {
    const [key = '', value] = entry.split('\n');
    return value ? [{ name: key.slice('submodule.'.length, -'.path'.length), path: value }] : [];
  });
}

/** Returns the names of the submodules that a checkout has not left out. */
async function listActive(top: string): Promise<Set<string>> {
  // An empty folder, where a submodule is left out, would answer for the repo around it.
  if (!existsSync(path.join(top, '.git'))) return new Set();
  const { stdout } = await tryGit(top, ['config', '-z', '--name-only', '--get-regexp', '^submodule\\..*\\.url$']);
  return new Set(stdout.split('\0').map((key) => key.slice('submodule.'.length, -'.url'.length)));
}

/** Repos from before git 1.7.8, or made by hand, keep a submodule's git folder with its files. */
function sourceOf({ repoPath, gitCommonDir }: FillOptions, { name, path: relative }: Declared): string {
  const usual = moduleHome(gitCommonDir, name);
  return existsSync(usual) ? usual : path.join(repoPath, relative, '.git');
}

function moduleHome(gitCommonDir: string, name: string): string {
  return path.join(gitCommonDir, 'modules', name);
}
