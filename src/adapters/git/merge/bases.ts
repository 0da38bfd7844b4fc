import { type AskOptions, askGit, tryGit } from '../git.ts';
import { findCommit } from '../repo.ts';

/** Returns the commit that the name of a base stands for: a branch, one of a remote, a tag, or anything that git reads as a commit. */
export async function findBase(folder: string, name: string, signal?: AbortSignal): Promise<string | undefined> {
  if (name === '' || /[\s\p{Cc}]/u.test(name)) return undefined;
  const places = ['refs/heads/', 'refs/remotes/', 'refs/remotes/origin/', 'refs/tags/', ''];
  return findCommit(
    folder,
    places.map((place) => `${place}${name}`),
    signal,
  );
}

/** Returns the best commit that two commits have in common; undefined where they have none, or one of them is not there. */
export async function findMergeBase(
  folder: string,
  [one, other]: readonly [string, string],
  how: AskOptions = {},
): Promise<string | undefined> {
  const { exitCode, stdout } = await tryGit(folder, ['merge-base', one, other], how);
  return exitCode === 0 ? stdout.trim() : undefined;
}

/** Returns the commits that lead to one and not to the other, up to `most`. */
export async function listCommitsSince(
  folder: string,
  { base, head }: { base: string; head: string },
  most: number,
): Promise<string[]> {
  const { stdout } = await tryGit(folder, ['rev-list', `--max-count=${most}`, head, `^${base}`, '--']);
  return stdout.split('\n').filter((line) => line !== '');
}

/** Returns how many commits only the one has, and only the other. Throws `git`, `interrupted`. */
export async function countApart(
  folder: string,
  [one, other]: readonly [string, string],
  signal?: AbortSignal,
): Promise<[ahead: number, behind: number]> {
  const args = ['rev-list', '--left-right', '--count', `${one}...${other}`, '--'];
  const [ahead = 0, behind = 0] = (await askGit(folder, args, { signal })).split('\t').map(Number);
  return [ahead, behind];
}

/** True where a commit has something behind it that neither its base nor a remote, as of the last fetch, has. Throws `git`, `interrupted`. */
export async function hasUnpushed(folder: string, head: string, base: string, signal?: AbortSignal): Promise<boolean> {
  const args = ['rev-list', '--max-count=1', head, '--not', base, '--remotes', '--'];
  return (await askGit(folder, args, { signal })).trim() !== '';
}
