import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { bytesOf } from '../../files/byte-names.ts';
import { changeGit, firstLine, type GitAnswer, type GitChange, gitError } from '../git.ts';

interface Wanted {
  /** Full id of a commit. */
  commit: string;
  /** Files that it has, relative to the repo. */
  names: readonly string[];
  /** A folder of ours, for what is tried. */
  temporary: string;
  deadlineSeconds: number;
}

/**
 * Returns why git cannot write some files of a commit: a filter that fails, as LFS does without its server or its program. Git would
 * have taken the old ones away by then, and could not write those again either. They are written to `temporary`. Throws `git`, `files`.
 */
export async function findFailingFilter(
  folder: string,
  { commit, names, temporary, deadlineSeconds }: Wanted,
): Promise<string | undefined> {
  const [list, env] = [path.join(temporary, 'names'), { GIT_INDEX_FILE: path.join(temporary, 'filtered') }];
  const git = async (args: readonly string[], about: readonly string[]): Promise<GitChange> => {
    await writeFile(list, bytesOf(about.map((name) => `${name}\0`).join('')));
    return changeGit(folder, args, { deadlineSeconds, env, inputFile: list });
  };
  if (names.length === 0 || (await listFilters(folder)) === '') return undefined;
  requireDone(folder, await git([...NO_HOOKS, 'read-tree', commit], []));
  const told = requireDone(folder, await git(['check-attr', '--cached', '-z', '--stdin', 'filter'], names)).split('\0');
  // Path, attribute, value.
  const filtered = told.filter((_, at) => at % 3 === 0 && !['unspecified', 'unset', undefined].includes(told[at + 2]));
  if (filtered.length === 0) return undefined;
  const into = `--prefix=${path.join(temporary, 'files')}/`;
  const tried = await git(['checkout-index', into, '-z', '--stdin'], filtered);
  if (tried.timedOut) return `a filter was not done after ${deadlineSeconds} s`;
  return tried.exitCode === 0 ? undefined : firstLine(tried.stderr);
}

const NO_HOOKS = ['-c', 'core.hooksPath=/dev/null'];

async function listFilters(folder: string): Promise<string> {
  const { stdout } = await changeGit(folder, ['config', '--get-regexp', String.raw`^filter\.`], {
    deadlineSeconds: 60,
  });
  return stdout;
}

function requireDone(folder: string, answer: GitAnswer): string {
  if (answer.exitCode === 0) return answer.stdout;
  throw gitError(`cannot try the filters of ${folder}`, answer);
}
