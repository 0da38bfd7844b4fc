import { appendLine } from '../../../adapters/files/append.ts';
import type { MergeWay } from '../../../adapters/git/change/make-merge.ts';
import type { StackConfig } from '../../../domain/config/config.ts';
import { StackError, throwIfAborted } from '../../../domain/errors.ts';
import type { Emit } from '../../../domain/events.ts';
import type { InstanceRecord } from '../../../domain/instance.ts';
import { verifyLogOf } from '../../../domain/layout.ts';
import type { Car } from '../../../domain/queue.ts';
import { withChangeLock } from '../../core/journal.ts';
import type { Stack } from '../../core/stack.ts';
import { listReady } from '../merge.ts';
import { headOf, isReady, listBases, type MergedRepo, type Planned, planMerge } from '../merge-plan.ts';
import { beingResolved } from '../resolve.ts';
import { requireChangeable } from '../result.ts';
import { readHeads, verifyCommits } from '../verify.ts';

/** How the tickets of a queue are merged and verified. */
export interface QueueWish {
  way: MergeWay;
  /** The shell line that verifies; undefined: nothing does. */
  line: string | undefined;
  /** True: with the services of the copy running. */
  start: boolean;
}

/** What came of a verification: `held`: it could not be tried, which is not the ticket's fault. */
export type Outcome =
  | { kind: 'passed'; log: string | null }
  | { kind: 'failed'; log: string; reason: string }
  | { kind: 'held'; reason: string; hint?: string | undefined };

/** A ticket merged as objects on top of others, and its verification. */
export interface BuiltCar extends Car {
  planned: Planned;
  /** Where the ticket's branches were, as one text. */
  tips: string;
  /** Done once `outcome` is there. */
  work: Promise<void>;
  outcome: Outcome | undefined;
  /** Ends its verification. */
  stop(): void;
}

/** `conflict`: with what it was put on; the files are in `reason`. */
export type NotBuilt = { kind: 'conflict' | 'held'; reason: string; hint?: string | undefined };

/** What a repo's own commands and services break, of a copy in which the line could not even begin. */
const OWN_FAULTS: Partial<Record<StackError['code'], true>> = { process: true, unhealthy: true, database: true };

/** Returns where the branches of a ticket are, as one text. Throws `git`. */
export async function readTips(record: InstanceRecord): Promise<string> {
  return JSON.stringify(await readHeads(record));
}

/**
 * Merges a ticket as objects on top of the cars of a train, or of the bases where there is none. `before` are the tickets of the queue
 * that are merged before it. Returns what came of it in each repo, or why nothing did. Throws `interrupted`, and faults of stack.
 */
export async function planCar(
  stack: Stack,
  ticket: string,
  {
    on,
    wish,
    before,
  }: { on: readonly Pick<BuiltCar, 'planned'>[]; wish: QueueWish; before: readonly InstanceRecord[] },
): Promise<{ planned: Planned; tips: string } | NotBuilt> {
  const heads = new Map(
    on.flatMap(({ planned }) =>
      listReady(planned).map(([, { own, base, to }]) => [headOf(own.gitCommonDir, base), to] as const),
    ),
  );
  const config = await stack.config();
  return orHeld(stack, () =>
    withChangeLock(stack, ticket, async () => {
      const record = await requireMergeable(stack, ticket);
      const tips = await readTips(record);
      const how = { way: wish.way, committed: false };
      const planned = await planMerge(stack, [record], how, config, { heads, before });
      return explainPlan(ticket, planned) ?? { planned, tips };
    }),
  );
}

/** Returns the record of a ticket that may be merged now. Throws what `requireChangeable` throws, and `conflict` while its conflicts are resolved. */
export async function requireMergeable(stack: Stack, ticket: string): Promise<InstanceRecord> {
  const record = await requireChangeable(stack, ticket);
  if (record.resolving) throw beingResolved(record);
  return record;
}

/** Returns why a merge of a ticket, planned or tried, is none. */
export function explainPlan(ticket: string, planned: Planned): NotBuilt | undefined {
  const all = Object.entries(planned).flatMap(([repo, one]) => (isReady(one) ? [] : [{ repo, ...one }]));
  const bad = all.filter(({ result }) => result !== 'unchanged');
  const refused = bad.filter(({ result }) => result === 'refused' || result === 'failed');
  const first = refused[0] ?? bad.find(({ result }) => result === 'conflict') ?? bad[0];
  if (!first) return undefined;
  const reason = `${first.repo}: ${first.reason ?? first.result}`;
  return { kind: first.result === 'conflict' ? 'conflict' : 'held', reason, hint: hintFor(ticket, first) };
}

