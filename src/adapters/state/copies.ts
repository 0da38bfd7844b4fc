import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { bestEffort } from '../../domain/errors.ts';
import { dedicatedRepos, type StackState } from '../../domain/instance.ts';
import { readState } from '../../domain/state/text.ts';
import { ifThere } from '../files/file-errors.ts';
import { readFileIfThere, replaceFile } from '../files/files.ts';
import { readOwnEntry } from '../git/worktree/entry.ts';
import { readNotes } from '../git/worktree/own-notes.ts';

/** Beside git's own entry of a worktree: it moves with the worktree, goes with it, and does not need `.stack`. */
const FILE = 'stack-record.json';

/** What a repo keeps of a worktree that stack has made. */
export interface OwnEntry {
  /** Absolute path of the worktree, which may be gone. */
  worktree: string;
  /** As the notes sign it: `feat-01 (1a2b3c4d)`; '' when they are lost. */
  owner: string;
  /** The state with this one ticket in it, as it was when the ticket was last changed; undefined when it cannot be read. */
  state: StackState | undefined;
  /** Unix milliseconds of that. */
  savedAt: number;
}

/**
 * Writes some tickets down once more, each in all of its repos. Call it with the state lock held. Never throws: where a copy
 * cannot be kept there is still the state.
 */
export async function keepCopies(state: StackState, tickets: readonly string[]): Promise<void> {
  for (const ticket of tickets) {
    const record = state.instances[ticket];
    if (!record) continue;
    const copy = { ...state, instances: { [ticket]: record } };
    for (const [, { worktree, gitCommonDir }] of dedicatedRepos(record)) {
      const entry = await bestEffort(readOwnEntry(worktree, gitCommonDir));
      if (!entry) continue;
      await bestEffort(replaceFile(path.join(entry.folder, FILE), `${JSON.stringify(copy)}\n`, { lasting: false }));
    }
  }
}

/** Drops the copy beside a worktree that stays when its ticket goes. Throws `files`. */
export async function dropCopy(worktree: string): Promise<void> {
  const entry = await readOwnEntry(worktree);
  if (entry) await rm(path.join(entry.folder, FILE), { force: true });
}

/** Returns what a repo keeps of the worktrees that any root's stack has made. Throws `files`. */
export async function listOwnEntries(gitCommonDir: string): Promise<OwnEntry[]> {
  const home = path.join(gitCommonDir, 'worktrees');
  const ids = (await ifThere(readdir(home))) ?? [];
  const entries = await Promise.all(ids.map((id) => readOne(path.join(home, id))));
  return entries.flat();
}

async function readOne(folder: string): Promise<OwnEntry[]> {
  const file = path.join(folder, FILE);
  const [gitdir, text, { owner }, found] = await Promise.all([
    readFileIfThere(path.join(folder, 'gitdir')),
    readFileIfThere(file),
    readNotes(folder),
    ifThere(stat(file)),
  ]);
  if (!gitdir || (owner === '' && text === undefined)) return [];
  const read = text === undefined ? undefined : readState(text);
  const state = read && 'state' in read ? read.state : undefined;
  // Since git 2.48 the path may be relative to the entry.
  return [
    { worktree: path.dirname(path.resolve(folder, gitdir.trimEnd())), owner, state, savedAt: found?.mtimeMs ?? 0 },
  ];
}
