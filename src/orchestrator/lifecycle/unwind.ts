import { StackError } from '../../domain/errors.ts';
import { type Step, stepName } from '../../domain/step.ts';
import { undoing, withLeftovers } from '../core/leftover.ts';
import { type Leftover, runBackward } from '../core/run.ts';
import type { Work } from '../core/work.ts';
import { saveMeanwhile } from '../safety/meanwhile.ts';
import { isFileStep } from '../steps/list.ts';

/** How often what comes in while a ticket is taken apart is saved as well. */
export const MORE_SAVES = 3;

/**
 * Unmakes the steps of a run that failed. What somebody wrote in the worktrees that it made is saved before those go, once
 * nothing of ours runs there any more. Returns the error to throw: the first one stays the headline, and its lines say what was saved.
 */
export async function unwind(
  work: Work,
  run: { made: readonly Step[]; error: unknown },
  options: { forget: boolean },
): Promise<unknown> {
  const { emit, store } = work.stack;
  const first = run.error instanceof Error ? run.error : new Error(String(run.error));
  emit({ type: 'unwinding' });
  const made = [...new Map(run.made.map((step) => [stepName(step.id), step])).values()];
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
  const repos = steps.flatMap(({ id }) => (id.kind === 'worktree' ? [id.of] : []));
  for (let saves = 0; ; saves++) {
    try {
      saved.push(...(await saveMeanwhile(work, repos, { isWhole })));
    } catch (error) {
      return repos.map((repo) => ({ name: stepName({ kind: 'worktree', of: repo }), error }));
    }
    const leftovers = await runBackward(steps, work.stack);
    if (saves === MORE_SAVES || leftovers.length === 0 || !leftovers.every(isLate)) return leftovers;
  }
}

/** True where a worktree has got work since the last look. */
export function isLate({ error }: Leftover): boolean {
  return error instanceof StackError && (error.code === 'dirty' || error.code === 'unpushed');
}
