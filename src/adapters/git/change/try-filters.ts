import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { bytesOf } from '../../files/byte-names.ts';
import { withLock } from '../../lock.ts';
import { changeGit, firstLine, type GitAnswer, type GitChange, gitError, tryGit } from '../git.ts';
import { repoLock } from '../lock.ts';

/** What is tried of a commit in one of a repo's worktrees. */
export interface Tried {
  gitCommonDir: string;
  /** Where git keeps what is the worktree's own. */
  gitDir: string;
  /** Full id of a commit. */
  commit: string;
  /** Files that it has, relative to the repo. */
  names: readonly string[];
  deadlineSeconds: number;
  signal: AbortSignal;
}

/**
 * Returns why git cannot write some files of a commit: a filter that fails, as LFS does without its server or its program. Git would
 * have taken the old ones away by then, and could not write those again either. They are written beside the index, where the next one
 * who tries finds what one who was killed has left. Throws `git`, `files`, `interrupted`, `busy`.
 */
export async function findFailingFilter(folder: string, tried: Tried): Promise<string | undefined> {
  const { gitCommonDir, gitDir, names, signal } = tried;
  if (names.length === 0) return undefined;
  if ((await tryGit(folder, ['config', '--get-regexp', String.raw`^filter\.`], { signal })).stdout === '')
    return undefined;
  const temporary = path.join(gitDir, 'stack-tried');
  const remove = (): Promise<void> => rm(temporary, { recursive: true, force: true });
  const work = async (): Promise<string | undefined> => {
    await remove();
    await mkdir(temporary);
    return tryFilters(folder, tried, temporary).finally(remove);
  };
  return withLock(repoLock(gitCommonDir), work, { signal });
}

async function tryFilters(
  folder: string,
  { commit, names, deadlineSeconds, signal }: Tried,
  temporary: string,
): Promise<string | undefined> {
  const [list, env] = [path.join(temporary, 'names'), { GIT_INDEX_FILE: path.join(temporary, 'filtered') }];
  const git = async (args: readonly string[], about: readonly string[], harmless = true): Promise<GitChange> => {
    await writeFile(list, bytesOf(about.map((name) => `${name}\0`).join('')));
    return changeGit(folder, args, { deadlineSeconds, env, inputFile: list, signal, harmless });
  };
  requireDone(folder, await git([...NO_HOOKS, 'read-tree', commit], []));
  const told = requireDone(folder, await git(['check-attr', '--cached', '-z', '--stdin', 'filter'], names)).split('\0');
  // Path, attribute, value.
  const filtered = told.filter((_, at) => at % 3 === 0 && !['unspecified', 'unset', undefined].includes(told[at + 2]));
  if (filtered.length === 0) return undefined;
  const into = `--prefix=${path.join(temporary, 'files')}/`;
  const tried = await git(['checkout-index', into, '-z', '--stdin'], filtered, false);
  if (tried.timedOut) return `a filter was not done after ${deadlineSeconds} s`;
  return tried.exitCode === 0 ? undefined : firstLine(tried.stderr);
}

const NO_HOOKS = ['-c', 'core.hooksPath=/dev/null'];

function requireDone(folder: string, answer: GitAnswer): string {
  if (answer.exitCode === 0) return answer.stdout;
  throw gitError(`cannot try the filters of ${folder}`, answer);
}
