import type { TicketDetail } from '../orchestrator/status/detail.ts';
import { renderDetail } from './common/ticket-detail.ts';
import { namedTickets } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

export const show: Verb<object, TicketDetail> = {
  name: 'show',
  summary: 'show all of one ticket: addresses, worktrees, data',
  args: '[ticket]',
  flags: [],
  examples: ['stack show feat-02', 'stack show feat-02 --json'],
  completes: { tickets: true },
  async run(context, { args }) {
    const [{ describeTicket }, [ticket = '']] = await Promise.all([
      import('../orchestrator/status/detail.ts'),
      namedTickets(context, args),
    ]);
    return describeTicket(await context.stack(), ticket, context.host.cwd);
  },
  render: renderDetail,
};
