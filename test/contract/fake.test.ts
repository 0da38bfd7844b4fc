import { createFakeRuntime } from '../support/fake-runtime.ts';
import { describeRuntime } from './runtime-contract.ts';
import { runWork } from './work.ts';

describeRuntime('fake', async () => {
  const fake = createFakeRuntime({ program: runWork });
  return {
    runtime: fake,
    listLeft: async (_, rootId) => fake.listLeft(rootId),
    cleanRoot: async (_, rootId) => fake.clean(rootId),
  };
});
