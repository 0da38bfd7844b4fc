import { existsSync } from 'node:fs';
import path from 'node:path';
import { askGit, tryGit } from './git.ts';

/** Refs that stand for something under way, and that are files only where refs are (gitglossary(7), pseudoref). */
const UNDER_WAY = ['CHERRY_PICK_HEAD', 'REVERT_HEAD', 'REBASE_HEAD', 'ORIG_HEAD', 'AUTO_MERGE', 'BISECT_HEAD'];

/** True where git keeps refs and their logs in tables (reftable), so that only git can read them. `gitDir` is a repo's, or a worktree's entry. */
export function hasRefTables(gitDir: string): boolean {
  return existsSync(path.join(gitDir, 'reftable'));
}

/** Returns what the log of a ref has, the oldest first: the commit that it came to, and why. [] for none. Throws `git` when git cannot run. */
export async function readTableLog(gitDir: string, ref: string): Promise<{ to: string; message: string }[]> {
  const args = ['log', '--walk-reflogs', '--format=%H%x00%gs', ref, '--'];
  const { stdout } = await tryGit(gitDir, args);
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.reverse().map((line) => {
    const [to = '', message = ''] = line.split('\0');
    return { to, message };
  });
}

/** Returns the refs that a worktree has for itself, by their names below `refs`, and what is under way there. Throws `git`. */
export async function readTableRefs(
  gitDir: string,
): Promise<{ refs: { name: string; id: string }[]; underWay: { name: string; id: string }[] }> {
  const format = '--format=%(refname:lstrip=1) %(objectname)';
  const own = ['refs/bisect', 'refs/worktree', 'refs/rewritten'];
  const input = UNDER_WAY.map((name) => `${name}\n`).join('');
  const [listed, asked] = await Promise.all([
    askGit(gitDir, ['for-each-ref', format, ...own]),
    askGit(gitDir, ['cat-file', '--batch-check=%(objectname)'], { input }),
  ]);
  const refs = listed.split('\n').flatMap((line) => {
    const [name = '', id = ''] = line.split(' ');
    return id === '' ? [] : [{ name, id }];
  });
  const answers = asked.split('\n');
  const underWay = UNDER_WAY.flatMap((name, at) => {
    const id = answers[at] ?? '';
    return /^[0-9a-f]+$/.test(id) ? [{ name, id }] : [];
  });
  return { refs, underWay };
}
