import path from 'node:path';
import { listRecords } from '../../adapters/git/rescue/refs.ts';
import { tolerate } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import { isNewer, parseRescue, type Rescue, rescueTime, type SaveStamp } from '../../domain/rescue.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';
import type { Work } from '../core/work.ts';
import { listDumpRecords } from '../data/saved-data.ts';

/** Returns what the repos of stack.yml keep of tickets that were destroyed with work in them, the newest first. */
export async function listRescues(stack: Stack): Promise<Rescue[]> {
  const { repos } = await stack.config();
  return readRescues(
    stack,
    Object.values(repos).map((repo) => path.resolve(stack.root, repo.path)),
  );
}

/** Returns when a ticket is saved now, and which save that is. Never throws. */
export async function stampOf({ stack, record }: Pick<Work, 'stack' | 'record'>): Promise<SaveStamp> {
  return { time: rescueTime(new Date()), sequence: await nextSequence(stack, record) };
}

/** Returns the number of the next save: greater than that of all that are known where the ticket is saved. Never throws. */
async function nextSequence(stack: Stack, record: InstanceRecord): Promise<number> {
  const config = await configIfReadable(stack);
  const listed = Object.values(config?.repos ?? {}).map((repo) => path.resolve(stack.root, repo.path));
  const own = dedicatedRepos(record).map(([, repo]) => repo.path);
  const rescues = await readRescues(stack, [...new Set([...listed, ...own])]);
  return 1 + Math.max(0, ...rescues.map(({ sequence = 0 }) => sequence));
}

async function readRescues(stack: Stack, folders: readonly string[]): Promise<Rescue[]> {
  // A repo that is gone keeps nothing; each of the others has a copy of every record.
  const texts = await Promise.all(folders.map((folder) => tolerate(listRecords(folder), 'git')));
  // Git's own record comes last: it also knows of uncommitted work.
  const rescues = [
    ...(await listDumpRecords(stack)),
    ...texts.flatMap((found = []) => found.flatMap((text) => parseRescue(text) ?? [])),
  ];
  const unique = new Map(rescues.map((rescue) => [`${rescue.ticket} ${rescue.time}`, rescue]));
  return [...unique.values()].sort((one, other) => (isNewer(one, other) ? -1 : 1));
}
