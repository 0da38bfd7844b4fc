import { POSTGRES, REDIS } from './own.ts';

/** What a step found: the thing is there as wanted, is not there, or is there in another shape. */
export type StepState = 'present' | 'absent' | 'different';

/**
 * One thing made or unmade. Forward, a list of steps is create and start; backward it is rollback and destroy;
 * `inspect` alone is doctor and `--dry-run`.
 *
 * `apply` is idempotent and makes one thing; `revert` treats missing as done; neither loses work.
 */
export interface Step {
  /** Unique in its list, stable between runs: `worktree front`. */
  readonly id: string;
  /** What a person reads: `worktree at tickets/feat-02/front from feat/ui`. */
  readonly title: string;
  /** The repo or service the line is about; shown in front of the title. */
  readonly subject: string;
  /** Ids of the steps that must be done before this one. Unknown ids are ignored, so parts of a list can run alone. */
  readonly after: readonly string[];
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

/** The id of the step that makes a ticket's own database; its services and set-up wait for it. */
export const DATABASE_ID = `database ${POSTGRES}`;

/** The id of the step that makes sure of a ticket's own Redis; its services wait for it. */
export const REDIS_ID = `database ${REDIS}`;
