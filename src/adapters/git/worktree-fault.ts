import path from 'node:path';
import { isThere, readFileIfThere } from '../files.ts';

/**
 * What is wrong with a linked worktree: the repo it belongs to is gone from where it was; its folder is gone; the folder
 * leads to no repo; the branch that is checked out in there is gone.
 */
export type WorktreeFault = 'repo-gone' | 'gone' | 'cut-off' | 'branch-gone';

/** Gives what is wrong with a worktree, undefined when all is well. Reads files alone: asking git would cost a process. */
export async function findWorktreeFault(own: {
  gitCommonDir: string;
  worktree: string;
}): Promise<WorktreeFault | undefined> {
  if (!(await isThere(own.gitCommonDir))) return 'repo-gone';
  const pointer = await readFileIfThere(path.join(own.worktree, '.git')).catch(() => undefined);
  if (pointer === undefined) return 'gone';
  const entry = path.resolve(own.worktree, pointer.replace(/^gitdir: /, '').trimEnd());
  const head = await readFileIfThere(path.join(entry, 'HEAD')).catch(() => undefined);
  if (head === undefined) return 'cut-off';
  const ref = /^ref: (refs\/heads\/.+)$/m.exec(head)?.[1];
  if (ref === undefined || (await isRefThere(own.gitCommonDir, ref))) return undefined;
  return 'branch-gone';
}

async function isRefThere(gitCommonDir: string, ref: string): Promise<boolean> {
  // Other formats than files (reftable) are not ours to read.
  if (await isThere(path.join(gitCommonDir, 'reftable'))) return true;
  if (await isThere(path.join(gitCommonDir, ref))) return true;
  const packed = await readFileIfThere(path.join(gitCommonDir, 'packed-refs'));
  return packed?.split('\n').some((line) => line.endsWith(` ${ref}`)) ?? false;
}
