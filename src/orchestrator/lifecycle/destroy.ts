import { discardWork, forgetSaved } from '../../adapters/git/change/discard.ts';
import { bestEffort } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import { HOST_RUNTIME } from '../../domain/runtime.ts';
import { stepName } from '../../domain/step.ts';
import { requireFree, requireInstance, requireInstances } from '../core/claim.ts';
import { requireUnchanging, settleChangesOf, withChangeLock } from '../core/journal.ts';
import { requireOwnThings } from '../core/ownership.ts';
import type { Stack } from '../core/stack.ts';
import { createWork } from '../core/work.ts';
import { findAgents, requireOutside } from '../runs/stop.ts';
import { requireEngine } from '../safety/lost-engine.ts';
import { listLarge } from '../safety/rescue.ts';
import { findRisks, requireSavable, riskError, type TicketRisk } from '../safety/risks.ts';
import { listRecordedSteps } from '../steps/list.ts';
import { type DestroyedTicket, type RemoveOptions, removeTicket } from './remove.ts';
import { repairWorktrees } from './repair-worktrees.ts';
import { keepBranches } from './save-first.ts';

export interface DestroyOptions extends RemoveOptions {
  /** Tickets with something to lose stay, and the others go; otherwise one of them is a refusal of all. */
  leaves?: boolean;
}

/**
 * Destroys tickets, one after the other, once all of them have been looked at: is the engine there, are the worktrees where
 * they should be, would work be lost. Then it refuses, or with `force` asks before it saves much. Returns what was
 * saved of each, and what the tickets that stay would lose. Throws `engine`, `dirty`, `unpushed`, `conflict`, `confirm`,
 * `leftover`, `not-found`, `busy`.
 */
export async function destroyTickets(
  stack: Stack,
  tickets: readonly string[],
  options: DestroyOptions,
  ask: (question: string) => Promise<void>,
): Promise<{ destroyed: DestroyedTicket[]; left: TicketRisk[] }> {
  const records = requireInstances(await stack.store.read(), tickets);
  const made = records.filter(({ verifies }) => verifies !== undefined).map(({ ticket }) => ticket);
  for (const ticket of made) await withChangeLock(stack, ticket, () => unmakeVerification(stack, ticket));
  const others = records.map(({ ticket }) => ticket).filter((ticket) => !made.includes(ticket));
  const { destroyed, left } = await destroyAll(stack, others, options, ask);
  return { destroyed: [...made.map((ticket) => ({ ticket, rescued: [] })), ...destroyed], left };
}

/**
 * Takes a ticket apart that was made to verify a merge: nothing in there is anybody's. None, or another one, is done. Call it with its
 * change lock held. Throws what `destroyTickets` throws.
 */
export async function unmakeVerification(stack: Stack, ticket: string, verifies?: string): Promise<void> {
  const record = (await stack.store.read()).instances[ticket];
  if (record?.verifies === undefined || (verifies !== undefined && record.verifies !== verifies)) return;
  // Of another root's nothing is thrown away.
  await requireOwnThings(stack, record);
  const repos = dedicatedRepos(record);
  await Promise.all(repos.map(([, { worktree, gitCommonDir }]) => discardWork(worktree, gitCommonDir)));
  await (await stack.runtime(HOST_RUNTIME)).endRuns?.({ rootId: stack.rootId, instance: ticket, repo: 'verify' });
  const how = { force: true, keepBranch: false, noDump: true };
  // Of what is saved on the way nobody is told, since it goes too.
  await destroyAll({ ...stack, emit: () => undefined }, [ticket], how, async () => undefined);
  await Promise.all(repos.map(([, own]) => forgetSaved(own.gitCommonDir, ticket)));
}

