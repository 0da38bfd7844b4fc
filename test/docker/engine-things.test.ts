import { randomBytes } from 'node:crypto';
import type Docker from 'dockerode';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DockerEngine } from '../../src/adapters/docker/docker.ts';
import { LABELS } from '../../src/domain/names.ts';
import { cleanLabelled, findTestEngine, listLabelled, NODE_IMAGE, openClient } from '../support/engine.ts';
import { until } from '../support/until.ts';

const found = await findTestEngine();

describe.skipIf(!found)('an engine', () => {
  const engine = found as DockerEngine;
  let client: Docker;
  let rootId: string;
  let name: string;
  let labels: Record<string, string>;
  beforeAll(async () => {
    client = await openClient();
  });
  beforeEach(() => {
    rootId = randomBytes(4).toString('hex');
    name = `stack-things-${rootId}`;
    labels = { [LABELS.root]: rootId, [LABELS.ticket]: 'feat-01' };
  });
  afterEach(() => cleanLabelled(client, rootId));

  const runContainer = async (more: Docker.ContainerCreateOptions) => {
    const container = await client.createContainer({
      Image: NODE_IMAGE,
      ...more,
      Labels: { ...labels, ...more.Labels },
    });
    await container.start();
    return container;
  };

  it('makes a network once and removes it once', async () => {
    expect(await engine.inspectNetwork(name)).toBeUndefined();
    await Promise.all([engine.ensureNetwork(name, labels), engine.ensureNetwork(name, labels)]);
    await engine.ensureNetwork(name, labels);
    expect(await engine.inspectNetwork(name)).toMatchObject({ labels, containers: [] });
    expect(await listLabelled(client, rootId)).toEqual([`network ${name}`]);
    await Promise.all([engine.removeNetwork(name), engine.removeNetwork(name)]);
    await engine.removeNetwork(name);
    expect(await listLabelled(client, rootId)).toEqual([]);
  });

  it('leaves a network alone that is somebody else’s', async () => {
    const network = await client.createNetwork({ Name: name });
    try {
      await engine.removeNetwork(name);
      await expect(engine.ensureNetwork(name, labels)).rejects.toMatchObject({ code: 'engine' });
      expect(await engine.inspectNetwork(name)).toBeDefined();
    } finally {
      await network.remove();
    }
  });

  it('says who still uses a network', async () => {
    await engine.ensureNetwork(name, labels);
    await runContainer({ name, Cmd: ['sleep', '100'], HostConfig: { NetworkMode: name } });
    await expect(engine.removeNetwork(name)).rejects.toMatchObject({
      code: 'engine',
      message: expect.stringContaining(`used by ${name}`),
    });
  });

  it('puts a container on a network under more names', async () => {
    await engine.ensureNetwork(name, labels);
    const container = await runContainer({ name, Cmd: ['sleep', '100'] });
    await engine.connectContainer(name, name, ['postgres']);
    await engine.connectContainer(name, name, ['postgres']);
    await engine.connectContainer(name, name, ['db']);
    const { NetworkSettings } = await container.inspect();
    expect(NetworkSettings.Networks[name]?.Aliases).toEqual(expect.arrayContaining(['postgres', 'db']));
  });

  it('makes a volume once and removes it once', async () => {
    await engine.ensureVolume(name, labels);
    await engine.ensureVolume(name, labels);
    expect(await engine.listVolumes(rootId)).toEqual([{ name, labels }]);
    await engine.removeVolume(name, rootId);
    await engine.removeVolume(name, rootId);
    expect(await engine.listVolumes(rootId)).toEqual([]);
  });

  it('leaves a volume alone that is somebody else’s or still used', async () => {
    await client.createVolume({ Name: `${name}-other` });
    await client.createVolume({ Name: `${name}-theirs`, Labels: { ...labels, [LABELS.root]: 'another' } });
    try {
      await engine.removeVolume(`${name}-other`, rootId);
      await engine.removeVolume(`${name}-theirs`, rootId);
      await client.getVolume(`${name}-theirs`).inspect();
      await expect(engine.ensureVolume(`${name}-other`, labels)).rejects.toMatchObject({ code: 'engine' });
      await engine.ensureVolume(name, labels);
      await runContainer({ name, Cmd: ['sleep', '100'], HostConfig: { Binds: [`${name}:/data`] } });
      await expect(engine.removeVolume(name, rootId)).rejects.toMatchObject({
        message: expect.stringContaining('still used'),
      });
    } finally {
      await client.getVolume(`${name}-other`).remove();
      await client.getVolume(`${name}-theirs`).remove();
    }
  });

  it('lists the containers of a compose project', async () => {
    const inProject = (service: string) => ({
      'com.docker.compose.project': name,
      'com.docker.compose.service': service,
      'com.docker.compose.oneoff': 'False',
    });
    const Healthcheck = { Test: ['CMD', 'true'], Interval: 100_000_000, Timeout: 5_000_000_000, Retries: 1 };
    await runContainer({
      name: `${name}-db`,
      Cmd: ['sleep', '100'],
      Labels: inProject('postgres'),
      ExposedPorts: { '5432/tcp': {} },
      HostConfig: { PortBindings: { '5432/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } },
      Healthcheck,
    });
    await runContainer({
      name: `${name}-job`,
      Cmd: ['sh', '-c', 'echo one; echo two; exit 3'],
      Labels: inProject('job'),
    });
    await runContainer({
      name: `${name}-x`,
      Cmd: ['true'],
      Labels: { ...inProject('x'), 'com.docker.compose.oneoff': 'True' },
    });
    const listed = await until('both states', async () => {
      const all = await engine.listProject(name);
      const states = all.map((one) => one.state).sort();
      return states.join() === 'exited,healthy' && all;
    });
    const [db, job] = ['postgres', 'job'].map((service) => listed.find((one) => one.service === service));
    expect(db).toMatchObject({ name: `${name}-db`, ports: [{ container: 5432, host: expect.any(Number) }] });
    expect(job).toMatchObject({ exitCode: 3, ports: [] });
    expect(await engine.tailLog(`${name}-job`, 1)).toEqual(['two']);
    expect(await engine.inspectState(`${name}-job`)).toMatchObject({
      state: 'exited',
      exitCode: 3,
      outOfMemory: false,
    });
    expect(await engine.inspectState(`${name}-db`)).toMatchObject({ state: 'healthy', startedAt: expect.any(Number) });
    expect(await engine.inspectState(`${name}-none`)).toBeUndefined();
  });

  it('lists everything that carries a root’s label', async () => {
    await engine.ensureNetwork(name, labels);
    await engine.ensureVolume(name, labels);
    await runContainer({ name, Cmd: ['true'] });
    expect(await engine.listOwned(rootId)).toEqual({
      containers: [{ name, labels: expect.objectContaining(labels) }],
      networks: [{ name, labels }],
      volumes: [{ name, labels }],
      images: [],
    });
  });
});
