import { existsSync } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { ifReadable } from '../files/file-errors.ts';
import { type GitAnswer, tryGit } from './git.ts';

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
  const answer = isFolder ? await askAround(real, ['ls-files', '-z', '--stage']) : undefined;
  const entries = (answer?.stdout.split('\0') ?? []).flatMap((entry) => {
    const [what = '', name] = entry.split(/\t(.*)/s);
    return name === undefined ? [] : [{ what, name: path.relative(answer?.inside ?? '', name) }];
  });
  const content = entries.map(({ what, name }) => `${what}\t${name}\0`).join('');
  return { names: entries.map(({ name }) => name), content };
}

async function isTrackedAt(file: string): Promise<boolean> {
  const folder = (await ifReadable(realpath(path.dirname(file)))) ?? path.dirname(file);
  const answer = await askAround(path.join(folder, path.basename(file)), ['ls-files', '-z']);
  return answer !== undefined && (answer.exitCode !== 0 || answer.stdout !== '');
}

/**
 * Asks the checkout around a place about it; undefined where there is none. `inside` is the place as seen from the checkout's top,
 * where git is asked: from the place itself it would first find a bare repo there, which any checkout can carry and whose settings
 * run programs.
 */
async function askAround(
  place: string,
  args: readonly string[],
): Promise<(GitAnswer & { inside: string }) | undefined> {
  const top = findTop(place);
  if (top === undefined) return undefined;
  const inside = path.relative(top, place);
  return { ...(await tryGit(top, [...args, '--', `:(literal)${inside}`])), inside };
}

/** True where a folder, or one above it, has a `.git`. */
export function isInRepo(folder: string): boolean {
  return findTop(folder) !== undefined;
}

/** Asked of the disk: most roots are in no repo, and need no git for that. */
function findTop(folder: string): string | undefined {
  if (existsSync(path.join(folder, '.git'))) return folder;
  return path.dirname(folder) === folder ? undefined : findTop(path.dirname(folder));
}
