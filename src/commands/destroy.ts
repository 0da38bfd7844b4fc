import type { TakenApart } from '../engine/take-apart.ts';
import { namedTickets } from './tickets.ts';
import type { Verb } from './verb.ts';

interface Result {
  destroyed: TakenApart[];
}

export const destroy: Verb<{ force?: boolean; keepBranch?: boolean }, Result> = {
  name: 'destroy',
  summary: 'remove a ticket and everything that was made for it',
  args: '[tickets...]',
  flags: [
    ['--force', 'also where work would be lost; saves it under refs/stack/rescue/ first'],
    ['--keep-branch', 'leave the branches'],
  ],
  examples: ['stack destroy feat-02', 'stack destroy feat-01 feat-02 --keep-branch', 'stack destroy feat-03 --force'],
  completes: { tickets: true },
  async run(context, { args, options }) {
    const stack = await context.stack();
    const tickets = await namedTickets(context, args);
    const { requireNothingAtRisk, takeApart } = await import('../engine/take-apart.ts');
    const how = { force: options.force === true, keepBranch: options.keepBranch === true };
    await requireNothingAtRisk(stack, tickets, how);
    const destroyed: TakenApart[] = [];
    for (const ticket of tickets) destroyed.push(await takeApart(stack, ticket, how));
    return { destroyed };
  },
  render({ destroyed }) {
    return destroyed
      .flatMap(({ ticket, rescued }) => [
        `${ticket} is gone`,
        ...rescued.map(({ repo, ref }) => `  its work in ${repo} is saved: git branch ${ticket}-rescued ${ref}`),
      ])
      .join('\n');
  },
};
