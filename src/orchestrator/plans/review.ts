import { rm } from 'node:fs/promises';
import path from 'node:path';
import { makeFolder, readFileIfThere, replaceFile } from '../../adapters/files/files.ts';
import { makeDetached, removeDetached } from '../../adapters/git/worktree/detached.ts';
import { dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import { notesFileOf, reviewFolderOf } from '../../domain/layout.ts';
import { type Finding, parseFindings } from '../../domain/plans/findings.ts';
import type { Plan, PlannedTicket, Stage } from '../../domain/plans/plan.ts';
import { renderHandover } from '../../domain/plans/prompts.ts';
import type { Stack } from '../core/stack.ts';
import type { Apart } from '../runs/start.ts';

/** One review of a ticket: `run` is what its agent is called, `commits` what it is of. */
export interface Review {
  plan: Plan;
  ticket: PlannedTicket;
  stage: Stage;
  run: string;
  commits: Readonly<Record<string, string>>;
}

function folderOf(
  { root }: Pick<Stack, 'root'>,
  { plan, ticket, run }: Pick<Review, 'plan' | 'ticket' | 'run'>,
): string {
  return reviewFolderOf(root, plan.name, { ticket: ticket.ticket, run });
}

const findingsOf = (folder: string): string => path.join(folder, 'findings.json');

/**
 * Makes the place of a reviewer: worktrees of the commits on no branch, and what the author leaves to it. Returns it, with what its
 * environment says. Throws `git`, `files`, `interrupted`.
 */
export async function openReview(stack: Stack, record: InstanceRecord, review: Review): Promise<Apart> {
  const folder = folderOf(stack, review);
  await makeFolder(folder);
  await rm(findingsOf(folder), { force: true });
  const copies = listCopies(record, review, folder);
  for (const { worktree, commit } of copies) await makeDetached(worktree, { commit, signal: stack.signal });
  const notes = (await readFileIfThere(notesFileOf(record.folder))) ?? '';
  const repos = copies.map(({ repo, own, commit }) => ({ repo, ...own, commit }));
  await replaceFile(path.join(folder, 'HANDOVER.md'), renderHandover({ ...review, repos, notes }), { lasting: false });
  return {
    folder,
    repos: copies.map(({ repo, worktree }) => ({ name: repo, path: worktree.path })),
    env: { STACK_FINDINGS: findingsOf(folder) },
  };
}

/** Returns what a reviewer has found, or why that is not known. Throws `files`. */
export async function readReview(stack: Stack, review: Review): Promise<Finding[] | { problem: string }> {
  const file = findingsOf(folderOf(stack, review));
  const text = await readFileIfThere(file);
  if (text === undefined) return { problem: `it has not written ${file}; \`[]\` says that there is nothing` };
  const found = parseFindings(text);
  return 'problem' in found ? { problem: `${file}: ${found.problem}` } : found;
}

/** Deletes the worktrees of a review; what was found stays. Gone is done. Throws `git`, `files`. */
export async function closeReview(stack: Pick<Stack, 'root'>, record: InstanceRecord, review: Review): Promise<void> {
  const copies = listCopies(record, review, folderOf(stack, review));
  for (const { worktree } of copies) await removeDetached(worktree);
}

function listCopies(record: InstanceRecord, { commits }: Pick<Review, 'commits'>, folder: string) {
  return dedicatedRepos(record).flatMap(([repo, own]) => {
    const commit = commits[repo];
    const worktree = { repoPath: own.path, gitCommonDir: own.gitCommonDir, path: path.join(folder, repo) };
    return commit ? [{ repo, own, commit, worktree }] : [];
  });
}
