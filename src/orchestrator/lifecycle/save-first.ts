import { unlockWorktree } from '../../adapters/git/worktree/worktree.ts';
import { dedicatedRepos, type InstanceRecord, requireDedicated } from '../../domain/instance.ts';
import type { Rescue, SavedData, SaveStamp } from '../../domain/rescue.ts';
import type { Stack } from '../core/stack.ts';
import { saveRecord, type Work } from '../core/work.ts';
import { rescueTicket } from '../safety/rescue.ts';
import { findRisks, requireNobodyInside, requireSavable, type TicketRisk } from '../safety/risks.ts';
import { bringToRest } from './stop.ts';

/**
 * Saves what would be lost with a ticket, and marks it as one that goes. Returns the rescue; undefined where there was nothing to
 * save. Nothing is condemned before all is saved: when that fails the ticket is as it was, but at rest. Throws `dirty` for what
 * cannot be saved, `leftover` while somebody works in its folders, `git`, `files`.
 */
export async function saveFirst(
  work: Work,
  options: { keepBranch: boolean; halfMade: boolean; risks: readonly TicketRisk[] },
  saved: SaveStamp & { data: SavedData | undefined; rests: boolean },
): Promise<Rescue | undefined> {
  const { record, stack } = work;
  const risks = options.risks.filter(({ ticket }) => ticket === record.ticket);
  const before = structuredClone(record);
  try {
    requireSavable(risks);
    if (options.keepBranch) keepBranches(record);
    // What services write while they end is saved too, and nothing slow lies between saving and removing.
    if (saved.rests && risks.length > 0) await bringToRest(work);
    const blind = risks.some(({ findings }) => findings.some(({ kind }) => kind === 'unseen'));
    await requireNobodyInside(stack, record, { blind });
    for (const risk of risks) await overrule(stack, record, risk);
    // Files that git ignores are saved by name, and some may be new since the first look.
    const late = saved.rests && risks.length > 0 ? await findRisks(stack, record, options) : [];
    requireSavable(late);
    const rescue = await rescueTicket(record, [...risks, ...late], {
      stamp: async () => ({ time: saved.time, sequence: saved.sequence }),
      data: saved.data,
      halfMade: options.halfMade,
    });
    markDestroying(record, options);
    for (const { repo, ref } of listSaved(rescue, risks))
      stack.emit({ type: 'info', text: `${repo}: saved what was not pushed under ${ref}` });
    return rescue;
  } catch (error) {
    Object.assign(record, before, { owner: undefined });
    throw error;
  } finally {
    await saveRecord(work);
  }
}

/** Does what `--force` says about people's choices: a moved worktree is ours still, a branch in use elsewhere is not. */
async function overrule(stack: Stack, record: InstanceRecord, { repo, findings }: TicketRisk): Promise<void> {
  if (repo === undefined) return;
  const own = requireDedicated(record, repo);
  for (const { kind, text, paths } of findings) {
    if (kind === 'moved') own.worktree = paths?.[0] ?? own.worktree;
    if (kind === 'locked') await unlockWorktree(own.path, own.worktree);
    if (kind === 'elsewhere') own.ownsBranch = false;
    if (kind === 'elsewhere' || kind === 'stashed')
      stack.emit({ type: 'info', text: `${repo}: ${text}, and stays there` });
  }
}

/** The repos in which work was found; the others are kept for `restore` alone. */
export function listSaved(rescue: Rescue | undefined, risks: readonly TicketRisk[]): { repo: string; ref: string }[] {
  return Object.entries(rescue?.repos ?? {}).flatMap(([repo, one]) => {
    const ref = one.mode === 'dedicated' ? one.ref : undefined;
    const isAtRisk = risks.some((risk) => risk.ticket === rescue?.ticket && risk.repo === repo);
    return ref !== undefined && isAtRisk ? [{ repo, ref }] : [];
  });
}

/** From here on the ticket can only go. A branch that is to be kept is the person's, also for a destroy that goes on later. */
export function markDestroying(record: InstanceRecord, { keepBranch }: { keepBranch: boolean }): void {
  record.phase = 'destroying';
  if (keepBranch) keepBranches(record);
}

/** Leaves the branches that stack made to the person, so that they stay. */
export function keepBranches(record: InstanceRecord): void {
  for (const [, repo] of dedicatedRepos(record)) repo.ownsBranch = false;
}
