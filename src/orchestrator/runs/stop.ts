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
import { describeHolder, type RunRecord } from '../../domain/runs/run.ts';
import { requireInstance } from '../core/claim.ts';
import type { Stack } from '../core/stack.ts';
import type { TicketRisk } from '../safety/risks.ts';
import { observeRuns } from './observe.ts';
import { pickRun } from './pick.ts';
import { filesOf, listRunRecords } from './record.ts';
import { clearServer } from './server.ts';

/**
 * Ends a run with all that it has started, what has left its terminal included. Ended is done. Throws `process` for what does not
 * end, and `conflict` where this very command is a part of it.
 */
async function endRun(stack: Stack, run: RunRecord): Promise<void> {
  if (stack.env[MARKER] === run.marker) throw partOf(run.ticket);
  const { process: leader, marker, cwd } = run;
  if (leader?.leads && leader.startTime !== '' && (await isAlive(leader)))
    await endWhole({ ...leader, name: marker, cwd, startedAt: run.startedAt });
  else await endMarked(marker);
  if (run.place === 'background') await endKeeper(logFilesOf(filesOf(stack, run).log));
}

/** Ends the run of a ticket that is meant, as `pickRun` finds it, and returns it. Throws what `pickRun` and `endRun` throw. */
export async function stopRun(stack: Stack, ticket: string, wanted: string): Promise<RunRecord> {
  const { root, signal, store } = stack;
  const named = requireInstance(await store.read(), ticket).ticket;
  const end = async (): Promise<RunRecord> => {
    const { run } = await pickRun(stack, named, wanted);
    await endRun(stack, run);
    if (run.place === 'tmux') await clearServer(stack, [run]);
    return run;
  };
  // One that is just being begun would begin after its end.
  return withLock(runsLockOf(root, named), end, { signal });
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
    const all = await listRunRecords(stack, ticket);
    for (const run of all) await endRun(stack, run);
    // Of one that nothing is kept of something may have stayed.
    await endMarked(agentsMarker(stack.rootId, ticket));
    const ended = all.filter(({ place }) => place === 'tmux');
    if (ended.length > 0) await clearServer(stack, ended);
  };
  // One that is just being begun is waited for.
  await withLock(runsLockOf(root, ticket), end, { signal });
}

/** Ends all runs of a ticket, and deletes what is kept of them. Throws what `endRun` throws. */
export async function removeRuns(stack: Stack, ticket: string): Promise<void> {
  await endRuns(stack, ticket);
  await rm(inFolder(stack.root, 'runs', ticket), { recursive: true, force: true });
}

/** Returns what speaks against taking a ticket apart: an agent that is at work, or waits for an answer, may be about to write. */
export async function findAgents(stack: Stack, ticket: string): Promise<TicketRisk[]> {
  const holders = (await observeRuns(stack, ticket)).filter(({ holds }) => holds);
  return holders.map(({ view }) => ({
    ...{ ticket, repo: undefined },
    findings: [{ kind: 'agent', text: describeHolder({ ...view, name: `the agent ${view.name}` }) }],
  }));
}

/** The same once one that is just being begun has begun: in a ticket that is claimed none does after it. */
export async function findLateAgents(stack: Stack, ticket: string): Promise<TicketRisk[]> {
  return withLock(runsLockOf(stack.root, ticket), () => findAgents(stack, ticket), { signal: stack.signal });
}

/** Throws `conflict` while an agent is at work in a ticket that is to be made again. */
export async function requireNoAgents(stack: Stack, ticket: string): Promise<void> {
  const found = (await observeRuns(stack, ticket)).find(({ holds }) => holds)?.view;
  if (!found) return;
  const holder = { ...found, name: `the agent ${found.name}` };
  throw new StackError('conflict', describeHolder(holder, ` in ${ticket}`), {
    hint: `\`stack stop ${ticket} --run ${found.id}\` ends it; then run this again`,
  });
}
