import { StackError } from '../domain/errors.ts';
import type { BegunView } from './common/start-run.ts';
import { RUN_FLAGS, type RunFlags, readPrompt, runIn } from './common/start-run.ts';
import { namedTickets } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

export const run: Verb<RunFlags & { start: boolean; wait: boolean; resume?: boolean; run?: string }, BegunView> = {
  name: 'run',
  summary: 'start an agent in a ticket’s folder, with its addresses in the environment',
  args: '[ticket]',
  command: 'strict',
  flags: [
    ...RUN_FLAGS,
    ['--resume', 'go on with an agent that has ended, in the session that it had'],
    ['--run <run>', 'which one goes on: its number or name'],
    ['--no-start', 'leave a ticket that is at rest as it is'],
    ['--no-wait', 'do not wait until its services are ready'],
  ],
  examples: [
    'stack run feat-02 -- npm test',
    'stack run feat-02 -d --prompt-file task.md -- my-agent',
    'stack run feat-02 -d --agent claude --prompt "fix the login"',
    'stack run feat-02 -d --resume',
    'stack run feat-02 -d --name reviewer --share -- my-agent --review',
  ],
  completes: { tickets: true },
  async run(context, { args, command, options }) {
    if (args.length > 1)
      throw new StackError('usage', `one ticket at a time, not ${args.join(', ')}`, {
        hint: 'put the command behind `--`: stack run feat-02 -- my-agent',
      });
    const prompt = await readPrompt(context, options);
    const [ticket = ''] = await namedTickets(context, args);
    return runIn(context, { ticket, command, options, prompt });
  },
  render: ({ text }) => text,
  toJson: ({ view }) => view && { runs: [view] },
  exitCode: ({ exitCode }) => exitCode,
};
