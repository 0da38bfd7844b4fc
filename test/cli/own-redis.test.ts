import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHostRedis } from '../../src/adapters/servers/host-redis.ts';
import type { HostServer } from '../../src/adapters/servers/host-server.ts';
import type { CheckResult } from '../../src/orchestrator/check/check.ts';
import { findTestEngine } from '../support/engine.ts';
import { withOwnPassword } from '../support/own-password.ts';
import { listLeft, makeProduct, type Product } from '../support/product.ts';
import { makeShop, type Shop, shopConfig } from '../support/shop.ts';

const engine = await findTestEngine();

/** More tickets than the shop usually has ports for. */
function configWith(redis: string): (port: number) => string {
  return (port) => `${shopConfig(port).replaceAll(/, to: \d+/g, '')}shared: { redis: ${redis} }\n`;
}

describe('numbered databases of Redis', { sequential: true, timeout: 120_000 }, () => {
  let shop: Shop;
  beforeAll(() => {
    shop = makeShop({ config: configWith('{ isolation: db }') });
  });
  afterAll(() => shop.dispose());

  const create = (ticket: string) => shop.stack(['create', ticket, '--own', 'redis', '--no-start']);
  const redisOf = (ticket: string) => shop.state()?.instances[ticket]?.own?.redis;
  const numberOf = (ticket: string): number => {
    const own = redisOf(ticket);
    return own?.as === 'number' ? (own.number ?? 0) : 0;
  };
  const portOf = (ticket: string): number | undefined => {
    const own = redisOf(ticket);
    return own?.as === 'server' ? own.port : undefined;
  };

  it('gives each ticket a number of its own, and says who holds them when all 15 are taken', async () => {
    const tickets = Array.from({ length: 15 }, (_, index) => `t-${index}`);
    for (const batch of [tickets.slice(0, 5), tickets.slice(5, 10), tickets.slice(10)]) {
      for (const run of await Promise.all(batch.map(create))) expect(run).toMatchObject({ code: 0 });
    }
    const numbers = tickets.map(numberOf).sort((one, other) => one - other);
    expect(numbers).toEqual(Array.from({ length: 15 }, (_, index) => index + 1));
    const run = await create('one-more');
    expect(run).toMatchObject({ code: 4, stdout: '' });
    expect(run.stderr).toContain('all 15 numbered databases of Redis are taken');
    expect(run.stderr).toContain('t-7');
    expect(shop.state()?.instances['one-more']).toBeUndefined();
    const freed = numberOf('t-7');
    expect(await shop.stack(['destroy', 't-7'])).toMatchObject({ code: 0 });
    expect(await create('one-more')).toMatchObject({ code: 0 });
    expect(numberOf('one-more')).toBe(freed);
  });

  it('gives a sixteenth ticket a server, unless stack.yml says `isolation: db`', async () => {
    shop.configure((text) => text.replace('{ isolation: db }', '{}'));
    for (const ticket of ['server-1', 'server-2']) {
      const run = await create(ticket);
      expect(run).toMatchObject({ code: 0 });
      expect(run.stderr).toContain(`all 15 numbered databases of Redis are taken: ${ticket} gets a server of its own`);
    }
    const [one, other] = ['server-1', 'server-2'].map(portOf);
    expect(one).toBeGreaterThan(shop.state()?.shared.redis?.port ?? Number.POSITIVE_INFINITY);
    expect(other).toBeGreaterThan(one ?? Number.POSITIVE_INFINITY);
    expect(await shop.stack(['destroy', 'server-1'])).toMatchObject({ code: 0 });
  });

  it.each([
    ['{ isolation: servers }', '`auto`, `db` or `server`', 'shared.redis.isolation'],
    [
      '{ isolation: server, url: "redis://localhost:6379" }',
      'no server of its own where `url:` names one',
      'isolation',
    ],
    ['{}, search: { isolation: server }', 'only redis knows this key', 'shared.search.isolation'],
  ])('refuses %s', async (redis, reason, key) => {
    const before = shop.photograph();
    const config = shop.read('stack.yml');
    shop.configure((text) => text.replace(/redis: .* \}\n$/, `redis: ${redis} }\n`));
    const run = await create('never');
    shop.write('stack.yml', config);
    expect(run).toMatchObject({ code: 2, stdout: '' });
    expect(run.stderr).toContain(reason);
    expect(run.stderr).toContain(key);
    expect(shop.photograph()).toBe(before);
  });

  it('refuses a server of its own also where the environment names one that you run yourselves', async () => {
    const config = shop.read('stack.yml');
    shop.configure((text) => text.replace('redis: {}', 'redis: { isolation: server }'));
    const env = { STACK_REDIS_URL: 'redis://localhost:6379' };
    const run = await shop.stack(['create', 'never', '--own', 'redis', '--no-start'], { env });
    shop.write('stack.yml', config);
    expect(run).toMatchObject({ code: 2, stdout: '' });
    expect(run.stderr).toContain('STACK_REDIS_URL');
  });
});

