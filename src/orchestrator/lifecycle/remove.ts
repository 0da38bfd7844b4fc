import { refuseLinkedFolder } from '../../adapters/files/own-folders.ts';
import { bestEffort, StackError } from '../../domain/errors.ts';
import type { InstanceRecord, StackState } from '../../domain/instance.ts';
import { hasOwnData } from '../../domain/own.ts';
import type { Rescue, SavedData, SaveStamp } from '../../domain/rescue.ts';
import type { Step } from '../../domain/step.ts';
import { claimInstance, isOwnerAlive } from '../core/claim.ts';
import { requireUnchanging } from '../core/journal.ts';
import { interruptedAt, leftoverError } from '../core/leftover.ts';
import { removeReviews } from '../core/plans.ts';
import { dropRecreate } from '../core/recreating.ts';
import { type Leftover, runBackward } from '../core/run.ts';
import type { Stack } from '../core/stack.ts';
import { createWork, savedBy, saveRecord, type Work } from '../core/work.ts';
import { removeOwnFolder } from '../data/own-folder.ts';
import { describeSafe, keepDumpRecord, purgeDumps, saveData } from '../data/saved-data.ts';
import { forgetSeen } from '../review/seen.ts';
import { purgeDocuments } from '../runs/brief/documents.ts';
import { endRuns, findLateAgents, removeRuns } from '../runs/stop.ts';
import { findLostEngine, isInEngine, listAbandoned } from '../safety/lost-engine.ts';
import { purgeQuiet, rescueTicket } from '../safety/rescue.ts';
import { stampOf } from '../safety/rescues.ts';
import { findRisks, findUnreachable, riskError, type TicketRisk } from '../safety/risks.ts';
import { listRecordedSteps } from '../steps/list.ts';
import { removeForgotten, requireNothingLeft } from './leftovers.ts';
import { listSaved, markDestroying, saveFirst } from './save-first.ts';
import { requireAlone, withOwnServers } from './stop.ts';
import { isLate, MORE_SAVES } from './unwind.ts';

export interface RemoveOptions {
  /** Saves work that would be lost under `refs/stack/rescue/` and goes on. */
  force: boolean;
  keepBranch: boolean;
  /** Leaves what is in an engine that does not answer, and names it. */
  abandon?: boolean;
  /** Data of its own goes without a dump. */
  noDump?: boolean;
  /** Only what is half-made or half-unmade: whoever was at it may have finished since somebody looked. */
  unfinished?: boolean;
  /** It is made again: what a `recreate` wrote down of it stays. */
  remade?: boolean;
}

/** What destroy saved, and where. */
export interface DestroyedTicket {
  ticket: string;
  rescued: { repo: string; ref: string }[];
  /** Files beside the worktrees that were saved. */
  beside?: string[];
  /**
   * Where commits that were amended, rebased away or taken back are kept for some time, and (`files`) what a person may have
   * written while a set-up ran; undefined where there was nothing of that.
   */
  quiet?: { repo: string; ref: string; files: boolean }[];
  /** Where its data is saved; undefined when it had none, or none that was its own. */
  data?: SavedData;
}

/**
 * Unmakes everything a ticket is made of, told from its record alone: it works when stack.yml has changed or is gone. Only
 * the worktree steps look once more whether work would be lost; `risks` is what was found before, and with `force` is saved
 * first. Throws `leftover` when something survives; the record then stays, and a second call goes on from there.
 */
export async function removeTicket(
  stack: Stack,
  ticket: string,
  options: RemoveOptions & { risks: readonly TicketRisk[] },
): Promise<DestroyedTicket> {
  let before: InstanceRecord | undefined;
  let going: InstanceRecord[] = [];
  const { record, state } = await claimInstance(stack, ticket, async (found, draft) => {
    if (options.unfinished && found.phase === 'ready') throw finished(ticket);
    // It may have begun since the first look.
    await requireUnchanging(stack, ticket);
    await refuseLinkedFolder(stack.root, found.folder);
    before = structuredClone(found);
    going = await listGoing(draft, found);
    if (!options.force && !hasOwnData(found)) markDestroying(found, options);
  });
  const parts = { stack, config: undefined, record, baseline: state.baseline, shared: state.shared };
  const work = createWork(parts);
  const risks = await lookAgain(stack, record, { ...options, going }).catch(async (error: unknown) => {
    Object.assign(record, before, { owner: undefined });
    await saveRecord(work);
    throw error;
  });
  const how = { ...options, risks, halfMade: before?.phase === 'creating' };
  const lost = options.abandon ? await findLostEngine(stack, work) : undefined;
  return lost === undefined ? withOwnServers(work, () => unmake(work, how)) : abandon(work, how, lost);
}

