import type { InstancesView } from '../domain/view.ts';
import { renderInstances } from './common/instance-table.ts';
import { changeTickets } from './common/tickets.ts';
import { listValues, type Verb } from './common/verb.ts';

export const restart: Verb<{ service?: string[]; wait: boolean; build?: boolean }, InstancesView> = {
  name: 'restart',
  summary: 'stop a ticket and start it as stack.yml says now',
  args: '[tickets...]',
  flags: [
    ['--service <name...>', 'restart these services only'],
    ['--no-wait', 'do not wait until the services are ready'],
    ['--build', 'rebuild images'],
  ],
  examples: ['stack restart feat-02', 'stack restart feat-02 --service api'],
  completes: { tickets: true },
  async run(context, { args, options }) {
    const [{ startInstance }, { stopInstance }] = await Promise.all([
      import('../orchestrator/lifecycle/start.ts'),
      import('../orchestrator/lifecycle/stop.ts'),
    ]);
    const services = listValues(options.service);
    const how = { extent: options.wait ? 'ready' : 'started', rebuild: options.build === true } as const;
    return changeTickets(context, args, async (stack, ticket) => {
      // What may not be started again is not stopped either.
      await stack.requireTrust();
      await stopInstance(stack, ticket, services);
      await startInstance(stack, ticket, how);
    });
  },
  render: renderInstances,
};
