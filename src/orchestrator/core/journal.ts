import { readdir, rm } from 'node:fs/promises';
import { ifThere } from '../../adapters/files/file-errors.ts';
import { isThere, makeFolder, readFileIfThere, removeIfEmpty, replaceFile } from '../../adapters/files/files.ts';
import { clearHeldIndex } from '../../adapters/git/change/held-index.ts';
import { bringIndexBack, keepIndex } from '../../adapters/git/change/index-copy.ts';
import { listCheckouts, takeMoveBack } from '../../adapters/git/change/move-files.ts';
import {
  type BranchMove,
  inspectMove,
  type MoveState,
  moveBranch,
  readBranch,
  reasonOf,
} from '../../adapters/git/change/move-ref.ts';
import type { OnStart } from '../../adapters/git/git.ts';
import { repoLock } from '../../adapters/git/lock.ts';
import { inspectRepo } from '../../adapters/git/repo.ts';
import { clearStaleLocks } from '../../adapters/git/stale-locks.ts';
import { readOwnEntry } from '../../adapters/git/worktree/entry.ts';
import { findOtherHolder, type HeldLock, inspectLock, listLeftHelpers, withLock } from '../../adapters/lock.ts';
import { endWhole } from '../../adapters/process/group.ts';
import { bestEffort, StackError, tolerate } from '../../domain/errors.ts';
import type { DedicatedRepo, Start } from '../../domain/instance.ts';
import { parseFields } from '../../domain/json.ts';
import { changeLockOf, inFolder, journalOf, keptIndexOf } from '../../domain/layout.ts';
import { withLeftovers } from './leftover.ts';
import { requireOwnThings } from './ownership.ts';
import type { Leftover } from './run.ts';
import { configIfReadable, type Stack } from './stack.ts';

/** One branch of one repo of the ticket that a change moves. Where that repo is the ticket's record says. */
export interface Move extends Omit<BranchMove, 'gitCommonDir'> {
  repo: string;
  /** The ticket whose record says where the repo is; default: that of the journal. */
  ticket?: string | undefined;
  /** True: the files of all checkouts that are on the branch were moved before it was, and come back with it. */
  files?: boolean | undefined;
  /** What the branch starts from once the change is done; the record gets it then. */
  start?: Start | undefined;
  /** True: the index of the worktree is kept with the journal, and comes back with the branch. */
  index?: boolean | undefined;
}

/** A change of several repos of one ticket: all of its moves are made, or none. It is written down before the first one. */
export interface Journal {
  version: 1;
  ticket: string;
  /** The verb that makes the change: `commit`. */
  verb: string;
  /** Unix seconds: the time that is given to each commit git makes as it goes. */
  madeAt: number;
  moves: readonly Move[];
  /** What has come of the conflicts that were being resolved, which the record forgets once the change is done. */
  resolving?: 'done' | 'given up' | undefined;
}

type Placed = Move & Place;

/** A change with the places of its repos. */
interface Change extends Omit<Journal, 'moves'> {
  moves: Placed[];
  /** Told of each git that writes files as the change is taken back. */
  onStart: OnStart;
  /** Repos of which nobody knows any more where they are. */
  gone: string[];
}

/** Returns a change that begins now. */
export function beginChange(change: Omit<Journal, 'version' | 'madeAt'>): Journal {
  return { version: 1, madeAt: Math.floor(Date.now() / 1000), ...change };
}

/**
 * Runs `work` while nobody else changes the repos of a ticket as one; what a change that was cut off left is settled first.
 * Throws `busy`, `git`, `files`, `interrupted`, and what `work` throws.
 */
export async function withChangeLock<Result>(
  stack: Stack,
  ticket: string,
  work: (held: HeldLock, settled: string | undefined) => Promise<Result>,
): Promise<Result> {
  const onWait = (holder: string): void =>
    stack.emit({ type: 'info', text: `${holder} is changing ${ticket}; waiting` });
  const lock = changeLockOf(stack.root, ticket);
  // A git whose command was killed would go on, with its hooks, while what it does is taken back.
  for (const helper of await listLeftHelpers(lock)) await endWhole(helper);
  return withLock(
    lock,
    async (held) => {
      return work(held, await settle(stack, ticket, held));
    },
    { signal: stack.signal, onWait },
  );
}

