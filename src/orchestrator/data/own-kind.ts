import type { StackConfig } from '../../domain/config/config.ts';
import type { InstanceRecord, OwnDatabase, OwnPart, SharedLease, StackState } from '../../domain/instance.ts';
import type { Ownable } from '../../domain/own-kinds.ts';
import type { Rescue, SavedPart } from '../../domain/rescue.ts';
import type { WorkloadStatus } from '../../domain/runtime.ts';
import type { Step, StepId } from '../../domain/step.ts';
import type { Stack } from '../core/stack.ts';
import type { Work } from '../core/work.ts';

export type SharedLeases = Readonly<Record<string, SharedLease>>;

/** What else holds leases of this root. */
export type Others = Pick<StackState, 'shared' | 'baseline' | 'instances'>;

/** Data that is in no record. */
export interface StrayData {
  ticket: string;
  /** Of a server; undefined for what belongs to the ticket as a whole. */
  service?: string;
  /** `the database shop_feat_02`. */
  what: string;
  remove(): Promise<void>;
}

/**
 * All that stack does with one shared service of which a ticket may have something of its own. What a method works on is in the
 * record under `service`; a method that a kind has no use for is left out.
 */
export interface OwnKind {
  readonly service: Ownable;
  /** How the files end that it saves data in. */
  readonly dumpEnding: string;

  /** Returns what a ticket gets, still without what is leased. Throws `config` for what is wrong in the settings. */
  plan(stack: Stack, config: StackConfig, ticket: string): OwnPart;
  /** Leases what the record's part still lacks. Call it with the state lock held. Throws `conflict`, `port`. */
  lease?(stack: Stack, config: StackConfig, draft: StackState, record: InstanceRecord): Promise<void>;
  /** Returns a part without what is leased to others. */
  giveUpLeases?(part: OwnPart, others: Others): OwnPart;
  /** Gives the server the login that stack.yml has now. True when it fits then. */
  settleLogin?(stack: Stack, config: StackConfig, leases: SharedLeases, signal: AbortSignal): Promise<boolean>;

  /** Returns the step that makes what tickets' own are copies of. */
  templateStep?(work: Work): Step;
  /** Returns the step that makes a ticket's own, from what was saved where there is something; backward it is dropped. */
  step(work: Work): Step;
  /** Returns the step that brings a ticket's own server to rest. */
  stopStep?(work: Work, after: readonly StepId[]): Step | undefined;

  /** True when the baseline's database has nothing in it yet. Throws `database` when the server does not answer. */
  isEmpty?(work: Pick<Work, 'stack' | 'shared'>, config: StackConfig): Promise<boolean>;
  empty?: EmptyKeeper;
  /** True when the server that has the ticket's data, and all share, answers; undefined where there is none. */
  answers(work: Work, config: StackConfig): Promise<boolean | undefined>;
  /** Throws `conflict`, with that hint, while others are connected to a ticket's own; with `force` they are ended. */
  requireAlone?(work: Work, options: { force: boolean; hint: string }): Promise<void>;
  /** Saves a ticket's own before it goes, under that name; undefined where there is nothing to save. Throws `database`, `files`. */
  save(work: Work, name: string): Promise<SavedPart | undefined>;
  /** Deletes what is saved elsewhere than in the folder of dumps. Missing is done. */
  dropSaved?(stack: Stack, saved: SavedPart): Promise<void>;
  /** Deletes such of it as is older than `oldest`, but for `young`, and what is of a ticket that is there still. */
  purgeSaved?(work: Work, options: PurgeOptions): Promise<void>;
  /** Returns what there is still of a ticket's own, a name each. */
  listLeft(work: Work): Promise<string[]>;

  /** Returns the tickets whose own databases are gone although the server answers, with their names. Never throws. */
  listLost?(stack: Stack, state: StackState): Promise<[ticket: string, database: string][]>;
  /** Returns what a ticket's own server on this machine does. */
  observeServer?(stack: Stack, ticket: string): Promise<string>;

  /** Returns the databases of tickets that marks on the server tell of, by ticket. Never throws. */
  listMarked?(stack: Stack, config: StackConfig, leases: SharedLeases): Promise<Map<string, OwnDatabase>>;
  /** Returns what a ticket without a record has of its own. Never throws; what cannot be asked is left out. */
  derive(
    stack: Stack,
    config: StackConfig,
    record: InstanceRecord,
    seen: { shared: SharedLeases; workloads: readonly WorkloadStatus[] },
  ): Promise<OwnPart | undefined>;
  /** Returns what belongs to tickets that are gone. */
  listStrays(stack: Stack, state: StackState): Promise<StrayData[]>;
  /** Drops all that stack made on a server of the team's own (`url:`). Throws `conflict`. */
  dropAll?(stack: Stack, config: StackConfig): Promise<void>;
}

/** The baseline's empty database, kept until what fills it is done. */
export interface EmptyKeeper {
  /** False while others use it. Throws `database`. */
  keep(work: Pick<Work, 'stack' | 'shared'>, config: StackConfig): Promise<boolean>;
  /** Takes away all that is in the database. Throws `conflict` while others use it, `database`. */
  putBack(work: Pick<Work, 'stack' | 'shared'>, config: StackConfig): Promise<void>;
  /** Missing is done. */
  drop(work: Pick<Work, 'stack' | 'shared'>, config: StackConfig): Promise<void>;
}

export interface PurgeOptions {
  /** Unix milliseconds. */
  oldest: number;
  young: readonly Rescue[];
  living: readonly InstanceRecord[];
}
