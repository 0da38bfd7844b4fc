import { lstat } from 'node:fs/promises';
import path from 'node:path';
import { bestEffort, tolerate } from '../../../domain/errors.ts';
import { pathOf } from '../../files/byte-names.ts';
import { ifReadable, ifThere } from '../../files/file-errors.ts';
import { hashOf } from '../env-text.ts';
import { expand, findIgnoredWork, type IgnoredQuestion, listIgnoredInside, timeStampOf } from '../risk/ignored.ts';
import { expandFolders } from '../risk/inside.ts';
import { stampNested } from '../risk/inside-risk.ts';
import { contentOf, listOwned, stampOf } from '../risk/nobodys.ts';
import { isUsual } from '../risk/usual-files.ts';
import { readStatus, type WorktreeStatus } from '../status.ts';
import { readOwnEntry } from './entry.ts';
import { addNotes, readNotes } from './own-notes.ts';

/** A worktree, and what tells whose a file in it is. */
export type WrittenQuestion = Omit<IgnoredQuestion, 'ignored' | 'notes' | 'repos'>;

/** What there is to see in a worktree at one moment. */
interface Sight {
  status: WorktreeStatus;
  /** Every changed, untracked and ignored file, with what changes when it is written. */
  files: ReadonlyMap<string, string>;
  /** Ignored folders that no tool is known to make. */
  folders: ReadonlySet<string>;
  /** Files and other repos that are somebody's work. */
  owned: ReadonlySet<string>;
  /** Other repos, with a stamp of what is in them and nowhere else. */
  repos: Readonly<Record<string, string>>;
}

/**
 * Runs what writes files into a worktree and is no person, and notes what it wrote, also when it fails. What was somebody's
 * work before stays theirs. Throws what `run` throws, `git`, `files`.
 */
export async function noteWritten<Result>(question: WrittenQuestion, run: () => Promise<Result>): Promise<Result> {
  const before = await look(question);
  let result: Result;
  try {
    result = await run();
  } catch (error) {
    await bestEffort(noteSince(question, before));
    throw error;
  }
  await noteSince(question, before);
  return result;
}

/**
 * Notes all that differs from HEAD in a worktree that was made just now: git and its hooks did that. One that has notes was
 * made before. Without an answer of git's nothing is noted, so that all counts as work. Throws `files`.
 */
export async function noteCheckout(question: WrittenQuestion): Promise<void> {
  const entry = await readOwnEntry(question.worktree);
  if (!entry || (await readNotes(entry.folder)).owner !== '') return;
  await tolerate(noteSince(question, undefined), 'git');
}

/** Notes files as they were copied from the main checkout; one that is changed later is a person's. Throws `git`, `files`. */
export async function noteCopied(worktree: string, files: readonly string[]): Promise<void> {
  if (files.length === 0) return;
  const copied = new Set(files);
  const status = await readStatus(worktree);
  const untracked = expandFolders(worktree, status.untracked);
  const written = await stampAll(
    worktree,
    untracked.filter((file) => copied.has(file)),
    status,
  );
  const watched = files.filter((file) => !isUsual(file));
  const stamps = await Promise.all(
    watched.map(async (file) => [file, await timeStampOf(path.join(worktree, file))] as const),
  );
  await addNotes(worktree, (notes) => ({
    copied: { ...notes.copied, ...Object.fromEntries(stamps) },
    written: { ...notes.written, ...written },
  }));
}

/** Notes the text that an env file began with. Throws `files`. */
export async function noteEnvText(worktree: string, file: string, text: string): Promise<void> {
  await addNotes(worktree, ({ envTexts }) => ({ envTexts: { ...envTexts, [file]: hashOf(text) } }));
}

async function noteSince(question: WrittenQuestion, before: Sight | undefined): Promise<void> {
  const { worktree, envFiles } = question;
  const after = await look(question, before?.folders);
  if (!after) return;
  const files = [...after.files].flatMap(([file, glance]) =>
    before?.owned.has(file) || before?.files.get(file) === glance || envFiles.includes(file) ? [] : [file],
  );
  const folders = [...after.folders].filter((name) => !before?.folders.has(name));
  const repos = Object.entries(after.repos).filter(([repo]) => !before?.owned.has(`${repo}/`));
  if (files.length + folders.length + repos.length === 0) return;
  const written = await stampAll(worktree, files, after.status);
  await addNotes(worktree, (notes) => ({
    ignored: [...new Set([...notes.ignored, ...folders])],
    repos: { ...notes.repos, ...Object.fromEntries(repos) },
    written: { ...notes.written, ...written },
    duringSetUp: before ? [...new Set([...notes.duringSetUp, ...files])] : notes.duringSetUp,
  }));
}

/** Undefined for a folder that is no worktree. Ignored folders that were there before are looked into, file by file. */
async function look(question: WrittenQuestion, known?: ReadonlySet<string>): Promise<Sight | undefined> {
  const { worktree } = question;
  const entry = await readOwnEntry(worktree);
  if (!entry) return undefined;
  const [status, inside, repos, notes] = await Promise.all([
    readStatus(worktree),
    listIgnoredInside(worktree, entry),
    stampNested(worktree, entry),
    readNotes(entry.folder),
  ]);
  const ignored = [...status.ignored, ...inside].filter((name) => !isUsual(name) && !notes.ignored.includes(name));
  const folders = new Set(ignored.filter((name) => name.endsWith('/')));
  const mixed = ignored.filter((name) => !name.endsWith('/') || !known || known.has(name));
  const untracked = expandFolders(worktree, status.untracked);
  const all = [...status.changed, ...untracked, ...mixed.flatMap((name) => expand(worktree, name))];
  const glances = await Promise.all(
    all.map(async (file) => [file, await glanceAt(path.join(worktree, file))] as const),
  );
  const [own, lost] = await Promise.all([
    listOwned(question, entry, status),
    findIgnoredWork({ ...question, ignored, notes, repos: Object.keys(repos) }),
  ]);
  const others = Object.entries(repos).flatMap(([repo, stamp]) => (notes.repos[repo] === stamp ? [] : [`${repo}/`]));
  const ownFiles = expandFolders(worktree, own.untracked);
  const owned = new Set([...own.changed, ...ownFiles, ...lost.paths, ...others]);
  return { status, files: new Map(glances), folders, owned, repos };
}

async function stampAll(
  worktree: string,
  files: readonly string[],
  status: WorktreeStatus,
): Promise<Record<string, string>> {
  const stamps = await Promise.all(files.map((file) => stampOf(worktree, file, status)));
  return Object.fromEntries(
    files.flatMap((file, index) => (stamps[index] === undefined ? [] : [[file, stamps[index]]])),
  );
}

async function glanceAt(file: string): Promise<string> {
  const found = await ifThere(lstat(pathOf(file)));
  // A submodule: what is written in it changes nothing of its folder.
  if (found?.isDirectory()) return (await ifReadable(contentOf(file))) ?? '';
  return found ? `${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}` : '';
}
