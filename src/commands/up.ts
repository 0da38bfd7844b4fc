import type { StackView } from '../domain/view.ts';
import { canAsk } from '../ui/ask.ts';
import type { Verb } from './common/verb.ts';

export const up: Verb<{ wait: boolean; migrate?: boolean; seed?: boolean }, StackView> = {
  name: 'up',
  summary: 'start what tickets share: Postgres, Redis, the baseline’s services',
  args: '',
  flags: [
    ['--migrate', 'run the baseline’s `migrate:` commands first, also on a database that is not empty'],
    ['--seed', 'run its `seed:` commands first, also on a database that is not empty'],
    ['--no-wait', 'do not wait until the services are ready'],
  ],
  examples: ['stack up', 'stack up --migrate --seed', 'stack up --no-wait'],
  completes: {},
  async run(context, { options }) {
    const stack = await context.stack();
    const { bringUp } = await import('../orchestrator/lifecycle/up.ts');
    await bringUp(stack, {
      extent: options.wait ? 'ready' : 'started',
      migrate: options.migrate === true,
      seed: options.seed === true,
      ask: canAsk(context.host) || context.options.yes ? context.ask : undefined,
    });
    const { observeStack } = await import('../orchestrator/status/view.ts');
    return observeStack(stack);
  },
  async render({ shared, baseline }, options) {
    const { renderTable } = await import('../ui/table.ts');
    const rows = [
      ...Object.entries(shared).map(([name, { url, status }]) => [name, url, status]),
      ...Object.entries(baseline.repos).map(([name, { url, status }]) => [name, url ?? '-', status]),
    ];
    return renderTable(['Service', 'URL', 'Status'], rows, options);
  },
};