/** What is known of a ticket that goes. */
interface Going extends RemoveOptions {
  risks: readonly TicketRisk[];
  /** True where its create did not finish; its record says so no more. */
  halfMade: boolean;
}

/** The tickets that another command is about to unmake, or has begun to: whoever comes later sees those that came before. */
async function listGoing(state: StackState, record: InstanceRecord): Promise<InstanceRecord[]> {
  const others = Object.values(state.instances).filter((other) => other !== record);
  const isGoing = async ({ phase, owner, verifies }: InstanceRecord, isOwned: boolean): Promise<boolean> =>
    phase === 'destroying' || verifies !== undefined || (isOwned && /^stack\b.* destroy\b/.test(owner?.command ?? ''));
  const answers = await Promise.all(others.map(async (other) => isGoing(other, await isOwnerAlive(other))));
  return others.filter((_, index) => answers[index]);
}

/**
 * Since the first look others may have begun to unmake the tickets that kept a commit of this one, and an agent may have begun; none does
 * while the ticket is claimed. Throws `unpushed`, `conflict`.
 */
async function lookAgain(
  stack: Stack,
  record: InstanceRecord,
  options: RemoveOptions & { risks: readonly TicketRisk[]; going: readonly InstanceRecord[] },
): Promise<readonly TicketRisk[]> {
  const agents = options.force ? [] : await findLateAgents(stack, record.ticket);
  const late = [...(await findUnreachable(record, options)), ...agents];
  if (late.length > 0 && !options.force) throw riskError(late);
  return [...options.risks, ...late];
}

function finished(ticket: string): StackError {
  return new StackError('exists', `${ticket} has been finished meanwhile`, {
    hint: `\`stack start ${ticket}\` starts it, \`stack destroy ${ticket}\` removes it`,
  });
}

/** Unmakes all but what is in an engine that is gone. Throws `leftover` all the same: somebody should know. */
async function abandon(work: Work, options: Going, reason: string): Promise<never> {
  const { stack, record } = work;
  const { ticket } = record;
  await endRuns(stack, ticket);
  const rescue = await saveFirst(work, options, { ...(await stampOf(work)), data: undefined, rests: false });
  await revertAll(work, options, { rescue, rests: false }, (step) => !isInEngine(work, step));
  await removeOwnFolder(stack, ticket);
  await removeRuns(stack, ticket);
  const left = listAbandoned(work);
  await stack.store.update((draft) => {
    delete draft.instances[ticket];
    dropRecreate(draft, ticket);
  });
  await bestEffort(forgetSeen(stack.root, ticket));
  throw new StackError('leftover', `${ticket} is gone but for what is in the engine: ${left.join(', ')}`, {
    hint: `${reason}; when it does again, \`stack doctor --fix\` removes that`,
    details: { ticket, leftovers: left },
  });
}

async function unmake(work: Work, options: Going): Promise<DestroyedTicket> {
  const { stack, record } = work;
  await endRuns(stack, record.ticket);
  const stamp = options.force || hasOwnData(record) ? await stampOf(work) : undefined;
  const data = stamp && hasOwnData(record) ? await secureData(work, options, stamp) : undefined;
  const rescue = stamp && options.force ? await saveFirst(work, options, { ...stamp, data, rests: true }) : undefined;
  const quiet = listQuiet(rescue ?? (await saveQuietly(work, options, { stamp, data })));
  const more = await revertAll(work, options, { rescue, data, rests: true });
  await removeRuns(stack, record.ticket);
  if (!options.remade) await removeReviews(stack, record);
  await removeForgotten(work);
  await requireNothingLeft(work);
  await stack.store.update((draft) => {
    delete draft.instances[record.ticket];
    if (!options.remade) dropRecreate(draft, record.ticket);
  });
  await bestEffort(forgetSeen(stack.root, record.ticket));
  await bestEffort(purgeDocuments(stack));
  // What is too old goes with a later one, should it not go now.
  if (hasOwnData(record)) await bestEffort(purgeDumps(work));
  if (quiet.length > 0) await bestEffort(purgeQuiet(stack, record));
  return {
    ticket: record.ticket,
    rescued: [{ rescue, risks: options.risks }, ...more].flatMap((one) => listSaved(one.rescue, one.risks)),
    ...listSavedBeside(rescue, options.risks),
    ...(quiet.length > 0 && { quiet }),
    ...(data && { data }),
  };
}

