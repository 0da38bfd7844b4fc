import { existsSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { StackError } from '../../domain/errors.ts';
import { ifThere } from '../files/file-errors.ts';
import { askGit, changeGit, gitError, tryGit } from './git.ts';
import { isBranchName } from './names.ts';
import { findTracked, listRemotes } from './remote.ts';
import { bringFromRemotes, findCommit, unknownBase } from './repo.ts';
import { forgetBranchSettings, hasBranchSettings } from './settings.ts';
import { clearStaleLocks } from './stale-locks.ts';

const REF_SECONDS = 60;

export interface BranchQuestion {
  /** The repo's name in stack.yml; errors begin with it. */
  repo: string;
  /** Absolute path of a checkout. */
  path: string;
  branch: string;
  /** A branch that its worktree goes from before this one is needed. */
  leaving?: LeavingBranch | undefined;
}

/** A branch whose worktree goes, and whether it goes too. */
interface LeavingBranch {
  branch: string;
  isDeleted: boolean;
}

export interface ExistingQuestion extends BranchQuestion {
  /** False: what only a remote has is named but not fetched. */
  fetch: boolean;
  signal?: AbortSignal | undefined;
}

export interface ExistingBranch {
  /** Name of the local branch: `origin/feat/ui` becomes `feat/ui`. */
  branch: string;
  /** Full commit id. */
  commit: string;
  /** True when only a remote has the branch: a local one of its name is to be made. */
  create: boolean;
}

/**
 * Checks that a branch of that name can be made. Returns the remote that has one of that name, as of the last fetch.
 * Throws `usage` (no branch may be called so), `exists` (it is there, or another one's name is in the way).
 */
export async function checkNewBranch({
  repo,
  path: folder,
  branch,
  leaving,
}: BranchQuestion): Promise<{ onRemote?: string }> {
  if (!isBranchName(branch)) {
    throw new StackError('usage', `git allows no branch called ${JSON.stringify(branch)}`, {
      hint: 'choose another name for the ticket, or change `branch:` in stack.yml',
    });
  }
  const format = ['for-each-ref', '--format=%(refname)'];
  const refs = (await askGit(folder, [...format, 'refs/heads', `refs/remotes/*/${branch}`])).split('\n');
  const stays = (name: string): boolean => !(leaving?.isDeleted && leaving.branch === name);
  const locals = refs
    .flatMap((ref) => (ref.startsWith('refs/heads/') ? [ref.slice('refs/heads/'.length)] : []))
    .filter(stays);
  if (locals.includes(branch)) {
    throw new StackError('exists', `${repo} has a branch ${branch} already`, {
      hint: `\`--on-${repo}=${branch}\` works on it; or choose another name for the ticket`,
      details: { repo, branch },
    });
  }
  const other = locals.find((name) => isInTheWay(name, branch)) ?? (await findFolded(folder, locals, branch));
  if (other !== undefined) {
    throw new StackError('exists', `${repo} has a branch ${other}, and git cannot keep ${branch} beside it`, {
      hint: 'choose another name for the ticket',
      details: { repo, branch, other },
    });
  }
  const remote = refs.find((ref) => ref.startsWith('refs/remotes/') && ref.endsWith(`/${branch}`));
  return remote === undefined ? {} : { onRemote: remote.split('/')[2] ?? '' };
}

/**
 * Finds the branch that a ticket is to work on. Throws `exists` when it is checked out somewhere, `not-found`, `usage`
 * (several remotes have it), `git`, `interrupted`.
 */
export async function checkExistingBranch(question: ExistingQuestion): Promise<ExistingBranch> {
  const { repo, path: folder, branch, leaving } = question;
  if (!isBranchName(branch)) throw await unknownBase({ repo, path: folder, ref: branch }, 'branch', undefined);
  const remotes = await listRemotes(folder);
  const remote = remotes.find((name) => branch.startsWith(`${name}/`));
  const name = remote === undefined ? branch : branch.slice(remote.length + 1);
  for (const one of new Set([branch, name])) {
    const isLeaving = leaving?.branch === one;
    const local = isLeaving && leaving.isDeleted ? undefined : await findLocal(folder, one);
    if (local && local.checkedOutAt !== '' && !isLeaving) throw checkedOutError(repo, one, local.checkedOutAt);
    if (local) return { branch: one, commit: local.commit, create: false };
  }
  const known = remote && (await findCommit(folder, [`refs/remotes/${branch}`]));
  if (known) return { branch: name, commit: known, create: true };
  const tracked = await findTracked({ repo, path: folder, branch, remotes });
  if (tracked) return { branch, commit: tracked.commit, create: true };
  const { commit } = await bringFromRemotes({ ...question, ref: branch }, remotes, 'branch');
  return { branch: name, commit, create: true };
}

export interface OldBranch {
  repoPath: string;
  gitCommonDir: string;
  branch: string;
}

/**
 * Deletes a branch with its settings; missing is done. With `expectedTip` only while it is at that commit. Call it with the
 * repo's lock held. Throws `conflict` when it is checked out somewhere or has moved, `git`.
 */
export async function deleteBranch(old: OldBranch & { expectedTip?: string | undefined }): Promise<void> {
  const { gitCommonDir, branch, expectedTip } = old;
  if (!existsSync(gitCommonDir)) return;
  const { cwd, local, hasSettings } = await lookForBranch(old);
  if (local || hasSettings) await clearStaleLocks({ repoPath: cwd, gitCommonDir, branch });
  if (local) await deleteAt(cwd, branch, local, expectedTip ?? local.commit);
  if (hasSettings) await forgetBranchSettings(cwd, gitCommonDir, branch);
  await dropEmptyLog(gitCommonDir, branch);
}

/** True when there is something of a branch: the branch, a setting, a log. Throws `git`. */
export async function hasBranch(old: OldBranch): Promise<boolean> {
  const { local, hasSettings } = await lookForBranch(old);
  return local !== undefined || hasSettings || existsSync(logOf(old.gitCommonDir, old.branch));
}

async function lookForBranch({ repoPath, gitCommonDir, branch }: OldBranch) {
  const cwd = existsSync(repoPath) ? repoPath : gitCommonDir;
  const [local, hasSettings] = await Promise.all([findLocal(cwd, branch), hasBranchSettings(cwd, branch)]);
  return { cwd, local, hasSettings };
}

/** A git that is ended as it makes a branch may leave the branch's log, with nothing in it: a branch `x/y` could not be where `x` has one. */
export async function dropEmptyLog(gitCommonDir: string, branch: string): Promise<void> {
  const log = logOf(gitCommonDir, branch);
  if (existsSync(path.join(gitCommonDir, 'refs', 'heads', branch))) return;
  const found = await ifThere(stat(log));
  if (found?.isFile() && found.size === 0) await rm(log, { force: true });
}

function logOf(gitCommonDir: string, branch: string): string {
  return path.join(gitCommonDir, 'logs', 'refs', 'heads', branch);
}

/** update-ref compares before it deletes: a commit made in this very moment stays. */
async function deleteAt(cwd: string, branch: string, local: LocalBranch, tip: string): Promise<void> {
  if (local.checkedOutAt !== '') throw stillCheckedOut(branch, local.checkedOutAt);
  const done = await changeGit(cwd, ['update-ref', '-d', `refs/heads/${branch}`, tip], {
    deadlineSeconds: REF_SECONDS,
  });
  const now = done.exitCode === 0 ? undefined : await findLocal(cwd, branch);
  if (now && now.commit !== tip) throw movedError(branch);
  if (now) throw gitError(`cannot delete the branch ${branch}`, done);
}

export interface LocalBranch {
  commit: string;
  /** Folder it is checked out in; '' for none. */
  checkedOutAt: string;
}

/** Returns what asks `for-each-ref` for a branch: no argument can carry bytes that are not UTF-8, and `?` stands for any. */
export function refPattern(branch: string): string {
  return `refs/heads/${branch.replaceAll(/[\udc80-\udcff]/gu, '?')}`;
}

/** Returns a local branch, undefined when there is none of that name. */
export async function findLocal(folder: string, branch: string): Promise<LocalBranch | undefined> {
  const format = '--format=%(refname)%00%(objectname)%00%(worktreepath)';
  const lines = (await askGit(folder, ['for-each-ref', format, refPattern(branch)])).split('\n');
  const found = lines.map((line) => line.split('\0')).find(([name]) => name === `refs/heads/${branch}`);
  return found && { commit: found[1] ?? '', checkedOutAt: found[2] ?? '' };
}

/** A branch is a file where refs are files, so `feat` and `feat/x` cannot both be. */
function isInTheWay(other: string, branch: string): boolean {
  return other.startsWith(`${branch}/`) || branch.startsWith(`${other}/`);
}

/** On a case-blind disk `Feat` and `feat` are one file, and on a Mac's so are the two Unicode forms of `é`; git notes at init what the disk is like. */
async function findFolded(folder: string, locals: readonly string[], branch: string): Promise<string | undefined> {
  const fold = (name: string): string => name.normalize('NFC').toLowerCase();
  const folded = fold(branch);
  const other = locals.find((name) => fold(name) === folded || isInTheWay(fold(name), folded));
  if (other === undefined) return undefined;
  const { stdout } = await tryGit(folder, ['config', '--type=bool', '--get', 'core.ignorecase']);
  return stdout.trim() === 'true' ? other : undefined;
}

function checkedOutError(repo: string, branch: string, folder: string): StackError {
  const gone = !existsSync(folder);
  // Of a submodule git names its own folder in the superproject's `.git`, not the checkout.
  const where = gone || existsSync(path.join(folder, '.git')) ? folder : 'its main checkout';
  return new StackError(
    'exists',
    `${repo}: ${branch} is checked out at ${where}${gone ? ', a folder that is gone' : ''}`,
    {
      hint: gone
        ? `\`git worktree prune\` in ${repo} forgets that folder`
        : `switch to another branch there first, or start a new one with \`--from-${repo}=${branch}\``,
      details: { repo, branch, where },
    },
  );
}

function stillCheckedOut(branch: string, where: string): StackError {
  return new StackError('conflict', `the branch ${branch} is checked out at ${where}`, {
    hint: existsSync(where) ? 'switch to another branch there first' : '`git worktree prune` forgets that folder',
    details: { branch, where },
  });
}

function movedError(branch: string): StackError {
  return new StackError('conflict', `the branch ${branch} got new commits meanwhile and was kept`, {
    hint: `look at it with \`git log ${branch}\`, then delete it yourself or try again`,
    details: { branch },
  });
}
