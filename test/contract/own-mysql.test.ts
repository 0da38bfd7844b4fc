import { mkdtempSync, realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/domain/config/text.ts';
import type { InstanceRecord, StackState } from '../../src/domain/instance.ts';
import { rootIdOf } from '../../src/domain/names.ts';
import type { Rescue, SavedPart } from '../../src/domain/rescue.ts';
import { layValues } from '../../src/domain/values.ts';
import type { Stack } from '../../src/orchestrator/core/stack.ts';
import { createWork, type Work } from '../../src/orchestrator/core/work.ts';
import { mysql } from '../../src/orchestrator/data/mysql/kind.ts';
import { hasMariaDb, type MariaDb, startMariaDb } from '../support/mariadb.ts';

const never = new AbortController().signal;
const FROM = "shop's `own`";

/** The kind on a real server, without a command around it; in order: each test goes on from the one before. */
describe.skipIf(!hasMariaDb())('a ticket’s own MySQL database', { sequential: true }, () => {
  let server: MariaDb;
  let stack: Stack;
  let root: string;
  const told: string[] = [];
  let filling: StackState['filling'];
  const instances: Record<string, InstanceRecord> = {};

  beforeAll(async () => {
    server = await startMariaDb();
    root = realpathSync(mkdtempSync(path.join(tmpdir(), 'stack-own-')));
    server.sql("CREATE DATABASE `shop's ``own``` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin");
    server.sql(
      `CREATE TABLE items (id INT AUTO_INCREMENT PRIMARY KEY, name TEXT, raw VARBINARY(8));
       INSERT INTO items (name, raw) VALUES ('ü — \\\\ '' \\t', X'00ff27');
       CREATE VIEW names AS SELECT name FROM items;
       CREATE TRIGGER shout BEFORE INSERT ON items FOR EACH ROW SET NEW.name = UPPER(NEW.name);`,
      FROM,
    );
    const url = `mysql://dev:de%27v@localhost:${server.port}/${encodeURIComponent(FROM)}`;
    const text = `name: shop
shared: { mysql: { url: ${JSON.stringify(url)} } }
repos: { api: { path: api } }
services: { api: { repo: api, command: x } }`;
    const config = parseConfig({ values: layValues(), files: [{ path: 'stack.yml', text }] });
    stack = {
      ...{ root, rootId: rootIdOf(root), name: 'shop', env: process.env, values: layValues(), signal: never },
      emit: (event: { text: string }) => told.push(event.text),
      store: { update: async () => undefined, read: async () => state() },
      config: async () => config,
    } as unknown as Stack;
  }, 60_000);
  afterAll(async () => {
    await server?.end();
    await rm(root, { recursive: true, force: true, maxRetries: 3 });
  });

  const workOn = async (ticket: string, rescue?: Rescue): Promise<Work> => {
    const config = await stack.config();
    instances[ticket] ??= {
      ...{ ticket, argument: ticket, createdAt: '2026-11-27T00:00:00.000Z', phase: 'ready', started: true, folder: '' },
      ...{ repos: {}, services: {}, own: { mysql: mysql.plan(stack, config, ticket) } },
    };
    return createWork({ stack, config, record: instances[ticket], baseline: undefined, shared: {} }, { rescue });
  };
  const apply = async (ticket: string, rescue?: Rescue): Promise<Work> => {
    const work = await workOn(ticket, rescue);
    await mysql.step(work).apply({ signal: never, note: () => undefined });
    return work;
  };
  const nameOf = (ticket: string): string => {
    const part = instances[ticket]?.own?.mysql;
    return part?.as === 'database' ? part.database : '';
  };
  const state = (): StackState => ({ instances, shared: {}, filling }) as unknown as StackState;
  const databases = (): string[] => server.sql('SHOW DATABASES').filter((name) => name.startsWith('shop'));

  it('is a whole copy, with a mark, and the baseline’s stays as it is', async () => {
    const step = mysql.step(await workOn('feat-01'));
    expect(await step.inspect()).toBe('absent');
    const work = await apply('feat-01');
    expect(await step.inspect()).toBe('present');
    expect(server.sql('SELECT name, HEX(raw) FROM items', nameOf('feat-01'))).toEqual(["ü — \\\\ ' \\t\t00FF27"]);
    expect(server.sql('SELECT COUNT(*) FROM names', nameOf('feat-01'))).toEqual(['1']);
    expect(server.sql('SELECT @@collation_database', nameOf('feat-01'))).toEqual(['utf8mb4_bin']);
    server.sql("INSERT INTO items (name) VALUES ('of feat-01')", nameOf('feat-01'));
    expect(server.sql('SELECT name FROM items WHERE id = 2', nameOf('feat-01'))).toEqual(['OF FEAT-01']);
    expect(server.sql('SELECT COUNT(*) FROM items', FROM)).toEqual(['1']);
    expect(await mysql.listLeft(work)).toEqual([`the database ${nameOf('feat-01')}`]);
    // Once more changes nothing.
    await apply('feat-01');
    expect(server.sql('SELECT COUNT(*) FROM items', nameOf('feat-01'))).toEqual(['2']);
  });

  it('that was left half-made is made again', async () => {
    server.sql(
      `ALTER TABLE _stack COMMENT = 'stack: x {"kind":"ticket","rootId":"${stack.rootId}","ticket":"feat-02","copiedAt":""}'`,
      await apply('feat-02').then(() => nameOf('feat-02')),
    );
    server.sql('DROP TABLE items', nameOf('feat-02'));
    expect(await mysql.step(await workOn('feat-02')).inspect()).toEqual({ different: 'it was half-made' });
    await apply('feat-02');
    expect(server.sql('SELECT COUNT(*) FROM items', nameOf('feat-02'))).toEqual(['1']);
  });

  it('is saved, goes, and comes back as it was', async () => {
    const work = await workOn('feat-01');
    const saved = (await mysql.save(work, 'feat-01-20261127T000000.000Z')) as SavedPart;
    expect(saved).toMatchObject({ database: nameOf('feat-01'), dump: 'feat-01-20261127T000000.000Z.sql' });
    await mysql.step(work).revert();
    expect(databases()).not.toContain(nameOf('feat-01'));
    expect(await mysql.listLeft(work)).toEqual([]);
    expect(await mysql.save(work, 'feat-01-20261127T000000.001Z')).toBeUndefined();
    await apply('feat-01', { own: { mysql: saved } } as unknown as Rescue);
    expect(server.sql('SELECT COUNT(*) FROM items', nameOf('feat-01'))).toEqual(['2']);
    expect(await mysql.step(work).inspect()).toBe('present');
  });

  it('begins as the baseline’s where what was saved is gone, and says so', async () => {
    await mysql.step(await workOn('feat-01')).revert();
    await apply('feat-01', { own: { mysql: { dump: 'nothing.sql' } } } as unknown as Rescue);
    expect(server.sql('SELECT COUNT(*) FROM items', nameOf('feat-01'))).toEqual(['1']);
    expect(told).toContain('the saved data of feat-01 is gone: its database begins as the baseline’s');
  });

  it('of that name which is somebody else’s is neither taken nor dropped', async () => {
    const work = await workOn('feat-03');
    server.sql(`CREATE DATABASE \`${nameOf('feat-03').replaceAll('`', '``')}\``);
    await expect(apply('feat-03')).rejects.toMatchObject({ code: 'exists' });
    await mysql.step(work).revert();
    expect(databases()).toContain(nameOf('feat-03'));
    delete instances['feat-03'];
  });

  it('is held back while somebody is connected, until they are ended by force', async () => {
    const other = server.hold(nameOf('feat-01'));
    const work = await workOn('feat-01');
    await other.connected;
    await expect(mysql.requireAlone?.(work, { force: false, hint: 'x' })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('is in use by dev'),
    });
    await mysql.requireAlone?.(work, { force: true, hint: 'x' });
    expect(server.sql("SELECT user FROM information_schema.processlist WHERE user = 'dev' AND db IS NOT NULL")).toEqual(
      [],
    );
    await other.end();
  });

  it('is known by its mark: what is lost, what no record knows, what a lost record is derived from', async () => {
    const config = await stack.config();
    expect([...((await mysql.listMarked?.(stack, config, {})) ?? [])]).toMatchObject([
      ['feat-01', { as: 'database', database: nameOf('feat-01'), from: FROM, made: true }],
      ['feat-02', {}],
    ]);
    expect(await mysql.listLost?.(stack, state())).toEqual([]);
    const { 'feat-02': second, ...others } = instances;
    const strays = await mysql.listStrays(stack, { instances: others, shared: {} } as unknown as StackState);
    expect(strays.map(({ ticket, what }) => [ticket, what])).toEqual([
      ['feat-02', `the database ${nameOf('feat-02')}`],
    ]);
    const record = { ...second, own: undefined } as unknown as InstanceRecord;
    expect(await mysql.derive(stack, config, record, { shared: {}, workloads: [] })).toMatchObject({ as: 'database' });
    await strays[0]?.remove();
    expect(await mysql.listLost?.(stack, state())).toEqual([['feat-02', nameOf('feat-02')]]);
  });

  it('goes with all that stack made on the server, and nothing else does', async () => {
    await mysql.dropAll?.(stack, await stack.config());
    expect(databases()).toEqual([FROM, expect.stringContaining('feat_03')]);
  });

  it('is copied from nothing that is filled in part', async () => {
    filling = { left: ['seed'], fromEmpty: true };
    await expect(apply('feat-04')).rejects.toMatchObject({ code: 'conflict' });
    expect(databases()).not.toContain(nameOf('feat-04'));
    filling = undefined;
  });

  it('leaves the baseline’s to be emptied of what had been put into it', async () => {
    server.sql(
      `CREATE PROCEDURE nothing() SELECT 1; CREATE EVENT later ON SCHEDULE EVERY 1 DAY DO SELECT 1;
       CREATE TABLE orders (item INT, FOREIGN KEY (item) REFERENCES items (id));`,
      FROM,
    );
    const [work, config] = [await workOn('feat-04'), await stack.config()];
    expect(await mysql.isEmpty?.(work, config)).toBe(false);
    expect(await mysql.empty?.keep(work, config)).toBe(true);
    await mysql.empty?.putBack(work, config);
    expect(await mysql.isEmpty?.(work, config)).toBe(true);
    expect(server.sql('SHOW PROCEDURE STATUS WHERE db = DATABASE()', FROM)).toEqual([]);
    expect(server.sql('SHOW EVENTS', FROM)).toEqual([]);
    await mysql.empty?.putBack(work, config);
    expect(server.sql('SELECT @@collation_database', FROM)).toEqual(['utf8mb4_bin']);
  });
});
