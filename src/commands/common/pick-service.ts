import path from 'node:path';
import type { Context } from '../../context.ts';
import { StackError } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';

/** Returns the service named; else the one whose worktree we are in; else the only one. Throws `usage`. */
export function pickService(context: Context, record: InstanceRecord, named: readonly string[]): string {
  if (named.length > 1) throw new StackError('usage', `one service at a time, not ${named.join(', ')}`);
  const [service] = named;
  if (service !== undefined) return service;
  const names = Object.keys(record.services);
  const here = dedicatedRepos(record).find(([, { worktree }]) => isInside(context.host.cwd, worktree))?.[0];
  const local = names.filter((name) => record.services[name]?.repo === here);
  const [only, ...others] = local.length > 0 ? local : names;
  if (only !== undefined && others.length === 0) return only;
  throw new StackError('usage', 'which service?', {
    hint: `${record.ticket} has ${names.join(', ') || 'none of its own'}`,
  });
}

function isInside(folder: string, parent: string): boolean {
  return folder === parent || folder.startsWith(parent + path.sep);
}
