import { LABELS, networkName } from '../../domain/names.ts';
import type { Step } from '../../domain/step.ts';
import type { Work } from '../work.ts';

/** The stack's one network. One a ticket would use up the engine's address pool after about 30. */
export function networkStep(work: Work): Step {
  const { rootId, root, name: stack } = work.stack;
  const network = networkName(stack, rootId);
  return {
    id: 'network',
    subject: 'stack',
    title: `network ${network}`,
    after: [],
    async inspect() {
      return (await (await work.stack.docker()).inspectNetwork(network)) ? 'present' : 'absent';
    },
    async apply() {
      const labels = { [LABELS.root]: rootId, [LABELS.rootPath]: root, [LABELS.stack]: stack };
      await (await work.stack.docker()).ensureNetwork(network, labels);
    },
    async revert() {
      await (await work.stack.docker()).removeNetwork(network);
    },
  };
}
