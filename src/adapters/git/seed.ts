import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { StackError } from '../../domain/errors.ts';

const run = promisify(execFile);

export interface SeedCommit {
  /** Branch the commit goes on; made from `main` when it is not there. */
  branch: string;
  message: string;
  /** Writes the commit's files into the checkout. */
  write(folder: string): Promise<void>;
}

/** An identity of its own, and nothing of the person's settings that could ask, sign or run a hook. */
const SETTINGS = {
  'user.name': 'Stack Demo',
  'user.email': 'demo@stack.invalid',
  'commit.gpgSign': 'false',
  'core.hooksPath': '/dev/null',
  'init.templateDir': '',
};

/**
 * Makes a git repo in an empty folder, with one commit after the other, and leaves `main` checked out.
 * Throws `git` with git's own words.
 */
export async function seedRepo(
  folder: string,
  commits: readonly SeedCommit[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const git = makeGit(folder, env);
  await git('init', '--quiet', '--initial-branch=main');
  const made = new Set(['main']);
  let current = 'main';
  for (const commit of commits) {
    if (commit.branch !== current) {
      await git('checkout', '--quiet', ...(made.has(commit.branch) ? [commit.branch] : ['-b', commit.branch, 'main']));
    }
    made.add(commit.branch);
    current = commit.branch;
    await commit.write(folder);
    await git('add', '--all');
    await git('commit', '--quiet', '--message', commit.message);
  }
  await git('checkout', '--quiet', 'main');
}

function makeGit(folder: string, env: Readonly<Record<string, string | undefined>>) {
  const settings = Object.entries(SETTINGS).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
  // An inherited GIT_DIR would send the commits into somebody's own repo.
  const clean = Object.fromEntries(Object.entries(env).filter(([key]) => !key.startsWith('GIT_')));
  return async (...args: string[]): Promise<void> => {
    try {
      await run('git', [...settings, ...args], { cwd: folder, env: clean });
    } catch (error) {
      const said = (error as { stderr?: string }).stderr?.trim();
      throw new StackError('git', `git ${args[0]} failed in ${folder}${said ? `: ${said}` : ''}`, { cause: error });
    }
  };
}
