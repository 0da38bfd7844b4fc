import { EXIT_CODES } from '../domain/errors.ts';
import type { Inbox } from '../orchestrator/review/inbox.ts';
import type { Verb } from './common/verb.ts';

export const review: Verb<Record<string, never>, Inbox> = {
  name: 'review',
  summary: 'list the tickets that are ready to be read, the smallest first, and what keeps the others',
  args: '[ticket...]',
  flags: [],
  examples: ['stack review', 'stack review --json', 'stack diff feat-02 --since-seen'],
  completes: { tickets: true, several: true },
  async run(context, { args }) {
    const [{ readInbox }, { ticketOf }] = await Promise.all([
      import('../orchestrator/review/inbox.ts'),
      import('../domain/ticket.ts'),
    ]);
    const inbox = await readInbox(await context.stack(), [...new Set(args.map((arg) => ticketOf(arg)))]);
    for (const text of inbox.problems) context.emit({ type: 'warning', text });
    return inbox;
  },
  async render(inbox, view) {
    const { renderInbox } = await import('./common/inbox-table.ts');
    return renderInbox(inbox, view);
  },
  exitCode: ({ problems }) => (problems.length > 0 ? EXIT_CODES.problems : 0),
};
