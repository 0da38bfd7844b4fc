import { StackError } from '../domain/errors.ts';
import { RUN_FLAG } from './common/start-run.ts';
import type { Verb } from './common/verb.ts';

export const send: Verb<{ run?: string }, { ticket: string; run: string; name: string }> = {
  name: 'send',
  summary: 'type a text into an agent’s terminal, with Enter behind it',
  args: '[ticket] [text...]',
  flags: [RUN_FLAG],
  examples: ['stack send feat-02 "use the other table"', 'stack send feat-02 --run reviewer "go on"'],
  completes: { tickets: true },
  async run(context, { args, options }) {
    const [ticket = '', ...words] = args;
    const text = words.join(' ');
    if (ticket === '' || text.trim() === '')
      throw new StackError('usage', 'a ticket and a text are needed', { hint: 'stack send feat-02 "go on"' });
    const [{ pickRun }, { sendToRun }, stack] = await Promise.all([
      import('../orchestrator/runs/pick.ts'),
      import('../orchestrator/runs/talk.ts'),
      context.stack(),
    ]);
    const live = await pickRun(stack, ticket, options.run);
    await sendToRun(stack, live, text);
    const { run } = live;
    return { ticket: run.ticket, run: run.id, name: run.name };
  },
  render: ({ ticket, run, name }) => `sent to ${name} in ${ticket} (run ${run})`,
};
