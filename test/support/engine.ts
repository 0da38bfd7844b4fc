import Docker from 'dockerode';
import { connectEngine, type DockerEngine } from '../../src/adapters/docker/docker.ts';
import { findEngine } from '../../src/adapters/docker/host.ts';
import { LABELS } from '../../src/domain/names.ts';

/** The image that tests run their workloads from. */
export const NODE_IMAGE = process.env.STACK_TEST_IMAGE ?? 'node:22-alpine';

const query = { env: process.env, home: process.env.HOME ?? '/', platform: process.platform };

/**
 * Returns the engine that the environment names; undefined, said loudly, when none answers, so that the tests that need it
 * are skipped. Throws instead where `STACK_REQUIRE_ENGINE=1`, as in CI.
 */
export async function findTestEngine(person?: { uid: number; gid: number }): Promise<DockerEngine | undefined> {
  const engine = await connectEngine({ env: process.env, ...(person && { person }) });
  const check = await engine.runtime.check();
  if (check.ok) return engine;
  if (process.env.STACK_REQUIRE_ENGINE === '1') throw new Error(`the tests need an engine: ${check.reason}`);
  console.warn(`\n!!! SKIPPED: ${check.reason}. \`.ci/engine up\` brings one up; DOCKER_HOST names it.\n`);
  return undefined;
}

/** Returns a plain client of the same engine, to look from outside at what the code under test did. */
export async function openClient(): Promise<Docker> {
  return new Docker((await findEngine(query)).options);
}

/** Returns what an engine has with a root's label: `container x`, `network y`. */
export async function listLabelled(client: Docker, rootId: string): Promise<string[]> {
  const filters = { label: [`${LABELS.root}=${rootId}`] };
  const [containers, networks, volumes, images] = await Promise.all([
    client.listContainers({ all: true, filters }),
    client.listNetworks({ filters }),
    client.listVolumes({ filters }),
    client.listImages({ filters }),
  ]);
  return [
    ...containers.map((one) => `container ${one.Names[0]}`),
    ...networks.map((one) => `network ${one.Name}`),
    ...volumes.Volumes.map((one) => `volume ${one.Name}`),
    ...images.map((one) => `image ${one.RepoTags?.[0] ?? one.Id}`),
  ];
}

/** Removes everything with a root's label from the engine. */
export async function cleanLabelled(client: Docker, rootId: string): Promise<void> {
  const filters = { label: [`${LABELS.root}=${rootId}`] };
  const containers = await client.listContainers({ all: true, filters });
  await Promise.all(containers.map((one) => client.getContainer(one.Id).remove({ force: true, v: true })));
  for (const one of await client.listNetworks({ filters })) await client.getNetwork(one.Id).remove();
  for (const one of (await client.listVolumes({ filters })).Volumes) await client.getVolume(one.Name).remove();
  for (const one of await client.listImages({ filters })) await client.getImage(one.Id).remove({ force: true });
}
