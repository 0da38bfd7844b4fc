import { rm } from 'node:fs/promises';
import path from 'node:path';
import { makeFolder, replaceFile } from '../../adapters/files/files.ts';
import { findLocal } from '../../adapters/git/branch.ts';
import {
  commitStaged,
  listCommitted,
  makeComments,
  type NoCommit,
  stripComments,
} from '../../adapters/git/change/commit.ts';
import { readStaged, type Staged } from '../../adapters/git/change/staged.ts';
import { readOwnEntry } from '../../adapters/git/worktree/entry.ts';
import type { HeldLock } from '../../adapters/lock.ts';
import { addHint, StackError, throwIfAborted, tolerate } from '../../domain/errors.ts';
import { type DedicatedRepo, type InstanceRecord, requireDedicated } from '../../domain/instance.ts';
import { messageFileOf } from '../../domain/layout.ts';
import { quoteForShell } from '../../domain/shell.ts';
import { fillTemplate } from '../../domain/template.ts';
import { beginChange, type Move, withChangeLock, withJournal } from '../core/journal.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { announceFor } from '../runs/tell-collisions.ts';
import { findHindrance } from './hindrance.ts';
import { type ChangedRepo, inAllRepos, noWorktree, requireChangeable, type TicketChange } from './result.ts';

export interface CommitOptions {
  ticket: string;
  /** Undefined: `edit` asks for one. */
  message: string | undefined;
  /** True: what git knows of and has changed goes in too. */
  all: boolean;
}

/** A repo with a commit. */
export interface CommittedRepo extends ChangedRepo {
  /** How many files it has. */
  files?: number | undefined;
  /** Files that hooks changed before they were committed. */
  changedByHooks?: string[] | undefined;
  /** How many files, or folders of such, are left that git does not know. */
  untracked?: number | undefined;
}

export interface TicketCommit extends TicketChange<CommittedRepo> {
  message?: string | undefined;
  /** The file in which the message is kept that a person has written, where nothing is committed. */
  messageFile?: string | undefined;
}

/** Hooks may build and test. */
const HOOK_SECONDS = 600;

type Look = Staged | CommittedRepo;

/**
 * Commits what is staged in all repos of a ticket, with one message: all of them, or none. `edit` is handed a text with comments, and
 * gives it back with a message, which is kept until it is that of a commit. Returns what became of each repo. Throws `not-found`, `busy`, `conflict`, `git`, `interrupted`, and
 * `usage` where nothing is staged or there is no message.
 */
export async function commitTicket(
  stack: Stack,
  options: CommitOptions,
  edit: (text: string) => Promise<string>,
): Promise<TicketCommit> {
  const record = await requireChangeable(stack, options.ticket);
  const first = await lookAtAll(record, options.all);
  const refused = refuse(record, first, options.all);
  if (refused) return refused;
  const go = (written: string): Promise<TicketCommit> => commitAs(stack, record, { ...options, message: written });
  const done = await (options.message === undefined
    ? withMessageKept(stack, record.ticket, await editMessage(record, first, edit), go)
    : go(options.message));
  // It is done by then, whoever interrupts the look.
  if (isCommitted(done)) await tolerate(announceFor(stack, record), 'interrupted');
  return done;
}

function isCommitted({ repos }: TicketCommit): boolean {
  return Object.values(repos).some(({ result }) => result === 'committed');
}

/** While a person wrote it the ticket may have been destroyed, and hooks may refuse it. */
async function withMessageKept(
  stack: Stack,
  ticket: string,
  message: string,
  work: (message: string) => Promise<TicketCommit>,
): Promise<TicketCommit> {
  // Process numbers come again, in containers soon.
  const file = messageFileOf(stack.root, ticket, `${Date.now()}-${stack.owner.pid}`);
  await makeFolder(path.dirname(file));
  await replaceFile(file, `${message}\n`);
  const done = await work(message).catch((error: unknown) => {
    throw addHint(error, `your message is kept in ${file}`);
  });
  if (!isCommitted(done)) return { ...done, messageFile: file };
  await rm(file, { force: true });
  return done;
}

