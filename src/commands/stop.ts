import type { Context } from '../context.ts';
import type { InstancesView } from '../domain/view.ts';
import { renderInstances } from './common/instance-table.ts';
import { ALL_FLAG, changeTickets, namedTickets } from './common/tickets.ts';
import { listValues, type Verb } from './common/verb.ts';

export const stop: Verb<{ service?: string[]; all?: boolean; run?: string }, InstancesView> = {
  name: 'stop',
  summary: 'stop a ticket; ports, data and worktrees are kept',
  args: '[ticket|service...]',
  flags: [
    ['--service <name...>', 'stop these services only'],
    ALL_FLAG,
    ['--run <run>', 'end this agent of the ticket, and no service: its number or name'],
  ],
  examples: ['stack stop feat-02', 'stack stop feat-02 worker', 'stack stop --all', 'stack stop feat-02 --run 1'],
  completes: { tickets: true, several: true, services: true },
  async run(context, { args, options }) {
    if (options.run !== undefined) return stopAgent(context, args, options.run);
    const { stopInstance } = await import('../orchestrator/lifecycle/stop.ts');
    const selection = { args, all: options.all, services: listValues(options.service) };
    return changeTickets(context, selection, stopInstance);
  },
  render: renderInstances,
};

async function stopAgent(context: Context, args: readonly string[], wanted: string): Promise<InstancesView> {
  const [{ pickRun }, { endRun }, { observeInstances }, stack] = await Promise.all([
    import('../orchestrator/runs/pick.ts'),
    import('../orchestrator/runs/stop.ts'),
    import('../orchestrator/status/view.ts'),
    context.stack(),
  ]);
  const [ticket = ''] = await namedTickets(context, args);
  const { run } = await pickRun(stack, ticket, wanted);
  await endRun(stack, run);
  context.emit({ type: 'info', text: `${run.name} (run ${run.id} of ${run.ticket}) has ended` });
  return observeInstances(stack, [run.ticket]);
}
