import { existsSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { ifReadable } from '../files/file-errors.ts';
import { tryGit } from './git.ts';

/**
 * True when a file, or what a link there leads to, is kept by git: somebody else may have written it. Also where a repo is
 * around it that git does not answer for.
 */
export async function isFromGit(file: string): Promise<boolean> {
  const real = (await ifReadable(realpath(file))) ?? file;
  const places = [...new Set([file, real])];
  return (await Promise.all(places.map(isTrackedAt))).includes(true);
}

/**
 * Returns what git keeps of a folder, with the content of each file as git knows it; '' where it keeps nothing of it, or no folder
 * is there. Throws `git`.
 */
export async function listKept(folder: string): Promise<{ names: string[]; content: string }> {
  const real = await ifReadable(realpath(folder));
  const isFolder = real !== undefined && (await ifReadable(stat(real)))?.isDirectory() === true;
  const answer = isFolder && isInRepo(real) ? await tryGit(real, ['ls-files', '-z', '--stage']) : undefined;
  const content = answer?.stdout ?? '';
  const names = content.split('\0').flatMap((entry) => (entry === '' ? [] : [entry.slice(entry.indexOf('\t') + 1)]));
  return { names, content };
}

async function isTrackedAt(file: string): Promise<boolean> {
  const folder = path.dirname(file);
  if (!isInRepo(folder)) return false;
  const answer = await tryGit(folder, ['ls-files', '-z', '--', `:(literal)${path.basename(file)}`]);
  return answer.exitCode !== 0 || answer.stdout !== '';
}

/** True where a folder, or one above it, has a `.git`. Asked of the disk: most roots are in no repo, and need no git for that. */
export function isInRepo(folder: string): boolean {
  if (existsSync(path.join(folder, '.git'))) return true;
  return path.dirname(folder) !== folder && isInRepo(path.dirname(folder));
}