describe('a server of a ticket that never ran', { timeout: 120_000 }, () => {
  it('goes with the ticket although no engine answers', async () => {
    const shop = makeShop({ config: configWith('{ isolation: server, provider: compose }') });
    try {
      expect(await shop.stack(['create', 'one', '--own', 'redis', '--no-start'])).toMatchObject({ code: 0 });
      expect(shop.state()?.instances.one?.own?.redis).toMatchObject({ as: 'server', provider: 'compose' });
      expect(await shop.stack(['destroy', 'one'])).toMatchObject({ code: 0 });
    } finally {
      await shop.dispose();
    }
  });
});

describe('keys in a numbered database', { sequential: true, timeout: 120_000 }, () => {
  let shop: Shop;
  let team: HostServer;
  let url: string;
  beforeAll(async () => {
    shop = makeShop({ config: configWith('{ isolation: db }') });
    const port = shop.port + 19;
    url = `redis://localhost:${port}`;
    const cacheFolder = path.join(shop.env.XDG_CACHE_HOME ?? '', 'stack');
    team = createHostRedis({ folder: path.join(shop.folder, 'team'), cacheFolder, env: process.env });
    await team.start({ port }, new AbortController().signal);
  });
  afterAll(async () => {
    await team?.destroyData();
    await shop?.dispose();
  });

  const ask = async <Answer>(
    at: string,
    database: number,
    question: (client: ReturnType<typeof createClient>) => Promise<Answer>,
  ): Promise<Answer> => {
    const client = createClient({ url: at === url ? at : withOwnPassword(shop.root, at), database });
    await client.connect();
    return question(client).finally(() => client.destroy());
  };

  it('are saved also while stack.yml cannot be read', async () => {
    expect(await shop.stack(['create', 'one', '--own', 'redis'])).toMatchObject({ code: 0 });
    const at = (await shop.ps()).shared.redis?.url ?? '';
    await ask(at, 1, (client) => client.set('mine', 'kept'));
    const text = shop.read('stack.yml');
    shop.write('stack.yml', 'name: [');
    const run = await shop.stack(['destroy', 'one']);
    shop.write('stack.yml', text);
    expect(run).toMatchObject({ code: 0 });
    expect(await shop.stack(['restore', 'one'])).toMatchObject({ code: 0 });
    expect(await ask(at, 1, (client) => client.get('mine'))).toBe('kept');
  });

  it('of the same number on another server that is named since then are not the ticket’s', async () => {
    await ask(url, 1, (client) => client.set('theirs', 'kept'));
    const env = { STACK_REDIS_URL: url };
    const run = await shop.stack(['destroy', 'one'], { env });
    expect(run).toMatchObject({ code: 0 });
    expect(run.stderr).toContain(
      'the keys of one stay in database 1 of the Redis that stack ran: another server is named now',
    );
    expect(await ask(url, 1, (client) => client.get('theirs'))).toBe('kept');
  });

  it('are left, and another number taken, when the ticket starts on that server', async () => {
    expect(await shop.stack(['create', 'two', '--own', 'redis', '--no-wait'])).toMatchObject({ code: 0 });
    const own = shop.state()?.instances.two?.own?.redis;
    const number = own?.as === 'number' ? (own.number ?? 0) : 0;
    await ask(url, number, (client) => client.set('theirs', 'kept'));
    const run = await shop.stack(['start', 'two'], { env: { STACK_REDIS_URL: url } });
    expect(run).toMatchObject({ code: 0 });
    expect(run.stderr).toContain(`redis: database ${number} holds somebody’s keys, took`);
    expect(shop.state()?.instances.two?.own?.redis).toMatchObject({ at: url.slice('redis://'.length) });
  });
});

