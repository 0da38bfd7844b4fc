import type { InstancesView } from '../domain/view.ts';
import { renderInstances } from './common/instance-table.ts';
import { ALL_FLAG, changeTickets } from './common/tickets.ts';
import { listValues, type Verb } from './common/verb.ts';

export const stop: Verb<{ service?: string[]; all?: boolean }, InstancesView> = {
  name: 'stop',
  summary: 'stop a ticket; ports, data and worktrees are kept',
  args: '[ticket|service...]',
  flags: [['--service <name...>', 'stop these services only'], ALL_FLAG],
  examples: ['stack stop feat-02', 'stack stop feat-02 worker', 'stack stop --all'],
  completes: { tickets: true, several: true, services: true },
  async run(context, { args, options }) {
    const { stopInstance } = await import('../orchestrator/lifecycle/stop.ts');
    const selection = { args, all: options.all, services: listValues(options.service) };
    return changeTickets(context, selection, stopInstance);
  },
  render: renderInstances,
};
