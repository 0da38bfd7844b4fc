import path from 'node:path';
import { ifReadable } from '../../files/file-errors.ts';
import { isThere, readFileIfThere } from '../../files/files.ts';
import { findLostBranch } from '../risk/head-log.ts';

/**
 * What is wrong with a linked worktree: the repo it belongs to is gone from where it was; its folder is gone; the folder
 * leads to no repo; the branch that is checked out in there was there and is gone.
 */
export type WorktreeFault = 'repo-gone' | 'gone' | 'cut-off' | 'branch-gone';

/** A linked worktree, and the branch it was made on. */
export interface OwnWorktree {
  gitCommonDir: string;
  worktree: string;
  branch: string;
}

/** Returns what is wrong with a worktree, undefined when all is well. Reads files alone: asking git would cost a process. */
export async function findWorktreeFault(own: OwnWorktree): Promise<WorktreeFault | undefined> {
  if (!(await isThere(own.gitCommonDir))) return 'repo-gone';
  const pointer = await ifReadable(readFileIfThere(path.join(own.worktree, '.git')));
  if (pointer === undefined) return 'gone';
  const folder = path.resolve(own.worktree, pointer.replace(/^gitdir: /, '').trimEnd());
  const head = await ifReadable(readFileIfThere(path.join(folder, 'HEAD')));
  if (head === undefined) return 'cut-off';
  const branch = /^ref: refs\/heads\/(.+)$/m.exec(head)?.[1];
  if (branch === undefined || (await isRefThere(own.gitCommonDir, `refs/heads/${branch}`))) return undefined;
  return (await findLostBranch(folder, branch, own.branch)) && 'branch-gone';
}

async function isRefThere(gitCommonDir: string, ref: string): Promise<boolean> {
  // Other formats than files (reftable) are not ours to read.
  if (await isThere(path.join(gitCommonDir, 'reftable'))) return true;
  if (await isThere(path.join(gitCommonDir, ref))) return true;
  const packed = await readFileIfThere(path.join(gitCommonDir, 'packed-refs'));
  return packed?.split('\n').some((line) => line.endsWith(` ${ref}`)) ?? false;
}
