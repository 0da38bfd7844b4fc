import type { Context } from '../context.ts';
import { StackError } from '../domain/errors.ts';
import { readLength } from '../domain/moment.ts';
import type { Awaited } from '../orchestrator/status/wait.ts';
import { renderAlert } from '../ui/alert.ts';
import { namedTickets } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

const GOALS = ['ready', 'working', 'waiting', 'quiet', 'done', 'exited', 'merged'] as const;

export const wait: Verb<{ for: string; timeout?: string }, Awaited[]> = {
  name: 'wait',
  summary: 'wait until tickets, or their agents, have come to something',
  args: '[ticket...]',
  flags: [
    ['--for <state>', GOALS.join(', '), 'done'],
    ['--timeout <time>', 'give up after it, with exit code 1: 30s, 10m, 2h'],
  ],
  examples: ['stack wait feat-01 feat-02 --for done --timeout 1h', 'stack wait --for ready'],
  completes: { tickets: true, several: true },
  async run(context, { args, options }) {
    const goal = GOALS.find((one) => one === options.for);
    if (goal === undefined)
      throw new StackError('usage', `--for takes no ${JSON.stringify(options.for)}`, {
        hint: `it takes ${GOALS.join(', ')}`,
      });
    const timeout = options.timeout === undefined ? undefined : readLength(options.timeout, '--timeout');
    const tickets = await namedTickets(context, args);
    const { waitFor } = await import('../orchestrator/status/wait.ts');
    const all = await waitFor(await context.stack(), tickets, { goal, timeout });
    ring(context, all);
    return all;
  },
  render: (all) => all.map(({ ticket, met, is }) => `${ticket} ${met ? 'is' : 'is not there:'} ${is}`).join('\n'),
  toJson: (tickets) => ({ tickets }),
  exitCode: (all) => (all.every(({ met }) => met) ? 0 : 1),
};

/** Tells the person, who may be elsewhere. */
function ring({ host: { stderr, env }, options }: Context, all: readonly Awaited[]): void {
  if (stderr.isTTY !== true || options.quiet) return;
  stderr.write(renderAlert(all.map(({ ticket, is }) => `${ticket} ${is}`).join(', '), env));
}
