import type { InstancesView } from '../domain/view.ts';
import { askForRoom } from './common/ask-for-room.ts';
import { renderInstances } from './common/instance-table.ts';
import { ALL_FLAG, changeTickets } from './common/tickets.ts';
import { listValues, type Verb } from './common/verb.ts';

export const restart: Verb<{ service?: string[]; wait: boolean; build?: boolean; all?: boolean }, InstancesView> = {
  name: 'restart',
  summary: 'stop a ticket and start it as stack.yml says now',
  args: '[ticket|service...]',
  flags: [
    ['--service <name...>', 'restart these services only'],
    ['--no-wait', 'do not wait until the services are ready'],
    ['--build', 'rebuild images'],
    ALL_FLAG,
  ],
  examples: ['stack restart feat-02', 'stack restart feat-02 api --build', 'stack restart --all'],
  completes: { tickets: true, several: true, services: true },
  async run(context, { args, options }) {
    const [{ listRunning }, { requireInstance }, { startInstance }, { stopInstance }] = await Promise.all([
      import('../orchestrator/capacity/pause.ts'),
      import('../orchestrator/core/claim.ts'),
      import('../orchestrator/lifecycle/start.ts'),
      import('../orchestrator/lifecycle/stop.ts'),
    ]);
    const how = {
      extent: options.wait ? 'ready' : 'started',
      rebuild: options.build === true,
      ask: askForRoom(context),
    } as const;
    const selection = { args, all: options.all, services: listValues(options.service) };
    return changeTickets(context, selection, async (stack, ticket, only) => {
      // What may not be started again is not stopped either.
      await stack.requireTrust();
      const ran = await listRunning(stack, requireInstance(await stack.store.read(), ticket));
      await stopInstance(stack, ticket, only);
      await startInstance(stack, ticket, { ...how, only, ran });
    });
  },
  render: renderInstances,
};
