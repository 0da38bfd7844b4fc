import { rescueWork } from '../adapters/git/rescue.ts';
import type { InstanceRecord } from '../domain/instance.ts';
import { findRisks, listForeignFiles, riskError, type TicketRisk } from './checks.ts';
import { claimInstance, requireInstance } from './claim.ts';
import { runBackward } from './run.ts';
import { requireDedicated } from './spec.ts';
import type { Stack } from './stack.ts';
import { listRecordedSteps } from './steps/list.ts';
import { leftoverError } from './unwind.ts';
import { createWork } from './work.ts';

export interface TakeApartOptions {
  /** Saves work that would be lost under `refs/stack/rescue/` and goes on. */
  force: boolean;
  keepBranch: boolean;
}

/** What destroy left on purpose: where work was saved, and files of people beside the worktrees. */
export interface TakenApart {
  ticket: string;
  rescued: { repo: string; ref: string }[];
  kept: string[];
}

/** Throws `dirty` or `unpushed` when taking the tickets apart would lose work in any repo. Touches nothing. */
export async function requireNothingAtRisk(
  stack: Stack,
  tickets: readonly string[],
  options: TakeApartOptions,
): Promise<void> {
  if (options.force) return;
  const state = await stack.store.read();
  const risks = await Promise.all(tickets.map((ticket) => findRisks(requireInstance(state, ticket), options)));
  if (risks.flat().length > 0) throw riskError(risks.flat());
}

/**
 * Unmakes everything a ticket is made of, told from its record alone: it works when stack.yml has changed or is gone.
 * Throws `dirty`/`unpushed` before anything is touched, `leftover` when something survives; the record then stays.
 */
export async function takeApart(stack: Stack, ticket: string, options: TakeApartOptions): Promise<TakenApart> {
  await requireNothingAtRisk(stack, [ticket], options);
  const { record, state } = await claimInstance(stack, ticket, (found) => {
    found.phase = 'destroying';
    if (options.keepBranch) disownBranches(found);
  });
  const rescued = options.force ? await rescueAll(record, await findRisks(record, options)) : [];
  for (const { repo, ref } of rescued)
    stack.emit({ type: 'info', text: `${repo}: saved what was not pushed under ${ref}` });
  const kept = await listForeignFiles(record);
  if (kept.length > 0) stack.emit({ type: 'warning', text: `${record.folder} stays: it holds ${kept.join(', ')}` });
  const parts = { stack, config: undefined, record, baseline: state.baseline, shared: state.shared };
  const work = createWork(parts, { saved: options.force });
  const leftovers = await runBackward(listRecordedSteps(work), stack);
  if (leftovers.length > 0) throw leftoverError(record.ticket, leftovers);
  await stack.store.update((draft) => {
    delete draft.instances[record.ticket];
  });
  return { ticket: record.ticket, rescued, kept };
}

/** A branch that is to be kept is from now on the person's: also a destroy that goes on later leaves it. */
function disownBranches(record: InstanceRecord): void {
  for (const repo of Object.values(record.repos)) {
    if (repo.mode === 'dedicated') repo.ownsBranch = false;
  }
}

async function rescueAll(
  record: InstanceRecord,
  risks: readonly TicketRisk[],
): Promise<{ repo: string; ref: string }[]> {
  const time = new Date().toISOString().replaceAll(/[-:]/g, '').replace(/\.\d+/, '');
  const saved = await Promise.all(
    risks.map(async ({ repo }) => {
      const { path: repoPath, worktree, branch } = requireDedicated(record, repo);
      const ref = await rescueWork({ repoPath, worktree, branch, ref: `refs/stack/rescue/${record.ticket}/${time}` });
      return ref === undefined ? [] : [{ repo, ref }];
    }),
  );
  return saved.flat();
}
