import { createHash } from 'node:crypto';
import { lstat, rm } from 'node:fs/promises';
import path from 'node:path';
import { POINTER_FILE } from '../../adapters/config-file.ts';
import { pathOf, textOf } from '../../adapters/files/byte-names.ts';
import { ifReadable, ifThere } from '../../adapters/files/file-errors.ts';
import { isThere } from '../../adapters/files/files.ts';
import { listMounts } from '../../adapters/files/mounts.ts';
import { readWhole } from '../../adapters/files/read-file.ts';
import { isTemporary } from '../../adapters/files/temporary.ts';
import { listInside, mayWrite, readEntries } from '../../adapters/git/risk/inside.ts';
import { describeClosed, describeReadOnly, findUnreadable, stampRepos } from '../../adapters/git/risk/inside-risk.ts';
import { contentOf } from '../../adapters/git/risk/nobodys.ts';
import type { RiskFinding } from '../../adapters/git/risk/risk.ts';
import { holdsBriefAlone, isBriefPointer, POINTER_NAMES } from '../../domain/brief.ts';
import { StackError } from '../../domain/errors.ts';
import { BRIEF_FILE, NOTES_FILE } from '../../domain/layout.ts';
import { holdsNotesAlone } from '../../domain/note.ts';
import { DOCUMENTS_FOLDERS, type DocumentRecord } from '../../domain/task.ts';
import { isOwnWorkspace, WORKSPACE_ENDING } from '../../domain/workspace-file.ts';

/** What programs leave in a folder that somebody opens, and what is installed again. */
const DROPPINGS =
  /^(\.DS_Store|Thumbs\.db|desktop\.ini|\.directory|\.idea|\.vs|node_modules|.*~|\..*\.sw[a-p])$|^\.claude\/settings\.local\.json$/;

/** A ticket's folder, and the names of the worktrees that are in it. */
export interface TicketFolder {
  folder: string;
  worktrees: readonly string[];
  /** What set-ups made beside those, with a hash of it as they left it. */
  made?: Readonly<Record<string, string>> | undefined;
  /** Documents that were brought there. */
  documents?: readonly DocumentRecord[] | undefined;
}

/** Files that stack writes there, and when nothing in one is a person's: then it is nobody's work, else the file is theirs. */
const WRITTEN: Readonly<Record<string, (text: string) => boolean>> = {
  [NOTES_FILE]: holdsNotesAlone,
  [BRIEF_FILE]: holdsBriefAlone,
  ...Object.fromEntries(POINTER_NAMES.map((name) => [name, isBriefPointer])),
};

/** Returns the names of what is in a ticket's folder and is neither a worktree nor stack's own. */
export async function listBesideNames({ folder, worktrees }: TicketFolder): Promise<string[]> {
  const ours = new Set([POINTER_FILE, ...worktrees]);
  const names = readEntries(folder).map(({ name }) => name);
  return names.filter((name) => !ours.has(name) && !isTemporary(name)).sort();
}

/**
 * Returns the files that people put into a ticket's folder beside the worktrees, relative to it. A repo, or a folder that cannot
 * be read, stands for itself with a `/` at its end.
 */
export async function listBeside(place: TicketFolder): Promise<string[]> {
  return (await listOwned(place)).flatMap(({ files }) => files);
}

/** What somebody put there, by its name in the ticket's folder. */
async function listOwned(place: TicketFolder): Promise<{ name: string; files: string[] }[]> {
  const names = (await listBesideNames(place)).filter((name) => !DROPPINGS.test(name));
  const found = await Promise.all(
    names.map(async (name) => {
      if (await isNobodys(place, name)) return [];
      const note = place.made?.[name];
      if (note !== undefined && note === (await hashOf(place.folder, name))) return [];
      const files = (await listIn(place.folder, name)).filter((file) => !DROPPINGS.test(file));
      return [{ name, files: await withoutDocuments(place, files) }];
    }),
  );
  return found.flat();
}

async function isNobodys({ folder }: TicketFolder, name: string): Promise<boolean> {
  const isOurs = Object.hasOwn(WRITTEN, name) ? WRITTEN[name] : name.endsWith(WORKSPACE_ENDING) && isOwnWorkspace;
  const bytes = isOurs ? await readPlain(path.join(folder, name)) : undefined;
  return bytes !== undefined && isOurs !== false && isOurs?.(textOf(bytes)) === true;
}

/** Deletes the files of a ticket's folder that stack wrote and in which nothing is a person's. Throws `files`. */
export async function removeNobodys(folder: string): Promise<void> {
  const place = { folder, worktrees: [] };
  for (const name of await listBesideNames(place))
    if (await isNobodys(place, name)) await rm(path.join(folder, name), { force: true });
}

/** Leaves out documents that are as they were brought. */
async function withoutDocuments({ folder, documents = [] }: TicketFolder, files: readonly string[]): Promise<string[]> {
  const known = await Promise.all(
    files.map(async (file) => {
      const document = documents.find(({ name }) => DOCUMENTS_FOLDERS.some((of) => file === `${of}/${name}`));
      return document !== undefined && (await isAsBrought(path.join(folder, file), document));
    }),
  );
  return files.filter((_, index) => !known[index]);
}

