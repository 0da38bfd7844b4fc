import { StackError } from '../domain/errors.ts';
import type { TicketDetail } from '../orchestrator/status/detail.ts';
import { renderDetail } from './common/ticket-detail.ts';
import type { Verb } from './common/verb.ts';

export const here: Verb<object, TicketDetail> = {
  name: 'here',
  summary: 'show the ticket that we are in: addresses, worktrees, data',
  args: '',
  flags: [],
  examples: ['stack here', 'stack here --json'],
  completes: {},
  async run(context) {
    const { ticket } = await context.place();
    if (ticket === undefined) {
      const { cwd } = context.host;
      throw new StackError('usage', `${cwd} is in no ticket's folder`, {
        hint: '`stack show TICKET` shows one from anywhere; `stack ps` lists them',
      });
    }
    const { describeTicket } = await import('../orchestrator/status/detail.ts');
    return describeTicket(await context.stack(), ticket, context.host.cwd);
  },
  render: renderDetail,
};
