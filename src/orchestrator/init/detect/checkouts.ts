import path from 'node:path';
import { isThere } from '../../../adapters/files/files.ts';
import { tryGit } from '../../../adapters/git/git.ts';
import { defaultBranch, findMainWorktree, inspectRepo } from '../../../adapters/git/repo.ts';
import { StackError, tolerate } from '../../../domain/errors.ts';

/** A folder that git has something to do with. */
export type Checkout =
  /**
   * A repo that tickets can be made from; `base` is where new branches start, undefined when nothing tells. A bare one has a
   * `worktree` that stands for its main checkout.
   */
  | { kind: 'repo'; base: string | undefined; gitCommonDir: string; worktree?: string }
  /** Not usable; `reason` says why: `it has no commit yet`. */
  | { kind: 'unusable'; reason: string; hint: string | undefined };

/** Tells what the git repo whose top is this folder is like; undefined when the folder is the top of none. Throws `git` when git cannot run. */
export async function inspectCheckout(folder: string): Promise<Checkout | undefined> {
  if (!(await looksLikeRepo(folder))) return undefined;
  try {
    const { top, gitCommonDir, isLinked } = await inspectRepo({ repo: folder, path: folder });
    const main = isLinked ? ((await findMainWorktree(folder)) ?? path.dirname(gitCommonDir)) : top;
    if (main !== top)
      return { kind: 'unusable', reason: `it is a worktree of ${nameBeside(folder, main)}`, hint: undefined };
    return { kind: 'repo', base: await findBase(folder), gitCommonDir };
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    const worktree = await tolerate(findMainWorktree(folder), 'git');
    if (worktree !== undefined) {
      const { gitCommonDir } = await inspectRepo({ repo: folder, path: worktree });
      return { kind: 'repo', base: await findBase(worktree), gitCommonDir, worktree };
    }
    // The message begins with the repo's name, which here is the folder, and goes on with the folder.
    const reason = error.message.replace(`${folder}: `, '').replace(folder, 'it');
    return { kind: 'unusable', reason, hint: error.hint };
  }
}

async function findBase(folder: string): Promise<string | undefined> {
  const base = await defaultBranch(folder);
  return base === 'HEAD' ? undefined : base;
}

/** Branches that teams start new ones from. */
const BASES = /^(?:main|master|trunk|develop|development|dev|next)$/;
const MOST_BASES = 6;

/** Returns the branches that new ones may start from: those with a usual name. Throws `git` when git cannot run. */
export async function listBases(folder: string): Promise<string[]> {
  const refs = ['--sort=refname', '--format=%(refname)', 'refs/heads', 'refs/remotes/origin'];
  const { stdout } = await tryGit(folder, ['for-each-ref', ...refs]);
  const names = stdout.split('\n').flatMap((line) => {
    const name = line.replace(/^refs\/(?:heads|remotes\/origin)\//, '');
    return BASES.test(name) ? [name] : [];
  });
  return [...new Set(names)].slice(0, MOST_BASES);
}

function nameBeside(folder: string, main: string): string {
  const name = path.relative(path.dirname(folder), main);
  return name.startsWith('..') ? 'a repo elsewhere' : name;
}

/** A `.git` inside, or the inside of one: a bare repo. */
async function looksLikeRepo(folder: string): Promise<boolean> {
  if (await isThere(path.join(folder, '.git'))) return true;
  return (await isThere(path.join(folder, 'HEAD'))) && (await isThere(path.join(folder, 'objects')));
}

/** Returns those of the files that are there and that git ignores: a new worktree would not have them. Throws `git` when git cannot run. */
export async function listIgnored(folder: string, files: readonly string[]): Promise<string[]> {
  const there: string[] = [];
  for (const file of files) if (await isThere(path.join(folder, file))) there.push(file);
  if (there.length === 0) return [];
  const { stdout } = await tryGit(folder, ['check-ignore', '-z', '--stdin'], { input: `${there.join('\0')}\0` });
  return stdout.split('\0').filter(Boolean);
}

/** Returns the paths of a repo's submodules, as `.gitmodules` names them; [] when there are none. Throws `git` when git cannot run. */
export async function listSubmodules(folder: string): Promise<string[]> {
  if (!(await isThere(path.join(folder, '.gitmodules')))) return [];
  const asked = ['config', '-z', '--file', '.gitmodules', '--get-regexp', String.raw`^submodule\..*\.path$`];
  const { stdout } = await tryGit(folder, asked);
  const paths = stdout.split('\0').map((entry) => entry.split('\n')[1] ?? '');
  return paths.filter((entry) => entry !== '' && !path.isAbsolute(entry) && !entry.split('/').includes('..'));
}

/** Returns those of the paths that git would show as new in the work tree around `folder`; [] outside of any. Throws `git` when git cannot run. */
export async function listNotIgnored(folder: string, paths: readonly string[]): Promise<string[]> {
  const inside = await tryGit(folder, ['rev-parse', '--is-inside-work-tree']);
  if (inside.stdout.trim() !== 'true') return [];
  const { stdout } = await tryGit(folder, ['check-ignore', '-z', '--stdin'], { input: `${paths.join('\0')}\0` });
  const ignored = new Set(stdout.split('\0'));
  return paths.filter((entry) => !ignored.has(entry));
}