describe('a number that would not do', { timeout: 120_000 }, () => {
  it('gives way to a server while somebody subscribes to channels of the shared Redis', async () => {
    const shop = makeShop({ config: configWith('{}') });
    try {
      expect(await shop.stack(['create', 'one', '--own', 'redis'])).toMatchObject({ code: 0 });
      expect((await shop.ps()).instances[0]?.own).toEqual({ redis: { db: 1 } });
      const subscriber = createClient({ url: withOwnPassword(shop.root, (await shop.ps()).shared.redis?.url ?? '') });
      await subscriber.connect();
      await subscriber.pSubscribe('news:*', () => undefined);
      const run = await shop.stack(['create', 'two', '--own', 'redis']).finally(() => subscriber.destroy());
      expect(run).toMatchObject({ code: 0 });
      expect(run.stderr).toMatch(/redis: somebody subscribes to channels, .*, took a server on port \d+/);
      expect((await shop.ps()).instances[1]?.own?.redis?.server).toMatchObject({ status: 'running' });
      expect(await shop.stack(['destroy', 'one', 'two', '--no-dump'])).toMatchObject({ code: 0 });
    } finally {
      await shop.dispose();
    }
  });

  it.skipIf(!engine)(
    'gives way to a container where the shared Redis is a cluster, also for host processes',
    async () => {
      const shop = makeShop({
        engine: true,
        config: (port) =>
          `${shopConfig(port).replace("API_URL: '${api.url}'", "API_URL: '${api.url}', REDIS_URL: '${redis.url}'")}shared:\n  compose: base.yml\n  redis: { provider: compose }\n`,
      });
      shop.write(
        'base.yml',
        `services:
  redis:
    image: redis:7-alpine
    command: [redis-server, --cluster-enabled, "yes"]
    ports: ["127.0.0.1:\${STACK_REDIS_PORT:-${shop.port + 15}}:6379"]
networks:
  default: { name: "\${STACK_NETWORK}", external: true }
`,
      );
      try {
        const run = await shop.stack(['create', 'one', '--own', 'redis']);
        expect(run).toMatchObject({ code: 0 });
        expect(run.stderr).toContain('redis: it is a cluster, without numbered databases, took a server on port');
        const server = (await shop.ps()).instances[0]?.own?.redis?.server;
        expect(server).toMatchObject({ runtime: 'docker', status: 'running' });
        expect(shop.read('tickets/one/front/.env.local')).toMatch(
          new RegExp(`^REDIS_URL=${server?.url.replace('//localhost', '//:[\\w-]{32}@127.0.0.1')}$`, 'm'),
        );
        expect(await shop.stack(['check', 'one'])).toMatchObject({ code: 0 });
        expect(await shop.stack(['destroy', 'one', '--no-dump'])).toMatchObject({ code: 0 });
      } finally {
        await shop.dispose();
      }
    },
  );
});

const RUNTIMES = [
  { runtime: 'docker', skip: !engine },
  { runtime: 'process', skip: false },
] as const;

