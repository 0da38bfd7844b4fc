import { EXIT_CODES } from '../domain/errors.ts';
import { isSeen, type TicketStanding } from '../domain/standing.ts';
import type { Verb } from './common/verb.ts';

interface Result {
  tickets: TicketStanding[];
  /** True: a line a ticket, else a block a repo. */
  brief: boolean;
}

export const status: Verb<Record<string, never>, Result> = {
  name: 'status',
  summary: 'tell how the work of a ticket stands in all its repos: commits, changes, base, pushed, merged',
  args: '[ticket...]',
  flags: [],
  examples: ['stack status', 'stack status feat-02', 'stack status feat-01 feat-02 --json'],
  completes: { tickets: true, several: true },
  async run(context, { args }) {
    const [{ readStandings }, { ticketOf }, stack, { ticket }] = await Promise.all([
      import('../orchestrator/review/standing.ts'),
      import('../domain/ticket.ts'),
      context.stack(),
      context.place(),
    ]);
    const here = ticket === undefined ? [] : [ticket];
    const named = args.length > 0 ? [...new Set(args.map((arg) => ticketOf(arg)))] : here;
    return { tickets: await readStandings(stack, named), brief: named.length === 0 };
  },
  async render({ tickets, brief }, view) {
    if (tickets.length === 0) return 'no tickets yet: `stack create TICKET` makes one';
    const { renderStandings, renderStandingTable } = await import('./common/standing-blocks.ts');
    return brief ? renderStandingTable(tickets, view) : renderStandings(tickets, view);
  },
  toJson: ({ tickets }) => ({ tickets }),
  exitCode: ({ tickets }) =>
    tickets.every(({ repos }) => Object.values(repos).every(isSeen)) ? 0 : EXIT_CODES.problems,
};
