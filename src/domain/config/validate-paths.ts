import { posix } from 'node:path';
import type { KeyPath } from './place.ts';
import type { Finding } from './problems.ts';

/**
 * Finds a path on this machine that begins with `~`: stack is no shell, so it would be a folder of that name. And one with a
 * line break, in which git's answers cannot be read.
 */
export function checkOutsidePath(path: KeyPath, value: string | undefined): Finding[] {
  if (value?.includes('\n')) return [{ path, message: `must have no line break, found ${JSON.stringify(value)}` }];
  if (value === undefined || !value.startsWith('~')) return [];
  return [{ path, message: `\`~\` is not filled in, found ${JSON.stringify(value)}`, hint: 'write `${env.HOME}/…`' }];
}

/** Finds a path that is not relative or leads out of the repo; `from` is the folder of the repo it starts in. */
export function checkInsidePath(path: KeyPath, value: string, from = ''): Finding[] {
  const inside = posix.normalize(posix.join(from, value));
  const leaves = posix.isAbsolute(value) || /^[A-Za-z]:[\\/]/.test(value) || value.startsWith('~');
  if (!leaves && inside !== '..' && !inside.startsWith('../')) return [];
  return [
    {
      path,
      message: `must be a path inside the repo, found ${JSON.stringify(value)}`,
      hint: 'write it relative to the repo',
    },
  ];
}
