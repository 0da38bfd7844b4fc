import type { InstanceRecord, StackState } from '../../domain/instance.ts';
import type { Step, StepId } from '../../domain/step.ts';
import { claimInstance, requireInstance } from '../core/claim.ts';
import { findWorkingPlan } from '../core/plans.ts';
import { runForward } from '../core/run.ts';
import type { Stack } from '../core/stack.ts';
import { createWork, saveRecord, type Work } from '../core/work.ts';
import { listKinds } from '../data/kinds.ts';
import { findAgents } from '../runs/stop.ts';
import { stopStep } from '../steps/stop.ts';
import { askRuntimes } from '../workloads/observe.ts';

/**
 * Ends all that runs of a ticket, and notes which of its services that were, for `resume`; ports, data, worktrees and logs stay. Asks
 * first while an agent is at work there, or a plan. Returns false where nothing ran. Throws what the question throws, `not-found`, `busy`,
 * and what stopping a service throws.
 */
export async function pauseInstance(
  stack: Stack,
  ticket: string,
  confirm: (question: string) => Promise<void>,
): Promise<boolean> {
  const before = await stack.store.read();
  const known = requireInstance(before, ticket);
  const running = await listRunning(stack, known);
  if (running.length === 0 && !(await isServerUp(stack, before, known))) {
    const text = known.paused ? `${known.ticket} is paused already` : `nothing of ${known.ticket} runs`;
    stack.emit({ type: 'info', text });
    return false;
  }
  const agents = (await findAgents(stack, known.ticket)).flatMap(({ findings }) => findings.map(({ text }) => text));
  const plan = await findWorkingPlan(stack, known.ticket);
  const users = [...agents, ...(plan === undefined ? [] : [`the plan ${plan} goes on`])];
  if (users.length > 0) await confirm(`In ${known.ticket} ${users.join(', ')}. Pause what it works on all the same?`);
  const { record, state } = await claimInstance(stack, known.ticket, (found) => {
    if (running.length === 0) return;
    const services = new Set([...(found.paused?.services ?? []), ...running]);
    found.paused = { at: new Date().toISOString(), services: [...services] };
  });
  const work = createWork({ stack, config: undefined, record, baseline: state.baseline, shared: state.shared });
  const steps = Object.keys(record.services).map((name) => stopStep(work, name));
  const after = steps.map(({ id }) => id);
  const { error } = await runForward([...steps, ...listServerSteps(work, after)], stack);
  record.owner = undefined;
  await saveRecord(work);
  if (error !== undefined) throw error;
  return true;
}

function listServerSteps(work: Work, after: readonly StepId[]): Step[] {
  return listKinds(work.record.own).flatMap((kind) => kind.stopStep?.(work, after) ?? []);
}

async function isServerUp(stack: Stack, { baseline, shared }: StackState, record: InstanceRecord): Promise<boolean> {
  if (!record.started) return false;
  const steps = listServerSteps(createWork({ stack, config: undefined, record, baseline, shared }), []);
  const states = await Promise.all(steps.map((step) => step.inspect()));
  return states.includes('absent');
}

/** Returns the services of a ticket of which something is alive. Throws what asking its runtimes throws. */
export async function listRunning(stack: Stack, { ticket, started, services }: InstanceRecord): Promise<string[]> {
  if (!started) return [];
  const found = await askRuntimes(stack, Object.values(services), (runtime) => runtime.status(stack.rootId, ticket));
  const alive = found.filter(({ state }) => state === 'running' || state === 'starting' || state === 'paused');
  return alive.flatMap(({ service }) => (Object.hasOwn(services, service) ? [service] : []));
}
