import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { appendLine } from '../../adapters/files/append.ts';
import { ifThere } from '../../adapters/files/file-errors.ts';
import { makeFolder, readFileIfThere, replaceFile } from '../../adapters/files/files.ts';
import { removeDetached } from '../../adapters/git/worktree/detached.ts';
import { inspectLock, withLock } from '../../adapters/lock.ts';
import { StackError } from '../../domain/errors.ts';
import { dedicatedRepos, type InstanceRecord } from '../../domain/instance.ts';
import { parseFields } from '../../domain/json.ts';
import { inFolder, planFilesOf } from '../../domain/layout.ts';
import { type PlanEvent, parseJournal } from '../../domain/plans/journal.ts';
import type { Plan } from '../../domain/plans/plan.ts';
import { readStanding, type Standing } from '../../domain/plans/standing.ts';
import { renderSuggestion } from '../../domain/suggest.ts';
import type { Stack } from './stack.ts';

/** A plan, and what has become of it. */
export interface KnownPlan {
  plan: Plan;
  events: PlanEvent[];
  standings: Map<string, Standing>;
}

/** Writes a plan down as it is now. Throws `files`. */
export async function writePlan({ root }: Pick<Stack, 'root'>, plan: Plan): Promise<void> {
  const files = planFilesOf(root, plan.name);
  await makeFolder(files.folder);
  await replaceFile(files.plan, `${JSON.stringify({ version: 1, ...plan }, undefined, 2)}\n`);
}

/** Adds a line to what has become of a plan. Throws `files`. */
export async function note({ root }: Pick<Stack, 'root'>, plan: string, event: Omit<PlanEvent, 'at'>): Promise<void> {
  const line = JSON.stringify({ at: new Date().toISOString(), ...event });
  await appendLine(planFilesOf(root, plan).journal, `${line}\n`);
}

/** Returns a plan with what has become of it; undefined where there is none of that name. Throws `state`, `files`. */
export async function findPlan({ root }: Pick<Stack, 'root'>, name: string): Promise<KnownPlan | undefined> {
  const files = planFilesOf(root, name);
  const [text, journal] = await Promise.all([readFileIfThere(files.plan), readFileIfThere(files.journal)]);
  if (text === undefined) return undefined;
  const { version, ...plan } = parseFields<Plan & { version: number }>(text);
  if (version !== 1 || !Array.isArray(plan.tickets)) {
    throw new StackError('state', `the plan ${files.plan} cannot be read`, {
      hint: `a newer stack may have written it; else move ${files.folder} away, and start the plan again`,
    });
  }
  const events = parseJournal(journal ?? '');
  const known = plan as Plan;
  const standings = new Map(known.tickets.map((ticket) => [ticket.ticket, readStanding(ticket, events)]));
  return { plan: known, events, standings };
}

/** Returns a plan by its name, or the one that something happened in last. Throws `not-found`, `state`, `files`. */
export async function requirePlan(stack: Pick<Stack, 'root'>, name?: string): Promise<KnownPlan> {
  const names = await listPlans(stack);
  const wanted = name ?? names.at(-1);
  const found = wanted !== undefined && names.includes(wanted) ? await findPlan(stack, wanted) : undefined;
  if (found) return found;
  if (name === undefined)
    throw new StackError('not-found', 'there is no plan', { hint: '`stack plan FILE.yml` starts one' });
  throw new StackError('not-found', `there is no plan ${JSON.stringify(name)}${renderSuggestion(name, names)}`, {
    hint: names.length > 0 ? `there are: ${names.join(', ')}` : '`stack plan FILE.yml` starts one',
  });
}

/** Returns the names of the plans, the one in which something happened last at the end. Throws `files`. */
export async function listPlans({ root }: Pick<Stack, 'root'>): Promise<string[]> {
  const names = (await ifThere(readdir(inFolder(root, 'plans')))) ?? [];
  const found = await Promise.all(
    names.map(async (name) => ({ name, at: (await ifThere(stat(planFilesOf(root, name).journal)))?.mtimeMs })),
  );
  const known = found.flatMap(({ name, at }) => (at === undefined ? [] : [{ name, at }]));
  return known.sort((one, other) => one.at - other.at).map(({ name }) => name);
}

/** Deletes what is left of the reviews of a ticket, their worktrees too. Gone is done. Throws `git`, `files`. */
export async function removeReviews({ root }: Pick<Stack, 'root'>, record: InstanceRecord): Promise<void> {
  for (const plan of await listPlans({ root })) {
    const folder = inFolder(root, 'plans', plan, 'reviews', record.ticket);
    for (const run of (await ifThere(readdir(folder))) ?? [])
      for (const [repo, { path: repoPath, gitCommonDir }] of dedicatedRepos(record))
        await removeDetached({ repoPath, gitCommonDir, path: path.join(folder, run, repo) });
    await rm(folder, { recursive: true, force: true });
  }
}

/** Does something that one command at a time does with a plan. Throws `busy` while another one goes on with it, and what the work throws. */
export async function withPlan(
  { root, signal }: Pick<Stack, 'root' | 'signal'>,
  name: string,
  work: () => Promise<void>,
): Promise<void> {
  await makeFolder(planFilesOf(root, name).folder);
  let hasBegun = false;
  const run = (): Promise<void> => {
    hasBegun = true;
    return work();
  };
  try {
    await withLock(planFilesOf(root, name).lock, run, { signal, waitSeconds: 0 });
  } catch (error) {
    if (hasBegun || !(error instanceof StackError) || error.code !== 'busy') throw error;
    throw beingDriven(name, (error.details as { pid?: number } | undefined)?.pid);
  }
}

/** Returns the error for a plan that another command goes on with. */
export function beingDriven(name: string, pid?: number): StackError {
  return new StackError('busy', `another command goes on with the plan ${name}${pid ? ` (pid ${pid})` : ''}`, {
    hint: '`stack plan status` shows how far it is; `stack plan resume TICKET` tells it to go on with one',
  });
}

/** Returns true while a command goes on with a plan. */
export async function isGoing({ root }: Pick<Stack, 'root'>, plan: string): Promise<boolean> {
  return (await inspectLock(planFilesOf(root, plan).lock)) === 'held';
}

/** Returns the plan that a command goes on with and that works on a ticket now; undefined: none does. Throws `state`, `files`. */
export async function findWorkingPlan(stack: Pick<Stack, 'root'>, ticket: string): Promise<string | undefined> {
  for (const name of await listPlans(stack)) {
    if (!(await isGoing(stack, name))) continue;
    const next = (await findPlan(stack, name))?.standings.get(ticket)?.next.do;
    if (next !== undefined && next !== 'rest' && next !== 'merge') return name;
  }
  return undefined;
}
