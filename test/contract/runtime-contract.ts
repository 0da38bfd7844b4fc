import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { describeCommands } from './commands-contract.ts';
import { describeLifecycle } from './lifecycle-contract.ts';
import { describeLimits } from './limits-contract.ts';
import { describeLogs } from './logs-contract.ts';
import { createWorld, type RuntimeSetup, type World } from './world.ts';

/** Holds a runtime to its contract. `setup` is called once; every test has a root of its own. */
export function describeRuntime(
  name: string,
  setup: () => Promise<RuntimeSetup>,
  options: { skip?: boolean } = {},
): void {
  describe.skipIf(options.skip)(`the ${name} runtime`, () => {
    let parts: RuntimeSetup;
    let world: World;
    const others: World[] = [];
    beforeAll(async () => {
      parts = await setup();
    });
    beforeEach(async () => {
      world = await createWorld(parts);
    });
    afterEach(async () => {
      await Promise.all([world, ...others.splice(0)].map((one) => one.dispose()));
    });

    it('says that it can run here', async () => {
      expect(await world.runtime.check()).toMatchObject({ ok: true });
    });

    const makeOther = async (): Promise<World> => {
      const other = await createWorld(parts);
      others.push(other);
      return other;
    };
    describeLifecycle(() => world, makeOther);
    describeLogs(() => world);
    describeLimits(() => world);
    describeCommands(() => world);
  });
}
