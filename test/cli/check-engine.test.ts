import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Link } from '../../src/domain/check/link.ts';
import { networkName, rootIdOf } from '../../src/domain/names.ts';
import type { CheckResult } from '../../src/orchestrator/check/check.ts';
import { findTestEngine, NODE_IMAGE } from '../support/engine.ts';
import { freePorts } from '../support/ports.ts';
import { docker } from '../support/shared-services.ts';
import { makeShop, type Shop, shopConfig } from '../support/shop.ts';

const engine = await findTestEngine();

/** Each test crosses one wire of containers that are well wired, and mends it again. */
describe.skipIf(!engine)('check, with containers and data of the ticket’s own', { sequential: true }, () => {
  let shop: Shop;

  beforeAll(async () => {
    const [postgres, redis] = [freePorts(), freePorts()];
    shop = makeShop({
      engine: true,
      config: (port) =>
        shopConfig(port)
          .replace(
            'runtime: process',
            `runtime: docker\nshared: { postgres: { port: ${postgres} }, redis: { port: ${redis} } }`,
          )
          .replaceAll('command: node server.mjs', `image: ${NODE_IMAGE}\n    command: node server.mjs 0.0.0.0`)
          .replaceAll(/(to: \d+) \}/g, '$1, container: 3000 }')
          .replace(
            "env: { PORT: '${port.http}' }",
            "env: { PORT: '${port.http}', DATABASE_URL: '${postgres.url}', REDIS_URL: '${redis.url}' }",
          )
          .replace("API_URL: '${api.url}'", "API_URL: '${api.url}', API_PROXY_TARGET: '${api.internal_url}'"),
    });
    for (const ticket of ['feat-01', 'feat-02']) {
      const run = await shop.stack(['create', ticket, '--with', 'api', '--own', 'postgres,redis']);
      expect(run).toMatchObject({ code: 0 });
    }
  });
  afterAll(() => shop?.dispose());

  const check = async (): Promise<{ code: number; bad: Link[]; picture: string[] }> => {
    const { code, stdout } = await shop.stack(['check', 'feat-01', '--json']);
    const [found] = (JSON.parse(stdout) as CheckResult).tickets;
    return { code, bad: found?.arrows.filter(({ state }) => state !== 'ok') ?? [], picture: found?.picture ?? [] };
  };
  /** Checks feat-01 as it runs, with another text in stack.yml. */
  const checkWith = async (from: string, to: string): ReturnType<typeof check> => {
    const before = shop.read('stack.yml');
    expect(before).toContain(from);
    shop.write('stack.yml', before.replace(from, to));
    try {
      return await check();
    } finally {
      shop.write('stack.yml', before);
    }
  };
  const numberOf = (ticket: string): number => {
    const own = shop.state()?.instances[ticket]?.own?.redis;
    return own?.as === 'number' ? (own.number ?? -1) : -1;
  };

  // Its own shop: services of both runtimes in one ticket.
  it.runIf(process.platform === 'linux')(
    'tells of a process that a container cannot reach, with the cure',
    async () => {
      const mixed = makeShop({
        engine: true,
        config: (port) =>
          shopConfig(port)
            .replace(/(repo: front\n.*node server.mjs)/, `$1 0.0.0.0\n    runtime: docker\n    image: ${NODE_IMAGE}`)
            .replace(`to: ${port + 19} }`, `to: ${port + 19}, container: 3000 }`)
            .replace("API_URL: '${api.url}'", "API_URL: '${api.internal_url}'"),
      });
      try {
        const made = await mixed.stack(['create', 'feat-01', '--with', 'api']);
        expect(made).toMatchObject({ code: 0 });
        expect(made.stderr).toMatch(
          /^! front → api: API_URL api listens on 127\.0\.0\.1 alone, where a container does not/m,
        );
        const told = await mixed.stack(['check', 'feat-01']);
        expect(told).toMatchObject({ code: 1, stdout: expect.stringContaining('give both the same `runtime:`') });
      } finally {
        await mixed.dispose();
      }
    },
  );

  it('follows the wiring to the ticket’s own database and its number in Redis', async () => {
    expect(await check()).toEqual({
      code: 0,
      bad: [],
      picture: [`front → api → postgres/stack_feat_01, redis/${numberOf('feat-01')}`],
    });
  });

  it('names a container that runs with another address than the record says', async () => {
    const { code, bad } = await checkWith("API_URL: '${api.url}'", "API_URL: '${api.internal_url}'");
    expect(code).toBe(1);
    expect(bad).toEqual([
      expect.objectContaining({
        ...{ from: 'front', to: 'api', key: 'API_URL', value: 'http://api.feat-01:3000' },
        reason: expect.stringMatching(
          /^container stack-shop-\w+-feat-01-front has http:\/\/localhost:\d+; the block in \.env\.local/,
        ),
      }),
    ]);
  });

  it.each([
    [
      'the database of another ticket',
      "'${postgres.url}'",
      'postgres://stack:stack@postgres:5432/stack_feat_02',
      'postgres/stack_feat_01',
      'leads to postgres/stack_feat_02, which is feat-02’s; feat-01 has postgres/stack_feat_01',
    ],
    [
      'the database of the baseline',
      "'${postgres.url}'",
      'postgres://stack:stack@postgres:5432/stack',
      'postgres/stack_feat_01',
      'leads to postgres/stack; feat-01 has postgres/stack_feat_01',
    ],
    [
      'a server on localhost, which is the container itself',
      "'${redis.url}'",
      () => `redis://localhost:${shop.state()?.shared.redis?.port}`,
      () => `redis/${numberOf('feat-01')}`,
      'in a container localhost is the container itself, not redis',
    ],
  ])('names %s', async (_, from, to, ends, reason) => {
    const { code, bad } = await checkWith(from, typeof to === 'string' ? to : `'${to()}'`);
    expect(code).toBe(1);
    expect(bad).toEqual([
      expect.objectContaining({
        ...{ from: 'api', to: typeof ends === 'string' ? ends : ends(), ok: false },
        reason: expect.stringMatching(new RegExp(`^${reason}; container `)),
      }),
    ]);
  });

  it('names a container that the network does not know under its name any more', async () => {
    const network = networkName('shop', rootIdOf(shop.root));
    const container = shop.state()?.instances['feat-01']?.services.api?.workload ?? '';
    const join = (...alias: string[]): void => {
      expect(docker('network', 'disconnect', network, container).status).toBe(0);
      expect(docker('network', 'connect', ...alias, network, container).status).toBe(0);
    };
    join();
    const { code, bad } = await check();
    join('--alias', 'api.feat-01');
    expect(code).toBe(1);
    const reason = `container ${container} is not called api.feat-01 in the network of the stack`;
    expect(bad.map((arrow) => [arrow.to, arrow.key, arrow.reason])).toEqual([
      ['api', undefined, reason],
      ['api', 'API_URL', reason],
      ['api', 'API_PROXY_TARGET', reason],
    ]);
    expect(await check()).toMatchObject({ code: 0, bad: [] });
  });
});
