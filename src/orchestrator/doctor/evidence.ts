import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { ifReadable } from '../../adapters/files/file-errors.ts';
import { readOwnEntry } from '../../adapters/git/worktree/entry.ts';
import { listOwnEntries, type OwnEntry } from '../../adapters/state/copies.ts';
import { readStateFile } from '../../adapters/state/file.ts';
import type { StackConfig } from '../../domain/config/config.ts';
import { ifAnswered, tolerate } from '../../domain/errors.ts';
import type { StackState } from '../../domain/instance.ts';
import { stateBackupOf } from '../../domain/layout.ts';
import { RUNTIME_NAMES, type WorkloadStatus } from '../../domain/runtime.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import { factsOf } from '../prepare/repos.ts';
import { listTicketFolders } from './traces.ts';

/** All from which records can be made again. */
export interface Evidence {
  /** With Unix milliseconds of when it was written. */
  backup: { state: StackState; savedAt: number } | undefined;
  /** Worktrees of this root, as their repos know them. */
  entries: OwnEntry[];
  /** Folders of tickets, by their pointers. */
  folders: string[];
  workloads: WorkloadStatus[];
  /** Git's common folders of the repos. */
  gitCommonDirs: string[];
  /** What could not be looked at: repos of stack.yml, or that file itself. What is in there may be missing here. */
  unseen: string[];
}

/** Looks for all that is left of a root's tickets and baseline. Changes nothing; what cannot be looked at is in `unseen`. */
export async function collectEvidence(stack: Stack): Promise<Evidence> {
  const config = await configIfReadable(stack);
  const listed = await tolerate(listTicketFolders(stack.root, config), 'files');
  const folders = listed ?? [];
  const [backup, repos, inFolders, workloads] = await Promise.all([
    readBackup(stack.root),
    listRepos(stack, config),
    listReposOf(folders),
    listWorkloads(stack),
  ]);
  const gitCommonDirs = [...new Set([...repos.found, ...inFolders])];
  const entries = await Promise.all(gitCommonDirs.map((folder) => tolerate(listOwnEntries(folder), 'files')));
  const unseen = [
    ...(config ? repos.unseen : ['stack.yml']),
    ...(listed ? [] : ['the folders of the tickets']),
    ...gitCommonDirs.filter((_, index) => entries[index] === undefined),
  ];
  return {
    backup,
    entries: entries.flatMap((found) => found ?? []).filter((entry) => isOurs(stack, entry)),
    folders,
    workloads,
    gitCommonDirs,
    unseen,
  };
}

async function readBackup(root: string): Promise<Evidence['backup']> {
  const file = stateBackupOf(root);
  const read = await tolerate(readStateFile(file, root), 'state', 'files');
  const found = await ifReadable(stat(file));
  return read && found && { state: read.state, savedAt: found.mtimeMs };
}

/** Returns the ticket that a worktree was made for. */
export function ticketOfEntry({ owner, state }: OwnEntry): string {
  return Object.keys(state?.instances ?? {})[0] ?? owner.replace(/ \([^)]*\)$/, '');
}

function isOurs({ root, rootId }: Stack, { owner, state }: OwnEntry): boolean {
  return (state?.root ?? root) === root && (owner === '' ? state !== undefined : owner.endsWith(` (${rootId})`));
}

async function listRepos(
  stack: Stack,
  config: StackConfig | undefined,
): Promise<{ found: string[]; unseen: string[] }> {
  if (!config) return { found: [], unseen: [] };
  const looks = await Promise.all(
    Object.keys(config.repos).map(async (repo) => ({
      repo,
      facts: await ifAnswered(() => factsOf(stack, config, repo)),
    })),
  );
  return {
    found: looks.flatMap(({ facts }) => (facts ? [facts.gitCommonDir] : [])),
    unseen: looks.flatMap(({ repo, facts }) => (facts ? [] : [repo])),
  };
}

/** Worktrees lead to their repos when stack.yml does not. */
async function listReposOf(folders: readonly string[]): Promise<string[]> {
  const found = folders.map(async (folder) => {
    const names = (await ifReadable(readdir(folder))) ?? [];
    const entries = await Promise.all(names.map((name) => ifReadable(readOwnEntry(path.join(folder, name)))));
    return entries.flatMap((entry) => (entry ? [path.dirname(path.dirname(entry.folder))] : []));
  });
  return (await Promise.all(found)).flat();
}

/** Returns every workload of a root, of those runtimes that can be asked. */
async function listWorkloads(stack: Stack): Promise<WorkloadStatus[]> {
  const found = RUNTIME_NAMES.map(async (name) => {
    const runtime = await stack.runtime(name);
    return (await runtime.check()).ok ? tolerate(runtime.status(stack.rootId), 'engine') : [];
  });
  return (await Promise.all(found)).flatMap((all) => all ?? []);
}
