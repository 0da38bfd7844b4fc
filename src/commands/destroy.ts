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
    const [{ examineTickets, takeApart }, { riskError }] = await Promise.all([
      import('../engine/take-apart.ts'),
      import('../engine/checks.ts'),
    ]);
    const how = { force: options.force === true, keepBranch: options.keepBranch === true };
    const risks = await examineTickets(stack, tickets, how);
    if (!how.force && risks.length > 0) throw riskError(risks);
    const destroyed: TakenApart[] = [];
    for (const ticket of tickets) destroyed.push(await takeApart(stack, ticket, { ...how, risks }));
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
