import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import { StackError } from '../domain/errors.ts';

/** The folders in `.stack` that stack writes to and deletes from. */
const FOLDERS = ['logs', 'run', 'shared', 'own', 'dumps', 'trash'];

/**
 * Throws `files` when `.stack`, a folder of it, or a log or record in there is a link: a repo may have brought it, and what
 * it leads to is not stack's to write or delete. Locks are links by themselves, and lead nowhere.
 */
export async function refuseLinkedState(root: string): Promise<void> {
  const top = path.join(root, '.stack');
  await refuseLink(top);
  await Promise.all(FOLDERS.map((name) => refuseLink(path.join(top, name))));
  const lists = await Promise.all([
    listEntries(path.join(top, 'logs'), { recursive: true }),
    listEntries(path.join(top, 'run'), { recursive: true }),
    listEntries(path.join(top, 'shared'), { recursive: false }),
    listEntries(path.join(top, 'own'), { recursive: false }),
    listEntries(path.join(top, 'dumps'), { recursive: false }),
  ]);
  const link = lists.flat().find((entry) => entry.isSymbolicLink() && !/\.lock\b/.test(entry.name));
  if (link) throw linkError(path.join(link.parentPath, link.name));
}

/**
 * Throws `files` when a ticket's folder, or one that leads from the root to it, is a link: the worktrees behind it may be
 * another ticket's, or no ticket's at all.
 */
export async function refuseLinkedFolder(root: string, folder: string): Promise<void> {
  const inside = path.relative(root, folder);
  const [first] = inside.split(path.sep);
  // A place outside of the root is named in stack.yml, or beside it: how one gets there is the person's business.
  const names = first === '..' || path.isAbsolute(inside) ? [''] : inside.split(path.sep);
  const start = names[0] === '' ? folder : root;
  let place = start;
  for (const name of names) {
    place = path.join(place, name);
    await refuseLink(place);
  }
}

/** Throws `files` when there is a link at the path; nothing there is fine. */
export async function refuseLink(place: string): Promise<void> {
  const there = await lstat(place).catch(() => undefined);
  if (there?.isSymbolicLink()) throw linkError(place);
}

function linkError(place: string): StackError {
  return new StackError('files', `${place} is a link, and stack neither writes nor deletes through one`, {
    hint: 'delete the link; `worktrees:` in stack.yml puts the tickets’ folders elsewhere',
    details: { link: place },
  });
}

async function listEntries(folder: string, { recursive }: { recursive: boolean }): Promise<Dirent[]> {
  return readdir(folder, { recursive, withFileTypes: true }).catch(() => []);
}