/**
 * Writes a change down, then runs `work`, which makes its moves and notes where a branch is then, where that was not known: when it
 * throws, or says that it is not done, those made are taken back; `onStart` is told of each git that writes files then. Call it with the
 * change lock held. Returns what `work` returns, and
 * repos that have moved on since. Throws what `work` throws, `leftover` where that could not be taken back, `git`, `files`.
 */
export async function withJournal<Result>(
  stack: Stack,
  journal: Journal,
  onStart: OnStart,
  work: (note: (repo: string, to: string) => Promise<void>) => Promise<{ done: boolean; result: Result }>,
): Promise<{ result: Result; left: string[] }> {
  const { ticket } = journal;
  const change = await place(stack, journal, onStart);
  await makeFolder(inFolder(stack.root, 'changes', ticket));
  for (const move of change.moves)
    if (move.index) await keepIndex(move.worktree, keptIndexOf(stack.root, ticket, move.repo));
  const write = (): Promise<void> => replaceFile(journalOf(stack.root, ticket), `${JSON.stringify(journal)}\n`);
  await write();
  let written = Promise.resolve();
  const note = (repo: string, to: string): Promise<void> => {
    for (const move of [...journal.moves, ...change.moves]) if (move.repo === repo) move.to = to;
    written = written.then(write);
    return written;
  };
  let outcome: { done: boolean; result: Result };
  try {
    outcome = await work(note);
  } catch (error) {
    const { faults } = await undoAll(stack, change, { isOurs: true });
    // The journal stays for the next command.
    if (faults.length > 0) throw withLeftovers(error as Error, faults, 'stack doctor --fix');
    await drop(stack, ticket);
    throw error;
  }
  const left = outcome.done ? [] : requireUndone(await undoAll(stack, change, { isOurs: true }));
  if (outcome.done) await noteEnd(stack, change);
  await drop(stack, ticket);
  return { result: outcome.result, left };
}

/**
 * Finishes or takes back a change of a ticket that was cut off, and tells of it; one that a living command is at is left alone. Every
 * command that changes a ticket calls it. Returns what it told; undefined where there was nothing to settle. Throws `git`, `files`.
 */
export async function settleChange(stack: Stack, ticket: string): Promise<string | undefined> {
  // One that was killed once all was done may have left its lock.
  const isLeft = (await inspectLock(changeLockOf(stack.root, ticket))) === 'left';
  if (!isLeft && !(await isCutOff(stack, ticket))) return undefined;
  return withChangeLock(stack, ticket, async (_, settled) => settled);
}

/** Throws `busy` while another living command changes the repos of a ticket as one. */
export async function requireUnchanging({ root }: Stack, ticket: string): Promise<void> {
  const pid = await findOtherHolder(changeLockOf(root, ticket));
  if (pid === undefined) return;
  throw new StackError('busy', `${ticket} is being changed by another command of stack (pid ${pid})`, {
    hint: 'wait until it is done, or end it, then run the command again',
    details: { ticket, pid },
  });
}

/** A change that was cut off. */
export interface CutOff {
  ticket: string;
  verb: string;
  repos: string[];
  /** The tickets whose records say where these are. */
  of: string[];
}

/** Returns the changes that were cut off. Throws `files`. */
export async function listCutOff(stack: Stack): Promise<CutOff[]> {
  const tickets = (await ifThere(readdir(inFolder(stack.root, 'changes')))) ?? [];
  const found = await Promise.all(
    tickets.map(async (ticket) => {
      if (!(await isCutOff(stack, ticket))) return [];
      const journal = await readJournal(stack, ticket);
      if (!journal) return [];
      const { verb, moves } = journal;
      return [{ ticket, verb, repos: moves.map(({ repo }) => repo), of: moves.map((move) => move.ticket ?? ticket) }];
    }),
  );
  return found.flat();
}

/** Settles all that was cut off: nobody is to build on a base that has moved while those of other repos have not. Throws `git`, `files`. */
export async function settleAllChanges(stack: Stack): Promise<void> {
  for (const { ticket } of await listCutOff(stack)) await settleChange(stack, ticket);
}

