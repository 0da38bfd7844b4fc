import path from 'node:path';
import { StackError } from '../errors.ts';
import { BASELINE, dedicatedRepos, type InstanceRecord, type StackState } from '../instance.ts';
import { listHolders } from '../leases.ts';
import { titleOf } from '../own-kinds.ts';
import { parseTicketName } from '../ticket.ts';
import { isWithin } from '../within.ts';

/** Says what in a state of the right shape stack would never have written; undefined for nothing. */
export function findNonsense(state: StackState): string | undefined {
  if (!isPlace(state.root)) return `its root is ${JSON.stringify(state.root)}`;
  if (state.baseline && state.baseline.ticket !== BASELINE) return 'its baseline has another name';
  for (const [name, record] of Object.entries(state.instances)) {
    const nonsense = findInRecord(state.root, name, record);
    if (nonsense !== undefined) return `${name}: ${nonsense}`;
  }
  return findSharedPort(state) ?? findSharedNumber(state);
}

function findInRecord(root: string, name: string, record: InstanceRecord): string | undefined {
  if (record.ticket !== name || !isNamed(record)) return `it is not a record of ${name}`;
  const { folder } = record;
  if (!isPlace(folder) || path.basename(folder) !== name || isWithin(root, folder)) {
    return `its folder is ${JSON.stringify(folder)}`;
  }
  for (const [repo, own] of dedicatedRepos(record)) {
    if (!isPlace(own.path) || !isPlace(own.gitCommonDir)) return `${repo} has no path`;
    // One that somebody has moved is removed from where it is now, and one that somebody else made never is.
    const isAstray = !isWithin(own.worktree, folder) && record.phase !== 'destroying' && !own.adopted;
    if (
      !isPlace(own.worktree) ||
      isAstray ||
      [root, own.path, own.gitCommonDir].some((one) => isWithin(one, own.worktree))
    )
      return `its worktree of ${repo} is at ${JSON.stringify(own.worktree)}`;
    const out = own.envFiles.find((file) => file === '' || !isWithin(path.join('/x', file), '/x'));
    if (out !== undefined) return `its env file ${JSON.stringify(out)} is not in ${repo}`;
  }
  return undefined;
}

function isNamed({ argument, ticket }: InstanceRecord): boolean {
  try {
    return parseTicketName(argument).ticket === ticket;
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    return false;
  }
}

/** True for an absolute path without detours. */
function isPlace(file: string): boolean {
  return path.isAbsolute(file) && path.normalize(file) === file && !file.includes('\0');
}

/** A port is promised once. */
function findSharedPort(state: StackState): string | undefined {
  const holders = new Map<number, string>();
  for (const [port, holder] of listHolders(state)) {
    const other = holders.get(port);
    if (other !== undefined) return `${other} and ${holder} have the same port ${port}`;
    holders.set(port, holder);
  }
  return undefined;
}

/** A ticket's destroy empties its numbered database. */
function findSharedNumber({ instances }: StackState): string | undefined {
  const holders = new Map<string, string>();
  for (const { ticket, own = {} } of Object.values(instances)) {
    for (const [name, part] of Object.entries(own)) {
      if (part.as !== 'number' || part.number === undefined) continue;
      const thing = `database ${part.number} of ${titleOf(name)}`;
      const other = holders.get(thing);
      if (other !== undefined) return `${other} and ${ticket} have the same ${thing}`;
      holders.set(thing, ticket);
    }
  }
  return undefined;
}
