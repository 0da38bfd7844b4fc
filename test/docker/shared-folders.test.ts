import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { release } from 'node:os';
import path from 'node:path';
import type Docker from 'dockerode';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectEngine } from '../../src/adapters/docker/docker.ts';
import { LABELS } from '../../src/domain/names.ts';
import { createWorld, type World } from '../contract/world.ts';
import { cleanLabelled, findTestEngine, listLabelled, NODE_IMAGE, openClient } from '../support/engine.ts';
import { type EngineProxy, openEngineProxy } from '../support/engine-proxy.ts';

const found = await findTestEngine();
const { signal } = new AbortController();

/** The proxy shows the kernel of a virtual machine, which has another folder, or none, in the place of ours. */
describe.skipIf(!found)('an engine in a virtual machine', () => {
  let client: Docker;
  let world: World;
  let proxy: EngineProxy;
  beforeAll(async () => {
    client = await openClient();
  });
  beforeEach(async () => {
    proxy = await openEngineProxy();
    const engine = await connectEngine({ env: process.env, host: proxy.address });
    world = await createWorld({
      runtime: engine.runtime,
      settings: { image: NODE_IMAGE },
      containerPort: 8080,
      prepareRoot: (_, rootId, name) => engine.ensureNetwork(name, { [LABELS.root]: rootId }),
      listLeft: (_, rootId) => listLabelled(client, rootId),
      cleanRoot: (_, rootId) => cleanLabelled(client, rootId),
    });
    execFileSync('git', ['init', '--quiet', world.source], { stdio: 'ignore' });
  });
  afterEach(async () => {
    proxy.heal();
    await world.dispose();
    await proxy.close();
  });

  const showKernel = (): void => proxy.replace('x'.repeat(release().length), release());
  /** Returns the folder that the machine has in the place of ours. */
  const hide = (folder: string): string => {
    const there = path.join(path.dirname(folder), '-'.repeat(path.basename(folder).length));
    proxy.replace(`"Source":"${folder}"`, `"Source":"${there}"`);
    return there;
  };
  const looks = (): string[] => proxy.asked.filter((request) => request.startsWith('HEAD'));

  it.each(['start', 'run'] as const)(
    'that shares another folder than ours: %s says so, and leaves nothing',
    async (how) => {
      showKernel();
      mkdirSync(hide(world.source));
      const before = await listLabelled(client, world.rootId);
      const spec = world.spec('serve');
      const told =
        how === 'start' ? world.runtime.start(spec, signal) : world.runtime.run(spec, ['ls'], () => 0, signal);
      await expect(told).rejects.toMatchObject({
        code: 'engine',
        message: `the Docker engine does not have the files of ${world.source}`,
        hint: expect.stringMatching(/below your home folder.*Colima/),
      });
      expect(looks()).toHaveLength(1);
      expect(await listLabelled(client, world.rootId)).toEqual(before);
    },
  );

  it('that does not have our folder says so in its own words', async () => {
    showKernel();
    const there = hide(world.source);
    proxy.replace(`does not exist: ${world.source}`, `does not exist: ${there}`);
    await expect(world.runtime.start(world.spec('serve'), signal)).rejects.toMatchObject({
      code: 'engine',
      message: `the Docker engine does not have the files of ${world.source}`,
    });
  });

  it('that shares our folder starts what is in it', async () => {
    showKernel();
    const spec = world.spec('serve');
    await world.runtime.start(spec, signal);
    expect(await world.statusOf(spec)).toMatchObject({ state: 'running' });
    expect(looks().length).toBeGreaterThan(0);
  });

  it('is asked for nothing more where it has the kernel of this machine', async () => {
    await world.runtime.start(world.spec('serve'), signal);
    expect(looks()).toEqual([]);
  });
});