/** Settles what was cut off of changes that move a repo of one of some tickets, whosever they are. Throws `git`, `files`. */
export async function settleChangesOf(stack: Stack, tickets: readonly string[]): Promise<void> {
  const others = (await listCutOff(stack)).filter(({ of }) => of.some((ticket) => tickets.includes(ticket)));
  for (const ticket of new Set([...tickets, ...others.map((one) => one.ticket)])) await settleChange(stack, ticket);
}

async function isCutOff(stack: Stack, ticket: string): Promise<boolean> {
  if (!(await isThere(inFolder(stack.root, 'changes', ticket)))) return false;
  const lock = changeLockOf(stack.root, ticket);
  return (await inspectLock(lock)) !== 'held' || (await listLeftHelpers(lock)).length > 0;
}

async function settle(stack: Stack, ticket: string, { addHelper }: HeldLock): Promise<string | undefined> {
  if (!(await isThere(inFolder(stack.root, 'changes', ticket)))) {
    await removeIfEmpty(inFolder(stack.root, 'changes'));
    return undefined;
  }
  const journal = await readJournal(stack, ticket);
  // One without moves was cut off before it was written, so nothing was begun.
  const change = journal && (await place(stack, journal, addHelper));
  const said = change && journal.moves.length > 0 ? await finishOrUndo(stack, change) : undefined;
  await drop(stack, ticket);
  if (said === undefined) return undefined;
  const text = `the last \`stack ${change?.verb}\` of ${ticket} ${said}`;
  stack.emit({ type: 'warning', text });
  return text;
}

type Place = Pick<DedicatedRepo, 'path' | 'gitCommonDir' | 'worktree'>;

/** Nobody's word but the record's counts for where a repo is, and stack.yml's: a journal may have come with git. */
async function place(stack: Stack, { moves, ...journal }: Journal, onStart: OnStart): Promise<Change> {
  const { instances } = await stack.store.read();
  const find = async ({ repo, ticket = journal.ticket }: Move): Promise<Place | undefined> => {
    const record = Object.hasOwn(instances, ticket) ? instances[ticket] : undefined;
    if (record) await requireOwnThings(stack, record);
    const own = record && Object.hasOwn(record.repos, repo) ? record.repos[repo] : undefined;
    return own?.mode === 'dedicated' ? own : findMainCheckout(stack, repo);
  };
  const found = await Promise.all(moves.map(async (move) => ({ move, own: await find(move) })));
  const placed = found.flatMap(({ move, own }) =>
    own === undefined ? [] : [{ ...move, path: own.path, gitCommonDir: own.gitCommonDir, worktree: own.worktree }],
  );
  return {
    ...journal,
    onStart,
    moves: placed,
    gone: found.flatMap(({ move, own }) => (own === undefined ? [move.repo] : [])),
  };
}

/** The ticket may have been destroyed while its branch was merged: the base that has moved is there all the same. */
async function findMainCheckout(stack: Stack, repo: string): Promise<Place | undefined> {
  const config = await configIfReadable(stack);
  const path = config && Object.hasOwn(config.repos, repo) ? config.repos[repo]?.path : undefined;
  const facts = path === undefined ? undefined : await tolerate(inspectRepo({ repo, path }), 'config', 'git');
  return facts && { path: facts.top, gitCommonDir: facts.gitCommonDir, worktree: facts.top };
}

async function finishOrUndo(stack: Stack, change: Change): Promise<string> {
  const { moves, gone } = change;
  for (const { path: repoPath, gitCommonDir, branch, worktree, files } of moves) {
    const own = (await readOwnEntry(worktree, gitCommonDir))?.folder;
    const entries = files ? (await listCheckouts(gitCommonDir, branch)).map(({ entry }) => entry.folder) : [own];
    const clear = async (): Promise<void> => {
      for (const entry of entries.length > 0 ? entries : [undefined]) {
        if (entry !== undefined) await clearHeldIndex(entry);
        await clearStaleLocks({ repoPath, gitCommonDir, branch, entry });
      }
    };
    await withLock(repoLock(gitCommonDir), clear, { signal: stack.signal });
  }
  const states = await Promise.all(moves.map((move) => inspectMove(move, change)));
  const isDone = gone.length === 0 && states.every(({ at }) => at === 'after' || at === 'beyond');
  if (isDone) {
    await noteEnd(stack, change);
    return 'was done in all repos before it was cut off';
  }
  const left = [...requireUndone(await undoAll(stack, change, { isOurs: false })), ...gone];
  return `was cut off, and is taken back${left.length > 0 ? `, but for ${left.join(', ')}, which has moved since` : ''}`;
}

