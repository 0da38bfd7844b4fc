import type { InstancesView } from '../domain/view.ts';
import { renderInstances } from './common/instance-table.ts';
import { changeNamed } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

export const pause: Verb<Record<string, never>, InstancesView> = {
  name: 'pause',
  summary: 'end what runs of a ticket, to make room; resume starts the same again',
  args: '[tickets...]',
  flags: [],
  examples: ['stack pause feat-02', 'stack pause feat-01 feat-02'],
  completes: { tickets: true, several: true },
  async run(context, { args }) {
    const { pauseInstance } = await import('../orchestrator/capacity/pause.ts');
    return changeNamed(context, args, (stack, ticket) => pauseInstance(stack, ticket, context.confirm));
  },
  render: renderInstances,
};
