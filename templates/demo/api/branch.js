import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Gives the branch checked out here, without the git program: a container may not have it. */
export function readBranch(folder) {
  try {
    return readFileSync(path.join(gitFolder(folder), 'HEAD'), 'utf8')
      .trim()
      .replace('ref: refs/heads/', '');
  } catch {
    return 'unknown';
  }
}

/** In a linked worktree `.git` is a file that names the folder. */
function gitFolder(folder) {
  const entry = path.join(folder, '.git');
  try {
    return path.resolve(folder, readFileSync(entry, 'utf8').trim().replace('gitdir: ', ''));
  } catch {
    return entry;
  }
}