/** Returns what to do about a repo that refuses; `merge` has flags that a queue has not. */
export function hintFor(ticket: string, { cause, lower, hint }: MergedRepo): string | undefined {
  if (cause === 'uncommitted') return `\`stack commit ${ticket} -a -m …\` commits it: only commits are merged`;
  if (lower !== undefined) return `\`stack queue add ${lower} ${ticket}\` adds both`;
  return cause === 'base' ? `\`stack merge ${ticket} --into BRANCH\` merges it by itself` : hint;
}

/**
 * Begins to verify what a ticket was merged to, in an environment of its own; what cars beneath it have in other repos is in there too.
 * Without a line it has passed.
 */
export function startCar(
  stack: Stack,
  record: InstanceRecord,
  built: { planned: Planned; tips: string; on: readonly BuiltCar[]; wish: QueueWish; config: StackConfig },
): BuiltCar {
  const { ticket } = record;
  const { planned, tips, on } = built;
  const stopper = new AbortController();
  const signal = AbortSignal.any([stack.signal, stopper.signal]);
  const car: BuiltCar = {
    ...{ ticket, planned, tips, on: on.map((one) => one.ticket), failed: false, outcome: undefined },
    work: Promise.resolve(),
    stop: () => stopper.abort(),
  };
  const verify = async (): Promise<void> => {
    const outcome = await tryCar({ ...stack, signal, emit: only(stack.emit) }, record, built);
    Object.assign(car, { outcome, failed: outcome.kind !== 'passed' });
  };
  car.work = verify();
  // Whoever waits for it is told; one that was stopped has nobody who waits.
  car.work.catch(() => undefined);
  return car;
}

/** Of what makes and takes apart a copy people need not see more than what is odd. */
function only(emit: Emit): Emit {
  return (event) => {
    if (event.type === 'warning' || ('id' in event && event.id.startsWith('verify '))) emit(event);
  };
}

async function tryCar(
  stack: Stack,
  record: InstanceRecord,
  {
    planned,
    tips,
    on,
    wish,
    config,
  }: Pick<BuiltCar, 'planned' | 'tips'> & {
    on: readonly BuiltCar[];
    wish: QueueWish;
    config: StackConfig;
  },
): Promise<Outcome> {
  const { ticket } = record;
  const { line, start } = wish;
  if (line === undefined || listReady(planned).length === 0) return { kind: 'passed', log: null };
  const below = on.flatMap((car) => listReady(car.planned)).filter(([repo, { base }]) => isBase(config, repo, base));
  const commits = Object.fromEntries([
    ...below.map(([repo, { to }]) => [repo, to] as const),
    ...Object.entries(planned).flatMap(([repo, { to }]) => (to === undefined ? [] : [[repo, to] as const])),
  ]);
  const alone = on.length === 0 ? { heads: JSON.parse(tips), bases: listBases(planned) } : undefined;
  const wanted = { ticket, line, start, own: Object.keys(record.own ?? {}), commits, alone };
  return orHeld(stack, async (): Promise<Outcome> => {
    const log = verifyLogOf(stack.root, ticket);
    const failed = (reason: string): Outcome => ({ kind: 'failed', log, reason });
    try {
      const { exitCode } = await verifyCommits(stack, wanted);
      if (exitCode === 0) return { kind: 'passed', log };
      return failed(`\`${line}\` ended with exit code ${exitCode}`);
    } catch (error) {
      if (!(error instanceof StackError) || !OWN_FAULTS[error.code]) throw error;
      await appendLine(log, `${[error.message, ...error.lines].join('\n')}\n`);
      return failed(error.message);
    }
  });
}

/** True for the base that a copy of the repo is made from where a ticket has none of its own. */
function isBase({ repos }: StackConfig, repo: string, base: string): boolean {
  const configured = repos[repo]?.base;
  return configured === base || configured === `origin/${base}`;
}

/** Returns what `work` returns. What fails on purpose is told of the one ticket, and the others go on. Throws `interrupted`. */
export async function orHeld<Result>(
  { signal }: Pick<Stack, 'signal'>,
  work: () => Promise<Result>,
): Promise<Result | { kind: 'held'; reason: string; hint: string | undefined }> {
  try {
    return await work();
  } catch (error) {
    throwIfAborted(signal);
    if (!(error instanceof StackError)) throw error;
    return { kind: 'held', reason: error.message, hint: error.hint };
  }
}
