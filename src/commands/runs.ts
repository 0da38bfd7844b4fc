import type { RunView } from '../domain/runs/run.ts';
import { renderRuns } from './common/run-table.ts';
import { namedTickets } from './common/tickets.ts';
import type { Verb } from './common/verb.ts';

export const runs: Verb<object, { runs: RunView[] }> = {
  name: 'runs',
  summary: 'list the agents: what each does, since when, how that is known',
  args: '[ticket]',
  flags: [],
  examples: ['stack runs', 'stack runs feat-02', 'stack runs --json'],
  completes: { tickets: true },
  async run(context, { args }) {
    const [{ viewRuns }, stack] = await Promise.all([import('../orchestrator/runs/observe.ts'), context.stack()]);
    if (args.length === 0) return { runs: await viewRuns(stack) };
    const { requireInstance } = await import('../orchestrator/core/claim.ts');
    const [named = ''] = await namedTickets(context, args);
    return { runs: await viewRuns(stack, requireInstance(await stack.store.read(), named).ticket) };
  },
  render: ({ runs: all }, view) => renderRuns(all, view),
};