/**
 * Reverts the steps. Where all has been saved and something came in before it went, that is saved as well; where nothing had
 * to be saved it is a refusal. Returns what was saved so. Throws `leftover`, `interrupted`.
 */
async function revertAll(
  work: Work,
  options: Going,
  saved: { rescue: Rescue | undefined; data?: SavedData | undefined; rests: boolean },
  isWanted: (step: Step) => boolean = () => true,
): Promise<{ rescue: Rescue | undefined; risks: readonly TicketRisk[] }[]> {
  const { stack, record } = work;
  const { data, rests } = saved;
  const more: { rescue: Rescue | undefined; risks: readonly TicketRisk[] }[] = [];
  for (let { rescue } = saved; ; ) {
    const steps = listRecordedSteps({ ...work, ...savedBy(rescue) }).filter(isWanted);
    const leftovers = await runBackward(steps, { ...stack, until: stack.signal });
    if (stack.signal.aborted) throw interruptedAt(`stack destroy ${record.ticket}`);
    if (leftovers.length === 0) return more;
    const error = leftoverError(record.ticket, leftovers);
    if (!savedBy(rescue).saved || more.length === MORE_SAVES || !leftovers.every(isLate)) throw error;
    for (const text of leftovers.flatMap(listFindings))
      stack.emit({ type: 'info', text: `${record.ticket}: ${text}, and is saved as well` });
    try {
      const risks = await findRisks(stack, record, options);
      rescue = await saveFirst(work, { ...options, risks }, { ...(await stampOf(work)), data, rests });
      more.push({ rescue, risks });
    } catch (cause) {
      // What came in stays where it is; a fault of ours is told for itself.
      throw cause instanceof StackError ? error : cause;
    }
  }
}

function listFindings({ error }: Leftover): string[] {
  const { details, message } = error as StackError;
  const risks = Array.isArray(details) ? (details as TicketRisk[]) : undefined;
  return risks?.flatMap(({ findings }) => findings.map(({ text }) => text)) ?? [message];
}

/** Keeps what nobody is asked about, where nothing else had to be saved. */
async function saveQuietly(
  work: Work,
  { halfMade }: Going,
  { stamp, data }: { stamp: SaveStamp | undefined; data: SavedData | undefined },
): Promise<Rescue | undefined> {
  return rescueTicket(work.record, [], { stamp: async () => stamp ?? stampOf(work), data, halfMade });
}

function listQuiet(rescue: Rescue | undefined): NonNullable<DestroyedTicket['quiet']> {
  if (!rescue?.quiet) return [];
  return Object.entries(rescue.repos).flatMap(([repo, one]) =>
    one.mode === 'dedicated' && (one.others || one.files) && one.ref !== undefined
      ? [{ repo, ref: one.ref, files: one.files !== undefined }]
      : [],
  );
}

/** While its data is in use, or cannot be saved, the ticket is as it was, but at rest. */
async function secureData(work: Work, options: RemoveOptions, stamp: SaveStamp): Promise<SavedData | undefined> {
  const { record } = work;
  try {
    const isWhole = record.phase === 'ready';
    if (isWhole) await requireAlone(work, { force: options.force, staysAtRest: true });
    const data = isWhole && !options.noDump ? await saveData(work, stamp.time) : undefined;
    if (data) await keepDumpRecord(work.stack, await describeSafe(record, stamp, data));
    if (!options.force) markDestroying(record, options);
    return data;
  } catch (error) {
    record.owner = undefined;
    throw error;
  } finally {
    await saveRecord(work);
  }
}

function listSavedBeside(rescue: Rescue | undefined, risks: readonly TicketRisk[]): Pick<DestroyedTicket, 'beside'> {
  const own = risks.filter(({ ticket, repo }) => rescue?.ticket === ticket && repo === undefined);
  const paths = own.flatMap(({ findings }) => findings.flatMap((finding) => finding.paths ?? []));
  return paths.length > 0 ? { beside: paths } : {};
}
