import { rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Hold, makeHold } from '../support/hold.ts';
import { makeProduct, type Product, type Run } from '../support/product.ts';

describe('doctor --fix beside a command that makes or saves data', () => {
  let product: Product;
  let hold: Hold;
  beforeAll(async () => {
    product = await makeProduct({ runtime: 'process' });
    hold = makeHold(path.dirname(product.root));
    product.writeConfig((text) =>
      text
        .replace('shared: true,', `shared: true, own: [postgres, redis], migrate: ['${hold.wait}'],`)
        .replace(', setup: [npm ci]', '')
        .replaceAll(/npm (start|run dev)/g, 'node server.js'),
    );
  });
  beforeEach(() => {
    for (const file of [hold.mark, `${hold.mark}.go`]) rmSync(file, { force: true });
  });
  afterAll(() => product?.dispose());

  async function expectNothingMended(running: Promise<Run>): Promise<void> {
    await hold.begun(running);
    const { mended } = await product.json<{ mended: unknown[] }>('doctor', '--fix', '--yes');
    expect(mended).toEqual([]);
    hold.go();
    expect(await running).toMatchObject({ code: 0 });
  }

  it('the database and the keys of a create that still migrates are left alone', async () => {
    await expectNothingMended(product.stack(['create', 'feat-01', '--with', 'api']));
    expect(await product.json('doctor')).toMatchObject({ ok: true });
    expect((await product.ps()).instances).toMatchObject([{ ticket: 'feat-01', status: 'running' }]);
  });

  it('a dump that a destroy still writes is left alone, and restore brings it back', async () => {
    const url = `http://localhost:${(await product.ps()).instances[0]!.services.api!.ports.http}/items`;
    const headers = { 'content-type': 'application/json' };
    expect(await fetch(url, { method: 'POST', headers, body: '{"name":"kept"}' })).toMatchObject({ ok: true });
    Object.assign(product.env, hold.renameOf('.keys'));
    const running = product.stack(['destroy', 'feat-01', '--force', '--yes']);
    for (const name of Object.keys(hold.renameOf(''))) delete product.env[name];
    await expectNothingMended(running);
    expect(await product.stack(['restore', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await product.json('doctor')).toMatchObject({ ok: true });
    const { services } = (await product.ps()).instances[0]!;
    const answer = await fetch(`http://localhost:${services.api!.ports.http}/items`);
    expect(await answer.text()).toContain('kept');
  });
});
