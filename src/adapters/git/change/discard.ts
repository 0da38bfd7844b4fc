import { askGit, changeGit } from '../git.ts';
import { readOwnEntry } from '../worktree/entry.ts';

const SECONDS = 600;

/**
 * Discards all that was written in a worktree of which nobody keeps anything: changes, and files that git does not know or ignores.
 * Nothing where there is no worktree of that repo. Throws `git` when git cannot run.
 */
export async function discardWork(worktree: string, gitCommonDir: string): Promise<void> {
  if (!(await readOwnEntry(worktree, gitCommonDir))) return;
  for (const args of [
    ['reset', '--quiet', '--hard'],
    ['clean', '--quiet', '-ffdx'],
  ])
    await changeGit(worktree, args, { deadlineSeconds: SECONDS });
}

/** Drops what was saved of a ticket, in a repo: commits that a ticket made for a look have. Throws `git`. */
export async function forgetSaved(gitCommonDir: string, ticket: string): Promise<void> {
  const kinds = ['rescue', 'record'].map((kind) => `refs/stack/${kind}/${ticket}/`);
  const refs = (await askGit(gitCommonDir, ['for-each-ref', '--format=%(refname)', ...kinds])).split('\n');
  for (const ref of refs.filter((one) => one !== ''))
    await changeGit(gitCommonDir, ['update-ref', '-d', ref], { deadlineSeconds: SECONDS });
}
