import { rm } from 'node:fs/promises';
import { withLock } from '../../adapters/lock.ts';
import { endMarked, endWhole } from '../../adapters/process/group.ts';
import { isAlive } from '../../adapters/process/identity.ts';
import { logFilesOf } from '../../adapters/process/log-files.ts';
import { endKeeper } from '../../adapters/process/log-keeper.ts';
import { isMarked, MARKER } from '../../adapters/process/table.ts';
import { StackError } from '../../domain/errors.ts';
import { inFolder, runsLockOf } from '../../domain/layout.ts';
import { agentsMarker } from '../../domain/names.ts';
import { isAtWork, type RunRecord, type RunView } from '../../domain/runs/run.ts';
import type { Stack } from '../core/stack.ts';
import { observeRuns } from './observe.ts';
import { filesOf, listRunRecords } from './record.ts';

/**
 * Ends a run with all that it has started, what has left its terminal included. Ended is done. Throws `process` for what does not
 * end, and `conflict` where this very command is a part of it.
 */
export async function endRun(stack: Stack, run: RunRecord): Promise<void> {
  if (stack.env[MARKER] === run.marker) throw partOf(run.ticket);
  const { process: leader, marker, cwd } = run;
  if (leader?.leads && leader.startTime !== '' && (await isAlive(leader)))
    await endWhole({ ...leader, name: marker, cwd, startedAt: run.startedAt });
  else await endMarked(marker);
  if (run.place === 'background') await endKeeper(logFilesOf(filesOf(stack, run).log));
}

/** Throws `conflict` where this command is a part of one of a ticket's agents: it would end itself, half-way. */
export function requireOutside({ env, rootId }: Stack, ticket: string): void {
  if (isMarked(env[MARKER], [agentsMarker(rootId, ticket)])) throw partOf(ticket);
}

function partOf(ticket: string): StackError {
  return new StackError(
    'conflict',
    `this command is a part of an agent that works in ${ticket}, and would end itself`,
    {
      hint: 'let a person do that, from another terminal',
    },
  );
}

/** Ends all runs of a ticket. Throws what `endRun` throws. */
export async function endRuns(stack: Stack, ticket: string): Promise<void> {
  const { root, signal } = stack;
  const end = async (): Promise<void> => {
    for (const run of await listRunRecords(stack, ticket)) await endRun(stack, run);
  };
  // One that is just being begun is waited for.
  await withLock(runsLockOf(root, ticket), end, { signal });
}

/** Ends all runs of a ticket, and deletes what is kept of them. Throws what `endRun` throws. */
export async function removeRuns(stack: Stack, ticket: string): Promise<void> {
  await endRuns(stack, ticket);
  await rm(inFolder(stack.root, 'runs', ticket), { recursive: true, force: true });
}

/** Returns the agents that are at work in a ticket. */
export async function listAtWork(stack: Stack, ticket: string): Promise<RunView[]> {
  return (await observeRuns(stack, ticket)).map(({ view }) => view).filter(isAtWork);
}
