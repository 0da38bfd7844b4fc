import type { StackView } from '../domain/view.ts';
import { renderInstances } from './instance-table.ts';
import type { Verb } from './verb.ts';

export const ps: Verb<object, StackView> = {
  name: 'ps',
  summary: 'list the tickets: addresses, bases, status',
  args: '',
  flags: [],
  examples: ['stack ps', 'stack ps --json'],
  completes: {},
  async run(context) {
    const { observeStack } = await import('../engine/observe.ts');
    return observeStack(await context.stack());
  },
  render(view, options) {
    return view.instances.length > 0
      ? renderInstances(view, options)
      : 'no tickets yet: `stack create TICKET` makes one';
  },
};
