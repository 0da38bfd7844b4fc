import { readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type Docker from 'dockerode';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { LABELS, rootIdOf } from '../../src/domain/names.ts';
import type { StackView } from '../../src/domain/view.ts';
import { cleanLabelled, findTestEngine, listLabelled, NODE_IMAGE, openClient } from '../support/engine.ts';
import { makeShop, type Shop, shopConfig } from '../support/shop.ts';

const engine = await findTestEngine();

/** The services of a shop as containers, the front with a volume. */
const contained = (port: number): string =>
  shopConfig(port)
    .replace('runtime: process', 'runtime: docker')
    .replaceAll('command: node server.mjs', `image: ${NODE_IMAGE}\n    command: node server.mjs 0.0.0.0`)
    .replaceAll(/(to: \d+) \}/g, '$1, container: 8080 }')
    .replace('  front:\n    repo: front\n', '  front:\n    repo: front\n    volumes: { cache: /cache }\n');

describe.skipIf(!engine)('doctor --fix, of what an engine holds', () => {
  let client: Docker;
  let shop: Shop;
  let before: StackView;
  beforeAll(async () => {
    client = await openClient();
  });
  beforeEach(async () => {
    shop = makeShop({ engine: true, config: contained });
    expect(await shop.stack(['create', 'feat-01', '--from-front=feat/ui'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['create', 'feat-02', '--from-api=feat/endpoint'])).toMatchObject({ code: 0 });
    before = await shop.ps();
    expect(before.instances.map(({ status }) => status)).toEqual(['running', 'running']);
  });
  afterEach(async () => {
    await shop.dispose();
    await cleanLabelled(client, rootIdOf(shop.root));
  });

  const fix = async () => JSON.parse((await shop.stack(['doctor', '--fix', '--yes', '--json'])).stdout);

  it('brings back both tickets and the baseline when all of .stack is lost, and destroy leaves nothing', async () => {
    rmSync(shop.at('.stack'), { recursive: true });
    expect(await shop.stack(['ps'])).toMatchObject({ code: 1, stderr: expect.stringContaining('doctor --fix') });
    expect(await fix()).toMatchObject({ ok: true, mended: [{ subject: 'state', ok: true }] });
    expect(await shop.ps()).toEqual(before);
    expect(await shop.stack(['destroy', 'feat-01', 'feat-02'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['down'])).toMatchObject({ code: 0 });
    expect(await listLabelled(client, rootIdOf(shop.root))).toEqual([]);
    for (const repo of ['front', 'api']) expect(shop.git(repo, 'branch', '--list', 'feat-0*')).toBe('');
  });

  it('tells ports, services and the baseline from labels alone', async () => {
    await shop.stack(['stop', 'feat-02']);
    const stopped = await shop.ps();
    rmSync(shop.at('.stack'), { recursive: true });
    for (const repo of ['front', 'api']) {
      const home = shop.at(repo, '.git/worktrees');
      for (const id of readdirSync(home)) rmSync(path.join(home, id, 'stack-record.json'));
    }
    expect(await fix()).toMatchObject({ ok: true });
    const after = await shop.ps();
    expect(after.baseline).toEqual(stopped.baseline);
    for (const was of stopped.instances) {
      const is = after.instances.find(({ ticket }) => ticket === was.ticket);
      expect(is?.services).toEqual(was.services);
    }
  });

  it('removes containers and volumes of a ticket of which nothing else is left, and not those of others', async () => {
    const file = JSON.parse(shop.read('.stack/state.json'));
    shop.git('front', 'worktree', 'remove', '--force', shop.at('tickets/feat-01/front'));
    rmSync(shop.at('tickets/feat-01'), { recursive: true });
    const { 'feat-01': _, ...instances } = file.instances;
    shop.write('.stack/state.json', JSON.stringify({ ...file, instances }));
    const { ok, mended } = await fix();
    expect(ok).toBe(true);
    expect(mended.map(({ text }: { text: string }) => text.replace(/stack-shop-[0-9a-f]{8}-/, ''))).toEqual([
      'the container feat-01-front is gone',
      'the volume feat-01-front-cache is gone',
    ]);
    const filters = { label: [`${LABELS.root}=${rootIdOf(shop.root)}`, `${LABELS.ticket}=feat-01`] };
    expect(await client.listContainers({ all: true, filters })).toEqual([]);
    expect((await shop.ps()).instances).toMatchObject([{ ticket: 'feat-02', status: 'running' }]);
    expect((await shop.ps()).baseline).toEqual(before.baseline);
  });
});
