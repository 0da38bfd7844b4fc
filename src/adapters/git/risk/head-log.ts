import path from 'node:path';
import { readFileIfThere } from '../../files/files.ts';
import { hasRefTables, readTableLog } from '../ref-tables.ts';

/** One move of a ref, as its log has it. */
export interface Move {
  from: string;
  to: string;
  /** `commit: Add a button`, `checkout: moving from feat-01 to main`. */
  message: string;
}

/** Returns the moves of the HEAD of a worktree, by the folder of its entry, the oldest first; [] where git keeps no log. */
export async function readHeadLog(folder: string): Promise<Move[]> {
  return readLog(folder, 'HEAD');
}

/** Returns the moves that the log of a ref tells of, the oldest first; [] for none. Throws `files`, `git`. */
export async function readLog(gitDir: string, ref: string): Promise<Move[]> {
  if (!hasRefTables(gitDir)) return readLogFile(path.join(gitDir, 'logs', ref));
  const moves = await readTableLog(gitDir, ref);
  return moves.map(({ to, message }, at) => ({ from: moves[at - 1]?.to ?? '0'.repeat(to.length), to, message }));
}

async function readLogFile(file: string): Promise<Move[]> {
  const text = (await readFileIfThere(file)) ?? '';
  // gitrepository-layout(5): the commits before and after, who and when, and behind a tab why.
  return text.split('\n').flatMap((line) => {
    const [, from, to, message = ''] = /^([0-9a-f]{40,64}) ([0-9a-f]{40,64}) [^\t]*(?:\t(.*))?$/.exec(line) ?? [];
    return from === undefined || to === undefined ? [] : [{ from, to, message }];
  });
}

/** True for the id that stands for no commit. */
export function isNone(id: string): boolean {
  return /^0+$/.test(id);
}

/** What git notes when it puts HEAD on a branch. An orphan leaves no note. */
const BRANCH =
  /^(?:checkout: moving from .* to |Branch: renamed .* to refs\/heads\/|rebase .*: returning to refs\/heads\/)(.+)$/;

/** True where a worktree's branch got its name by a rename, in which it lost another one. */
export async function isRenamed(folder: string, { from, to }: Record<'from' | 'to', string>): Promise<boolean> {
  const names = (await readHeadLog(folder)).flatMap(
    ({ message }) =>
      /^Branch: renamed refs\/heads\/(\S+) to refs\/heads\/(\S+)$/.exec(message)?.slice(1, 3).join(' ') ?? [],
  );
  return names.includes(`${from} ${to}`);
}

/**
 * Tells whether the branch that a worktree is on was there and is gone, and gives the commit it was at where the log tells.
 * Undefined for a branch that never was (`git switch --orphan`). `folder` is the worktree's entry, `made` the branch that the
 * worktree was made on.
 */
export async function findLostBranch(
  folder: string,
  branch: string,
  made: string,
): Promise<{ commit: string | undefined } | undefined> {
  const log = await readHeadLog(folder);
  const last = log.flatMap(({ message }) => BRANCH.exec(message)?.[1] ?? []).at(-1);
  if (branch !== (last ?? made)) return undefined;
  return { commit: log.findLast(({ to }) => !isNone(to))?.to };
}

/** What is noted when a branch is made, or gets commits that were there before: those of its base, as a rule. */
const NEWS =
  /^(?:branch: Created from |(?:merge|pull)\b.*: Fast-forward$|(?:rebase|pull)\b.*\(finish\): |rebase finished: |reset: moving to |stack sync\b)/;

/**
 * True for a branch that stack made and that nobody has committed anything to, as far as its log tells: it is where it began, or where the
 * news of a base have brought it. `sync` makes the commit that it brings the branch to its `baseCommit`: that alone says nothing of what
 * was committed before. Throws `files`.
 */
export async function isUntouched(
  { gitCommonDir, branch, baseCommit }: { gitCommonDir: string; branch: string; baseCommit: string },
  tip: string,
): Promise<boolean> {
  const log = await readLog(gitCommonDir, `refs/heads/${branch}`);
  if (log.at(-1)?.to !== tip) return tip === baseCommit;
  const hasBegun = log.some(({ to }) => to === baseCommit);
  return hasBegun && dropUndone(log).every(({ from, to, message }) => from === to || NEWS.test(message));
}

/** Leaves out the moves that a reset to where the branch was before has taken back. */
function dropUndone(log: readonly Move[]): Move[] {
  const kept: Move[] = [];
  for (const move of log) {
    const back = move.message.startsWith('reset: moving to ') ? kept.findLastIndex(({ to }) => to === move.to) : -1;
    if (back === -1) kept.push(move);
    else kept.length = back + 1;
  }
  return kept;
}
