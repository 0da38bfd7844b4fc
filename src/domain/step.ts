import { StackError } from './errors.ts';
import { findCycle } from './order.ts';

/**
 * What a step found: the thing is there as wanted, is not there, or is there in another shape, with the reason in a few words that
 * stand behind its title: `changed: env, ports`.
 */
export type StepState = 'present' | 'absent' | { readonly different: string };

const REPO_KINDS = ['worktree', 'saved-work', 'copy', 'env-file', 'setup', 'migrate'] as const;
const SERVICE_KINDS = ['image', 'volumes', 'workload', 'ready'] as const;

type RepoKind = (typeof REPO_KINDS)[number];
type ServiceKind = (typeof SERVICE_KINDS)[number];

/**
 * Which step it is: unique in its list, stable between runs. `of` names the repo, the service or the shared service that it
 * is about; `baseline` tells the baseline's services from those of the same name that the ticket has.
 */
export type StepId = (
  | {
      readonly kind: 'network' | 'shared services' | 'fill' | 'folder' | 'saved-files' | 'logs';
      readonly of?: undefined;
    }
  | { readonly kind: 'embedded' | 'template' | 'database' | 'stop'; readonly of: string }
  | { readonly kind: RepoKind; readonly of: string }
  | { readonly kind: ServiceKind; readonly of: string }
) & { readonly baseline?: true };

/**
 * One thing made or unmade. Forward, a list of steps is create and start; backward it is rollback and destroy;
 * `inspect` alone is doctor and `--dry-run`.
 *
 * `apply` is idempotent and makes one thing; `revert` treats missing as done; neither loses work.
 */
export interface Step {
  readonly id: StepId;
  /** What a person reads: `worktree at tickets/feat-02/front from feat/ui`. */
  readonly title: string;
  /** The repo or service the line is about; shown in front of the title. */
  readonly subject: string;
  /** The steps that must be done before this one. A list that runs forward has all of them. */
  readonly after: readonly StepId[];
  /** The same of steps that a list may lack. */
  readonly afterIfListed?: readonly StepId[];
  /** Looks and changes nothing: a second look says the same. */
  inspect(): Promise<StepState>;
  apply(progress: StepProgress): Promise<void>;
  revert(): Promise<void>;
  /** True: what it made goes with another step's thing, so there is nothing to revert and nothing to say about it. */
  readonly ownedByOther?: boolean;
}

/** Forward a step is applied, backward it is reverted. */
export type Direction = 'forward' | 'backward';

/** Puts something around a step that is about to run: tests make it fail there, or end the process. */
export type WrapStep = (step: Step, direction: Direction) => Step;

/** What a step may use while it is applied. */
export interface StepProgress {
  /** Aborted on Ctrl-C or when a sibling failed. Waits and pulls take it; a git change runs to its end. */
  readonly signal: AbortSignal;
  /** Says what is going on inside the step, e.g. `pulling 12/40 MB`; the line is redrawn on a terminal. */
  note(text: string): void;
}

/** How much of an instance is wanted: its files alone, its workloads too, and those ready. */
export type Extent = 'files' | 'started' | 'ready';

/** Returns what a step is called: `worktree front`, `baseline workload api`. */
export function stepName({ baseline, kind, of }: StepId): string {
  return [...(baseline ? ['baseline'] : []), kind, ...(of === undefined ? [] : [of])].join(' ');
}

/** Returns what a step makes, with why it is made again: `container (changed: env)`. */
export function titleWithReason(title: string, reason: string | undefined): string {
  return reason === undefined ? title : `${title} (${reason})`;
}

/** Returns all ids that a step comes after. */
export function listPredecessors({ after, afterIfListed = [] }: Step): StepId[] {
  return [...after, ...afterIfListed];
}

/** True for a step that is about one repo of a ticket. */
export function isRepoStep(id: StepId): id is Extract<StepId, { kind: RepoKind }> {
  return REPO_KINDS.some((kind) => kind === id.kind);
}

/** True for a step that is about one service, of a ticket or of the baseline. */
export function isServiceStep(id: StepId): id is Extract<StepId, { kind: ServiceKind }> {
  return SERVICE_KINDS.some((kind) => kind === id.kind);
}

/** Throws `internal` where a step comes after one that the list lacks, or after itself by way of others. */
export function requireOrder(steps: readonly Step[]): void {
  const byName = new Map(steps.map((step) => [stepName(step.id), step]));
  for (const step of steps) {
    const missing = step.after.map(stepName).find((name) => !byName.has(name));
    if (missing === undefined) continue;
    throw faulty(`the step ${stepName(step.id)} comes after ${missing}, which is not in its list`);
  }
  const cycle = findCycle([...byName.keys()], (name) => {
    const step = byName.get(name);
    return step ? listPredecessors(step).map(stepName) : [];
  });
  if (cycle) throw faulty(`these steps come after each other: ${cycle.join(' → ')}`);
}

function faulty(message: string): StackError {
  return new StackError('internal', message, { hint: 'this is a fault in stack' });
}
