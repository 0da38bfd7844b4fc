import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rootIdOf } from '../../src/domain/names.ts';
import type { StackView } from '../../src/domain/view.ts';
import { findTestEngine, listLabelled, NODE_IMAGE, openClient } from '../support/engine.ts';
import { containedConfig, makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const engine = await findTestEngine();

interface Answer {
  findings: { subject: string }[];
  mended: unknown[];
}

describe.skipIf(!engine)('doctor --fix beside a command that makes something in the engine', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop({ engine: true, config: containedConfig });
    shop.commit('front', 'Dockerfile', `FROM ${NODE_IMAGE}\nRUN true\n`);
    shop.configure((text) => {
      const [before, front] = text.split('  front:\n    repo: front\n');
      const built = front!.replace(`image: ${NODE_IMAGE}`, 'build: { context: . }\n    volumes: { data: /data }');
      return `${before}  front:\n    repo: front\n${built}`;
    });
  });
  afterEach(() => shop.dispose());

  const list = async (): Promise<string[]> => (await listLabelled(await openClient(), rootIdOf(shop.root))).sort();

  const kinds = (things: readonly string[]): string[] =>
    [...new Set(things.map((thing) => thing.split(' ')[0]!))].sort();

  it('containers, volumes, the network and the image of a create that is not done are left alone', async () => {
    // The server waits until it is let go, and `create` for the server.
    const wait = "import { existsSync as is, writeFileSync as write } from 'node:fs';\n";
    const loop =
      "if (process.env.STACK_TICKET === 'feat-01') { write('begun', ''); while (!is('go')) await new Promise((done) => setTimeout(done, 50)); }\n";
    shop.commit('front', 'server.mjs', `${wait}${loop}${shop.read('front/server.mjs')}`);
    const running = shop.start(['create', 'feat-01']);
    const place = 'tickets/feat-01/front';
    const over = running.ended.then(({ code, stderr }) =>
      Promise.reject(new Error(`it ended with ${code}: ${stderr}`)),
    );
    await Promise.race([over, until('its container runs', () => existsSync(shop.at(place, 'begun')), 60)]);
    const before = await list();
    expect(kinds(before)).toEqual(['container', 'image', 'network', 'volume']);
    const { findings, mended } = JSON.parse(
      (await shop.stack(['doctor', '--fix', '--yes', '--json'])).stdout,
    ) as Answer;
    expect(mended).toEqual([]);
    expect(findings.filter(({ subject }) => subject === 'orphans')).toEqual([]);
    expect(await list()).toEqual(before);
    shop.write(`${place}/go`, '');
    expect(await running.ended).toMatchObject({ code: 0 });
    const { instances, baseline } = (await shop.ps()) as StackView;
    expect(instances).toMatchObject([{ ticket: 'feat-01', status: 'running' }]);
    expect(baseline.repos.api?.status).toBe('running');
  });
});
