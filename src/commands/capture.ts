import { readCount } from './common/read-count.ts';
import { RUN_FLAG } from './common/start-run.ts';
import { namedTickets } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

export const capture: Verb<{ run?: string; lines?: string }, { ticket: string; run: string; text: string }> = {
  name: 'capture',
  summary: 'print what an agent shows in its terminal, or has printed',
  args: '[ticket]',
  flags: [RUN_FLAG, ['-n, --lines <count>', 'the last lines only']],
  examples: ['stack capture feat-02', 'stack capture feat-02 -n 20'],
  completes: { tickets: true },
  async run(context, { args, options }) {
    const lines = readCount(options.lines, '--lines');
    const [ticket = ''] = await namedTickets(context, args);
    const [{ pickRun }, { captureRun }, stack] = await Promise.all([
      import('../orchestrator/runs/pick.ts'),
      import('../orchestrator/runs/talk.ts'),
      context.stack(),
    ]);
    const live = await pickRun(stack, ticket, options.run);
    return { ticket: live.run.ticket, run: live.run.id, text: await captureRun(stack, live, lines) };
  },
  render: ({ text }) => text,
};
