import type { Context } from '../context.ts';
import { pickRecent, type RunView } from '../domain/runs/run.ts';
import { renderRuns } from './common/run-table.ts';
import { namedTickets } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

export const runs: Verb<{ all?: boolean }, { runs: RunView[]; hidden: number }> = {
  name: 'runs',
  summary: 'list the agents: what each does, since when, how that is known',
  args: '[ticket]',
  flags: [['--all', 'also those that have ended more than a day ago']],
  examples: ['stack runs', 'stack runs feat-02', 'stack runs --all', 'stack runs --json'],
  completes: { tickets: true },
  async run(context, { args, options }) {
    const [{ viewRuns }, stack] = await Promise.all([import('../orchestrator/runs/observe.ts'), context.stack()]);
    const found = await viewRuns(stack, await readTicket(context, args));
    const shown = options.all ? found : pickRecent(found, Date.now());
    return { runs: shown, hidden: found.length - shown.length };
  },
  render: renderRuns,
  toJson: ({ runs: shown }) => ({ runs: shown }),
};

/** Undefined: of all tickets. */
async function readTicket(context: Context, args: readonly string[]): Promise<string | undefined> {
  if (args.length === 0) return undefined;
  const { requireInstance } = await import('../orchestrator/core/claim.ts');
  const [named = ''] = await namedTickets(context, args);
  return requireInstance(await (await context.stack()).store.read(), named).ticket;
}
