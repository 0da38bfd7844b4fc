import { tryGit } from '../../adapters/git/git.ts';
import { listShownFiles, type ShownFile } from '../../adapters/git/merge/show-changes.ts';
import { listLog } from '../../adapters/git/merge/show-log.ts';
import { findCommit } from '../../adapters/git/repo.ts';
import type { InstanceRecord } from '../../domain/instance.ts';
import type { Stack } from '../core/stack.ts';
import { diffTicket } from './diff.ts';
import { openSeen } from './seen.ts';
import type { RepoWork } from './work.ts';

/** How much there is to read. */
export interface Size {
  commits: number;
  files: number;
  additions: number;
  deletions: number;
}

/** The same of what came since a moment (ISO 8601). */
export type SeenSize = Size & { at: string };

/** Returns by how many lines there is something to read. */
export function weigh({ additions, deletions }: Size): number {
  return additions + deletions;
}

/** Returns how much a ticket has committed in a repo. Throws `git`, `interrupted`. */
export async function measure({ signal }: Stack, { own, head, base }: RepoWork): Promise<Size> {
  if (head === base) return { commits: 0, files: 0, additions: 0, deletions: 0 };
  const ask = (args: readonly string[]) => tryGit(own.worktree, args, { signal });
  const [commits, files] = await Promise.all([
    listLog(own.worktree, { base, head }, { signal }),
    listShownFiles(ask, [base, head], { paths: [], attributesOf: own.worktree }),
  ]);
  return { commits: commits.length, files: files.length, ...countLines(files) };
}

function countLines(files: readonly ShownFile[]): Pick<Size, 'additions' | 'deletions'> {
  return {
    additions: files.reduce((all, { additions }) => all + (additions ?? 0), 0),
    deletions: files.reduce((all, { deletions }) => all + (deletions ?? 0), 0),
  };
}

/** Returns the size of all repos together. */
export function sum(sizes: readonly Size[]): Size {
  const add = (key: keyof Size): number => sizes.reduce((all, size) => all + size[key], 0);
  return { commits: add('commits'), files: add('files'), additions: add('additions'), deletions: add('deletions') };
}

/**
 * Returns how much of a ticket came since a person looked at its changes last, and when that was; null where nobody has. Throws `git`,
 * `interrupted`.
 */
export async function measureSince(
  stack: Stack,
  record: InstanceRecord,
  works: Readonly<Record<string, RepoWork>>,
): Promise<SeenSize | null> {
  const seen = await openSeen(stack.root, record);
  if (!Object.keys(works).some((repo) => seen.find(repo))) return null;
  const { repos } = await diffTicket(stack, { ticket: record.ticket, sinceSeen: true });
  const [at] = Object.values(repos)
    .flatMap(({ since }) => since ?? [])
    .sort();
  if (at === undefined) return null;
  const { signal } = stack;
  const logs = await Promise.all(
    Object.entries(works).map(async ([repo, { own, base, head }]) => {
      // Git may have it no more.
      const last = await findCommit(own.worktree, [seen.find(repo)?.head ?? []].flat(), signal);
      return listLog(own.worktree, { base, head, seen: last }, { signal });
    }),
  );
  const files = Object.values(repos).flatMap((one) => one.files);
  return { at, commits: logs.flat().length, files: files.length, ...countLines(files) };
}
