import { type Commit, listCommits } from '../commits.ts';
import { askGit, tryGit } from '../git.ts';
import { listRemotes } from '../remote.ts';
import { defaultBranch, findCommit } from '../repo.ts';
import { readSetting } from '../settings.ts';

/** The branch that work on another one is to be merged into, as the remote of that base has it. */
export interface RequestBase {
  branch: string;
  remote: string;
  /** Full id of its commit, as of the last fetch, else of the local branch. */
  commit: string;
}

/** Where a base is looked for. */
export interface BaseSearch {
  /** Absolute path of a checkout. */
  folder: string;
  /** What may be it, the best first: `feat/ui`, `origin/main`; undefined ones are passed over. */
  names: readonly (string | undefined)[];
  /** The remote that the work itself is pushed to. */
  remote: string;
}

/**
 * Returns the first of some names that is a branch, else the repo's default branch; a tag, a commit and the ref of a pull request
 * are none that something could be merged into. Undefined where there is none. Throws `git`.
 */
export async function findRequestBase({ folder, names, remote }: BaseSearch): Promise<RequestBase | undefined> {
  const remotes = await listRemotes(folder);
  for (const name of [...names, await defaultBranch(folder)]) {
    if (name === undefined) continue;
    const prefix = remotes.find((one) => name.startsWith(`${one}/`));
    const local = await findCommit(folder, [`refs/heads/${name}`]);
    const branch = local === undefined && prefix !== undefined ? name.slice(prefix.length + 1) : name;
    const tracked = await readSetting(folder, `branch.${branch}.remote`);
    const owner = [local === undefined ? prefix : undefined, tracked].find((one) => one && remotes.includes(one));
    const at = owner ?? remote;
    const commit = (await findCommit(folder, [`refs/remotes/${at}/${branch}`])) ?? local;
    if (commit !== undefined) return { branch, remote: at, commit };
  }
  return undefined;
}

/** Returns the commits of a branch that its base lacks, the newest first, with their whole messages. Throws `git`. */
export async function listProposed(folder: string, branch: string, base: string): Promise<Commit[]> {
  return listCommits(folder, [`refs/heads/${branch}`, '--not', base]);
}

/** Returns what a commit says below its subject; '' for nothing. Throws `git`. */
export async function readBody(folder: string, commit: string): Promise<string> {
  return (await askGit(folder, ['log', '--max-count=1', '--no-patch', '--format=%b', commit, '--'])).trim();
}

/** Returns the address that a remote is fetched from, undefined where there is none. */
export async function findRemoteUrl(folder: string, remote: string): Promise<string | undefined> {
  const { exitCode, stdout } = await tryGit(folder, ['remote', 'get-url', remote]);
  return exitCode === 0 ? stdout.trim() || undefined : undefined;
}
