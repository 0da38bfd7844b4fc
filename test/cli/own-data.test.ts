import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import pg from 'pg';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findTestEngine } from '../support/engine.ts';
import { withOwnPassword } from '../support/own-password.ts';
import { makeProduct, type Product } from '../support/product.ts';

const engine = await findTestEngine();

const RUNTIMES = [
  { runtime: 'docker', skip: !engine },
  { runtime: 'process', skip: false },
] as const;

/** Applies what is not applied yet, in order; refuses a database that has a migration which is not in the folder, as real ones do. */
const MIGRATE = `import { readdirSync, readFileSync } from 'node:fs';
import clients from './vendor/clients.cjs';
process.on('uncaughtException', ({ message }) => { console.error(message); process.exit(1); });
const client = new clients.pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
await client.query('CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY)');
const done = (await client.query('SELECT name FROM migrations')).rows.map(({ name }) => name);
const files = readdirSync(import.meta.dirname + '/migrations').sort();
const missing = done.filter((name) => !files.includes(name));
if (missing.length > 0) throw new Error('the database has migrations that are not here: ' + missing);
for (const name of files.filter((name) => !done.includes(name))) {
  console.log('migrates ' + name);
  await client.query(readFileSync(import.meta.dirname + '/migrations/' + name, 'utf8'));
  await client.query('INSERT INTO migrations VALUES ($1)', [name]);
}
await client.end();
`;

