import path from 'node:path';
import { ifThere } from '../../adapters/files/file-errors.ts';
import { canonicalPath } from '../../adapters/git/worktree/entry.ts';
import { dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import { isWithin } from '../../domain/within.ts';
import { configIfReadable, type Stack } from '../core/stack.ts';

/**
 * Returns the repo of an instance in whose worktree a folder is, and the service that has the longest folder around it, where that is
 * one alone; null for none.
 */
export async function findPlace(
  stack: Stack,
  record: InstanceRecord,
  cwd: string,
): Promise<{ repo: string | null; service: string | null }> {
  const here = await ifThere(canonicalPath(cwd));
  const isIn = (folder: string): boolean => here !== undefined && isWithin(here, folder);
  const [repo, own] = dedicatedRepos(record).find(([, { worktree }]) => isIn(worktree)) ?? [];
  if (repo === undefined || own === undefined) return { repo: null, service: null };
  const services = (await configIfReadable(stack))?.services ?? {};
  const folders = Object.entries(record.services).flatMap(([name, service]): { name: string; folder: string }[] => {
    const folder = path.join(own.worktree, services[name]?.dir ?? '');
    return service.repo === repo && isIn(folder) ? [{ name, folder }] : [];
  });
  const longest = Math.max(...folders.map(({ folder }) => folder.length));
  const [service, ...others] = folders.filter(({ folder }) => folder.length === longest);
  return { repo, service: service && others.length === 0 ? service.name : null };
}