/** The record gets what the branches start from once the change is done, those too whose conflicts were resolved before. */
async function noteEnd(stack: Stack, { ticket: own, moves, resolving }: Change): Promise<void> {
  if (resolving === undefined && moves.every(({ start }) => start === undefined)) return;
  await stack.store.update((draft) => {
    const record = draft.instances[own];
    const resolved = resolving === 'done' ? Object.entries(record?.resolving ?? {}) : [];
    const starts = [...resolved.map(([repo, { start }]) => ({ repo, ticket: own, start })), ...moves];
    for (const { repo, ticket = own, start } of starts) {
      const place = draft.instances[ticket]?.repos[repo];
      if (start && place?.mode === 'dedicated') Object.assign(place, { stackedOn: undefined, ...start });
    }
    if (resolving !== undefined && record) Object.assign(record, { resolving: undefined, resolvingFor: undefined });
  });
}

/** What came of taking back: repos that have moved on, and those where it failed. */
interface Undone {
  left: string[];
  faults: Leftover[];
}

/** Returns the repos that have moved on. Throws the first error. */
function requireUndone({ left, faults: [first] }: Undone): string[] {
  if (first) throw first.error;
  return left;
}

/** `isOurs`: this very command runs still, so that its hooks may have touched an index. A repo that fails does not stop the others. */
async function undoAll(stack: Stack, change: Change, { isOurs }: { isOurs: boolean }): Promise<Undone> {
  const left: string[] = [];
  const faults: Leftover[] = [];
  for (const move of change.moves) {
    if (move.from === move.to) continue;
    try {
      const state = await inspectMove(move, change);
      if (state.at === 'beyond' || state.at === 'elsewhere') left.push(move.repo);
      else await undo(stack, change, move, { ...state, isOurs });
    } catch (error) {
      faults.push({ name: move.repo, error });
    }
  }
  return { left, faults };
}

/** The index first: while the branch is not back, the next command comes here again. */
async function undo(
  stack: Stack,
  { ticket, verb, onStart }: Change,
  move: Placed,
  { at, commit = move.from, isOurs }: MoveState & { isOurs: boolean },
): Promise<void> {
  const { repo, worktree, branch, from, gitCommonDir } = move;
  const isOn = (await readBranch(worktree)) === branch;
  // A hook may have staged its files again before it refused; what else is staged since is a person's.
  if (move.index && isOn && (at === 'after' || isOurs))
    await bringIndexBack(worktree, keptIndexOf(stack.root, ticket, repo), {
      commit,
      isUnmade: at === 'before',
    });
  const moved = at === 'before' ? undefined : commit;
  const reason = `${reasonOf(verb)}: taken back`;
  if (move.files && move.to !== undefined)
    return takeMoveBack({ gitCommonDir, branch, from, to: move.to }, { moved, reason, onStart });
  const cwd = isOn ? worktree : gitCommonDir;
  if (moved !== undefined) await moveBranch(cwd, { branch, from: moved, to: from }, reason);
}

async function drop(stack: Stack, ticket: string): Promise<void> {
  // The journal before what belongs to it.
  await rm(journalOf(stack.root, ticket), { force: true });
  await rm(inFolder(stack.root, 'changes', ticket), { recursive: true, force: true });
  await bestEffort(removeIfEmpty(inFolder(stack.root, 'changes')));
}

/** Undefined where there is none yet. Throws `state` for one that cannot be read. */
async function readJournal(stack: Stack, ticket: string): Promise<Journal | undefined> {
  const file = journalOf(stack.root, ticket);
  const text = await readFileIfThere(file);
  if (text === undefined) return undefined;
  const { version, verb = '', madeAt = 0, moves, resolving } = parseFields<Journal>(text);
  if (version === 1 && Array.isArray(moves)) return { version, ticket, verb, madeAt, moves, resolving };
  throw new StackError('state', `the journal ${file} cannot be read`, {
    hint: `look at the repos of ${ticket}, then delete ${file}`,
  });
}