/** Tickets with data of their own beside a baseline that serves, in order: each test goes on from the one before. */
for (const { runtime, skip } of RUNTIMES) {
  describe.skipIf(skip)(`tickets with their own data, on ${runtime}`, { sequential: true, timeout: 240_000 }, () => {
    let product: Product;

    beforeAll(async () => {
      product = await makeProduct({ runtime });
      // Without npm, which takes longer to begin than all else and is no part of this.
      product.writeConfig((text) =>
        text
          .replace('shared: true,', 'shared: true, migrate: [node migrate.mjs], own: [postgres, redis],')
          .replace(', setup: [npm ci]', '')
          .replaceAll(/npm (start|run dev)/g, 'node server.js'),
      );
      const write = async (file: string, text: string): Promise<void> => {
        mkdirSync(path.dirname(path.join(product.root, 'api', file)), { recursive: true });
        writeFileSync(path.join(product.root, 'api', file), text);
        await product.git('api', 'add', file);
        await product.git('api', 'commit', '--quiet', '--message', `Write ${file}`);
      };
      // A pool that lets go of no connection: the baseline's database is always in use.
      const server = readFileSync(path.join(product.root, 'api/server.js'), 'utf8');
      await write('server.js', server.replace('connectionTimeoutMillis', 'idleTimeoutMillis: 0, $&'));
      await write('migrate.mjs', MIGRATE);
      await write('migrations/1.sql', 'CREATE TABLE first (id int)');
      for (const name of ['colours', 'sizes']) {
        await product.git('api', 'checkout', '--quiet', '-b', `feat/${name}`);
        await write(`migrations/2-${name}.sql`, `CREATE TABLE ${name} (id int)`);
        await product.git('api', 'checkout', '--quiet', 'main');
      }
    });
    afterAll(() => product?.dispose());

    /** Asks the API of a ticket, or the baseline's, wherever its lease is. */
    const api = async (instance: string, url: string, body?: object): Promise<{ items: { name: string }[] }> => {
      const { baseline, instances } = await product.ps();
      const found = instance === 'baseline' ? baseline : instances.find(({ ticket }) => ticket === instance);
      const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
      const answer = await fetch(`http://localhost:${found?.services.api?.ports.http}${url}`, body && post);
      if (!answer.ok) throw new Error(await answer.text());
      return (await answer.json()) as { items: { name: string }[] };
    };
    const namesAt = async (instance: string) => (await api(instance, '/items')).items.map(({ name }) => name);
    /** Asks one numbered database of the shared Redis. */
    const redis = async <Answer>(
      database: number,
      ask: (client: ReturnType<typeof createClient>) => Promise<Answer>,
    ): Promise<Answer> => {
      const client = createClient({
        url: withOwnPassword(product.root, (await product.ps()).shared.redis!.url),
        database,
      });
      await client.connect();
      return ask(client).finally(() => client.destroy());
    };

    const query = async (database: string, text: string): Promise<Record<string, unknown>[]> => {
      const { url } = (await product.ps()).shared.postgres!;
      const client = new pg.Client(withOwnPassword(product.root, url).replace(/shop$/, database));
      await client.connect();
      return (await client.query(text).finally(() => client.end())).rows;
    };
    const tables = async (database: string): Promise<unknown[]> =>
      (
        await query(
          database,
          `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1`,
        )
      ).map(({ relname }) => relname);

    /** What is on the server besides the baseline's and Postgres's own. */
    const databases = async (): Promise<string[]> => {
      const rows = await query('shop', 'SELECT datname FROM pg_database ORDER BY 1');
      return rows.map(({ datname }) => String(datname)).filter((name) => name.startsWith('shop_'));
    };

    it('gives a ticket that forks the API a copy of the baseline’s database, since stack.yml says so', async () => {
      await product.stack(['up']);
      // The database was empty, and the API did not start before it had been migrated; the second time it is not.
      await product.stack(['up']);
      expect((await product.stack(['logs', 'baseline', '--setup'])).stdout.match(/migrates 1\.sql/g)).toHaveLength(1);
      await api('baseline', '/items', { name: 'of the baseline' });
      expect(await product.stack(['create', 'feat-01', '--with', 'api'])).toMatchObject({ code: 0 });
      expect(await namesAt('feat-01')).toEqual(['of the baseline']);
      const env = readFileSync(path.join(product.root, 'tickets/feat-01/api/.env.local'), 'utf8');
      expect(env).toMatch(/^DATABASE_URL=.*\/shop_feat_01$/m);
    });

    it('leaves a ticket that borrows the API on the baseline’s', async () => {
      expect(await product.stack(['create', 'feat-02', '--no-start'])).toMatchObject({ code: 0 });
      expect(JSON.stringify(await product.ps())).not.toContain('shop_feat_02');
      expect(await product.stack(['destroy', 'feat-02'])).toMatchObject({ code: 0 });
    });

    it('keeps what each writes to itself, while the baseline serves', async () => {
      expect(await product.stack(['create', 'feat-03', '--with', 'api'])).toMatchObject({ code: 0 });
      const writes = ['baseline', 'feat-01', 'feat-03'].map((name) => api(name, '/items', { name: `through ${name}` }));
      await Promise.all(writes);
      expect(await namesAt('baseline')).toEqual(['of the baseline', 'through baseline']);
      expect(await namesAt('feat-01')).toEqual(['of the baseline', 'through feat-01']);
      expect(await namesAt('feat-03')).toEqual(['of the baseline', 'through feat-03']);
    });

    it('keeps keys and jobs of each to itself, in a numbered database of its own', async () => {
      const counters = await Promise.all(
        [0, 1, 2].map((number) => redis(number, (client) => client.get('items:counter'))),
      );
      expect(counters).toEqual(['2', '1', '1']);
      const env = readFileSync(path.join(product.root, 'tickets/feat-01/api/.env.local'), 'utf8');
      expect(env).toMatch(/^REDIS_URL=redis:\/\/.*:\d+\/1$/m);
      const waiting = redis(0, (client) => client.blPop('jobs', 0.5));
      await redis(1, (client) => client.rPush('jobs', 'of feat-01'));
      expect(await waiting).toBe(null);
      expect(await redis(1, (client) => client.blPop('jobs', 5))).toEqual({ key: 'jobs', element: 'of feat-01' });
    });

    it('keeps it when the ticket is stopped and started', async () => {
      expect(await product.stack(['restart', 'feat-01'])).toMatchObject({ code: 0 });
      expect(await namesAt('feat-01')).toEqual(['of the baseline', 'through feat-01']);
    });

    it('refuses to destroy a database that somebody else is connected to, and says who; force ends them', async () => {
      const { url } = (await product.ps()).shared.postgres!;
      const client = new pg.Client({
        connectionString: withOwnPassword(product.root, url).replace(/shop$/, 'shop_feat_03'),
        application_name: 'psql of ada',
      });
      client.on('error', () => undefined);
      await client.connect();
      const refused = await product.stack(['destroy', 'feat-03']);
      expect(refused).toMatchObject({ code: 4, stdout: '' });
      expect(refused.stderr).toMatch(/database shop_feat_03 is in use by psql of ada \(stack from /);
      expect(await product.stack(['start', 'feat-03'])).toMatchObject({ code: 0 });
      expect(await namesAt('feat-03')).toEqual(['of the baseline', 'through feat-03']);
      expect(await product.stack(['destroy', 'feat-03', '--force', '--no-dump'])).toMatchObject({ code: 0 });
      await client.end().catch(() => undefined);
      expect((await databases()).filter((name) => name.includes('feat_03'))).toEqual([]);
      expect(await redis(2, (client) => client.dbSize())).toBe(0);
      expect(await redis(1, (client) => client.get('items:counter'))).toBe('1');
    });

    it('drops it also when all was taken down before; nothing but the sealed template is left', async () => {
      expect(await product.stack(['stop', 'feat-01'])).toMatchObject({ code: 0 });
      expect(await product.stack(['down'])).toMatchObject({ code: 0 });
      expect(await product.stack(['destroy', 'feat-01', '--no-dump'])).toMatchObject({ code: 0 });
      expect(await product.stack(['up'])).toMatchObject({ code: 0 });
      expect(await databases()).toEqual([expect.stringMatching(/^shop__template_/)]);
      expect(await namesAt('baseline')).toEqual(['of the baseline', 'through baseline']);
      expect(await Promise.all([0, 1].map((number) => redis(number, (client) => client.dbSize())))).toEqual([2, 0]);
    });

    it('leaves a number alone that somebody uses by hand, and takes the next', async () => {
      await redis(1, (client) => client.set('by', 'hand'));
      const run = await product.stack(['create', 'feat-05', '--with', 'api']);
      expect(run).toMatchObject({ code: 0 });
      expect(run.stderr).toContain('database 1 holds somebody’s keys, took 2');
      const env = readFileSync(path.join(product.root, 'tickets/feat-05/api/.env.local'), 'utf8');
      expect(env).toMatch(/^REDIS_URL=.*\/2$/m);
      expect(await product.stack(['destroy', 'feat-05', '--no-dump'])).toMatchObject({ code: 0 });
      expect(await redis(1, (client) => client.get('by'))).toBe('hand');
    });

    it('runs different migrations of two tickets at once, and the baseline’s own still work', async () => {
      const migrate = ['exec', 'baseline', 'api', '--', 'node', 'migrate.mjs'];
      expect(await product.stack(migrate)).toMatchObject({ code: 0 });
      const made = await Promise.all(
        ['colours', 'sizes'].map((name) => product.stack(['create', name, `--from-api=feat/${name}`])),
      );
      expect(made).toMatchObject([{ code: 0 }, { code: 0 }]);
      expect(await tables('shop')).toEqual(['first', 'items', 'migrations']);
      expect(await tables('shop_colours')).toEqual(['colours', 'first', 'items', 'migrations']);
      expect(await tables('shop_sizes')).toEqual(['first', 'items', 'migrations', 'sizes']);
      expect(await product.stack(migrate)).toMatchObject({ code: 0 });
      const { stdout } = await product.stack(['logs', 'sizes', '--setup']);
      expect(stdout).toContain('migrates 2-sizes.sql');
      expect(stdout).not.toContain('1.sql');
    });

    it('makes a database that somebody dropped again on start, and migrates it', async () => {
      const before = await tables('shop_colours');
      await query('shop', 'DROP DATABASE shop_colours WITH (FORCE)');
      expect(await product.stack(['start', 'colours'])).toMatchObject({ code: 0 });
      expect(await tables('shop_colours')).toEqual(before);
    });

    it('says the address of a ticket’s database, and of the baseline’s', async () => {
      const { stdout } = await product.stack(['db', 'colours', 'url']);
      const { url } = (await product.ps()).shared.postgres!;
      const own = withOwnPassword(product.root, url).replace('localhost', '127.0.0.1');
      expect(stdout).toBe(own.replace(/shop$/, 'shop_colours'));
      expect(await product.json('db', 'baseline', 'url')).toMatchObject({
        url: stdout.replace('shop_colours', 'shop'),
      });
    });

    it('shows how a ticket’s schema differs from the baseline’s', async () => {
      await query(
        'shop_sizes',
        'ALTER TABLE items ALTER name TYPE varchar(20), DROP ticket; CREATE INDEX by_name ON items (name); DROP TABLE first',
      );
      const { stdout } = await product.stack(['db', 'sizes', 'diff']);
      expect(stdout.split('\n')).toEqual([
        '- table first',
        '+ table sizes',
        '- column first.id  integer',
        '~ column items.name  text NOT NULL -> character varying(20) NOT NULL',
        '- column items.ticket  text',
        '+ column sizes.id  integer',
        '+ index by_name  CREATE INDEX by_name ON public.items USING btree (name)',
      ]);
      expect(await product.json('db', 'colours', 'diff')).toEqual({
        ticket: 'colours',
        changes: [
          { change: 'added', kind: 'table', name: 'colours' },
          { change: 'added', kind: 'column', name: 'colours.id', ticket: 'integer' },
        ],
      });
    });

    it('goes back to what the baseline has, asks before, and migrates again', async () => {
      const refused = await product.stack(['db', 'sizes', 'reset']);
      expect(refused).toMatchObject({ code: 4 });
      expect(await tables('shop_sizes')).toEqual(['items', 'migrations', 'sizes']);
      expect(await product.stack(['db', 'sizes', 'reset', '--yes'])).toMatchObject({ code: 0 });
      expect(await tables('shop_sizes')).toEqual(['first', 'items', 'migrations', 'sizes']);
      expect(await namesAt('sizes')).toEqual(await namesAt('baseline'));
    });

    it('opens a shell on it, with the words behind --, and its exit code', async () => {
      const run = await product.stack(['db', 'colours', 'shell', '--', '-Atc', 'SELECT current_database()']);
      expect(run).toMatchObject({ code: 0, stdout: 'shop_colours' });
      expect(await product.stack(['db', 'colours', 'shell'], { input: 'SELECT broken;\n\\q 7\n' })).toMatchObject({
        code: 0,
      });
      expect(await product.stack(['db', 'colours', 'shell', '--', '-c', 'SELECT broken'])).toMatchObject({ code: 1 });
    });

    it('dumps to a file of one’s own and loads it again; a bad one changes nothing', async () => {
      const [file, bad] = ['saved.dump', 'bad.sql'].map((name) => path.join(product.root, name)) as [string, string];
      expect(await product.json('db', 'colours', 'dump', 'saved.dump')).toMatchObject({ file });
      expect(statSync(file).mode & 0o777).toBe(0o600);
      await api('colours', '/items', { name: 'after the dump' });
      writeFileSync(bad, 'CREATE TABLE halves (id int); SELECT broken;');
      const failed = await product.stack(['db', 'colours', 'load', bad, '--yes']);
      expect(failed).toMatchObject({ code: 1 });
      expect(failed.stderr).toContain('column "broken" does not exist');
      expect(await tables('shop_colours')).not.toContain('halves');
      expect(await namesAt('colours')).toContain('after the dump');
      expect(await product.stack(['db', 'colours', 'load', file, '--yes'])).toMatchObject({ code: 0 });
      expect(await namesAt('colours')).not.toContain('after the dump');
    });

    it('refuses what is no dump, or no place for one, before it asks or stops anything', async () => {
      const at = (name: string): string => path.join(product.root, name);
      const zipped = gzipSync('SELECT 1');
      for (const [name, content] of [
        ['empty', ''],
        ['zipped.gz', zipped],
        ['picture', 'PNG\0'],
        ['elsewhere.sql', `${'SELECT 1;\n'.repeat(9999)}\\connect shop\nDROP TABLE items;\n`],
      ] as const)
        writeFileSync(at(name), content);
      for (const [name, fault] of [
        ['nowhere.dump', 'there is no file'],
        ['api', 'is a folder'],
        ['empty', 'is empty'],
        ['zipped.gz', 'is packed with gzip'],
        ['picture', 'is not a dump of a database'],
        ['elsewhere.sql', 'switches to a database of its own choice'],
      ] as const) {
        const run = await product.stack(['db', 'colours', 'load', name]);
        expect(run).toMatchObject({ code: 2, stdout: '' });
        expect(run.stderr.split('\n')).toEqual([expect.stringContaining(fault), expect.stringMatching(/^hint: /)]);
      }
      const run = await product.stack(['db', 'colours', 'dump', 'nowhere/x.dump']);
      expect(run).toMatchObject({ code: 2 });
      expect(run.stderr).toMatch(/there is no folder .*nowhere\nhint: mkdir -p .*nowhere$/);
      expect((await product.ps()).instances.find(({ ticket }) => ticket === 'colours')).toMatchObject({
        status: 'running',
      });
    });

    it('makes the template again with `up`, before anybody uses the baseline’s database', async () => {
      await api('baseline', '/items', { name: 'before up' });
      const busy = await product.stack(['up']);
      expect(busy).toMatchObject({ code: 0 });
      expect(busy.stderr).not.toContain('template of the database');
      await product.stack(['stop', 'colours', 'sizes']);
      await product.stack(['down']);
      expect((await product.stack(['up'])).stderr).toMatch(/shared +template of the database.*api \(baseline\)/s);
      await product.stack(['start', 'colours', 'sizes']);
    });

    it('makes the template again when asked, and refuses what makes no sense', async () => {
      expect(await product.stack(['db', 'refresh', '--force'])).toMatchObject({ code: 0 });
      for (const words of [['colours'], ['colours', 'polish'], ['colours', 'dump'], ['colours', 'url', 'x']]) {
        expect(await product.stack(['db', ...words])).toMatchObject({ code: 2 });
      }
    });

    it('leaves no database when tickets are destroyed', async () => {
      expect(await product.stack(['destroy', 'colours', 'sizes', '--no-dump'])).toMatchObject({ code: 0 });
      expect(await databases()).toEqual([expect.stringMatching(/^shop__template_/)]);
    });

    it('sees that a ticket’s database is gone, and start makes it again', async () => {
      expect(await product.stack(['create', 'feat-08', '--with', 'api'])).toMatchObject({ code: 0 });
      const before = (await product.ps()).instances[0];
      expect(before).toMatchObject({ status: 'running', own: { postgres: { database: 'shop_feat_08' } } });
      await query('shop', 'DROP DATABASE shop_feat_08 WITH (FORCE)');
      const { stdout } = await product.stack(['ps']);
      expect(stdout).toContain('! feat-08: its database shop_feat_08 is gone: `stack start feat-08` makes it again');
      expect((await product.stack(['doctor'])).stdout).toContain('its database shop_feat_08 is gone');
      expect(await product.stack(['start', 'feat-08'])).toMatchObject({ code: 0 });
      expect((await product.ps()).instances[0]).toMatchObject({ status: 'running' });
      expect(await namesAt('feat-08')).toEqual(await namesAt('baseline'));
      expect(await product.stack(['destroy', 'feat-08', '--no-dump'])).toMatchObject({ code: 0 });
    });

    it('saves the database of a ticket that goes, and restore brings it back, with its work', async () => {
      const create = await product.stack(['create', 'feat-06', '--with', 'api']);
      expect(create).toMatchObject({ code: 0 });
      await api('feat-06', '/items', { name: 'of feat-06' });
      const number = (await product.ps()).instances[0]?.own?.redis?.db ?? 0;
      const counter = (): Promise<string | null> => redis(number, (client) => client.get('items:counter'));
      expect(await counter()).toBe('1');
      const gone = await product.stack(['destroy', 'feat-06']);
      expect(gone).toMatchObject({ code: 0 });
      expect(await databases()).not.toContain('shop_feat_06');
      const dumps = path.join(product.root, '.stack/dumps');
      const saved = readdirSync(dumps).filter((name) => name.endsWith('.dump'));
      if (runtime === 'docker') {
        expect(gone.stdout).toContain(`its database is saved: .stack/dumps/${saved[0]}`);
        expect(statSync(path.join(dumps, saved[0] ?? '')).mode & 0o777).toBe(0o600);
      } else if (saved.length === 0) {
        expect(gone.stderr).toMatch(/shop_feat_06 is kept as shop__kept_\S+ for 14 days, since no pg_dump/);
      }
      expect(await counter()).toBe(null);
      expect(await product.stack(['restore', 'feat-06'])).toMatchObject({ code: 0 });
      expect(await namesAt('feat-06')).toContain('of feat-06');
      expect(await counter()).toBe('1');
      writeFileSync(path.join(product.root, 'tickets/feat-06/api/new.txt'), 'not committed');
      expect(await product.stack(['destroy', 'feat-06', '--force'])).toMatchObject({ code: 0 });
      expect(await product.stack(['restore', 'feat-06'])).toMatchObject({ code: 0 });
      expect(await namesAt('feat-06')).toContain('of feat-06');
      expect(readFileSync(path.join(product.root, 'tickets/feat-06/api/new.txt'), 'utf8')).toBe('not committed');
    });

    it('saves nothing when told, or when nothing was written; and forgets what it saved', async () => {
      for (const _ of [1, 2]) {
        expect(await product.stack(['restore', 'feat-06', '--forget', '--yes'])).toMatchObject({ code: 0 });
      }
      expect(await product.stack(['destroy', 'feat-06', '--force', '--no-dump'])).toMatchObject({ code: 0 });
      product.writeConfig((text) => text.replace('migrate: [node migrate.mjs],', 'migrate: [],'));
      expect(await product.stack(['create', 'feat-07', '--with', 'api'])).toMatchObject({ code: 0 });
      // As the server does by itself, and then for what all databases share too: nothing of it is anybody's.
      await query('shop_feat_07', 'ANALYZE');
      expect(await product.stack(['destroy', 'feat-07'])).toMatchObject({ code: 0 });
      product.writeConfig((text) => text.replace('migrate: [],', 'migrate: [node migrate.mjs],'));
      expect(readdirSync(path.join(product.root, '.stack/dumps'))).toEqual([]);
      expect(await databases()).toEqual([expect.stringMatching(/^shop__template_/)]);
    });

    it('names a migration that fails, with what it said, and leaves no database', async () => {
      await product.git('api', 'checkout', '--quiet', '-b', 'feat/bad');
      writeFileSync(path.join(product.root, 'api/migrations/3.sql'), 'SELECT broken');
      await product.git('api', 'add', '.');
      await product.git('api', 'commit', '--quiet', '--message', 'Break');
      await product.git('api', 'checkout', '--quiet', 'main');
      const run = await product.stack(['create', 'bad', '--from-api=feat/bad']);
      expect(run).toMatchObject({ code: 1, stdout: '' });
      expect(run.stderr).toContain('migrate of api failed: `node migrate.mjs` ended with exit code 1');
      expect(run.stderr).toContain('column "broken" does not exist');
      expect(await databases()).toEqual([expect.stringMatching(/^shop__template_/)]);
    });

    it('leaves the shared database alone, but for --migrate, which says whom it touches', async () => {
      product.writeConfig((text) => text.replace('own: [postgres, redis],', ''));
      const careful = await product.stack(['create', 'colours', '--from-api=feat/colours']);
      expect(careful).toMatchObject({ code: 0 });
      expect(careful.stderr).toContain(
        'the migrate commands of api are left out, since the database is that of the baseline',
      );
      expect(await tables('shop')).not.toContain('colours');
      const bold = await product.stack(['create', 'sizes', '--from-api=feat/sizes', '--migrate']);
      expect(bold).toMatchObject({ code: 0 });
      expect(bold.stderr).toContain('! the migrate commands of api change the database of the baseline, colours');
      expect(await tables('shop')).toContain('sizes');
      expect(await product.stack(['destroy', 'colours', 'sizes'])).toMatchObject({ code: 0 });
    });

    it('refuses to give a ticket its own of what cannot be had', async () => {
      const run = await product.stack(['create', 'feat-04', '--own', 'kafka']);
      expect(run).toMatchObject({ code: 2 });
      expect(run.stderr).toContain('--own kafka: a ticket can have its own postgres, redis or mysql only');
    });
  });
}