async function commitAs(
  stack: Stack,
  record: InstanceRecord,
  { message: written, all }: CommitOptions & { message: string },
): Promise<TicketCommit> {
  const message = await nameTicket(stack, record, written);
  return withChangeLock(stack, record.ticket, async (held) => {
    // While the message was written it may have been destroyed, or made again since.
    const now = await requireChangeable(stack, record.ticket);
    const looks = await lookAtAll(now, all);
    return refuse(now, looks, all) ?? commitAll(stack, now, { looks, message, all, held });
  });
}

function lookAtAll(record: InstanceRecord, all: boolean): Promise<Record<string, Look>> {
  return inAllRepos(record, (_, own) => lookAtRepo(record.ticket, own, all));
}

/** Returns what is to be committed in a repo, or why nothing can be. */
async function lookAtRepo(ticket: string, own: DedicatedRepo, all: boolean): Promise<Look> {
  const { worktree, gitCommonDir, branch } = own;
  const entry = await readOwnEntry(worktree, gitCommonDir);
  if (!entry) return noWorktree(own, ticket);
  const staged = await readStaged(worktree);
  const { head, untracked } = staged;
  if (!hasWork(staged, all)) return { result: 'unchanged', branch, to: head, untracked };
  return (await findHindrance(own, entry, staged)) ?? staged;
}

function hasWork({ staged, changed, unmerged }: Staged, all: boolean): boolean {
  return staged.size > 0 || unmerged.length > 0 || (all && changed.length > 0);
}

function isStaged(look: Look): look is Staged {
  return 'staged' in look;
}

/** Undefined when nothing is in the way. Throws `usage` where there is nothing to commit. */
function refuse(record: InstanceRecord, looks: Record<string, Look>, isAll: boolean): TicketCommit | undefined {
  const all = Object.entries(looks);
  if (all.some(([, look]) => !isStaged(look) && look.result === 'refused')) {
    const repos = all.map(([repo, look]): [string, CommittedRepo] => [
      repo,
      isStaged(look) ? { result: 'waiting', branch: requireDedicated(record, repo).branch, to: look.head } : look,
    ]);
    return { ticket: record.ticket, repos: Object.fromEntries(repos) };
  }
  if (all.some(([, look]) => isStaged(look))) return undefined;
  throw nothingToCommit(record, looks, isAll);
}

function nothingToCommit(record: InstanceRecord, looks: Record<string, Look>, isAll: boolean): StackError {
  const left = Object.entries(looks).flatMap(([repo, { untracked = 0 }]) =>
    untracked > 0 ? [{ repo, untracked }] : [],
  );
  const what = isAll
    ? `no file that git knows is changed in ${record.ticket}`
    : `nothing is staged in ${record.ticket}`;
  const told = left.map(({ repo, untracked }) => `${untracked} in ${repo}`).join(', ');
  const folder = left[0] && requireDedicated(record, left[0].repo).worktree;
  const add =
    folder === undefined
      ? '`git add` in its folders stages files'
      : `\`git -C ${quoteForShell(folder)} add .\` stages them`;
  return new StackError('usage', left.length > 0 ? `${what}; new, and left out until \`git add\`: ${told}` : what, {
    hint: isAll ? add : `${add}; \`-a\` takes all changed files that git knows`,
  });
}

/** Throws `usage` for an empty one. */
async function editMessage(
  record: InstanceRecord,
  looks: Record<string, Look>,
  edit: (text: string) => Promise<string>,
): Promise<string> {
  const lists = Object.entries(looks).flatMap(([repo, look]) => {
    if (!isStaged(look)) return [];
    const files = [...new Set([...look.staged.keys(), ...look.changed])].sort();
    return [`${repo} (${look.branch}):`, ...files.map((file) => `  ${file}`), ''];
  });
  const [folder = ''] = Object.keys(looks).filter((repo) => isStaged(looks[repo] as Look));
  // The worktree may be gone by the time that the message is there.
  const { gitCommonDir } = requireDedicated(record, folder);
  const about = [
    `The message of one commit in each repo of ${record.ticket} below.`,
    'Lines like this one are left out; an empty message ends it.',
    '',
  ];
  const comments = await makeComments(gitCommonDir, [...about, ...lists].join('\n'));
  const message = await stripComments(gitCommonDir, await edit(`\n${comments}`));
  if (message !== '') return message;
  throw new StackError('usage', 'the message is empty, so nothing was committed', { hint: '`-m TEXT` gives one' });
}

