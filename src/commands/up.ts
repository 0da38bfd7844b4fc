import type { StackView } from '../domain/view.ts';
import type { Verb } from './common/verb.ts';

export const up: Verb<{ wait: boolean }, StackView> = {
  name: 'up',
  summary: 'start what tickets share: Postgres, Redis, the baseline’s services',
  args: '',
  flags: [['--no-wait', 'do not wait until the services are ready']],
  examples: ['stack up', 'stack up --no-wait'],
  completes: {},
  async run(context, { options }) {
    const stack = await context.stack();
    const { bringUp } = await import('../orchestrator/lifecycle/up.ts');
    await bringUp(stack, options.wait ? 'ready' : 'started');
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
