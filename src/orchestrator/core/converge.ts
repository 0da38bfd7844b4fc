import { StackError } from '../../domain/errors.ts';
import type { Step } from '../../domain/step.ts';
import { type ForwardResult, runForward } from './run.ts';
import type { Work } from './work.ts';

/** A lease that moves in each of so many passes does not settle. */
const PASSES = 3;

export interface Convergence {
  /** Unwinds all that was begun, over all passes. Returns the error to throw. */
  unwind(run: ForwardResult): Promise<unknown>;
  /** What is made before anything else is touched; default: nothing. */
  first?: (step: Step) => boolean;
}

/**
 * Applies a list until no lease moves any more: one that had to move on the way changes what others were wired to, so the list
 * is made and applied again. Returns the error that unwinding led to, undefined when all went well; `port`, with the
 * names, where leases would not settle.
 */
export async function converge(
  work: Work,
  list: () => Step[],
  { unwind, first = () => false }: Convergence,
): Promise<unknown> {
  const made: Step[] = [];
  const changed: Step[] = [];
  for (let pass = 0; pass < PASSES; pass++) {
    work.leases.moved.clear();
    const all = list();
    const ahead = pass === 0 ? all.filter(first) : [];
    const result = await runForward(ahead.length > 0 ? ahead : all, { ...work.stack, list: all });
    made.push(...result.made);
    changed.push(...result.changed);
    if (result.error !== undefined) return unwind({ made, changed, error: result.error });
    if (work.leases.moved.size === 0 && ahead.length === 0) return undefined;
  }
  return unwind({ made, changed, error: unsettled([...work.leases.moved]) });
}

function unsettled(names: readonly string[]): StackError {
  return new StackError(
    'port',
    `the ports of ${names.join(', ')} were taken by something else, ${PASSES} times in a row`,
    { hint: 'run this again, or choose another range with `from:` in stack.yml', details: { names } },
  );
}
