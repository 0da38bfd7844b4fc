import path from 'node:path';

/**
 * Returns the lock of one repo: `git worktree add` beside itself fails now and then (it reads what the other is just
 * writing), so changes to worktrees, branches and their settings are made one at a time.
 */
export function repoLock(gitCommonDir: string): string {
  return path.join(gitCommonDir, 'stack.lock');
}

/** Returns the lock of a repo's `info/exclude`: held for milliseconds, so nobody waits here for a checkout. */
export function excludeLock(gitCommonDir: string): string {
  return path.join(gitCommonDir, 'stack-exclude.lock');
}
