import { pause } from '../../adapters/pause.ts';
import { StackError, throwIfAborted } from '../../domain/errors.ts';
import type { InstanceRecord } from '../../domain/instance.ts';
import { type Finding, listBlocking } from '../../domain/plans/findings.ts';
import type { PlanEvent } from '../../domain/plans/journal.ts';
import type { PlannedTicket, Stage } from '../../domain/plans/plan.ts';
import { renderPrompt, renderReviewTask } from '../../domain/plans/prompts.ts';
import type { Next, Standing } from '../../domain/plans/standing.ts';
import { readHeads } from '../change/verify.ts';
import { notify } from '../core/notify.ts';
import { createInstance } from '../lifecycle/create.ts';
import { startInstance } from '../lifecycle/start.ts';
import { type LiveRun, observeRuns } from '../runs/observe.ts';
import { startRun } from '../runs/start.ts';
import { stopRun } from '../runs/stop.ts';
import { observeInstances } from '../status/view.ts';
import { chooseBases } from './base.ts';
import { type Driven, look, quiet, requireOwn, say, write } from './driven.ts';
import { finish, requireCommitted } from './finish.ts';
import { closeReview, openReview, type Review, readReview } from './review.ts';
import { whenRoom } from './room.ts';

const POLL_MS = 500;

/**
 * Takes a ticket as far as it goes without a person. All that is done is written down before, and found again by whoever drives it next.
 * What fails on purpose is written down as well. Throws `interrupted`, `files`, `state`.
 */
export async function drive(driven: Driven): Promise<void> {
  const { stack } = driven;
  for (;;) {
    throwIfAborted(stack.signal);
    const { next, standing, events } = await look(driven);
    if (next.do === 'rest' || next.do === 'merge') return tell(driven, standing);
    await orNoted(driven, standing, () => act(driven, next, { standing, events }));
  }
}

/** What fails on purpose is the ticket's matter, and the others go on. */
async function orNoted(driven: Driven, { stage }: Standing, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throwIfAborted(driven.stack.signal);
    if (!(error instanceof StackError)) throw error;
    const { message, hint } = error;
    const retry = `\`stack plan retry ${driven.ticket.argument}\``;
    const next = hint?.includes(retry) ? hint : `${hint ?? 'mend that'}; then ${retry}`;
    await write(driven, { event: 'fail', stage: stage ?? undefined, reason: message, hint: next });
  }
}

/** A person is told wherever they are of what waits for them. */
async function tell(driven: Driven, { state, reason, hint }: Standing): Promise<void> {
  const text = reason === undefined ? state : `${state}: ${reason}${hint === undefined ? '' : `; ${hint}`}`;
  say(driven, text);
  const { stack, ticket } = driven;
  const event = state === 'done' ? 'done' : state === 'waiting' || state === 'failed' ? 'waiting' : undefined;
  if (event) await notify(stack, { event, tickets: [ticket.ticket], text: `${ticket.ticket}: ${text}` });
}

interface Known {
  standing: Standing;
  events: readonly PlanEvent[];
}

async function act(driven: Driven, next: Exclude<Next, { do: 'rest' } | { do: 'merge' }>, known: Known): Promise<void> {
  if (next.do === 'create') return create(driven, known.events);
  const record = await requireOwn(driven, known.standing);
  if (next.do === 'finish') return finish(driven, record);
  if (next.do === 'begin') {
    const { stage, attempt } = next;
    if (stage.reviews !== undefined) await requireCommitted(driven, record);
    const commits = stage.reviews === undefined ? undefined : await readHeads(record);
    return write(driven, { event: 'begin', stage: stage.name, attempt, commits });
  }
  const run = await awaitRun(driven, record, { next, standing: known.standing });
  return close(driven, record, { next, run, standing: known.standing });
}

/** What a create that was killed has made, or half made, is gone on with. */
async function create(driven: Driven, events: readonly PlanEvent[]): Promise<void> {
  const { stack, plan, ticket } = driven;
  const last = events.findLast(
    (one) => one.ticket === ticket.ticket && (one.event === 'create' || one.event === 'fail'),
  );
  const there = (await stack.store.read()).instances[ticket.ticket];
  const isOurs = last?.event === 'create' && there?.phase === 'ready' && there.createdAt >= last.at;
  if (!isOurs) {
    say(driven, 'its environment is made');
    await write(driven, { event: 'create' });
    const { argument, prompt, with: shared, own } = ticket;
    const from = await chooseBases(stack, ticket);
    await inRoom(driven, () =>
      createInstance(quiet(driven), {
        ...{ argument, own, task: prompt, context: plan.context, extent: plan.start ? 'ready' : 'files' },
        request: { from, on: {}, with: shared },
      }),
    );
  }
  const madeAt = (await stack.store.read()).instances[ticket.ticket]?.createdAt;
  await write(driven, { event: 'created', madeAt });
}

/** Does what `limits:` of stack.yml may refuse as things are, once they let it. Throws `interrupted`, and what the work throws. */
function inRoom<Result>(driven: Driven, work: () => Promise<Result>): Promise<Result> {
  const tell = async (refusal: StackError | undefined): Promise<void> => {
    const { message: reason, hint } = refusal ?? {};
    await write(driven, { event: 'room', reason, hint });
    if (refusal) say(driven, `it waits for room: ${reason}${hint === undefined ? '' : `; ${hint}`}`);
  };
  return whenRoom(driven.stack.signal, tell, work);
}

/** What an agent of the plan is called: by that it is found again. */
function nameOf({ stage, attempt }: { stage: Stage; attempt: number }): string {
  return `${stage.name}-${attempt}`;
}

