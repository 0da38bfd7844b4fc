import { askGit } from './git.ts';
import { commitTree, gitWith } from './snapshot.ts';

const WORK = 'refs/stack/rescue';
/** Beside the work and not in it, so that a branch made from a rescue is the person's commits and nothing else. */
const RECORD = 'refs/stack/record';

/** Gives the name of the ref that keeps a ticket's work of one moment. */
export function rescueRef(ticket: string, time: string): string {
  return `${WORK}/${ticket}/${time}`;
}

/** Keeps a text in a repo: what a rescue was of, so that it can be undone when everything else is lost. Throws `git`. */
export async function keepRecord(repoPath: string, ticket: string, time: string, text: string): Promise<void> {
  const git = gitWith(repoPath, {});
  // Of no files: what is checked out in the repo may be a branch that has no commit yet.
  const commit = await commitTree(git, await git(['mktree']), [], `What stack saved of ${ticket}\n\n${text}`);
  await git(['update-ref', '-m', 'stack: saved', `${RECORD}/${ticket}/${time}`, commit]);
}

/** Gives the texts that a repo keeps of rescues. Throws `git`. */
export async function listRecords(repoPath: string): Promise<string[]> {
  const lines = (await askGit(repoPath, ['for-each-ref', '--format=%00%(contents:body)', `${RECORD}/`])).split('\n');
  return lines.flatMap((line) => (line.startsWith('\0') ? [line.slice(1)] : []));
}

/** Forgets a rescue: its work, that of its submodules, and its record. Missing is done. Throws `git`. */
export async function dropRescue(repoPath: string, ticket: string, time: string): Promise<void> {
  const names = [`${WORK}/${ticket}`, `${RECORD}/${ticket}`];
  const refs = (await askGit(repoPath, ['for-each-ref', '--format=%(refname)', ...names])).split('\n');
  const git = gitWith(repoPath, {});
  for (const ref of refs) {
    const last = ref.slice(ref.lastIndexOf('/') + 1);
    if (last === time || last.startsWith(`${time}-`)) await git(['update-ref', '-d', ref]);
  }
}
