import { rm } from 'node:fs/promises';
import path from 'node:path';
import { parseFields } from '../../../domain/json.ts';
import { readFileIfThere, replaceFile } from '../../files/files.ts';
import { readOwnEntry } from './entry.ts';

/**
 * What stack remembers of one worktree: whose it is, and which of the files in it are not a person's work. It
 * lies beside git's own entry of the worktree, so it moves with the worktree and goes with it, whatever becomes of `.stack`.
 */
export interface OwnNotes {
  /** `feat-01 (1a2b3c4d)`: the ticket and the root it belongs to. */
  owner: string;
  /** Folders that git ignores and the set-up made; they end in `/`. Older versions noted its files here too. */
  ignored: string[];
  /** Files that git, stack or the set-up wrote and that would be taken for work: a hash of each as it was written. */
  written: Record<string, string>;
  /** Those of them that came while a set-up ran: a person may have written them meanwhile. */
  duringSetUp: string[];
  /** Files that were copied from the main checkout: size and time as they came. */
  copied: Record<string, string>;
  /** Other repos that the set-up left among the files, with a stamp of what is in them and nowhere else. */
  repos: Record<string, string>;
  /** True where somebody else made the worktree. */
  adopted?: boolean | undefined;
  /** Env files: a hash of the text around stack's block as it came from the main checkout. */
  envTexts: Record<string, string>;
}

/** Returns the notes in a worktree's entry; without any, those of nobody. Throws `files`. */
export async function readNotes(entryFolder: string): Promise<OwnNotes> {
  const text = await readFileIfThere(fileOf(entryFolder));
  const none = { owner: '', ignored: [], written: {}, duringSetUp: [], copied: {}, repos: {}, envTexts: {} };
  return { ...none, ...parseFields<OwnNotes>(text) };
}

/** Adds to the notes of a worktree; a folder that is none has none. Throws `files`. */
export async function addNotes(
  worktree: string,
  change: (notes: OwnNotes) => Partial<OwnNotes> | Promise<Partial<OwnNotes>>,
): Promise<void> {
  const entry = await readOwnEntry(worktree);
  if (!entry) return;
  const notes = await readNotes(entry.folder);
  await replaceFile(fileOf(entry.folder), `${JSON.stringify({ ...notes, ...(await change(notes)) }, null, 2)}\n`, {
    lasting: false,
  });
}

/** Forgets what is noted of a worktree that stays. Throws `files`. */
export async function dropNotes(worktree: string): Promise<void> {
  const entry = await readOwnEntry(worktree);
  if (entry) await rm(fileOf(entry.folder), { force: true });
}

function fileOf(entryFolder: string): string {
  return path.join(entryFolder, 'stack.json');
}
