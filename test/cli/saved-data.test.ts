import { existsSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeShop, type Shop, shopConfig } from '../support/shop.ts';

/** In order: each test goes on from the one before. */
describe('data of tickets that were destroyed', { sequential: true, timeout: 120_000 }, () => {
  let shop: Shop;
  beforeAll(async () => {
    const shared = (port: number): string =>
      `shared: { postgres: { port: ${port}, user: stack, password: stack, database: shop } }\n`;
    shop = makeShop({ config: (port) => shopConfig(port) + shared(port + 19) });
    expect(await shop.stack(['up'])).toMatchObject({ code: 0 });
  });
  afterAll(() => shop?.dispose());

  const create = async (ticket: string): Promise<void> => {
    const run = await shop.stack(['create', ticket, '--own', 'postgres', '--no-wait']);
    expect(run).toMatchObject({ code: 0 });
    await query(ticket, `CREATE TABLE notes AS SELECT 'of ${ticket}' AS text`);
  };
  const query = async (ticket: string, text: string): Promise<Record<string, unknown>[]> => {
    const client = new pg.Client((await shop.stack(['db', ticket, 'url'])).stdout);
    await client.connect();
    return (await client.query(text).finally(() => client.end())).rows;
  };
  const listSaved = async (): Promise<string[]> =>
    JSON.parse((await shop.stack(['restore', '--list', '--json'])).stdout).rescues.map(
      ({ ticket }: { ticket: string }) => ticket,
    );
  /** What is kept on the server, whose pg_dump this machine may lack, and in the folder. */
  const listKept = async (): Promise<string[]> => {
    const rows = await query('baseline', `SELECT datname FROM pg_database WHERE datname LIKE 'shop\\_\\_kept\\_%'`);
    const files = existsSync(shop.at('.stack/dumps')) ? readdirSync(shop.at('.stack/dumps')) : [];
    return [...rows.map(({ datname }) => String(datname)), ...files.filter((name) => name.endsWith('.dump'))];
  };
  /** Makes all that is saved so many days old, with its tickets; or only says so of what is saved of one ticket, as a wrong clock would. */
  const age = async (days: number, ticket?: string): Promise<void> => {
    const then = new Date(Date.now() - days * 24 * 60 * 60 * 1000);
    const rewrite = (text: string): string =>
      ticket === undefined
        ? text.replaceAll(/"createdAt":( ?)"[^"]*"/g, `"createdAt":$1"${then.toISOString()}"`)
        : text;
    const files = existsSync(shop.at('.stack/dumps')) ? readdirSync(shop.at('.stack/dumps')) : [];
    for (const name of files.filter((one) => one.startsWith(ticket ?? ''))) {
      const file = `.stack/dumps/${name}`;
      if (name.endsWith('.json')) shop.write(file, rewrite(shop.read(file)));
      utimesSync(shop.at(file), then, then);
    }
    shop.write('.stack/state.json', rewrite(shop.read('.stack/state.json')));
    const rows = await query(
      'baseline',
      `SELECT datname, shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname LIKE 'shop\\_\\_kept\\_%'`,
    );
    for (const { datname, comment } of rows.filter((row) => String(row.datname).includes(`kept_${ticket ?? ''}`))) {
      const aged = rewrite(String(comment)).replace(/"copiedAt":"[^"]*"/, `"copiedAt":"${then.toISOString()}"`);
      await query('baseline', `COMMENT ON DATABASE "${datname}" IS '${aged}'`);
    }
  };

  it('are kept for the days that stack.yml says, and then deleted by a later destroy', async () => {
    shop.configure((text) => `${text}dumps: { keep_days: 3 }\n`);
    await create('old');
    const gone = await shop.stack(['destroy', 'old']);
    expect(gone).toMatchObject({ code: 0 });
    expect(await listKept()).toEqual([expect.stringContaining('old')]);
    const told = /for 3 days/.test(gone.stderr) || /its database is saved: \.stack\/dumps\/old/.test(gone.stdout);
    expect(told).toBe(true);
    await age(2);
    await create('next');
    expect(await shop.stack(['destroy', 'next'])).toMatchObject({ code: 0 });
    expect(await listSaved()).toEqual(['next', 'old']);
    await age(4);
    await create('last');
    expect(await shop.stack(['destroy', 'last'])).toMatchObject({ code: 0 });
    expect(await listKept()).toEqual([expect.stringContaining('last')]);
    expect(await listSaved()).toEqual(['last']);
  });

  it('are kept while nobody can read in stack.yml for how long', async () => {
    await create('next');
    await age(400);
    const text = shop.read('stack.yml');
    shop.write('stack.yml', 'name: [');
    const run = await shop.stack(['destroy', 'next', '--no-dump']);
    shop.write('stack.yml', text);
    expect(run).toMatchObject({ code: 0 });
    expect(await listSaved()).toEqual(['last']);
  });

  it('are there still when a restore fails after it has brought them back', async () => {
    const before = await listKept();
    shop.configure((text) => text.replace('path: ./front,', 'path: ./front, setup: ["exit 3"],'));
    const run = await shop.stack(['restore', 'last', '--no-wait']);
    shop.configure((text) => text.replace(' setup: ["exit 3"],', ''));
    expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining('exit code 3') });
    expect(await listKept()).toEqual(before);
  });

  it('come back with the ticket, which may get more than it had', async () => {
    shop.configure((text) => text.replace('shared: true', 'shared: true, migrate: ["echo $STACK_TICKET > migrated"]'));
    const run = await shop.stack(['restore', 'last', '--with', 'api', '--no-wait']);
    expect(run).toMatchObject({ code: 0 });
    expect(await query('last', 'SELECT text FROM notes')).toEqual([{ text: 'of last' }]);
    expect((await shop.ps()).instances[0]?.repos.api).toMatchObject({ mode: 'dedicated', branch: 'last' });
    expect(shop.read('tickets/last/api/migrated')).toBe('last\n');
    expect(await shop.stack(['destroy', 'last', '--force', '--no-dump'])).toMatchObject({ code: 0 });
  });

  it('are the ticket’s again when the destroy that had put them away is refused', async () => {
    await create('stays');
    shop.git('tickets/stays/front', 'init', '--quiet', 'inner');
    shop.write('tickets/stays/front/inner/file', 'mine');
    shop.git('tickets/stays/front/inner', 'add', '.');
    shop.git('tickets/stays/front/inner', 'commit', '--quiet', '--message', 'Mine');
    expect(await shop.stack(['destroy', 'stays', '--force'])).toMatchObject({ code: 4 });
    expect(await shop.stack(['start', 'stays', '--no-wait'])).toMatchObject({ code: 0 });
    expect(await query('stays', 'SELECT text FROM notes')).toEqual([{ text: 'of stays' }]);
    rmSync(shop.at('tickets/stays/front/inner'), { recursive: true });
    expect(await shop.stack(['destroy', 'stays', '--no-dump'])).toMatchObject({ code: 0 });
  });

  it('stay as long as their ticket is there, whatever the clock says', async () => {
    await create('stays');
    shop.git('tickets/stays/front', 'init', '--quiet', 'inner');
    shop.write('tickets/stays/front/inner/file', 'mine');
    expect(await shop.stack(['destroy', 'stays', '--force'])).toMatchObject({ code: 4 });
    await age(400);
    await create('next');
    expect(await shop.stack(['destroy', 'next'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['start', 'stays', '--no-wait'])).toMatchObject({ code: 0 });
    expect(await query('stays', 'SELECT text FROM notes')).toEqual([{ text: 'of stays' }]);
    rmSync(shop.at('tickets/stays/front/inner'), { recursive: true });
    expect(await shop.stack(['destroy', 'stays', '--no-dump'])).toMatchObject({ code: 0 });
  });

  it('are no other ticket’s of that name, and as young as what was saved before, where a clock was set back', async () => {
    await create('again');
    expect(await shop.stack(['destroy', 'again'])).toMatchObject({ code: 0 });
    // As if the clock had been set back by a day since.
    await age(-1, 'again');
    expect(await shop.stack(['create', 'again', '--own', 'postgres', '--no-wait'])).toMatchObject({ code: 0 });
    expect(await query('again', `SELECT to_regclass('notes') AS notes`)).toEqual([{ notes: null }]);
    expect(await shop.stack(['destroy', 'again', '--no-dump'])).toMatchObject({ code: 0 });
    await age(0, 'again');
    await create('later');
    expect(await shop.stack(['destroy', 'later'])).toMatchObject({ code: 0 });
    // As if the clock had been far behind when this one was saved.
    await age(4000, 'later');
    await create('last');
    expect(await shop.stack(['destroy', 'last', '--no-dump'])).toMatchObject({ code: 0 });
    expect(await listKept()).toEqual(
      expect.arrayContaining(['again', 'later'].map((one) => expect.stringContaining(one))),
    );
    await age(400);
  });

  it('are the baseline’s where a ticket had none and is to have its own now', async () => {
    const restore = async (...flags: string[]): Promise<void> => {
      expect(await shop.stack(['restore', 'plain', '--no-wait', ...flags])).toMatchObject({ code: 0 });
    };
    expect(await shop.stack(['create', 'plain', '--with', 'api', '--no-start'])).toMatchObject({ code: 0 });
    shop.write('tickets/plain/front/mine', 'work');
    expect(await shop.stack(['destroy', 'plain', '--force'])).toMatchObject({ code: 0 });
    await restore('--migrate');
    expect(shop.read('tickets/plain/api/migrated')).toBe('plain\n');
    expect((await shop.ps()).instances[0]?.own).toBeUndefined();
    expect(await shop.stack(['destroy', 'plain', '--force'])).toMatchObject({ code: 0 });
    await restore('--own', 'postgres');
    expect((await shop.ps()).instances[0]?.own).toEqual({ postgres: { database: 'shop_plain' } });
    expect(await shop.stack(['destroy', 'plain', '--force'])).toMatchObject({ code: 0 });
  });

  it('come back with the work that was saved, so that no other branch can be wished for', async () => {
    const run = await shop.stack(['restore', 'plain', '--from-front=feat/ui']);
    expect(run).toMatchObject({ code: 2, stdout: '' });
    expect(run.stderr).toContain('--from-front: plain had its own front, which comes back as it was');
    expect((await shop.ps()).instances).toEqual([]);
  });

  it('are saved also where the server crashed since they were written, and began to count again', async () => {
    await create('crashed');
    const pid = Number(shop.read('.stack/shared/postgres/data/postmaster.pid').split('\n')[0]);
    process.kill(pid, 'SIGKILL');
    expect(await shop.stack(['up'])).toMatchObject({ code: 0 });
    expect(await query('crashed', 'SELECT text FROM notes')).toEqual([{ text: 'of crashed' }]);
    expect(await shop.stack(['destroy', 'crashed'])).toMatchObject({ code: 0 });
    expect(await listSaved()).toContain('crashed');
  });

  it('stay in the ticket while there is nothing that `reset` could go back to', async () => {
    await create('reset');
    await query('reset', 'ALTER DATABASE shop RENAME TO away');
    const run = await shop.stack(['db', 'reset', 'reset', '--yes']);
    await query('reset', 'ALTER DATABASE away RENAME TO shop');
    expect(run).toMatchObject({ code: 2 });
    expect(run.stderr).toContain('the baseline has no database shop');
    expect(await query('reset', 'SELECT text FROM notes')).toEqual([{ text: 'of reset' }]);
  });

  it('are all that is deleted of the folder: what a person put there stays', async () => {
    shop.write('.stack/dumps/mine.dump', 'mine');
    await age(400);
    expect(await shop.stack(['destroy', 'reset', '--no-dump'])).toMatchObject({ code: 0 });
    expect(readdirSync(shop.at('.stack/dumps'))).toEqual(['mine.dump']);
  });

  it('are listed also where the record of one cannot be read, which is told', async () => {
    const name = 'broken-20261121T100000.000Z.json';
    shop.write(`.stack/dumps/${name}`, '{');
    const run = await shop.stack(['restore', '--list']);
    expect(run).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(`passed over ${shop.at('.stack/dumps', name)}`),
    });
    rmSync(shop.at('.stack/dumps', name));
  });

  it('stay on the server they are on when another is named since then, which is told', async () => {
    await create('left');
    const url = (await shop.stack(['db', 'baseline', 'url'])).stdout;
    const env = { STACK_POSTGRES_URL: url };
    const run = await shop.stack(['destroy', 'left'], { env });
    expect(run).toMatchObject({ code: 0 });
    const text = 'the database shop_left of left stays on the Postgres that stack ran: another server is named now';
    expect(run.stderr).toContain(text);
    expect(await query('baseline', `SELECT FROM pg_database WHERE datname = 'shop_left'`)).toHaveLength(1);
    expect(await shop.stack(['doctor', '--fix', '--yes'])).toMatchObject({ code: 0 });
    expect(await query('baseline', `SELECT FROM pg_database WHERE datname = 'shop_left'`)).toEqual([]);
  });

  it('go with a ticket that was never started too', async () => {
    expect(await shop.stack(['create', 'quiet', '--own', 'postgres', '--no-start'])).toMatchObject({ code: 0 });
    for (const action of ['shell', 'diff']) {
      const run = await shop.stack(['db', 'quiet', action]);
      expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining('hint: `stack start quiet` makes it') });
    }
    expect(await shop.stack(['db', 'quiet', 'reset', '--yes'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['destroy', 'quiet'])).toMatchObject({ code: 0 });
    expect(await query('baseline', `SELECT FROM pg_database WHERE datname = 'shop_quiet'`)).toEqual([]);
  });
});