/** True for the file of a document that holds what it held when it was brought to its ticket. */
export async function isAsBrought(file: string, { hash }: DocumentRecord): Promise<boolean> {
  const bytes = await readPlain(file);
  return bytes !== undefined && createHash('sha256').update(bytes).digest('hex') === hash;
}

/** Undefined for what is no file of its own, or may not be read. */
async function readPlain(file: string): Promise<Buffer | undefined> {
  const found = await ifReadable(lstat(pathOf(file)));
  return found?.isFile() ? ifReadable(readWhole(file)) : undefined;
}

async function listIn(folder: string, name: string): Promise<string[]> {
  const found = await ifThere(lstat(pathOf(path.join(folder, name))));
  return found?.isDirectory() ? listInside(folder, `${name}/`) : [name];
}

/** Returns a hash of a file, or of all files and repos in a folder; undefined where something cannot be read. */
async function hashOf(folder: string, name: string): Promise<string | undefined> {
  const hash = createHash('sha256');
  const files = (await listIn(folder, name)).sort();
  const repos = files.some((file) => file.endsWith('/')) ? await stampRepos(path.join(folder, name)) : {};
  if (repos === undefined) return undefined;
  for (const file of files) {
    const content = file.endsWith('/')
      ? repos[path.relative(name, file)]
      : await ifReadable(contentOf(path.join(folder, file)));
    if (content === undefined) return undefined;
    hash.update(JSON.stringify([file, content]));
  }
  for (const repo of Object.entries(repos).sort()) hash.update(JSON.stringify(repo));
  return hash.digest('hex');
}

/**
 * Runs what writes files beside the worktrees and is no person, and gives what it made there, also when it fails: by `note`.
 * What was somebody's before stays theirs. Throws what `run` throws.
 */
export async function noteBeside(
  place: () => TicketFolder,
  run: () => Promise<void>,
  note: (made: Record<string, string>) => void,
): Promise<void> {
  const before = new Set((await listOwned(place())).map(({ name }) => name));
  try {
    await run();
  } finally {
    const { folder } = place();
    const names = (await listOwned(place())).flatMap(({ name }) =>
      before.has(name) || name === '__proto__' ? [] : [name],
    );
    const hashes = await Promise.all(names.map(async (name) => [name, await hashOf(folder, name)] as const));
    note(Object.fromEntries(hashes.flatMap(([name, hash]) => (hash === undefined ? [] : [[name, hash]]))));
  }
}

/** Returns the folders in a ticket's folder in which nothing is looked for: worktrees, and what programs leave. */
export function listApart({ folder, worktrees, made = {} }: TicketFolder): string[] {
  const names = readEntries(folder).map(({ name }) => name);
  const isApart = (name: string): boolean =>
    worktrees.includes(name) || DROPPINGS.test(name) || Object.hasOwn(made, name);
  return names.filter(isApart).map((name) => `${name}/`);
}

const SHOWN = 4;

/** Returns the findings that tell of such files; [] for none. */
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
    const code = await lstat(pathOf(path.join(place.folder, name, '.git'))).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => (error.code === 'ENAMETOOLONG' ? error.code : 'EACCES'),
    );
    if (code !== undefined) return describeClosed(place.folder, { path: name.slice(0, -1), code });
    return { kind: 'nested', text: `${name} beside the worktrees is a git repo of its own`, paths: [name] };
  });
  const isShut = (await isThere(place.folder)) && !mayWrite(place.folder);
  return [
    ...(await describeBeside(place, files)),
    ...mounted,
    ...(await Promise.all(closed)),
    ...(isShut ? [describeReadOnly(place.folder)] : []),
    ...findUnreadable(place.folder, files),
  ];
}

async function describeBeside(place: TicketFolder, paths: string[]): Promise<RiskFinding[]> {
  if (paths.length === 0) return [];
  const sizes = await Promise.all(paths.map((name) => ifThere(lstat(pathOf(path.join(place.folder, name))))));
  const shown = `${paths.slice(0, SHOWN).join(', ')}${paths.length > SHOWN ? ', …' : ''}`;
  const text = `${paths.length === 1 ? '1 file' : `${paths.length} files`} beside the worktrees: ${shown}`;
  return [{ kind: 'untracked', text, paths, bytes: sizes.reduce((sum, found) => sum + (found?.size ?? 0), 0) }];
}

/** Throws `exists` when the folder of a ticket that is to be made holds files: a new ticket inherits nothing. */
export async function requireNothingBeside(place: TicketFolder): Promise<void> {
  const notes = (await listBesideNames(place)).filter((name) => name === NOTES_FILE);
  const [first, ...more] = [...new Set([...(await listBeside(place)), ...notes])];
  if (first === undefined) return;
  const what = `${first}${more.length > 0 ? ` and ${more.length} more` : ''}`;
  throw new StackError('exists', `${place.folder} is not a ticket’s folder and holds ${what}`, {
    hint: 'move the files away, or choose another name for the ticket',
    details: { folder: place.folder, paths: [first, ...more] },
  });
}
