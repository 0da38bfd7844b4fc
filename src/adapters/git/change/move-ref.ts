import { tolerate } from '../../../domain/errors.ts';
import { findLocal } from '../branch.ts';
import { isAncestor } from '../commits.ts';
import { askGit, changeGit, gitError, tryGit } from '../git.ts';
import { type Move, readLog } from '../risk/head-log.ts';

const REF_SECONDS = 60;

/** A branch of one repo, as a change of several repos moves it. */
export interface BranchMove {
  gitCommonDir: string;
  branch: string;
  /** Full id of the commit that it was at before. */
  from: string;
  /** Full id of the commit that the change moves it to, which may be the same; undefined where git makes that commit as it goes. */
  to?: string | undefined;
}

/**
 * Where a branch is beside a move: `before` it, `after` it, `beyond`: somebody went on from there, or `elsewhere`: it was moved by
 * somebody else, or is gone.
 */
export interface MoveState {
  at: 'before' | 'after' | 'beyond' | 'elsewhere';
  /** Full id of the commit that the branch is at; undefined when it is gone. */
  commit: string | undefined;
}

/** What git notes in the log of a branch that a verb moves. */
export function reasonOf(verb: string): string {
  return `stack ${verb}`;
}

/**
 * Returns where a branch is. A commit that git made as it went is known by what its verb had noted in the log of the branch; where git
 * keeps none, by `madeAt`, the time that the change gave to all that it made (Unix seconds). Throws `git`, `files`.
 */
export async function inspectMove(
  move: BranchMove,
  { verb, madeAt }: { verb: string; madeAt: number },
): Promise<MoveState> {
  const { gitCommonDir, branch, from } = move;
  const commit = (await findLocal(gitCommonDir, branch))?.commit;
  if (commit === undefined) return { at: 'elsewhere', commit };
  if (commit === from) return { at: from === move.to ? 'after' : 'before', commit };
  const log = await readLog(gitCommonDir, `refs/heads/${branch}`);
  const to =
    move.to ?? (log.length > 0 ? findInLog(log, from, reasonOf(verb)) : await findByTime(move, commit, madeAt));
  if (to === undefined) return { at: 'elsewhere', commit };
  if (commit === to) return { at: 'after', commit };
  return { at: (await isAncestor(gitCommonDir, to, commit)) ? 'beyond' : 'elsewhere', commit };
}

/** A hook may have made more commits. */
function findInLog(log: readonly Move[], from: string, reason: string): string | undefined {
  const next = (at: string): string | undefined =>
    log.findLast((move) => move.from === at && move.to !== from && move.message.startsWith(reason))?.to;
  const found = [from];
  for (let to = next(from); to !== undefined && !found.includes(to); to = next(to)) found.push(to);
  return found.length > 1 ? found.at(-1) : undefined;
}

async function findByTime(
  { gitCommonDir, from }: BranchMove,
  commit: string,
  madeAt: number,
): Promise<string | undefined> {
  if (!(await isAncestor(gitCommonDir, from, commit))) return undefined;
  const lines = await askGit(gitCommonDir, ['log', '--format=%ct %H', '--reverse', `${from}..${commit}`, '--']);
  const commits = lines.split('\n').map((line) => line.split(' '));
  const others = commits.findIndex(([time]) => Number(time) !== madeAt);
  return commits[(others === -1 ? commits.length : others) - 1]?.[1];
}

/**
 * Moves a branch, if it is where it is said to be. `reason` goes into its log, in a worktree that is on it into that of HEAD too.
 * Throws `git`, also when it has moved.
 */
export async function moveBranch(
  cwd: string,
  { branch, from, to }: { branch: string; from: string; to: string },
  reason: string,
): Promise<void> {
  const done = await changeGit(cwd, ['update-ref', '-m', reason, `refs/heads/${branch}`, to, from], {
    deadlineSeconds: REF_SECONDS,
  });
  if (done.exitCode !== 0) throw gitError(`cannot move ${branch}`, done);
}

/** Returns the branch that a worktree is on; undefined for none, and for a worktree that is gone. Throws `git`. */
export async function readBranch(worktree: string): Promise<string | undefined> {
  const answer = await tolerate(tryGit(worktree, ['symbolic-ref', '--quiet', 'HEAD']), 'git');
  const ref = answer?.stdout.trimEnd() ?? '';
  return ref.startsWith('refs/heads/') ? ref.slice('refs/heads/'.length) : undefined;
}
