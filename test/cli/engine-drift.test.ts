import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import type Docker from 'dockerode';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LABELS, networkName, rootIdOf, sharedProject } from '../../src/domain/names.ts';
import { findTestEngine, NODE_IMAGE, openClient } from '../support/engine.ts';
import { leaveSockets, openFakeEngine } from '../support/fake-engine.ts';
import { withOwnPassword } from '../support/own-password.ts';
import { containedConfig, makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const engine = await findTestEngine();

/** The engine as somebody else sees it: containers by whose they are. */
interface World {
  client: Docker;
  shop: Shop;
  network: string;
  /** The container of the ticket's front-end, of a shared service, or of another ticket. */
  find(who: string): Promise<Docker.Container>;
  all(): Promise<Docker.Container[]>;
}

/** What somebody else does to the engine; what `ps` then says of the ticket, or of all; what is not compared afterwards. */
const CHANGES: {
  title: string;
  change(world: World): unknown;
  status?: string;
  problem?: RegExp;
  shared?: { status: string; problem?: RegExp };
  /** True: others are touched by the change itself. */
  wide?: boolean;
}[] = [
  {
    title: 'its container is removed',
    change: async ({ find }) => (await find('feat-01')).remove({ force: true }),
    status: 'stopped',
  },
  {
    title: 'its container is renamed',
    change: async ({ find }) => (await find('feat-01')).rename({ name: `mine-${Date.now()}` }),
    status: 'broken',
    problem: /^the container of front was renamed to mine-\d+: `stack start feat-01` repairs it$/,
  },
  {
    title: 'its container is disconnected from the network',
    change: async ({ client, network, find }) =>
      client.getNetwork(network).disconnect({ Container: (await find('feat-01')).id, Force: true }),
    status: 'broken',
    problem: /^front was disconnected from the stack’s network: `stack start feat-01` repairs it$/,
  },
  {
    title: 'its container is disconnected, and connected again without its names',
    async change({ client, network, find }) {
      const { id: Container } = await find('feat-01');
      await client.getNetwork(network).disconnect({ Container, Force: true });
      await client.getNetwork(network).connect({ Container });
    },
  },
  {
    title: 'its container is paused',
    change: async ({ find }) => (await find('feat-01')).pause(),
    status: 'paused',
    problem: /^front is paused: `stack start feat-01` lets it go on$/,
  },
  {
    title: 'the engine is restarted',
    // Ours are not restarted by the engine, so all of them are at rest when it is back.
    change: async ({ all }) => Promise.all((await all()).map((container) => container.kill().catch(atRest))),
    status: 'stopped',
    shared: { status: 'stopped' },
    wide: true,
  },
  {
    title: 'all is stopped and the network is pruned',
    async change({ client, network, all }) {
      await Promise.all((await all()).map((container) => container.stop({ t: 1 }).catch(atRest)));
      await client.getNetwork(network).remove();
    },
    status: 'stopped',
    shared: { status: 'stopped' },
    wide: true,
  },
  {
    title: 'the shared Postgres is removed',
    change: async ({ find }) => (await find('postgres')).remove({ force: true }),
    shared: { status: 'stopped' },
  },
  {
    title: 'the shared Postgres is removed with its data',
    async change({ client, shop, find }) {
      await (await find('postgres')).remove({ force: true, v: true });
      await client.getVolume(`${sharedProject('shop', rootIdOf(shop.root))}_postgres-data`).remove();
    },
    shared: { status: 'stopped' },
  },
  {
    title: 'the shared Postgres is disconnected from the network',
    change: async ({ client, network, find }) =>
      client.getNetwork(network).disconnect({ Container: (await find('postgres')).id, Force: true }),
    shared: {
      status: 'running',
      problem: /^postgres was disconnected from the stack’s network: `stack up` puts it back$/,
    },
  },
];

function atRest(error: { statusCode?: number }): void {
  if (![304, 409].includes(error.statusCode ?? 0)) throw error;
}

describe.skipIf(!engine)('on an engine that others use too', { sequential: true }, () => {
  let shop: Shop;
  let world: World;
  let stranger: Docker.Container;

  beforeAll(async () => {
    shop = makeShop({
      engine: true,
      config: (port) =>
        `${containedConfig(port)}shared:\n  postgres: { port: ${port + 18}, database: shop }\n`.replace(
          "API_URL: '${api.url}'",
          "API_URL: '${api.url}', DATABASE_URL: '${postgres.url}'",
        ),
    });
    const client = await openClient();
    const rootId = rootIdOf(shop.root);
    const project = sharedProject('shop', rootId);
    const list = (label: string[]) => client.listContainers({ all: true, filters: { label } });
    const one = async (label: string[]) => client.getContainer((await list(label))[0]?.Id ?? 'none');
    world = {
      ...{ client, shop, network: networkName('shop', rootId) },
      find: (who) =>
        who === 'postgres'
          ? one([`com.docker.compose.project=${project}`, 'com.docker.compose.service=postgres'])
          : one([`${LABELS.root}=${rootId}`, `${LABELS.ticket}=${who}`]),
      all: async () => {
        const found = [
          ...(await list([`com.docker.compose.project=${project}`])),
          ...(await list([`${LABELS.root}=${rootId}`])),
        ];
        return [...new Map(found.map(({ Id }) => [Id, client.getContainer(Id)])).values()];
      },
    };
    stranger = await client.createContainer({ Image: NODE_IMAGE, Cmd: ['sleep', '1000'], HostConfig: { Init: true } });
    await stranger.start();
    expect(await shop.stack(['create', 'feat-02'])).toMatchObject({ code: 0 });
  }, 120_000);
  afterAll(async () => {
    await stranger?.remove({ force: true });
    await shop?.dispose();
  });

  // One that failed shall not fail the others.
  afterEach(async () => {
    if (shop.state()?.instances['feat-01']) await shop.stack(['destroy', 'feat-01', '--force', '--yes']);
  });

  /** Throws what a command said when it failed. */
  const run = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await shop.stack(args);
    if (code !== 0) throw new Error(`stack ${args.join(' ')} ended with ${code}\n${stderr}`);
    return stdout;
  };
  const seen = async () => {
    const { instances, shared, problems } = await shop.ps();
    return { ticket: instances.find(({ ticket }) => ticket === 'feat-01'), shared, problems };
  };
  const answers = async (): Promise<unknown> => {
    const url = (await seen()).ticket?.repos.front?.url ?? '';
    return (await fetch(url)).json();
  };
  /** That nobody else was started again, or taken off its networks. */
  const others = async (): Promise<unknown[]> =>
    Promise.all(
      [stranger, await world.find('feat-02'), await world.find('baseline')].map(async (container) => {
        const { Id, Name, State, NetworkSettings } = await container.inspect();
        return [Id, Name, State.StartedAt, Object.keys(NetworkSettings.Networks)];
      }),
    );

  describe.each(CHANGES)('when $title', ({ change, status = 'running', problem, shared, wide }) => {
    it('ps says it, start mends it, destroy works, and nothing of others has changed', async () => {
      await run('create', 'feat-01');
      const before = await others();
      await change(world);
      await until('the engine knows', async () => (await seen()).ticket?.status === status);
      const broken = await seen();
      expect(broken.ticket?.problems).toEqual(problem ? [expect.stringMatching(problem)] : []);
      expect(broken.shared.postgres).toMatchObject({ status: shared?.status ?? 'running' });
      expect(broken.problems).toEqual(shared?.problem ? [expect.stringMatching(shared.problem)] : []);
      await run('start', 'feat-01');
      expect(await seen()).toMatchObject({
        ticket: { status: 'running', problems: [] },
        shared: { postgres: { status: 'running' } },
        problems: [],
      });
      expect(await answers()).toMatchObject({ ticket: 'feat-01' });
      const names = (await (await world.find('feat-01')).inspect()).NetworkSettings.Networks[world.network]?.Aliases;
      expect(names).toContain('front.feat-01');
      if (!wide) expect(await others()).toEqual(before);
      await change(world);
      expect(await run('destroy', 'feat-01')).toBe('feat-01 is gone');
      expect((await shop.ps()).instances.map(({ ticket }) => ticket)).toEqual(['feat-02']);
      await expect((await world.find('feat-01')).inspect()).rejects.toMatchObject({ statusCode: 404 });
      if (!wide) expect(await others()).toEqual(before);
      await run('start', 'feat-02');
    });
  });

  it('up follows another port and another password, and keeps the data; a create leaves all alone', async () => {
    const port = (await shop.ps()).shared.postgres?.url.match(/:(\d+)\//)?.[1];
    const query = async (text: string, at: number, password?: string): Promise<unknown[]> => {
      const url = withOwnPassword(shop.root, `postgres://stack@127.0.0.1:${at}/shop`);
      const client = new pg.Client(password === undefined ? url : Object.assign(new URL(url), { password }).href);
      await client.connect();
      return (await client.query(text).finally(() => client.end())).rows;
    };
    await query('CREATE TABLE kept (id int)', Number(port));
    const before = (await world.find('postgres')).id;
    const wished = shop.port + 19;
    shop.configure((text) =>
      text.replace(/port: \d+, database: shop/, `port: ${wished}, password: new, database: shop`),
    );
    await run('create', 'feat-01');
    expect((await world.find('postgres')).id).toBe(before);
    const up = await shop.stack(['up']);
    expect(up).toMatchObject({ code: 0 });
    expect(up.stderr).toContain('postgres: its data was made with another password; stack has the new one now');
    expect((await seen()).shared.postgres).toMatchObject({
      url: expect.stringContaining(`:${wished}/shop`),
      status: 'running',
    });
    expect(await query('SELECT * FROM kept', wished, 'new')).toEqual([]);
    const outdated = 'front runs as stack.yml had it before (changed: env): `stack start feat-02` makes it again';
    const earlier = async () => (await shop.ps()).instances.find(({ ticket }) => ticket === 'feat-02');
    expect(await earlier()).toMatchObject({ status: 'running', problems: [outdated] });
    await run('start', 'feat-02');
    expect((await earlier())?.problems).toEqual([]);
    const after = (await world.find('postgres')).id;
    await run('up');
    expect((await world.find('postgres')).id).toBe(after);
  });

  it('while no engine answers destroy touches nothing; with --force all goes but what is in the engine, which is named', async () => {
    await run('create', 'feat-01');
    const dead = { env: { DOCKER_HOST: `unix://${shop.folder}/none.sock` } };
    const before = shop.photograph();
    const refused = await shop.stack(['destroy', 'feat-01'], dead);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(
      /^stack: feat-01 has containers or data in an engine: no Docker engine answers .*\nhint: .*--force/m,
    );
    expect(shop.photograph()).toBe(before);
    shop.configure((text) => text.replace('runtime: docker', 'runtime: auto'));
    expect(await shop.stack(['doctor'], dead)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        /^-- +engine +no Docker engine answers .*; containers or data of .*feat-01.* are in it$/m,
      ),
    });
    shop.configure((text) => text.replace('runtime: auto', 'runtime: docker'));
    const gone = await shop.stack(['destroy', 'feat-01', '--force'], dead);
    expect(gone.code).toBe(3);
    const name = (await (await world.find('feat-01')).inspect()).Name.slice(1);
    expect(gone.stderr).toContain(`stack: feat-01 is gone but for what is in the engine: the container ${name}\n`);
    expect(existsSync(shop.at('tickets/feat-01'))).toBe(false);
    expect(shop.git('front', 'branch', '--list', 'feat-01')).toBe('');
    expect((await shop.ps()).instances.map(({ ticket }) => ticket)).toEqual(['feat-02']);
    await run('doctor', '--fix', '--yes');
    await expect((await world.find('feat-01')).inspect()).rejects.toMatchObject({ statusCode: 404 });
    expect((await shop.ps()).instances).toMatchObject([{ ticket: 'feat-02', status: 'running' }]);
  });

  const hasSystemEngine = existsSync('/var/run/docker.sock');
  if (hasSystemEngine) console.warn('\n!!! SKIPPED: the engine at /var/run/docker.sock would answer before others\n');
  it.skipIf(hasSystemEngine)(
    'another engine that answers in its place does not make destroy forget what is in it',
    async () => {
      await run('create', 'feat-01');
      const silent = shop.at('run/docker.sock');
      leaveSockets([silent]);
      const socket = path.join(String(shop.env.HOME), '.rd/docker.sock');
      const other = await openFakeEngine(socket);
      const there = { env: { DOCKER_HOST: '', XDG_RUNTIME_DIR: shop.at('run') } };
      try {
        expect(await shop.stack(['doctor'], there)).toMatchObject({
          stdout: expect.stringContaining(`27.3.1 at unix://${socket}; no engine answers at unix://${silent}`),
        });
        expect(await shop.stack(['destroy', 'feat-01'], there)).toMatchObject({
          code: 1,
          stderr: expect.stringMatching(
            `feat-01 has containers or data in an engine: the one at unix://${socket} has nothing of it; no engine answers at`,
          ),
        });
      } finally {
        await other.close();
      }
      leaveSockets([socket]);
      rmSync(silent);
      const earlier = await openFakeEngine(silent);
      try {
        expect(await shop.stack(['destroy', 'feat-01'], there)).toMatchObject({
          code: 1,
          stderr: expect.stringMatching(
            `the one at unix://${silent} has nothing of it; another may be at unix://${socket}\n.*DOCKER_HOST`,
          ),
        });
      } finally {
        await earlier.close();
      }
      await run('destroy', 'feat-01');
      await expect((await world.find('feat-01')).inspect()).rejects.toMatchObject({ statusCode: 404 });
    },
  );
});
