import path from 'node:path';
import { measureFolders, readFreeBytes } from '../../adapters/files/disk-use.ts';
import { isThere } from '../../adapters/files/files.ts';
import { measureTree } from '../../adapters/git/tree-size.ts';
import { ifAnswered, StackError } from '../../domain/errors.ts';
import { type DedicatedRepo, type InstanceRecord, madeRepos, type StackState } from '../../domain/instance.ts';
import { formatBytes } from '../../domain/size.ts';
import type { Stack } from '../core/stack.ts';

/** A disk with so much room is not asked about: what a ticket needs takes a while to find out. */
const PLENTY = 20 * 1024 ** 3;
/** What else writes to the disk meanwhile. */
const SPARE = 16 * 1024 ** 2;

/**
 * Throws `files` where the disk has no room for the worktrees of a ticket that is to be made: each needs what its commit has, or what
 * the last set-up of that repo left in another ticket, whichever is more. What goes before it is made in its place is counted as free.
 */
export async function requireDisk(stack: Stack, record: InstanceRecord, instead?: InstanceRecord): Promise<void> {
  const left = await readFreeBytes(await findFolder(record.folder));
  if (left > PLENTY) return;
  const free = left + ((instead && (await measureFolders([instead.folder]))) ?? 0);
  const state = await stack.store.read();
  const needs = await Promise.all(madeRepos(record).map(([name, repo]) => estimate(state, name, repo)));
  const needed = needs.reduce((total, one) => total + one, SPARE);
  if (needed <= free) return;
  throw new StackError(
    'files',
    `${record.ticket} needs about ${formatBytes(needed)} of the disk, and ${formatBytes(free)} are left`,
    {
      hint: '`stack top` shows what each ticket takes, `stack destroy TICKET` frees it',
      details: { needed, free },
    },
  );
}

async function estimate({ instances }: StackState, name: string, repo: DedicatedRepo): Promise<number> {
  const [last] = Object.values(instances)
    .sort((one, other) => (one.createdAt < other.createdAt ? 1 : -1))
    .flatMap(({ repos }) => {
      const other = repos[name];
      return other?.mode === 'dedicated' && other.setUp ? [other.worktree] : [];
    });
  const [tracked, before] = await Promise.all([
    ifAnswered(() => measureTree(repo.path, repo.baseCommit)),
    last === undefined ? undefined : measureFolders([last]),
  ]);
  return Math.max(tracked ?? 0, before ?? 0);
}

/** The nearest that is there. */
async function findFolder(folder: string): Promise<string> {
  return (await isThere(folder)) ? folder : findFolder(path.dirname(folder));
}
