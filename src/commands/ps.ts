import { RUNTIMES } from '../domain/runtime.ts';
import type { StackView } from '../domain/view.ts';
import { renderInstances } from './common/instance-table.ts';
import type { Verb } from './common/verb.ts';

export const ps: Verb<object, StackView> = {
  name: 'ps',
  aliases: ['ls', 'list'],
  summary: 'list the tickets: addresses, bases, status',
  args: '',
  flags: [],
  examples: ['stack ps', 'stack ps --json'],
  completes: {},
  async run(context) {
    const { observeStack } = await import('../orchestrator/status/view.ts');
    const view = await observeStack(await context.stack());
    const { name, why } = view.runtime;
    // Containers are what people expect; that there are none is worth a line.
    if (!RUNTIMES[name].images && why !== 'asked for')
      context.emit({ type: 'info', text: `services run as processes: ${why}` });
    return view;
  },
  render(view, options) {
    if (view.instances.length > 0) return renderInstances(view, options);
    return ['no tickets yet: `stack create TICKET` makes one', ...view.problems.map((text) => `! ${text}`)].join('\n');
  },
};
