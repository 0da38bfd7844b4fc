import type { Finding } from '../../domain/plans/findings.ts';
import type { PlanEvent } from '../../domain/plans/journal.ts';
import type { PlanState } from '../../domain/plans/plan.ts';
import type { Standing } from '../../domain/plans/standing.ts';
import type { RunCost, RunView } from '../../domain/runs/run.ts';
import { listQueue } from '../change/queue/queue.ts';
import { isGoing, requirePlan } from '../core/plans.ts';
import type { Stack } from '../core/stack.ts';
import { viewRuns } from '../runs/observe.ts';

/** One ticket of a plan as `stack plan status --json` tells of it; fields may be added only. */
export interface PlanTicketView {
  ticket: string;
  state: PlanState;
  stage: string | null;
  attempt: number;
  after: string[];
  /** Its agent that is at work for the plan. */
  run: Pick<RunView, 'id' | 'name' | 'state' | 'since' | 'text'> | null;
  /** What the last review has found. */
  findings: Finding[];
  /** What all of its agents have reported. */
  cost: RunCost | null;
  reason: string | null;
  hint: string | null;
}

export interface PlanView {
  plan: string;
  /** True while a command goes on with it. */
  going: boolean;
  tickets: PlanTicketView[];
  journal: PlanEvent[];
}

/** Returns how far a plan is; without a name the one in which something happened last. Throws `not-found`, `state`, `files`. */
export async function viewPlan(stack: Stack, name: string | undefined): Promise<PlanView> {
  const named = (await requirePlan(stack, name)).plan.name;
  // Before what is written down is read: who ends meanwhile has written it by then.
  const going = await isGoing(stack, named);
  const { plan, events, standings } = await requirePlan(stack, named);
  const [runs, queue, { instances }] = await Promise.all([viewRuns(stack), listQueue(stack), stack.store.read()]);
  const tickets = plan.tickets.map(({ ticket, after }): PlanTicketView => {
    const standing = standings.get(ticket) as Standing;
    const { stage, attempt, next } = standing;
    const run = runs.findLast(
      (one) => one.ticket === ticket && one.name === `${stage}-${attempt}` && next.do === 'watch',
    );
    const isMerged =
      standing.state === 'queued' && queue.some((one) => one.ticket === ticket && one.state === 'merged');
    const isThere = instances[ticket]?.createdAt === standing.madeAt;
    const told = tellWaiting(standing, { run, going, after, standings, isThere });
    return {
      ...{ ticket, state: isMerged ? 'merged' : told.state, stage, attempt, after },
      run: run && run.state !== 'exited' ? pickRun(run) : null,
      ...{ findings: standing.findings, cost: sumCost(ticket, events, run) },
      ...{ reason: told.reason ?? null, hint: told.hint ?? null },
    };
  });
  return { plan: plan.name, going, tickets, journal: events };
}

function pickRun({ id, name, state, since, text }: RunView): PlanTicketView['run'] {
  return { id, name, state, since, text };
}

interface Around {
  run: RunView | undefined;
  going: boolean;
  after: readonly string[];
  standings: ReadonlyMap<string, Standing>;
  isThere: boolean;
}

/** An agent that asks waits for a person; what nobody goes on with waits for that. */
function tellWaiting(standing: Standing, around: Around): Pick<Standing, 'state' | 'reason' | 'hint'> {
  const { state, next, reason, hint } = standing;
  const { run, going, after, standings, isThere } = around;
  if (state === 'done' && !isThere)
    return { state, reason: 'it was destroyed since', hint: 'a plan with another `name:` makes it again' };
  if (run?.state === 'waiting')
    return {
      state: 'waiting',
      reason: run.text ?? 'its agent asks',
      hint: `\`stack attach ${run.ticket}\` answers it`,
    };
  if (next.do === 'rest') return { state, reason, hint };
  const open = after.filter((ticket) => standings.get(ticket)?.isThrough !== true);
  if (state === 'blocked' && open.length > 0) return { state, reason: `it comes after ${open.join(', ')}` };
  if (going || (run && run.state !== 'exited')) return { state, reason, hint };
  return {
    state: state === 'running' ? 'blocked' : state,
    reason: 'nobody goes on with the plan',
    hint: '`stack plan resume` does',
  };
}

function sumCost(ticket: string, events: readonly PlanEvent[], run: RunView | undefined): RunCost | null {
  // Who stops a stage and who drives it may both have told of its end.
  const told = new Map<string, RunCost>();
  for (const { ticket: name, stage, attempt, cost } of events)
    if (name === ticket && cost) told.set(`${stage} ${attempt}`, cost);
  const costs = [...told.values(), ...(run?.cost ? [run.cost] : [])];
  const add = (key: keyof RunCost): number | null =>
    costs.reduce<number | null>((sum, cost) => (cost[key] === null ? sum : (sum ?? 0) + (cost[key] ?? 0)), null);
  return costs.length === 0 ? null : { usd: add('usd'), input: add('input'), output: add('output') };
}
