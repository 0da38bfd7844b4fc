import type { Context } from '../context.ts';
import { StackError } from '../domain/errors.ts';
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
    if (options.run !== undefined) return stopAgent(context, args, { ...options, run: options.run });
    const { stopInstance } = await import('../orchestrator/lifecycle/stop.ts');
    const selection = { args, all: options.all, services: listValues(options.service) };
    return changeTickets(context, selection, stopInstance);
  },
  render: renderInstances,
};

async function stopAgent(
  context: Context,
  args: readonly string[],
  { run: wanted, all, service = [] }: { run: string; all?: boolean; service?: string[] },
): Promise<InstancesView> {
  const more = [all && '--all', service.length > 0 && '--service', args.length > 1 && 'a second name'].find(Boolean);
  if (more)
    throw new StackError('usage', `--run ends one agent of one ticket: ${more} says more`, {
      hint: `stack stop ${args[0] ?? 'TICKET'} --run ${wanted}`,
    });
  const [{ stopRun }, { observeInstances }, stack] = await Promise.all([
    import('../orchestrator/runs/stop.ts'),
    import('../orchestrator/status/view.ts'),
    context.stack(),
  ]);
  const [ticket = ''] = await namedTickets(context, args);
  const run = await stopRun(stack, ticket, wanted);
  context.emit({ type: 'info', text: `${run.name} (run ${run.id} of ${run.ticket}) has ended` });
  return observeInstances(stack, [run.ticket]);
}
