import { StackError } from '../domain/errors.ts';
import { RUN_FLAG } from './common/start-run.ts';
import { namedTickets } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

export const attach: Verb<{ run?: string }, number> = {
  name: 'attach',
  summary: 'go to an agent’s terminal; Ctrl-B d leaves it there',
  args: '[ticket]',
  flags: [RUN_FLAG],
  examples: ['stack attach feat-02', 'stack attach feat-02 --run reviewer'],
  completes: { tickets: true },
  async run(context, { args, options }) {
    const { stdin, stdout } = context.host;
    const [ticket = ''] = await namedTickets(context, args);
    const [{ pickRun }, { attachRun }, stack] = await Promise.all([
      import('../orchestrator/runs/pick.ts'),
      import('../orchestrator/runs/talk.ts'),
      context.stack(),
    ]);
    const live = await pickRun(stack, ticket, options.run);
    if (!stdin.isTTY || !stdout.isTTY)
      throw new StackError('usage', 'this is no terminal', {
        hint: `\`stack capture ${ticket}\` prints what the agent shows`,
      });
    // The terminal that it is on takes the first Ctrl-B for itself.
    if (context.host.env.TMUX) context.emit({ type: 'info', text: 'inside tmux, Ctrl-B Ctrl-B d leaves it' });
    await context.endNarration();
    return attachRun(stack, live);
  },
  render: () => '',
  toJson: () => undefined,
  exitCode: (code) => code,
};
