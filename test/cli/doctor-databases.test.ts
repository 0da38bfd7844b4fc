import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StackState } from '../../src/domain/instance.ts';
import { withOwnPassword } from '../support/own-password.ts';
import { makeProduct, type Product } from '../support/product.ts';

describe('doctor --fix, of databases', () => {
  let product: Product;
  beforeAll(async () => {
    product = await makeProduct({ runtime: 'process' });
    product.writeConfig((text) => text.replace('shared: true,', 'shared: true, own: [postgres, redis],'));
    for (const ticket of ['feat-01', 'feat-02']) {
      const run = await product.stack(['create', ticket, '--with', 'api']);
      expect(run).toMatchObject({ code: 0 });
    }
  });
  afterAll(() => product?.dispose());

  const file = () => path.join(product.root, '.stack/state.json');
  const databases = async (): Promise<string[]> => {
    const { url } = (await product.ps()).shared.postgres!;
    const client = new pg.Client(withOwnPassword(product.root, url));
    await client.connect();
    const { rows } = await client.query('SELECT datname FROM pg_database').finally(() => client.end());
    return rows.map(({ datname }) => String(datname)).filter((name) => name.startsWith('shop_feat'));
  };
  const fix = async () => (await product.json<{ mended: { text: string }[] }>('doctor', '--fix', '--yes')).mended;

  it('brings back which ticket has which, when the state and its backup are lost', async () => {
    const before = await product.ps();
    const { instances } = JSON.parse(readFileSync(file(), 'utf8'));
    for (const name of [file(), `${file()}.bak`]) rmSync(name);
    expect(await fix()).toMatchObject([{ text: expect.stringContaining('from what git keeps') }]);
    expect(JSON.parse(readFileSync(file(), 'utf8')).instances).toEqual(instances);
    expect(await product.ps()).toEqual(before);
  });

  const edit = (change: (instances: StackState['instances']) => void): void => {
    const state: StackState = JSON.parse(readFileSync(file(), 'utf8'));
    change(state.instances);
    writeFileSync(file(), JSON.stringify(state));
  };
  const recordOf = (ticket: string) => (JSON.parse(readFileSync(file(), 'utf8')) as StackState).instances[ticket];

  it('finds out what a ticket has of its own when its worktrees alone tell of it', async () => {
    const { own } = recordOf('feat-01') ?? {};
    expect(own).toMatchObject({ postgres: { database: 'shop_feat_01' }, redis: { checked: true } });
    for (const repo of ['front', 'api']) {
      const common = path.join(product.root, repo, '.git/worktrees');
      for (const name of readdirSync(common)) {
        const copy = path.join(common, name, 'stack-record.json');
        if (existsSync(copy) && readFileSync(copy, 'utf8').includes('"feat-01"')) rmSync(copy);
      }
    }
    edit((instances) => delete instances['feat-01']);
    expect(await fix()).toMatchObject([
      { subject: 'feat-01', text: 'it is back, as its worktrees are; its branches stay when it goes' },
    ]);
    expect(recordOf('feat-01')?.own).toEqual(own);
  });

  it('notes a database that is a ticket’s where its record has lost it, so that it goes with the ticket', async () => {
    edit((instances) => delete instances['feat-01']?.own?.postgres);
    expect(await fix()).toMatchObject([
      { subject: 'feat-01', text: expect.stringContaining('has shop_feat_01 again') },
    ]);
    expect(recordOf('feat-01')?.own).toMatchObject({ postgres: { database: 'shop_feat_01', from: 'shop' } });
    expect(await product.json('doctor')).toMatchObject({ ok: true });
  });

  it('drops that of a ticket of which nothing else is left, and no other', async () => {
    await product.stack(['stop', 'feat-01']);
    const state = JSON.parse(readFileSync(file(), 'utf8'));
    for (const repo of ['front', 'api'])
      await product.git(repo, 'worktree', 'remove', '--force', path.join(product.root, 'tickets/feat-01', repo));
    rmSync(path.join(product.root, 'tickets/feat-01'), { recursive: true });
    const { 'feat-01': _, ...instances } = state.instances;
    writeFileSync(file(), JSON.stringify({ ...state, instances }));
    expect(await databases()).toEqual(['shop_feat_01', 'shop_feat_02']);
    expect((await fix()).map(({ text }) => text)).toContain('the database shop_feat_01 is gone');
    expect(await databases()).toEqual(['shop_feat_02']);
    expect((await product.ps()).instances).toMatchObject([{ ticket: 'feat-02', status: 'running' }]);
  });
});
