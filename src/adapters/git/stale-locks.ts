import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ifThere } from '../files/file-errors.ts';
import { seenOr } from '../process/ask-tool.ts';
import { isProgramInside } from '../process/inside.ts';
import { listWorktrees } from './worktree/list.ts';

/** Git holds each of its lock files for milliseconds; one this old was left, unless a hook keeps git at it. */
const STALE_MS = 5000;
/** Somebody who asks git over and over looks as if at work. */
const PATIENCE_MS = 15_000;
const POLL_MS = 50;

/**
 * Deletes git's own locks of a branch, of the packed refs and of the config that a git left which was ended by SIGKILL, or
 * went down with the machine: every later git would refuse. A young one is waited for; one stays while a git works in that
 * repo, and where nobody can see whether one does. Call it with the repo's lock held. Throws `git`, `interrupted`.
 */
export async function clearStaleLocks(repo: {
  repoPath: string;
  gitCommonDir: string;
  branch: string;
  /** Folder of the entry of a worktree whose own locks count too: of its index and its HEAD. */
  entry?: string | undefined;
  signal?: AbortSignal | undefined;
}): Promise<void> {
  // gitrepository-layout(5); lockfile.h: the file's name with `.lock` behind it.
  const names = [path.join('refs', 'heads', `${repo.branch}.lock`), 'packed-refs.lock', 'config.lock'];
  const own = repo.entry === undefined ? [] : [path.join(repo.entry, 'index.lock'), path.join(repo.entry, 'HEAD.lock')];
  for (const file of [...names.map((name) => path.join(repo.gitCommonDir, name)), ...own]) await clear(file, repo);
}

async function clear(
  file: string,
  { repoPath, gitCommonDir, signal }: { repoPath: string; gitCommonDir: string; signal?: AbortSignal | undefined },
): Promise<void> {
  const begun = performance.now();
  for (;;) {
    const age = await ageOf(file);
    if (age === undefined) return;
    const waited = performance.now() - begun;
    // The clock may have been set back since.
    if (Math.max(age, waited) >= STALE_MS) {
      const folders = [gitCommonDir, ...(await listWorktrees(repoPath)).map((one) => one.path)];
      const isAtWork = await seenOr(undefined, isProgramInside('git', folders));
      // Where nobody can look it may be a living git's: then the next git says that it is in the way.
      if (isAtWork === undefined) return;
      if (!isAtWork) return rm(file, { force: true });
    }
    if (waited > PATIENCE_MS || signal?.aborted) return;
    await wait(POLL_MS);
  }
}

async function ageOf(file: string): Promise<number | undefined> {
  const found = await ifThere(stat(file));
  return found?.isFile() ? Date.now() - found.mtimeMs : undefined;
}
