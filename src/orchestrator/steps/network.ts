import { networkName } from '../../domain/names.ts';
import type { Step } from '../../domain/step.ts';
import { ensureNetwork } from '../core/network.ts';
import type { Work } from '../core/work.ts';

/** The stack's one network. */
export function networkStep(work: Work): Step {
  const network = networkName(work.stack.name, work.stack.rootId);
  return {
    id: { kind: 'network' },
    subject: 'stack',
    title: `network ${network}`,
    after: [],
    async inspect() {
      return (await (await work.stack.docker()).inspectNetwork(network)) ? 'present' : 'absent';
    },
    async apply() {
      await ensureNetwork(work.stack);
    },
    async revert() {
      await (await work.stack.docker()).removeNetwork(network);
    },
  };
}
