import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTestEngine } from '../support/engine.ts';
import { listTold } from '../support/own-password.ts';
import { makeShop, type Shop, shopConfig } from '../support/shop.ts';

const engine = await findTestEngine();

/** As `init` of an older stack wrote it: a usual password, and none. */
const OLDER = readFileSync(path.resolve(import.meta.dirname, '../../docker-compose.base.yml'), 'utf8')
  .replace('${STACK_POSTGRES_PASSWORD:-}', '${STACK_POSTGRES_PASSWORD:-stack}')
  .replace(/environment:\n\s+REDIS_USER[\s\S]*?\n {4}ports/, 'command: [redis-server, --appendonly, "yes"]\n    ports');

/** In order: each test goes on from the one before. */
describe.skipIf(!engine)('containers without a password in stack.yml', { sequential: true, timeout: 300_000 }, () => {
  let shop: Shop;
  beforeAll(() => {
    shop = makeShop({
      engine: true,
      config: (port) =>
        `${shopConfig(port)}shared: { compose: older.yml, postgres: { provider: compose, port: ${port + 18}, password: stack }, redis: { provider: compose, port: ${port + 19}, isolation: server } }\n`,
    });
    shop.write('older.yml', OLDER);
    shop.configure((text) =>
      text.replace('env: { PORT', `env: { DATA: '\${postgres.url}', KEYS: '\${redis.url}', PORT`),
    );
  });
  afterAll(() => shop?.dispose());

  const run = async (...args: string[]): Promise<string> => {
    const done = await shop.stack(args);
    expect(done, done.stderr).toMatchObject({ code: 0 });
    return done.stderr;
  };
  const urlsOf = async (...where: string[]): Promise<{ DATA: string; KEYS: string }> =>
    JSON.parse((await shop.stack(['exec', ...where, '--', 'node', '-p', 'JSON.stringify(process.env)'])).stdout);
  const query = async (url: string, text = 'SELECT 1'): Promise<unknown> => {
    const client = new pg.Client(url);
    try {
      await client.connect();
      return (await client.query(text)).rows;
    } catch (error) {
      return (error as Error).message;
    } finally {
      await client.end();
    }
  };
  const ask = async (url: string, words = ['PING']): Promise<unknown> => {
    const client = createClient({ url, socket: { reconnectStrategy: false } });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await client.sendCommand(words);
    } catch (error) {
      return (error as Error).message;
    } finally {
      if (client.isOpen) client.destroy();
    }
  };
  const guessed = (): string => `postgres://stack:stack@localhost:${shop.state()?.shared.postgres?.port}/stack`;
  const open = (url: string): string => Object.assign(new URL(url), { password: '' }).href;
  const passwords = (): Record<string, string> => JSON.parse(shop.read('.stack/passwords.json'));

  it('keep what a compose file of the team’s says, but a ticket’s own server has one', async () => {
    await run('up');
    await run('create', 'one', '--with', 'api', '--own', 'redis');
    const shared = await urlsOf('baseline', 'api');
    expect(new URL(shared.KEYS).password).toBe('');
    expect(await ask(shared.KEYS, ['SET', 'older', 'kept'])).toBe('OK');
    await query(guessed(), 'CREATE TABLE older AS SELECT 42 AS answer');
    const { KEYS } = await urlsOf('one', 'api');
    expect(await ask(KEYS, ['SET', 'mine', 'kept'])).toBe('OK');
    expect(await ask(open(KEYS))).toContain('NOAUTH');
  });

  it('get one by the next up, which takes over the data that is there', async () => {
    shop.configure((text) => text.replace('compose: older.yml, ', '').replace(', password: stack', ''));
    const said = await run('up');
    expect(said).toContain('postgres: it has a password of its own now');
    expect(said).toContain('redis: it has a password of its own now');
    expect(said).toContain('postgres: its data was made with another password; stack has the new one now');
    expect(said).not.toContain('count for new data alone');
    const { DATA, KEYS } = await urlsOf('baseline', 'api');
    expect(await query(guessed())).toContain('authentication failed');
    expect(await query(DATA, 'SELECT answer FROM older')).toEqual([{ answer: 42 }]);
    expect(await ask(open(KEYS))).toContain('NOAUTH');
    expect(await ask(KEYS, ['GET', 'older'])).toBe('kept');
    expect((await shop.stack(['up'])).stderr).not.toContain('password');
  });

  it('show it to nobody: in no command line, and in nothing that is printed', async () => {
    const all = await listTold(shop);
    expect(Object.keys(passwords()).sort()).toEqual(['own-redis', 'postgres', 'redis']);
    for (const password of Object.values(passwords())) expect(all.filter((one) => one.includes(password))).toEqual([]);
  });

  it('let a ticket that has an older password in its own server go, with its keys saved', async () => {
    expect(await run('destroy', 'one')).not.toContain('NOAUTH');
    await run('restore', 'one');
    const { KEYS } = await urlsOf('one', 'api');
    expect(new URL(KEYS).password).toBe(passwords().redis);
    expect(await ask(KEYS, ['GET', 'mine'])).toBe('kept');
    await run('destroy', 'one');
  });

  it('get another where theirs is lost, and follow the one of stack.yml', async () => {
    rmSync(shop.at('.stack/passwords.json'));
    expect(await run('up')).toContain('stack has the new one now');
    const { DATA, KEYS } = await urlsOf('baseline', 'api');
    expect(await query(DATA, 'SELECT answer FROM older')).toEqual([{ answer: 42 }]);
    expect(await ask(KEYS, ['GET', 'older'])).toBe('kept');
    shop.configure((text) => text.replace(/postgres: \{ /, 'postgres: { password: mine, '));
    await run('up');
    expect(await query(DATA)).toContain('authentication failed');
    expect(await query(guessed().replace('stack:stack', 'stack:mine'), 'SELECT answer FROM older')).toHaveLength(1);
    shop.configure((text) => text.replace('password: mine, ', ''));
    await run('up');
    expect(await query(DATA, 'SELECT answer FROM older')).toEqual([{ answer: 42 }]);
  });

  it('lose it with their data, and not before', async () => {
    const before = passwords();
    const dead = { env: { DOCKER_HOST: `unix://${shop.folder}/none.sock` } };
    expect(await shop.stack(['down', '--volumes', '--yes'], dead)).toMatchObject({ code: 3 });
    expect(passwords()).toEqual(before);
    await run('down', '--volumes', '--yes');
    expect(passwords()).not.toHaveProperty('postgres');
    expect(existsSync(shop.at('.stack/shared'))).toBe(false);
    // A file that came back, as from a backup: new data is made with what is in it.
    shop.write('.stack/passwords.json', JSON.stringify(before));
    await run('up');
    const { DATA, KEYS } = await urlsOf('baseline', 'api');
    expect(new URL(DATA).password).toBe(before.postgres);
    expect(await query(DATA, `SELECT to_regclass('older') AS older`)).toEqual([{ older: null }]);
    expect(await ask(KEYS, ['GET', 'older'])).toBeNull();
  });
});
