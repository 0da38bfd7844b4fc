import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { readTicketPointer } from '../../adapters/config-file.ts';
import { ifThere } from '../../adapters/files/file-errors.ts';
import { isThere } from '../../adapters/files/files.ts';
import { canonicalPath, findEntry, readOwnEntry } from '../../adapters/git/worktree/entry.ts';
import { readNotes } from '../../adapters/git/worktree/own-notes.ts';
import { StackError, tolerate } from '../../domain/errors.ts';
import { type DedicatedRepo, dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import { stateFolder } from '../../domain/layout.ts';
import { isWorkloadOf } from '../../domain/names.ts';
import { isWithin } from '../../domain/within.ts';
import { configIfReadable, type Stack } from './stack.ts';
import { ownerOf, ticketsFolder } from './work.ts';

/**
 * Throws `conflict` where what a record names is another root's or ticket's, as its pointer, git's entries of its worktrees
 * and the names of its workloads say: the record may have been copied, or come with git. Changes nothing.
 */
export async function requireOwnThings(stack: Stack, record: InstanceRecord): Promise<void> {
  const strange =
    (await findForeignFolder(stack, record)) ??
    (await findForeignWorktree(stack, record)) ??
    ((await isExpected(stack, record.folder)) ? undefined : `stack did not make ${record.folder}`);
  if (strange !== undefined) throw foreign(stack, record, strange);
  for (const [service, { workload }] of Object.entries(record.services)) {
    const ours = { rootId: stack.rootId, instance: record.ticket, service };
    if (!isWorkloadOf(workload, ours)) throw foreign(stack, record, `${workload} is not a workload of it`);
  }
}

/** True for a folder that leads to its root, is not there, or is where this root's tickets are: that one may be half made. */
async function isExpected(stack: Stack, folder: string): Promise<boolean> {
  if (isNear(stack, folder) || !(await isThere(folder))) return true;
  if (await tolerate(readTicketPointer(folder), 'config', 'files')) return true;
  const { worktrees } = (await configIfReadable(stack)) ?? {};
  const home = await ticketsFolder(stack.root, worktrees);
  return [home, await canonicalPath(home)].includes(path.dirname(await canonicalPath(folder)));
}

async function findForeignFolder(stack: Stack, { folder, ticket }: InstanceRecord): Promise<string | undefined> {
  const pointer = await tolerate(readTicketPointer(folder), 'config', 'files');
  if (!pointer) return undefined;
  const root = (await ifThere(realpath(pointer.root))) ?? pointer.root;
  if (root === stack.root && pointer.ticket === ticket) return undefined;
  return `${folder} belongs to ${pointer.ticket} of ${pointer.root}`;
}

async function findForeignWorktree(stack: Stack, record: InstanceRecord): Promise<string | undefined> {
  const found = await Promise.all(
    dedicatedRepos(record).map(async ([, own]) => {
      const owner = await readOwner(own);
      if (owner === ownerOf({ stack, record })) return undefined;
      if (owner === undefined) return findForeignPlace(stack, record, own);
      if (owner !== '') return `${own.worktree} belongs to ${owner}`;
      // A create that was killed has not signed yet; it made the worktree where this root makes them.
      return isNear(stack, record.folder) ? undefined : `stack did not make ${own.worktree}`;
    }),
  );
  return found.find((one) => one !== undefined);
}

/** Undefined where git has no entry of a worktree; '' where nobody has signed it. */
async function readOwner({ worktree, gitCommonDir }: DedicatedRepo): Promise<string | undefined> {
  const entry = (await readOwnEntry(worktree)) ?? (await findEntry(gitCommonDir, await canonicalPath(worktree)));
  return entry && (await readNotes(entry.folder)).owner;
}

/** Where git has no entry that says whose it is, only what this root has for certain is touched: its folders and its repos. */
async function findForeignPlace(
  stack: Stack,
  { folder }: InstanceRecord,
  { worktree, path: repo, gitCommonDir }: DedicatedRepo,
): Promise<string | undefined> {
  if (!worktree.startsWith(folder + path.sep) && (await isThere(worktree))) return `stack did not make ${worktree}`;
  if (isNear(stack, repo) || !(await isThere(gitCommonDir))) return undefined;
  const { repos = {} } = (await configIfReadable(stack)) ?? {};
  const known = await Promise.all(
    Object.values(repos).map(async (one) => {
      const checkout = path.resolve(stack.root, one.path);
      return (await ifThere(realpath(checkout))) ?? checkout;
    }),
  );
  const isKnown = known.some((checkout) => isWithin(checkout, repo));
  return isKnown ? undefined : `${repo} is not a repo of this stack`;
}

function isNear({ root }: Stack, folder: string): boolean {
  return [root, `${root}.tickets`].some((place) => isWithin(folder, place));
}

function foreign({ root }: Stack, { ticket }: InstanceRecord, what: string): StackError {
  return new StackError('conflict', `the record of ${ticket} is not to be trusted: ${what}`, {
    hint: `was ${stateFolder(root)} copied, or committed to git? Move it away here, then \`stack doctor --fix\` brings back what is this root's`,
    details: { ticket },
  });
}
