import { existsSync } from 'node:fs';
import path from 'node:path';
import { askGit, gitError, tryGit } from './git.ts';

/** Refs that stand for something under way, and that are files only where refs are (gitglossary(7), pseudoref). */
const UNDER_WAY = ['CHERRY_PICK_HEAD', 'REVERT_HEAD', 'REBASE_HEAD', 'ORIG_HEAD', 'AUTO_MERGE', 'BISECT_HEAD'];

/** True where git keeps refs and their logs in tables (reftable), so that only git can read them. `gitDir` is a repo's, or a worktree's entry. */
export function hasRefTables(gitDir: string): boolean {
  return existsSync(path.join(gitDir, 'reftable'));
}

/**
 * Returns what the log of a ref has, the oldest first: the commit that it came to, and why. [] for none, or for a ref that is not
 * there. Throws `git`.
 */
export async function readTableLog(gitDir: string, ref: string): Promise<{ to: string; message: string }[]> {
  const answer = await tryGit(gitDir, ['log', '--walk-reflogs', ...PLAIN, '--format=%H%x00%gs', ref, '--']);
  if (answer.exitCode !== 0 && (await isThere(gitDir, ref)))
    throw gitError(`cannot read the log of ${ref} in ${gitDir}`, answer);
  const lines = answer.stdout.split('\n').filter((line) => line !== '');
  return lines.reverse().map((line) => {
    const [to = '', message = ''] = line.split('\0');
    return { to, message };
  });
}

/** Settings of a person would add lines. */
const PLAIN = ['--no-show-signature', '--no-patch'];

/** A HEAD is there as its branch is. Throws `git` for what cannot be read. */
async function isThere(gitDir: string, ref: string): Promise<boolean> {
  const branch = ref === 'HEAD' ? (await tryGit(gitDir, ['symbolic-ref', '--quiet', ref])).stdout.trim() : '';
  const name = branch === '' ? ref : branch;
  const answer = await tryGit(gitDir, ['show-ref', '--exists', name]);
  if (answer.exitCode !== 0 && answer.exitCode !== NOT_THERE)
    throw gitError(`cannot read ${name} in ${gitDir}`, answer);
  return answer.exitCode === 0;
}

/** What `git show-ref --exists` ends with for no such ref. */
const NOT_THERE = 2;

/** Returns the refs that a worktree has for itself, by their names below `refs`. Throws `git`. */
export async function listOwnTableRefs(gitDir: string): Promise<{ name: string; id: string }[]> {
  const own = ['refs/bisect', 'refs/worktree', 'refs/rewritten'];
  const listed = await askGit(gitDir, ['for-each-ref', '--format=%(refname:lstrip=1) %(objectname)', ...own]);
  return listed.split('\n').flatMap((line) => {
    const [name = '', id = ''] = line.split(' ');
    return id === '' ? [] : [{ name, id }];
  });
}

/** Returns what is under way in a worktree by the refs that stand for it: `CHERRY_PICK_HEAD`. Throws `git`. */
export async function listTableOperations(gitDir: string): Promise<{ name: string; id: string }[]> {
  const input = UNDER_WAY.map((name) => `${name}\n`).join('');
  const answers = (await askGit(gitDir, ['cat-file', '--batch-check=%(objectname)'], { input })).split('\n');
  return UNDER_WAY.flatMap((name, at) => {
    const id = answers[at] ?? '';
    return /^[0-9a-f]+$/.test(id) ? [{ name, id }] : [];
  });
}