/** In order: each test goes on from the one before. */
for (const { runtime, skip } of RUNTIMES) {
  describe.skipIf(skip)(
    `a Redis server of a ticket’s own, on ${runtime}`,
    { sequential: true, timeout: 120_000 },
    () => {
      let product: Product;
      beforeAll(async () => {
        product = await makeProduct({ runtime });
        product.writeConfig((text) =>
          text
            .replace('redis: {', 'redis: { isolation: server,')
            // A front-end on this machine beside an API in a container.
            .replace('repo: front\n', 'repo: front\n    runtime: process\n')
            .replace(
              'API_URL:',
              'REDIS_URL: ${redis.url}\n      REDIS: ${redis.host} ${redis.port} ${redis.db} ${redis.prefix}\n      API_URL:',
            ),
        );
      });
      afterAll(() => product?.dispose());

      // What does not hang on how it is run costs its time but once.
      const itOnce = runtime === 'process' ? it : (_behaviour: string, _test: () => Promise<void>) => undefined;
      const stack = (...args: string[]) => product.stack(args);
      const ok = async (...args: string[]): Promise<string> => {
        const run = await stack(...args);
        expect(run, run.stderr).toMatchObject({ code: 0 });
        return run.stderr;
      };
      const find = async (ticket: string) => {
        const found = (await product.ps()).instances.find((one) => one.ticket === ticket);
        if (!found) throw new Error(`there is no ${ticket}`);
        return found;
      };
      const serverOf = async (ticket: string) => (await find(ticket)).own?.redis?.server;
      const portOf = async (ticket: string): Promise<number> =>
        Number(new URL((await serverOf(ticket))?.url ?? '').port);
      const ask = async <Answer>(
        url: string | undefined,
        use: (client: ReturnType<typeof createClient>) => Promise<Answer>,
      ): Promise<Answer> => {
        const client = createClient({
          url: withOwnPassword(product.root, url ?? ''),
          socket: { reconnectStrategy: false },
        });
        client.on('error', () => undefined);
        await client.connect();
        return use(client).finally(() => client.isOpen && client.destroy());
      };
      const askServer = async <Answer>(
        ticket: string,
        use: (client: ReturnType<typeof createClient>) => Promise<Answer>,
      ) => ask((await serverOf(ticket))?.url, use);
      const envOf = (ticket: string, repo: string): string =>
        readFileSync(path.join(product.root, 'tickets', ticket, repo, '.env.local'), 'utf8');
      const post = async (ticket: string): Promise<number> => {
        const port = (await find(ticket)).services.api?.ports.http;
        const body = JSON.stringify({ name: 'one' });
        const headers = { 'content-type': 'application/json' };
        return (await fetch(`http://localhost:${port}/items`, { method: 'POST', headers, body })).status;
      };

      it('is made with the ticket, and everybody of it is wired to it', async () => {
        await ok('create', 'feat-01', '--with', 'api', '--own', 'redis');
        const port = await portOf('feat-01');
        expect(await find('feat-01')).toMatchObject({
          status: 'running',
          own: { redis: { db: 0, server: { url: `redis://localhost:${port}`, runtime, status: 'running' } } },
        });
        const inside = runtime === 'docker' ? 'redis.feat-01:6379' : `127.0.0.1:${port}`;
        expect(envOf('feat-01', 'api')).toMatch(new RegExp(`^REDIS_URL=redis://(:[\\w-]{32}@)?${inside}$`, 'm'));
        expect(envOf('feat-01', 'front')).toMatch(
          new RegExp(`^REDIS_URL=redis://(:[\\w-]{32}@)?127.0.0.1:${port}$`, 'm'),
        );
        expect(envOf('feat-01', 'front')).toMatch(new RegExp(`^REDIS='127.0.0.1 ${port} 0 feat-01:'$`, 'm'));
        expect(await post('feat-01')).toBeLessThan(300);
        expect(await askServer('feat-01', (client) => client.get('items:counter'))).toBe('1');
        const { shared } = await product.ps();
        expect(await ask(shared.redis?.url, (client) => client.dbSize())).toBe(0);
      });

      itOnce('keeps channels apart, of the shared one and of another ticket’s', async () => {
        await ok('create', 'feat-02', '--with', 'api', '--own', 'redis');
        expect(await portOf('feat-02')).not.toBe(await portOf('feat-01'));
        const heard: string[] = [];
        await askServer('feat-01', async (subscriber) => {
          await subscriber.subscribe('news', (text) => heard.push(text));
          const publish = (client: ReturnType<typeof createClient>) => client.publish('news', 'not for feat-01');
          expect(await askServer('feat-02', publish)).toBe(0);
          expect(await ask((await product.ps()).shared.redis?.url, publish)).toBe(0);
          expect(await askServer('feat-01', (client) => client.publish('news', 'for feat-01'))).toBe(1);
          await expect.poll(() => heard).toEqual(['for feat-01']);
        });
        await ok('destroy', 'feat-02');
      });

      it('is proven by check, which knows the shared one and another’s from it', async () => {
        const { tickets } = await product.json<CheckResult>('check', 'feat-01');
        expect(tickets[0]?.picture).toEqual(['front → redis, (api → postgres/shop, redis)']);
        expect(tickets[0]?.arrows).toContainEqual(
          expect.objectContaining({ from: 'api', to: 'redis', key: 'REDIS_URL', state: 'ok' }),
        );
        const { shared } = await product.ps();
        const file = path.join(product.root, 'tickets/feat-01/front/.env.development');
        writeFileSync(file, `QUEUE_URL=${shared.redis?.url}\n`);
        const run = await stack('check', 'feat-01');
        rmSync(file);
        expect(run).toMatchObject({ code: 1 });
        expect(run.stdout).toContain('leads to redis/0; feat-01 has redis of feat-01');
      });

      it('is at rest with the ticket, and comes back with the same port and data', async () => {
        const port = await portOf('feat-01');
        await ok('stop', 'feat-01');
        expect(await serverOf('feat-01')).toMatchObject({ status: expect.stringMatching(/stopped|exited/) });
        expect((await find('feat-01')).problems).toEqual([]);
        await ok('start', 'feat-01');
        expect(await portOf('feat-01')).toBe(port);
        expect(await askServer('feat-01', (client) => client.get('items:counter'))).toBe('1');
        const again = await stack('start', 'feat-01');
        expect(again.stderr).not.toContain('server of its own');
      });

      it('is missed when somebody ends it, and mended by start', async () => {
        await askServer('feat-01', (client) => client.sendCommand(['SHUTDOWN']).catch(() => undefined));
        await expect.poll(async () => (await find('feat-01')).status).toBe('broken');
        expect((await find('feat-01')).problems).toEqual(['its Redis does not run: `stack start feat-01` starts it']);
        expect((await stack('check', 'feat-01')).stdout).toContain('redis does not run');
        await ok('start', 'feat-01');
        expect(await find('feat-01')).toMatchObject({ status: 'running', problems: [] });
        expect(await askServer('feat-01', (client) => client.get('items:counter'))).toBe('1');
      });

      it('moves when something else takes its port while it is at rest, and all are wired again', async () => {
        const port = await portOf('feat-01');
        await ok('stop', 'feat-01');
        const other = net.createServer().listen(port);
        try {
          expect((await find('feat-01')).problems).toContain(
            `port ${port} of its Redis was taken by something else: the next start leases another`,
          );
          expect(await ok('start', 'feat-01')).toContain(`port ${port} is taken`);
        } finally {
          other.close();
        }
        const moved = await portOf('feat-01');
        expect(moved).not.toBe(port);
        expect(envOf('feat-01', 'front')).toMatch(
          new RegExp(`^REDIS_URL=redis://(:[\\w-]{32}@)?127.0.0.1:${moved}$`, 'm'),
        );
        expect(await post('feat-01')).toBeLessThan(300);
        expect(await askServer('feat-01', (client) => client.get('items:counter'))).toBe('2');
      });

      it('goes with the ticket, also one at rest; its keys are saved, and come back', async () => {
        await ok('stop', 'feat-01');
        await ok('destroy', 'feat-01');
        expect(existsSync(path.join(product.root, '.stack/own'))).toBe(false);
        expect(readdirSync(path.join(product.root, '.stack/dumps'))).toContainEqual(
          expect.stringMatching(/^feat-01-.*\.keys$/),
        );
        expect((await listLeft(product.root, runtime)).filter((name) => name.includes('feat-01'))).toEqual([]);
        await ok('restore', 'feat-01');
        expect(await askServer('feat-01', (client) => client.get('items:counter'))).toBe('2');
      });

      it('is known again when the state and all that git keeps of it are lost', async () => {
        const lost = [path.join(product.root, '.stack/state.json'), path.join(product.root, '.stack/state.json.bak')];
        for (const repo of ['front', 'api'])
          for (const entry of readdirSync(path.join(product.root, repo, '.git/worktrees')))
            lost.push(path.join(product.root, repo, '.git/worktrees', entry, 'stack-record.json'));
        for (const file of lost) rmSync(file);
        await ok('doctor', '--fix', '--yes');
        await ok('start', 'feat-01');
        expect(await find('feat-01')).toMatchObject({ status: 'running', problems: [] });
        expect(await askServer('feat-01', (client) => client.get('items:counter'))).toBe('2');
      });

      it('is found by doctor when nothing else is left of the ticket', async () => {
        await ok('stop', 'feat-01');
        for (const repo of ['front', 'api'])
          await product.git(repo, 'worktree', 'remove', '--force', path.join(product.root, 'tickets/feat-01', repo));
        rmSync(path.join(product.root, 'tickets/feat-01'), { recursive: true });
        const file = path.join(product.root, '.stack/state.json');
        const state = JSON.parse(readFileSync(file, 'utf8'));
        expect((await stack('doctor')).stdout).not.toContain('Redis data');
        writeFileSync(file, JSON.stringify({ ...state, instances: {} }));
        const { mended } = await product.json<{ mended: { text: string }[] }>('doctor', '--fix', '--yes');
        const texts = mended.map(({ text }) => text);
        expect(texts).toContain(`the Redis data in ${path.join(product.root, '.stack/own/feat-01')} is gone`);
        expect(existsSync(path.join(product.root, '.stack/own/feat-01'))).toBe(false);
        expect((await listLeft(product.root, runtime)).filter((name) => name.includes('feat-01'))).toEqual([]);
      });
    },
  );
}
