import { askGit, tryGit } from '../git.ts';

/**
 * Returns what was stashed on a branch since a moment, the newest first, in git's own words: `WIP on feat-01: 1a2b3c4 Add`.
 * `since` is ISO 8601. Throws `git`, also when the repo has no stash at all.
 */
export async function listStashes(cwd: string, branch: string, since: string): Promise<string[]> {
  const options = ['--walk-reflogs', '--no-patch', '--no-show-signature', '--format=%ct%x00%gs'];
  const lines = (await askGit(cwd, ['log', ...options, 'refs/stash', '--'])).split('\n');
  const begin = Math.floor(Date.parse(since) / 1000);
  return lines.flatMap((line) => {
    const [time = '', subject = ''] = line.split('\0');
    const isOurs = subject.startsWith(`WIP on ${branch}: `) || subject.startsWith(`On ${branch}: `);
    return isOurs && Number(time) >= begin ? [subject] : [];
  });
}

/** Returns the commits of all stashes in a git folder, the newest first; only the newest has a ref. [] for none. Never throws. */
export async function listStashCommits(gitDir: string): Promise<string[]> {
  const options = ['--walk-reflogs', '--no-patch', '--no-show-signature', '--format=%H'];
  const { stdout } = await tryGit(gitDir, ['log', ...options, 'refs/stash', '--'], { inGitDir: true });
  return stdout.split('\n').filter((line) => line !== '');
}
