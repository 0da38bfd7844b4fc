import { ticketOf } from '../domain/ticket.ts';
import type { InstancesView } from '../domain/view.ts';
import { askForRoom } from './common/ask-for-room.ts';
import { renderInstances } from './common/instance-table.ts';
import { pauseIdleTickets } from './common/pause-idle.ts';
import { changeNamed } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

export const resume: Verb<{ wait: boolean }, InstancesView> = {
  name: 'resume',
  summary: 'start what ran of a paused ticket, with the same ports and data',
  args: '[tickets...]',
  flags: [['--no-wait', 'do not wait until the services are ready']],
  examples: ['stack resume feat-02', 'stack resume feat-01 feat-02 --no-wait'],
  completes: { tickets: true, several: true },
  async run(context, { args, options }) {
    const { resumeInstance } = await import('../orchestrator/lifecycle/start.ts');
    await pauseIdleTickets(context, args.map(ticketOf));
    const how = { extent: options.wait ? 'ready' : 'started', ask: askForRoom(context) } as const;
    return changeNamed(context, args, (stack, ticket) => resumeInstance(stack, ticket, how));
  },
  render: renderInstances,
};
