import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rootIdOf } from '../../src/domain/names.ts';
import { findTestEngine, listLabelled, NODE_IMAGE, openClient } from '../support/engine.ts';
import { makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const engine = await findTestEngine();

/** A number of seconds that nobody else sleeps: what a container runs is found by it, also where it runs. */
const LONG = 100_000 + Math.floor(Math.random() * 800_000);

describe.skipIf(!engine || process.platform !== 'linux')('with an engine, Ctrl-C', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop({
      engine: true,
      config: (port) => `name: shop
runtime: docker
repos: { front: { path: ./front, base: main } }
services:
  front:
    repo: front
    image: ${NODE_IMAGE}
    command: node server.mjs 0.0.0.0
    ports: { http: { from: ${port}, container: 8080 } }
    env: { PORT: '\${port.http}' }
    ready: { http: / }
`,
    });
  });
  afterEach(() => shop.dispose());

  const phases: [string, () => void][] = [
    [
      'in the build of an image',
      () => {
        shop.commit('front', 'Dockerfile', `FROM ${NODE_IMAGE}\nRUN sleep ${LONG}\n`);
        shop.configure((text) => text.replace(`image: ${NODE_IMAGE}`, 'build: .'));
      },
    ],
    [
      'in a setup command',
      () =>
        shop.configure((text) => text.replace('base: main', `base: main, setup: ["sleep ${LONG} & sleep ${LONG}"]`)),
    ],
    [
      'while a container is not ready',
      () => shop.configure((text) => text.replace('node server.mjs 0.0.0.0', `sleep ${LONG}`)),
    ],
  ];

  it.each(phases)('%s unwinds all and ends with 130', async (_, prepare) => {
    prepare();
    const before = shop.photograph().replace(/^records: .*$/m, '');
    const running = shop.start(['create', 'feat-01']);
    await until('it has begun', () => countSleepers() > 0, 90);
    running.kill('SIGINT');
    const run = await running.ended;
    expect(run).toMatchObject({ code: 130, stdout: '' });
    expect(run.stderr).toMatch(/^stack: interrupted$/m);
    await until('nothing of it runs', () => countSleepers() === 0);
    expect(await listLabelled(await openClient(), rootIdOf(shop.root))).toEqual([]);
    expect(shop.photograph().replace(/^records: .*$/m, '')).toBe(before);
  });

  it('is not needed for a setup command that hangs: it is ended at its deadline', async () => {
    const setup = `setup_timeout: 2s, setup: ["sleep ${LONG} & sleep ${LONG}"]`;
    shop.configure((text) => text.replace('base: main', `base: main, ${setup}`));
    const run = await shop.stack(['create', 'feat-01']);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/was not done after 2 s and was ended$/m);
    expect(countSleepers()).toBe(0);
    expect(existsSync(shop.at('tickets'))).toBe(false);
  });
});

function countSleepers(): number {
  return readdirSync('/proc').filter(
    (name) => /^\d+$/.test(name) && readWords(name).join(' ').includes(`sleep ${LONG}`),
  ).length;
}

function readWords(pid: string): string[] {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    return words.includes('sleep') || words.some((word) => word.endsWith('/sleep')) ? words : [];
  } catch {
    return [];
  }
}
