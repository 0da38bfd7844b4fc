import { lstatSync } from 'node:fs';
import { mkdtemp, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bytesOf, pathOf, textOf } from '../../files/byte-names.ts';
import { ifReadableNow } from '../../files/file-errors.ts';
import { removeIfEmpty } from '../../files/files.ts';
import { askGit, changeGit, gitError, type OnStart } from '../git.ts';

const FILES_SECONDS = 600;

/** What a file has in two commits: ids of contents, zeros where it is not. */
interface Change {
  name: string;
  written: string;
  wanted: string;
}

/**
 * Takes back what a git that was ended has written of a commit before it wrote the index: files that are as `written` has them,
 * while the index has them as `wanted` does. All others stay, since they are somebody's. Throws `git`.
 */
export async function restoreFiles(
  folder: string,
  commits: { written: string; wanted: string },
  onStart?: OnStart,
): Promise<void> {
  const changes = await keepIndexed(folder, await listChanges(folder, commits));
  const found = await hashFiles(folder, changes);
  const isThere = (name: string): boolean =>
    ifReadableNow(() => lstatSync(pathOf(path.join(folder, name)))) !== undefined;
  // Git takes a file away before it writes it again.
  const ours = changes.filter(({ name, written }) => !isThere(name) || found.get(name) === written);
  for (const { name, wanted } of ours) if (isNone(wanted)) await removeFile(folder, name);
  await checkOut(
    folder,
    ours.flatMap(({ name, wanted }) => (isNone(wanted) ? [] : [name])),
    onStart,
  );
}

/** With the folders that are empty without it, as git does. */
async function removeFile(folder: string, name: string): Promise<void> {
  await rm(pathOf(path.join(folder, name)), { force: true });
  for (let up = path.dirname(name); up !== '.'; up = path.dirname(up)) await removeIfEmpty(path.join(folder, up));
}

function isNone(id: string): boolean {
  return /^0+$/.test(id);
}

async function listChanges(
  folder: string,
  { written, wanted }: { written: string; wanted: string },
): Promise<Change[]> {
  const options = ['-r', '-z', '--raw', '--no-renames', '--no-abbrev', '--ignore-submodules=all'];
  const parts = (await askGit(folder, ['diff-tree', ...options, written, wanted, '--'])).split('\0');
  return parts.flatMap((name, at) => {
    const [, , before = '', after = ''] = parts[at - 1]?.split(' ') ?? [];
    return at % 2 === 1 ? [{ name, written: before, wanted: after }] : [];
  });
}

/** Only where the index is as it is to be. Of what a sparse checkout leaves out there is no file to take back. */
async function keepIndexed(folder: string, changes: readonly Change[]): Promise<Change[]> {
  // `H 100644 <id> 0<tab><path>`, and `S` for what is left out
  const entries = (await askGit(folder, ['ls-files', '-t', '--stage', '-z'])).split('\0');
  const ids = new Map(
    entries.map((entry) => {
      const [tag, , id = ''] = entry.split(' ');
      return [entry.split(/\t(.*)/s)[1] ?? '', tag === 'S' ? '' : id];
    }),
  );
  return changes.filter(({ name, wanted }) => (isNone(wanted) ? !ids.has(name) : ids.get(name) === wanted));
}

/** Returns the ids of files and links as git would keep them; anything else, and what is not there, is left out. */
async function hashFiles(folder: string, changes: readonly Change[]): Promise<Map<string, string>> {
  const found = changes.flatMap(({ name }) => {
    const stats = name.includes('\n') ? undefined : ifReadableNow(() => lstatSync(pathOf(path.join(folder, name))));
    return stats ? [{ name, stats }] : [];
  });
  const ids = new Map<string, string>();
  const names = found.filter(({ stats }) => stats.isFile()).map(({ name }) => name);
  if (names.length > 0) {
    const input = `${names.join('\n')}\n`;
    const hashed = (await askGit(folder, ['hash-object', '--stdin-paths'], { input })).split('\n');
    for (const [at, name] of names.entries()) ids.set(name, hashed[at] ?? '');
  }
  for (const { name, stats } of found) {
    if (!stats.isSymbolicLink()) continue;
    const input = textOf(await readlink(pathOf(path.join(folder, name)), 'buffer'));
    ids.set(name, (await askGit(folder, ['hash-object', '--stdin'], { input })).trimEnd());
  }
  return ids;
}

async function checkOut(folder: string, names: readonly string[], onStart: OnStart | undefined): Promise<void> {
  if (names.length === 0) return;
  const temporary = await mkdtemp(path.join(tmpdir(), 'stack-paths-'));
  try {
    const inputFile = path.join(temporary, 'paths');
    await writeFile(inputFile, bytesOf(names.map((name) => `${name}\0`).join('')));
    const done = await changeGit(folder, ['checkout-index', '--force', '--index', '-z', '--stdin'], {
      ...{ deadlineSeconds: FILES_SECONDS, inputFile, onStart },
    });
    if (done.exitCode !== 0) throw gitError(`cannot take the files of ${folder} back`, done);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