/** A message that has the ticket's name already gets none. Without stack.yml it stays as it is. */
async function nameTicket(stack: Stack, { argument }: InstanceRecord, message: string): Promise<string> {
  const config = await configIfReadable(stack);
  const names = new RegExp(`(^|[^\\w-])${argument.replaceAll(/[^\w-]/g, '\\$&')}($|[^\\w-])`);
  if (!config || names.test(message)) return message;
  const values: Record<string, string> = { ticket: argument, message };
  return fillTemplate(config.commit, (name) => values[name]);
}

interface Job {
  looks: Record<string, Look>;
  message: string;
  all: boolean;
  held: HeldLock;
}

async function commitAll(stack: Stack, record: InstanceRecord, job: Job): Promise<TicketCommit> {
  const { looks, message } = job;
  const moves = Object.entries(looks).flatMap(([repo, look]): Move[] =>
    isStaged(look) ? [{ repo, branch: look.branch ?? '', from: look.head ?? '', index: true }] : [],
  );
  throwIfAborted(stack.signal);
  const journal = beginChange({ ticket: record.ticket, verb: 'commit', moves });
  const { madeAt } = journal;
  const { result, left } = await withJournal(stack, journal, job.held.addHelper, async (note) => {
    const repos = await inAllRepos(record, async (repo) => {
      const one = await commitOne(stack, record, { ...job, repo, madeAt });
      if (one.result === 'committed' && one.to !== undefined) await note(repo, one.to);
      return one;
    });
    // Git runs to its end, with its hooks; then what a person has interrupted is taken back.
    throwIfAborted(stack.signal);
    return { done: Object.values(repos).every(({ result }) => result !== 'failed'), result: repos };
  });
  const isDone = Object.values(result).every((one) => one.result !== 'failed');
  const told = Object.entries(result).map(([repo, one]): [string, CommittedRepo] => {
    if (isDone || one.result !== 'committed') return [repo, one];
    const { branch, from } = one;
    if (!left.includes(repo)) return [repo, { result: 'undone', branch, from, to: from }];
    return [repo, { ...one, reason: 'it has moved on since, and was not taken back' }];
  });
  return { ticket: record.ticket, message, repos: Object.fromEntries(told) };
}

async function commitOne(
  stack: Stack,
  record: InstanceRecord,
  { repo, looks, message, all, held, madeAt }: Job & { repo: string; madeAt: number },
): Promise<CommittedRepo> {
  const { worktree, gitCommonDir, branch } = requireDedicated(record, repo);
  const look = looks[repo];
  if (!look || !isStaged(look)) return look ?? { result: 'unchanged', branch };
  const deadlineSeconds = Number(stack.values('STACK_GIT_TIMEOUT')) || HOOK_SECONDS;
  const title = `commit on ${branch}`;
  const begun = performance.now();
  const ms = (): number => Math.round(performance.now() - begun);
  stack.emit({ type: 'step-started', id: `commit ${repo}`, subject: repo, title });
  const wanted = { worktree, message, all, madeAt, deadlineSeconds, onStart: held.addHelper };
  const no: NoCommit | undefined = await commitStaged(wanted);
  const from = look.head ?? '';
  if (no) {
    stack.emit({ type: 'step-failed', id: `commit ${repo}`, subject: repo, title, message: no.reason, ms: ms() });
    return { result: 'failed', branch, from, to: from, ...no };
  }
  stack.emit({ type: 'step-done', id: `commit ${repo}`, subject: repo, title, outcome: 'made', ms: ms() });
  const to = (await findLocal(gitCommonDir, branch))?.commit ?? from;
  const committed = await listCommitted(worktree, from, to);
  return {
    ...{ result: 'committed', branch, from, to, files: committed.size, untracked: look.untracked },
    changedByHooks: listChangedByHooks(look, committed, all),
  };
}

/** What was not staged is not known beforehand: of that only files count that a hook added. */
function listChangedByHooks({ staged, changed }: Staged, committed: Map<string, string>, all: boolean): string[] {
  const unsure = new Set(all ? changed : []);
  return [...committed].flatMap(([file, id]) => (unsure.has(file) || staged.get(file) === id ? [] : [file]));
}
