import { LABELS } from '../../src/domain/names.ts';
import { cleanLabelled, findTestEngine, listLabelled, NODE_IMAGE, openClient } from '../support/engine.ts';
import { describeRuntime } from './runtime-contract.ts';

const engine = await findTestEngine();

describeRuntime(
  'docker',
  async () => {
    const client = await openClient();
    return {
      runtime: engine!.runtime,
      settings: { image: NODE_IMAGE },
      containerPort: 8080,
      prepareRoot: (root, rootId, network) =>
        engine!.ensureNetwork(network, { [LABELS.root]: rootId, [LABELS.rootPath]: root }),
      listLeft: async (_, rootId) => (await listLabelled(client, rootId)).filter((one) => !one.startsWith('network')),
      cleanRoot: (_, rootId) => cleanLabelled(client, rootId),
    };
  },
  { skip: !engine },
);
