import { lstat, readdir, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { POINTER_FILE } from '../adapters/config-file.ts';
import { isThere } from '../adapters/files.ts';
import { listInside } from '../adapters/git/nobodys.ts';
import type { RiskFinding } from '../adapters/git/risk.ts';
import { listMounts } from '../adapters/mounts.ts';
import { isTemporary } from '../adapters/temporary.ts';
import { StackError } from '../domain/errors.ts';

/** What programs leave in a folder that somebody opens, and what is installed anew. */
const DROPPINGS =
  /^(\.DS_Store|Thumbs\.db|desktop\.ini|\.directory|\.idea|\.vs|node_modules|.*~|\..*\.sw[a-p])$|^\.claude\/settings\.local\.json$/;

/** A ticket's folder, and the names of the worktrees that are in it. */
export interface TicketFolder {
  folder: string;
  worktrees: readonly string[];
}

/** Gives the names of what is in a ticket's folder and is neither a worktree nor stack's own. */
export async function listBesideNames({ folder, worktrees }: TicketFolder): Promise<string[]> {
  const ours = new Set([POINTER_FILE, ...worktrees]);
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => !ours.has(name) && !isTemporary(name)).sort();
}

/**
 * Gives the files that people put into a ticket's folder beside the worktrees, relative to it. A repo, or a folder that cannot
 * be read, stands for itself with a `/` at its end.
 */
export async function listBeside(place: TicketFolder): Promise<string[]> {
  const names = await listBesideNames(place);
  const lists = await Promise.all(
    names
      .filter((name) => !DROPPINGS.test(name))
      .map(async (name) => {
        const found = await lstat(path.join(place.folder, name)).catch(() => undefined);
        return found?.isDirectory() ? listInside(place.folder, `${name}/`) : [name];
      }),
  );
  return lists.flat().filter((name) => !DROPPINGS.test(name));
}

/** Gives the folders in a ticket's folder in which nothing is looked for: worktrees, and what programs leave. */
export async function listApart({ folder, worktrees }: TicketFolder): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => worktrees.includes(name) || DROPPINGS.test(name)).map((name) => `${name}/`);
}

const SHOWN = 4;

/** Gives the findings that tell of such files; [] for none. */
export async function findBeside(place: TicketFolder): Promise<RiskFinding[]> {
  const all = await listBeside(place);
  const folders = all.filter((name) => name.endsWith('/'));
  const files = all.filter((name) => !name.endsWith('/'));
  const mounts = (await listMounts(place.folder)).filter(
    (name) => !place.worktrees.some((worktree) => `${name}/`.startsWith(`${worktree}/`)),
  );
  const mounted = mounts.map((name): RiskFinding => {
    const cure = `\`umount ${path.join(place.folder, name)}\` takes it out`;
    return { kind: 'closed', text: `${name} beside the worktrees is mounted from elsewhere: ${cure}`, paths: [name] };
  });
  const closed = folders.map(async (name): Promise<RiskFinding> => {
    const isRepo = await isThere(path.join(place.folder, name, '.git'));
    const text = `${name} beside the worktrees ${isRepo ? 'is a git repo of its own' : 'cannot be opened'}`;
    return { kind: isRepo ? 'nested' : 'closed', text, paths: [name] };
  });
  return [...(await describeBeside(place, files)), ...mounted, ...(await Promise.all(closed))];
}

async function describeBeside(place: TicketFolder, paths: string[]): Promise<RiskFinding[]> {
  if (paths.length === 0) return [];
  const sizes = await Promise.all(paths.map((name) => lstat(path.join(place.folder, name)).catch(() => undefined)));
  const shown = `${paths.slice(0, SHOWN).join(', ')}${paths.length > SHOWN ? ', …' : ''}`;
  const text = `${paths.length === 1 ? '1 file' : `${paths.length} files`} beside the worktrees: ${shown}`;
  return [{ kind: 'untracked', text, paths, bytes: sizes.reduce((sum, found) => sum + (found?.size ?? 0), 0) }];
}

/** Throws `exists` when the folder of a ticket that is to be made holds files: a new ticket inherits nothing. */
export async function requireNothingBeside(place: TicketFolder): Promise<void> {
  const [first, ...more] = await listBeside(place);
  if (first === undefined) return;
  const what = `${first}${more.length > 0 ? ` and ${more.length} more` : ''}`;
  throw new StackError('exists', `${place.folder} is no ticket’s folder and holds ${what}`, {
    hint: 'move the files away, or choose another name for the ticket',
    details: { folder: place.folder, paths: [first, ...more] },
  });
}

/** Deletes a folder when it is empty; gone is done. */
export async function removeIfEmpty(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => undefined);
  if (names?.length === 0) await rmdir(folder);
}
