import { interrupted, messageOf, StackError } from '../../domain/errors.ts';
import { listPredecessors, requireOrder, type Step, type StepId, stepName } from '../../domain/step.ts';
import type { Stack } from './stack.ts';

type ForwardOptions = Pick<Stack, 'emit' | 'signal' | 'wrapStep'> & {
  /** The list that the steps are a part of; default: they are all of it. */
  list?: readonly Step[];
};
type BackwardOptions = Pick<Stack, 'emit' | 'wrapStep'> & {
  /** Once aborted, no further step is begun. An unwinding has none: it goes on to its end. */
  until?: AbortSignal;
};

/** What a forward run did, also when it failed: `tried` holds every step whose `apply` was begun. */
export interface ForwardResult {
  /** Steps that were absent and were applied, the failing one included. */
  made: Step[];
  /** Steps that were different and were applied. */
  changed: Step[];
  /** The first error; undefined when all went well. */
  error: unknown;
}

/**
 * Applies what is not present, each step as soon as those it stands on are done, so that different repos go side by
 * side. The first failure (or the signal) stops the rest; what runs then is waited for. Nothing is applied of a list whose
 * order is faulty. Never throws.
 */
export async function runForward(steps: readonly Step[], options: ForwardOptions): Promise<ForwardResult> {
  const result: ForwardResult = { made: [], changed: [], error: undefined };
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const fail = (error: unknown): void => {
    result.error ??= options.signal.aborted ? interrupted(options.signal.reason) : error;
    stop.abort();
  };
  try {
    requireOrder(options.list ?? steps);
  } catch (error) {
    return { ...result, error };
  }
  options.emit({ type: 'steps-planned', subjects: steps.map(({ subject }) => subject) });
  await runGraph(steps, listPredecessors, async (step) => {
    if (options.signal.aborted) fail(options.signal.reason);
    if (signal.aborted) return;
    try {
      await applyStep(step, result, { ...options, signal });
    } catch (error) {
      fail(error);
    }
  });
  return result;
}

async function applyStep(step: Step, result: ForwardResult, options: ForwardOptions): Promise<void> {
  const { emit, signal, wrapStep } = options;
  const { subject, title } = step;
  const id = stepName(step.id);
  const wrapped = wrapStep?.(step, 'forward') ?? step;
  const started = performance.now();
  const since = (): number => performance.now() - started;
  emit({ type: 'step-started', id, subject, title });
  try {
    const state = await orStranded(wrapped.inspect(), signal);
    if (state === 'present') {
      emit({ type: 'step-done', id, subject, title, outcome: 'kept', ms: since() });
      return;
    }
    const how =
      state === 'absent' ? { outcome: 'made' as const } : { outcome: 'changed' as const, reason: state.different };
    (state === 'absent' ? result.made : result.changed).push(step);
    const progress = { signal, note: (text: string) => emit({ type: 'step-note', id, text }) };
    await orStranded(wrapped.apply(progress), signal);
    emit({ type: 'step-done', id, subject, title, ...how, ms: since() });
  } catch (error) {
    // What was only told to stop did not fail: that line is for the step that did.
    const stopped = signal.aborted && error instanceof StackError && error.code === 'interrupted';
    if (!stopped) emit({ type: 'step-failed', id, subject, title, message: messageOf(error), ms: since() });
    throw error;
  }
}

/** Gives up on a step when the process has nothing left to do that could finish it: the signal then carries an error. */
async function orStranded<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  let leave = (): void => undefined;
  const stranded = new Promise<never>((_, reject) => {
    leave = () => {
      if (signal.reason instanceof StackError) reject(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
  });
  return Promise.race([work, stranded]).finally(() => signal.removeEventListener('abort', leave));
}

/** What could not be unmade, by the name of its step. */
export interface Leftover {
  name: string;
  error: unknown;
}

/**
 * Reverts steps, each after all that stand on it. A failure does not stop the others: every thing that can go, goes.
 * Returns what is left. Never throws.
 */
export async function runBackward(steps: readonly Step[], options: BackwardOptions): Promise<Leftover[]> {
  const { emit, wrapStep, until } = options;
  const leftovers: Leftover[] = [];
  emit({ type: 'steps-planned', subjects: steps.flatMap((step) => (step.ownedByOther ? [] : [step.subject])) });
  const dependents = new Map<string, StepId[]>();
  for (const step of steps) {
    for (const name of listPredecessors(step).map(stepName))
      dependents.set(name, [...(dependents.get(name) ?? []), step.id]);
  }
  await runGraph(
    [...steps].reverse(),
    (step) => dependents.get(stepName(step.id)) ?? [],
    async (step) => {
      if (until?.aborted) return;
      const { subject, title } = step;
      const id = stepName(step.id);
      const started = performance.now();
      if (!step.ownedByOther) emit({ type: 'step-started', id, subject, title });
      try {
        await (wrapStep?.(step, 'backward') ?? step).revert();
        if (step.ownedByOther) return;
        emit({ type: 'step-done', id, subject, title, outcome: 'undone', ms: performance.now() - started });
      } catch (error) {
        leftovers.push({ name: id, error });
        emit({ type: 'step-failed', id, subject, title, message: messageOf(error), ms: performance.now() - started });
      }
    },
  );
  return leftovers;
}

/** Visits every step once, after those `before` names; what is not among the steps is taken as visited. */
async function runGraph(
  steps: readonly Step[],
  before: (step: Step) => readonly StepId[],
  visit: (step: Step) => Promise<void>,
): Promise<void> {
  const byName = new Map(steps.map((step) => [stepName(step.id), step]));
  const visits = new Map<string, Promise<void>>();
  const visitOnce = (step: Step): Promise<void> => {
    const name = stepName(step.id);
    const known = visits.get(name);
    if (known) return known;
    const earlier = before(step).flatMap((id) => byName.get(stepName(id)) ?? []);
    const done = Promise.all(earlier.map(visitOnce)).then(() => visit(step));
    visits.set(name, done);
    return done;
  };
  await Promise.all(steps.map(visitOnce));
}
