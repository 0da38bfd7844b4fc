import { listOwnDatabases } from '../domain/own.ts';
import type { Verb } from './common/verb.ts';

export const down: Verb<{ force?: boolean; volumes?: boolean }, { down: true; volumes: boolean }> = {
  name: 'down',
  summary: 'stop what tickets share; its data stays',
  args: '',
  flags: [
    ['--volumes', 'delete the shared data too, after asking'],
    ['--force', 'also while tickets use it'],
  ],
  examples: ['stack down', 'stack down --volumes --yes'],
  completes: {},
  async run(context, { options }) {
    const stack = await context.stack();
    const volumes = options.volumes === true;
    if (volumes) {
      const { instances } = await stack.store.read();
      const owners = Object.values(instances).flatMap(({ ticket, own }) =>
        listOwnDatabases(own).length > 0 ? [ticket] : [],
      );
      const also = owners.length > 0 ? `, with the databases of ${owners.join(', ')}` : '';
      await context.confirm(`Delete all data of the shared services of ${stack.name}${also}?`);
    }
    const { bringDown } = await import('../orchestrator/lifecycle/down.ts');
    await bringDown(stack, { force: options.force === true, volumes });
    return { down: true, volumes };
  },
  render({ volumes }) {
    return volumes ? 'down; the shared data is deleted' : 'down; the shared data is kept';
  },
};