interface Watched {
  next: Next & { do: 'watch' };
  standing: Standing;
}

/** Begins what a stage runs, where nobody has, and waits until it has ended or says that it is done. */
async function awaitRun(driven: Driven, record: InstanceRecord, { next, standing }: Watched): Promise<LiveRun> {
  const { stack, ticket } = driven;
  const name = nameOf(next);
  for (let isBegun = false; ; isBegun = true) {
    const runs = await observeRuns({ ...stack, emit: () => undefined }, ticket.ticket);
    const run = runs.findLast((one) => one.run.name === name);
    if (run && (run.view.state === 'exited' || run.view.state === 'done')) return run;
    if (!run && isBegun) await requireOwn(driven, standing);
    if (!run) await beginRun(driven, record, { next, standing });
    await pause(POLL_MS, stack.signal);
    throwIfAborted(stack.signal);
  }
}

async function beginRun(driven: Driven, record: InstanceRecord, { next, standing }: Watched): Promise<void> {
  const { stack, plan, ticket } = driven;
  const { stage } = next;
  const name = nameOf(next);
  const isReview = stage.reviews !== undefined;
  if (plan.start && !isReview) await inRoom(driven, () => wake(driven, record));
  const apart = isReview ? await openReview(stack, record, reviewOf(driven, next)) : undefined;
  const how = stage.run === undefined ? { agent: stage.agent ?? '' } : { argv: ['/bin/sh', '-c', stage.run] };
  const findings = isSentBack(ticket, stage, standing) ? standing.findings : [];
  const prompt = renderPrompt(ticket, stage, { findings, review: isReview ? renderReviewTask(stage) : undefined });
  const request = { ticket: ticket.ticket, how, name, prompt, detached: true, share: isReview, apart };
  const { run } = await inRoom(driven, () => startRun(quiet(driven), request));
  say(driven, `${name} is at work (run ${run.id})`);
}

function isSentBack({ stages }: PlannedTicket, stage: Stage, { findings }: Standing): boolean {
  const isMending = stage.fixes !== undefined || stages.some(({ reviews }) => reviews === stage.name);
  return isMending && listBlocking(findings).length > 0;
}

/** An agent begins once what it works on answers. */
async function wake(driven: Driven, { ticket, services }: InstanceRecord): Promise<void> {
  const stack = quiet(driven);
  const [instance] = (await observeInstances(stack, [ticket])).instances;
  if (instance?.status === 'running' || Object.keys(services).length === 0) return;
  await startInstance(stack, ticket, { extent: 'ready', rebuild: false });
}

function reviewOf({ plan, ticket }: Driven, next: Watched['next']): Review {
  return { plan, ticket, stage: next.stage, run: nameOf(next), commits: next.commits ?? {} };
}

/** Writes down how a stage has ended; one that says that it is done works on no more. */
async function close(
  driven: Driven,
  record: InstanceRecord,
  { next, run, standing }: Watched & { run: LiveRun },
): Promise<void> {
  const { stack, ticket } = driven;
  const { stage, attempt } = next;
  if (run.view.state === 'done') await stopRun(stack, ticket.ticket, run.run.id);
  const { exitCode, cost } = run.view;
  const isDone = run.view.state === 'done' || exitCode === 0;
  const outcome = { event: 'end', stage: stage.name, attempt, exitCode, cost } as const;
  const review = stage.reviews === undefined ? undefined : reviewOf(driven, next);
  const found = review && isDone ? await readReview(stack, review) : [];
  if (review) await closeReview(stack, record, review);
  const problem = isDone ? ('problem' in found ? found.problem : undefined) : describeEnd(exitCode);
  if (problem !== undefined) {
    // What a destroy has ended has not failed.
    await requireOwn(driven, standing);
    const hint = `\`stack capture ${ticket.argument} --run ${run.run.id}\` shows its end, \`stack plan retry ${ticket.argument}\` tries again`;
    const reason = `${nameOf(next)}: ${problem}`;
    return write(driven, { ...outcome, outcome: 'failed', reason, hint });
  }
  const findings = review ? { findings: found as Finding[] } : {};
  return write(driven, { ...outcome, outcome: 'done', ...findings });
}

function describeEnd(exitCode: number | null): string {
  return exitCode === null ? 'it was ended, or the machine was started again' : `it ended with exit code ${exitCode}`;
}

/** Ends what is at work in a ticket for the plan. Ended is done. Throws `process`, `git`, `files`. */
export async function endStage(driven: Driven): Promise<void> {
  const { stack, ticket } = driven;
  const { events } = await look(driven);
  const last = events.findLast(({ event, ticket: name }) => event === 'begin' && name === ticket.ticket);
  const stage = ticket.stages.find(({ name }) => name === last?.stage);
  const record = (await stack.store.read()).instances[ticket.ticket];
  if (!last || !stage || !record) return;
  const next = { do: 'watch', stage, attempt: last.attempt ?? 1, commits: last.commits } as const;
  const runs = await observeRuns(stack, ticket.ticket);
  const run = runs.findLast((one) => one.run.name === nameOf(next));
  if (run && run.view.state !== 'exited') {
    await stopRun(stack, ticket.ticket, run.run.id);
    // What it has cost counts, too.
    const { attempt } = next;
    await write(driven, { event: 'end', stage: stage.name, attempt, outcome: 'failed', cost: run.view.cost });
  }
  if (stage.reviews !== undefined) await closeReview(stack, record, reviewOf(driven, next));
}
