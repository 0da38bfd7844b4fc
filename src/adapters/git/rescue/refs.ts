import { rm } from 'node:fs/promises';
import path from 'node:path';
import { pathOf } from '../../files/byte-names.ts';
import { removeIfEmpty } from '../../files/files.ts';
import { askGit, tryGit } from '../git.ts';
import type { Exact } from './exact.ts';
import { listAsKept, restoreFiles, snapshotFiles } from './exact-folder.ts';
import { commitTree, gitWith } from './snapshot.ts';

const WORK = 'refs/stack/rescue';
/** Beside the work and not in it, so that a branch made from a rescue is the person's commits and nothing else. */
const RECORD = 'refs/stack/record';
/** What was in the ticket's folder and in no repo. */
const BESIDE = 'refs/stack/beside';

/** Returns the name of the ref that keeps a ticket's work of one moment. */
export function rescueRef(ticket: string, time: string): string {
  return `${WORK}/${ticket}/${time}`;
}

/**
 * Keeps a text in a repo: what a rescue was of, so that it can be undone when everything else is lost; and with it the
 * worktree as it was on the disk. Throws `git`.
 */
export async function keepRecord(
  repoPath: string,
  { ticket, time, exact }: { ticket: string; time: string; exact: Exact | undefined },
  text: string,
): Promise<void> {
  const git = gitWith(repoPath, {});
  const tree = exact?.tree ?? (await git(['mktree']));
  const commit = await commitTree(git, tree, exact?.commits ?? [], `What stack saved of ${ticket}\n\n${text}`);
  await git(['update-ref', '-m', 'stack: saved', `${RECORD}/${ticket}/${time}`, commit]);
}

/**
 * Keeps files of a ticket's folder in a repo, which none of them belongs to. Returns their tree; `apart` are the folders that are
 * looked at for themselves. Throws `git`, and `dirty` for what git cannot keep (a repo among them).
 */
export async function keepBeside(
  repoPath: string,
  saved: { ticket: string; time: string; folder: string; names: readonly string[]; apart: readonly string[] },
): Promise<string> {
  const { ticket, time, folder } = saved;
  const { commit, tree } = await snapshotFiles(repoPath, folder, saved);
  await gitWith(repoPath, {})(['update-ref', '-m', 'stack: saved', `${BESIDE}/${ticket}/${time}`, commit]);
  return tree;
}

/** Puts files that a repo keeps back into the ticket's folder. False when the repo has them no more. Throws `git`. */
export async function restoreBeside(repoPath: string, folder: string, tree: string): Promise<boolean> {
  if ((await tryGit(repoPath, ['cat-file', '-e', `${tree}^{tree}`])).exitCode !== 0) return false;
  await restoreFiles(repoPath, folder, tree);
  return true;
}

/** Removes files beside the worktrees that are as a repo keeps them, and the folders that are empty then. Throws `git`, `files`. */
export async function takeBackBeside(repoPath: string, folder: string, tree: string): Promise<void> {
  for (const name of await listAsKept(repoPath, folder, tree)) {
    await rm(pathOf(path.join(folder, name)), { force: true });
    for (let above = path.dirname(name); above !== '.'; above = path.dirname(above))
      await removeIfEmpty(path.join(folder, above));
  }
}

/** Returns the texts that a repo keeps of rescues. Throws `git`. */
export async function listRecords(repoPath: string): Promise<string[]> {
  const lines = (await askGit(repoPath, ['for-each-ref', '--format=%00%(contents:body)', `${RECORD}/`])).split('\n');
  return lines.flatMap((line) => (line.startsWith('\0') ? [line.slice(1)] : []));
}

/** Forgets a rescue: its work, that of its submodules, what was beside it, and its record. Missing is done. Throws `git`. */
export async function dropRescue(repoPath: string, ticket: string, time: string): Promise<void> {
  const names = [WORK, RECORD, BESIDE].map((home) => `${home}/${ticket}`);
  const refs = (await askGit(repoPath, ['for-each-ref', '--format=%(refname)', ...names])).split('\n');
  const git = gitWith(repoPath, {});
  for (const ref of refs) {
    const last = ref.slice(ref.lastIndexOf('/') + 1);
    if (last === time || last.startsWith(`${time}-`)) await git(['update-ref', '-d', ref]);
  }
}
