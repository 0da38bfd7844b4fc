import type { Dirent } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import path from 'node:path';
import { StackError, tolerate } from '../../domain/errors.ts';
import { STATE_FILES, STATE_FOLDERS, stateFolder } from '../../domain/layout.ts';
import { quoteForShell } from '../../domain/shell.ts';
import { ifThere } from './file-errors.ts';

/** Opening one of these must not wait for somebody at the other end. */
const PLAIN = /\.(log|json|exit|dump|keys)(\.1)?$/;

/**
 * Throws `files` when `.stack`, a folder of it, the state, or a log or record in there is a link: a repo may have brought it,
 * and what it leads to is not stack's to write or delete. Locks are links by themselves, and lead nowhere. Throws `files` too
 * where a log or record is a pipe, a socket or a device.
 */
export async function refuseLinkedState(root: string): Promise<void> {
  const top = stateFolder(root);
  await refuseLink(top);
  await Promise.all(STATE_FOLDERS.map((name) => refuseLink(path.join(top, name))));
  await Promise.all(STATE_FILES.map((name) => refuseLinkedFile(path.join(top, name))));
  const lists = await Promise.all([
    listEntries(path.join(top, 'logs'), { recursive: true }),
    listEntries(path.join(top, 'run'), { recursive: true }),
    listEntries(path.join(top, 'shared'), { recursive: false }),
    listEntries(path.join(top, 'own'), { recursive: false }),
    listEntries(path.join(top, 'dumps'), { recursive: false }),
  ]);
  const entries = lists.flat();
  const link = entries.find((entry) => entry.isSymbolicLink() && !/\.lock\b/.test(entry.name));
  if (link) throw linkError(path.join(link.parentPath, link.name));
  const strange = entries.find((entry) => PLAIN.test(entry.name) && !entry.isFile() && !entry.isDirectory());
  if (strange) throw strangeError(path.join(strange.parentPath, strange.name));
}

/** The person's file at the other end would be left behind in silence, with what it said until then. */
async function refuseLinkedFile(file: string): Promise<void> {
  const target = await tolerate(readlink(file), 'ENOENT', 'ENOTDIR', 'EINVAL');
  if (target === undefined) return;
  throw new StackError('files', `${file} is a link, and stack replaces that file whenever it writes`, {
    hint: `\`mv ${quoteForShell(path.resolve(path.dirname(file), target))} ${quoteForShell(file)}\` puts the file itself there`,
    details: { link: file },
  });
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
  const there = await ifThere(lstat(place));
  if (there?.isSymbolicLink()) throw linkError(place);
}

function strangeError(place: string): StackError {
  return new StackError('files', `${place} is a pipe, a socket or a device, where stack keeps a regular file`, {
    hint: 'delete it, or move it out of the way',
    details: { path: place },
  });
}

function linkError(place: string): StackError {
  return new StackError('files', `${place} is a link, and stack neither writes nor deletes through one`, {
    hint: 'delete the link; `worktrees:` in stack.yml puts the tickets’ folders elsewhere',
    details: { link: place },
  });
}

async function listEntries(folder: string, { recursive }: { recursive: boolean }): Promise<Dirent[]> {
  return (await ifThere(readdir(folder, { recursive, withFileTypes: true }))) ?? [];
}
