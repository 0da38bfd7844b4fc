import { ticketOf } from '../domain/ticket.ts';
import type { InstancesView } from '../domain/view.ts';
import { askForRoom } from './common/ask-for-room.ts';
import { renderInstances } from './common/instance-table.ts';
import { pauseIdleTickets } from './common/pause-idle.ts';
import { ALL_FLAG, changeTickets } from './common/tickets.ts';
import { listValues, type Verb } from './common/verb.ts';

export const start: Verb<
  { wait: boolean; build?: boolean; migrate?: boolean; service?: string[]; all?: boolean },
  InstancesView
> = {
  name: 'start',
  summary: 'start a stopped ticket, with the same ports, data and worktrees',
  args: '[ticket|service...]',
  flags: [
    ['--service <name...>', 'start these services only'],
    ['--no-wait', 'do not wait until the services are ready'],
    ['--build', 'rebuild images'],
    ['--migrate', 'run `migrate:` commands again, also on the database that all share'],
    ALL_FLAG,
  ],
  examples: ['stack start feat-02', 'stack start feat-02 worker', 'stack start feat-01 feat-02 --no-wait'],
  completes: { tickets: true, several: true, services: true },
  async run(context, { args, options }) {
    const { startInstance } = await import('../orchestrator/lifecycle/start.ts');
    const flags = { rebuild: options.build === true, migrate: options.migrate === true, ask: askForRoom(context) };
    const how = { extent: options.wait ? 'ready' : 'started', ...flags } as const;
    await pauseIdleTickets(context, args.map(ticketOf));
    const selection = { args, all: options.all, services: listValues(options.service) };
    return changeTickets(context, selection, (stack, ticket, only) => startInstance(stack, ticket, { ...how, only }));
  },
  render: renderInstances,
};
