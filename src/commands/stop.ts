import type { InstancesView } from '../domain/view.ts';
import { renderInstances } from './common/instance-table.ts';
import { changeTickets } from './common/tickets.ts';
import { listValues, type Verb } from './common/verb.ts';

export const stop: Verb<{ service?: string[] }, InstancesView> = {
  name: 'stop',
  summary: 'stop a ticket; ports, data and worktrees are kept',
  args: '[tickets...]',
  flags: [['--service <name...>', 'stop these services only']],
  examples: ['stack stop feat-02', 'stack stop feat-02 --service worker'],
  completes: { tickets: true },
  async run(context, { args, options }) {
    const { stopInstance } = await import('../orchestrator/lifecycle/stop.ts');
    const services = listValues(options.service);
    return changeTickets(context, args, (stack, ticket) => stopInstance(stack, ticket, services));
  },
  render: renderInstances,
};