async function destroyAll(
  stack: Stack,
  tickets: readonly string[],
  options: DestroyOptions,
  ask: (question: string) => Promise<void>,
): Promise<{ destroyed: DestroyedTicket[]; left: TicketRisk[] }> {
  for (const ticket of tickets) requireOutside(stack, ticket);
  if (!options.force) await requireEngine(stack, tickets);
  const records = requireInstances(await stack.store.read(), tickets);
  for (const { ticket } of records) await requireUnchanging(stack, ticket);
  await settleChangesOf(
    stack,
    records.map(({ ticket }) => ticket),
  );
  await repairWorktrees(stack, tickets, { branches: false });
  const risks = await examineTickets(stack, tickets, options);
  if (options.force) {
    requireSavable(risks);
    for (const question of listQuestions(risks)) await ask(question);
  } else if (!options.leaves && risks.length > 0) throw riskError(risks);
  const left = options.leaves ? risks : [];
  const going = tickets.filter((name) => left.every(({ ticket }) => ticket !== name));
  // Only now: of a destroy that refuses nobody sees a thing.
  await repairWorktrees(stack, going, { branches: true });
  const destroyed: DestroyedTicket[] = [];
  for (const ticket of going) destroyed.push(await removeTicket(stack, ticket, { ...options, risks }));
  return { destroyed, left };
}

/** Returns what `destroyTickets` would remove, and what stands in the way. Touches nothing. Throws `not-found`, `busy`. */
export async function previewDestroy(
  stack: Stack,
  tickets: readonly string[],
  options: DestroyOptions,
): Promise<{ planned: DestroyPlan[]; risks: TicketRisk[] }> {
  const risks = await examineTickets(stack, tickets, options);
  return { planned: await Promise.all(tickets.map((ticket) => planDestroy(stack, ticket, options))), risks };
}

/** Ignored files may be a database dump: git keeps whatever it is given. */
function listQuestions(risks: readonly TicketRisk[]): string[] {
  return listLarge(risks).map(({ ticket, repo, paths, bytes }) => {
    const files = `${paths.slice(0, 4).join(', ')}${paths.length > 4 ? ', …' : ''}`;
    const what = repo === undefined ? 'files beside the worktrees' : `files that git ignores in ${repo}`;
    const where = repo === undefined ? 'its repos' : 'that repo';
    return `Save ${Math.round(bytes / 1_000_000)} MB of ${what} of ${ticket} (${files}) in ${where}?`;
  });
}

/** Returns what speaks against taking tickets apart, in all of their repos. Touches nothing. Throws `not-found` and `busy`. */
async function examineTickets(stack: Stack, tickets: readonly string[], options: RemoveOptions): Promise<TicketRisk[]> {
  const state = await stack.store.read();
  const records = requireInstances(state, tickets);
  for (const record of records) await requireOwnThings(stack, record);
  // What was made to verify a ticket goes in a moment, and its branches with it.
  const goes = (record: InstanceRecord): boolean =>
    record.phase === 'destroying' || record.verifies !== undefined || (records.includes(record) && !options.keepBranch);
  const all = Object.values(state.instances).filter(goes);
  const looks = await Promise.allSettled(
    records.map((record) => {
      const going = all.filter((other) => other !== record);
      return findRisks(stack, record, { ...options, going });
    }),
  );
  // What was seen while another command had its hands in there is not how things are.
  for (const record of requireInstances(await stack.store.read(), tickets)) await requireFree(stack, record);
  const found = looks.flatMap((look) => {
    if (look.status === 'rejected') throw look.reason;
    return look.value;
  });
  const agents = await Promise.all(records.map(({ ticket }) => findAgents(stack, ticket)));
  return [...found, ...agents.flat()];
}

/** What a destroy would unmake, in order. */
export interface DestroyPlan {
  ticket: string;
  steps: { id: string; subject: string; title: string }[];
}

/** Returns what taking a ticket apart would unmake. Touches nothing. Throws `not-found`. */
async function planDestroy(
  stack: Stack,
  ticket: string,
  options: Pick<RemoveOptions, 'keepBranch'>,
): Promise<DestroyPlan> {
  const state = await stack.store.read();
  const record = structuredClone(requireInstance(state, ticket));
  if (options.keepBranch) keepBranches(record);
  const work = createWork({ stack, config: undefined, record, baseline: state.baseline, shared: state.shared });
  const steps = listRecordedSteps(work).filter(({ ownedByOther }) => !ownedByOther);
  // What cannot be looked at is there until somebody has looked.
  const states = await Promise.all(steps.map((step) => bestEffort(step.inspect())));
  const there = steps.filter((_, index) => states[index] !== 'absent').reverse();
  return {
    ticket: record.ticket,
    steps: there.map(({ id, subject, title }) => ({ id: stepName(id), subject, title })),
  };
}
