import { StackError } from '../domain/errors.ts';
import { BASELINE } from '../domain/instance.ts';
import type { Step } from '../domain/step.ts';
import { saveMeanwhile } from './meanwhile.ts';
import { type Leftover, runBackward } from './run.ts';
import { isFileStep } from './steps/list.ts';
import type { Work } from './work.ts';

/** How often what comes in while a ticket is taken apart is saved as well. */
export const MORE_SAVES = 3;

/**
 * Unmakes the steps of a run that failed. What somebody wrote in the worktrees that it made is saved before those go, once
 * nothing of ours runs there any more. Gives the error to throw: the first one stays the headline, and its lines say what was saved.
 */
export async function unwind(
  work: Work,
  run: { made: readonly Step[]; error: unknown },
  options: { forget: boolean },
): Promise<unknown> {
  const { emit, store } = work.stack;
  const first = run.error instanceof Error ? run.error : new Error(String(run.error));
  emit({ type: 'unwinding' });
  const made = uniqueById(run.made);
  const services = await runBackward(
    made.filter((step) => !isFileStep(step)),
    work.stack,
  );
  const saved: string[] = [];
  const files = await revertFiles(work, made.filter(isFileStep), { isWhole: options.forget, saved });
  if (first instanceof StackError) first.lines.push(...saved);
  else for (const text of saved) emit({ type: 'info', text });
  const leftovers = [...services, ...files];
  if (leftovers.length > 0) return withLeftovers(first, leftovers, undoing(work.record.ticket));
  if (options.forget) {
    await store.update((draft) => {
      delete draft.instances[work.record.ticket];
    });
  }
  return first;
}

/** What cannot be saved stays, and all that it stands on. */
async function revertFiles(
  work: Work,
  steps: readonly Step[],
  { isWhole, saved }: { isWhole: boolean; saved: string[] },
): Promise<Leftover[]> {
  const worktrees = steps.filter(({ id }) => id.startsWith('worktree '));
  for (let saves = 0; ; saves++) {
    try {
      saved.push(...(await saveMeanwhile(work, worktrees, { isWhole })));
    } catch (error) {
      return worktrees.map((step) => ({ step, error }));
    }
    const leftovers = await runBackward(steps, work.stack);
    if (saves === MORE_SAVES || leftovers.length === 0 || !leftovers.every(isLate)) return leftovers;
  }
}

/** True where a worktree has got work since the last look. */
export function isLate({ error }: Leftover): boolean {
  return error instanceof StackError && (error.code === 'dirty' || error.code === 'unpushed');
}

function undoing(ticket: string): string {
  return ticket === BASELINE ? 'stack down' : `stack destroy ${ticket}`;
}

function uniqueById(steps: readonly Step[]): Step[] {
  return [...new Map(steps.map((step) => [step.id, step])).values()];
}

function withLeftovers(first: Error, leftovers: readonly Leftover[], retry: string): StackError {
  const names = leftovers.map(({ step }) => step.id);
  const lines = leftovers.flatMap(describeLeftover);
  return new StackError('leftover', `${first.message}; and this could not be cleaned up: ${names.join(', ')}`, {
    hint: `\`${retry}\` tries again`,
    lines: [...(first instanceof StackError ? first.lines : []), ...lines],
    details: { first: first instanceof StackError ? first.code : 'internal', leftovers: names },
    cause: first,
  });
}

/** What is left of a step, or of something that no step names. */
type Left = Omit<Leftover, 'step'> & { step: Pick<Step, 'id'> };

/** What kept it from going, with what would help, since the error's own hint is about trying again. */
function describeLeftover({ step, error }: Left): string[] {
  if (!(error instanceof StackError)) return [`${step.id}: ${error instanceof Error ? error.message : String(error)}`];
  const { message, lines, hint } = error;
  return [`${step.id}: ${message}`, ...lines.map((line) => `  ${line}`), ...(hint === undefined ? [] : [`  ${hint}`])];
}

/** Gives the error for a teardown that left something. */
export function leftoverError(ticket: string, leftovers: readonly Left[]): StackError {
  const lines = leftovers.flatMap(describeLeftover);
  return new StackError('leftover', `${ticket}: could not remove ${leftovers.map(({ step }) => step.id).join(', ')}`, {
    hint: `mend that, then \`${undoing(ticket)}\` goes on from there`,
    lines,
    details: { ticket, leftovers: leftovers.map(({ step }) => step.id) },
  });
}

/** Gives the error for a teardown that was interrupted: what it has not come to stays, and the record with it. */
export function interruptedAt(retry: string): StackError {
  return new StackError('interrupted', 'interrupted', { hint: `\`${retry}\` goes on from there` });
}
