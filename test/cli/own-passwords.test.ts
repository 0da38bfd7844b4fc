import { statSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHostRedis } from '../../src/adapters/servers/host-redis.ts';
import { listTold } from '../support/own-password.ts';
import { makeShop, type Shop, shopConfig } from '../support/shop.ts';

/** In order: each test goes on from the one before. The Redis is one that an older stack started, without a password. */
describe('servers of this machine without a password in stack.yml', { sequential: true, timeout: 180_000 }, () => {
  let shop: Shop;
  beforeAll(async () => {
    const servers = (port: number): string =>
      `shared: { postgres: { port: ${port + 18} }, redis: { port: ${port + 19}, isolation: server } }\n`;
    shop = makeShop({ config: (port) => shopConfig(port) + servers(port) });
    shop.configure((text) =>
      text.replace('env: { PORT', `env: { DATA: '\${postgres.url}', KEYS: '\${redis.url}', PORT`),
    );
    const folder = shop.at('.stack/shared/redis');
    const older = createHostRedis({
      folder,
      cacheFolder: path.join(shop.env.XDG_CACHE_HOME!, 'stack'),
      env: process.env,
    });
    await older.start({ port: shop.port + 19 }, new AbortController().signal);
    await ask(`redis://localhost:${shop.port + 19}`, (client) => client.set('older', 'kept'));
  });
  afterAll(() => shop?.dispose());

  const ask = async <Answer>(
    url: string,
    question: (client: ReturnType<typeof createClient>) => Promise<Answer>,
  ): Promise<Answer> => {
    const client = createClient({ url, socket: { reconnectStrategy: false } });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await question(client);
    } finally {
      if (client.isOpen) client.destroy();
    }
  };
  const query = async (
    url: string,
    text = 'SELECT rolsuper FROM pg_roles WHERE rolname = current_user',
  ): Promise<unknown> => {
    const client = new pg.Client(url);
    try {
      await client.connect();
      return (await client.query(text)).rows;
    } finally {
      await client.end();
    }
  };
  const failure = (work: Promise<unknown>) => work.then(String, (error: Error) => error.message);
  const urlsOf = async (...where: string[]): Promise<{ DATA: string; KEYS: string }> => {
    const { stdout } = await shop.stack(['exec', ...where, '--', 'node', '-p', 'JSON.stringify(process.env)']);
    return JSON.parse(stdout);
  };

  it('have one that nobody else can guess or read, and older data is taken over', async () => {
    const run = await shop.stack(['up']);
    expect(run, run.stderr).toMatchObject({ code: 0 });
    expect(statSync(shop.at('.stack')).mode & 0o066).toBe(0);
    expect(statSync(shop.at('.stack/passwords.json')).mode & 0o777).toBe(0o600);
    const { postgres, redis } = Object.fromEntries(
      Object.entries(shop.state()?.shared ?? {}).map(([name, { port }]) => [name, port]),
    );
    expect(await failure(query(`postgres://stack:stack@localhost:${postgres}/stack`))).toContain(
      'authentication failed',
    );
    expect(await failure(ask(`redis://localhost:${redis}`, (client) => client.get('older')))).toContain('NOAUTH');
    const { DATA, KEYS } = await urlsOf('baseline', 'api');
    expect(await query(DATA)).toEqual([{ rolsuper: false }]);
    expect(await ask(KEYS, (client) => client.get('older'))).toBe('kept');
  });

  it('show it to nobody: in no command line, and in nothing that is printed', async () => {
    const passwords = Object.values(JSON.parse(shop.read('.stack/passwords.json')) as Record<string, string>);
    expect(passwords).toHaveLength(2);
    const all = await listTold(shop);
    for (const password of passwords) expect(all.filter((text) => text.includes(password))).toEqual([]);
  });

  it('keep the product from what a superuser may, until the superuser of the socket lets it', async () => {
    const { DATA } = await urlsOf('baseline', 'api');
    const text = "SET session_replication_role = 'replica'";
    expect(await failure(query(DATA, text))).toContain('permission denied');
    const port = shop.state()?.shared.postgres?.port;
    const socket = encodeURIComponent(shop.read('.stack/shared/postgres/data/postmaster.pid').split('\n')[4] ?? '');
    await query(
      `postgres://stack_superuser@localhost:${port}/postgres?host=${socket}`,
      'GRANT SET ON PARAMETER session_replication_role TO stack',
    );
    expect(await query(DATA, text)).toEqual([]);
    const env = { STACK_POSTGRES_USER: 'stack_superuser' };
    expect(await shop.stack(['up'], { env })).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^stack: shared\.postgres: stack_superuser is the role of stack itself\nhint: /m),
    });
  });

  it('guard a ticket’s own server too', async () => {
    const run = await shop.stack(['create', 'one', '--with', 'api', '--own', 'redis,postgres']);
    expect(run, run.stderr).toMatchObject({ code: 0 });
    const { DATA, KEYS } = await urlsOf('one', 'api');
    expect(await query(DATA)).toEqual([{ rolsuper: false }]);
    const open = Object.assign(new URL(KEYS), { password: '' }).href;
    expect(await failure(ask(open, (client) => client.ping()))).toContain('NOAUTH');
    expect(await ask(KEYS, (client) => client.ping())).toBe('PONG');
    expect(await shop.stack(['destroy', 'one'])).toMatchObject({ code: 0 });
  });
});
