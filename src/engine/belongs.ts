import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { readTicketPointer } from '../adapters/config-file.ts';
import { canonicalPath, findEntry, readOwnEntry } from '../adapters/git/entry.ts';
import { readNotes } from '../adapters/git/own-notes.ts';
import { StackError } from '../domain/errors.ts';
import { type DedicatedRepo, dedicatedRepos, type InstanceRecord } from '../domain/instance.ts';
import { isWorkloadOf } from '../domain/names.ts';
import type { Stack } from './stack.ts';
import { ownerOf } from './work.ts';

/**
 * Throws `conflict` where what a record names is another root's or ticket's, as its pointer, git's entries of its worktrees
 * and the names of its workloads say: the record may have been copied, or come with git. Changes nothing.
 */
export async function requireOwnThings(stack: Stack, record: InstanceRecord): Promise<void> {
  const strange = (await findForeignFolder(stack, record)) ?? (await findForeignWorktree(stack, record));
  if (strange !== undefined) throw foreign(stack, record, strange);
  for (const [service, { workload }] of Object.entries(record.services)) {
    const ours = { rootId: stack.rootId, instance: record.ticket, service };
    if (!isWorkloadOf(workload, ours)) throw foreign(stack, record, `${workload} is no workload of it`);
  }
}

async function findForeignFolder(stack: Stack, { folder, ticket }: InstanceRecord): Promise<string | undefined> {
  const pointer = await readTicketPointer(folder).catch(() => undefined);
  if (!pointer) return undefined;
  const root = await realpath(pointer.root).catch(() => pointer.root);
  if (root === stack.root && pointer.ticket === ticket) return undefined;
  return `${folder} belongs to ${pointer.ticket} of ${pointer.root}`;
}

async function findForeignWorktree(stack: Stack, record: InstanceRecord): Promise<string | undefined> {
  const found = await Promise.all(
    dedicatedRepos(record).map(async ([, own]) => {
      const owner = await readOwner(own);
      if (owner === undefined || owner === ownerOf({ stack, record })) return undefined;
      if (owner !== '') return `${own.worktree} belongs to ${owner}`;
      // A create that was killed has not signed yet; it made the worktree where this root makes them.
      return isNear(stack, record) ? undefined : `stack did not make ${own.worktree}`;
    }),
  );
  return found.find((one) => one !== undefined);
}

/** Undefined where git has no entry of a worktree; '' where nobody has signed it. */
async function readOwner({ worktree, gitCommonDir }: DedicatedRepo): Promise<string | undefined> {
  const entry = (await readOwnEntry(worktree)) ?? (await findEntry(gitCommonDir, await canonicalPath(worktree)));
  return entry && (await readNotes(entry.folder)).owner;
}

function isNear({ root }: Stack, { folder }: InstanceRecord): boolean {
  return [root, `${root}.tickets`].some((place) => folder.startsWith(place + path.sep));
}

function foreign({ root }: Stack, { ticket }: InstanceRecord, what: string): StackError {
  return new StackError('conflict', `the record of ${ticket} is not to be trusted: ${what}`, {
    hint: `was ${path.join(root, '.stack')} copied, or committed to git? Move it away here, then \`stack doctor --fix\` brings back what is this root's`,
    details: { ticket },
  });
}
