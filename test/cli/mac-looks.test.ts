import { chmodSync, cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CheckResult } from '../../src/orchestrator/check/check.ts';
import { canBeMac, macEnv } from '../support/mac.ts';
import { isRunning } from '../support/process-world.ts';
import { kill } from '../support/processes.ts';
import { makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

function makeMacShop(...how: Parameters<typeof makeShop>): Shop {
  const shop = makeShop(...how);
  Object.assign(shop.env, macEnv());
  return shop;
}

const setFront = (shop: Shop, command: string): void =>
  shop.configure((text) => text.replace(/(front:\n {4}repo: front\n {4}command: ).*/, (_, key) => key + command));

describe.skipIf(!canBeMac)('on a Mac a service on another port', () => {
  let shop: Shop;
  beforeAll(() => {
    shop = makeMacShop();
    setFront(shop, `env PORT=${shop.port + 18} node server.mjs`);
    shop.configure((text) => text.replaceAll('ready: { http: / }', 'ready: { http: /, timeout: 4s }'));
  });
  afterAll(() => shop?.dispose());

  it('is told of with its port and its log', async () => {
    const { code, stderr } = await shop.stack(['create', 'feat-01']);
    const given = `it listens on ${shop.port + 18}, but was given ${shop.port + 10}`;
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining(given) });
    expect(stderr).toMatch(new RegExp(`^ {2}listens on ${shop.port + 18}$`, 'm'));
  });

  it('is told of with its log, where nobody can see what it listens on', async () => {
    const { code, stderr } = await shop.stack(['create', 'feat-01'], { env: macEnv('no-lsof') });
    expect(code).toBe(1);
    expect(stderr).toContain('its last line is below');
    expect(stderr).toMatch(new RegExp(`^ {2}listens on ${shop.port + 18}$`, 'm'));
  });
});

describe.skipIf(!canBeMac)('on a Mac what has left its group', () => {
  let shop: Shop;
  afterEach(() => shop?.dispose());

  /** Starts a ticket whose front-end leaves something behind, and gives its number. */
  async function startHelper(how: (helper: string) => string): Promise<number> {
    shop = makeMacShop();
    const file = path.join(shop.folder, 'helper');
    shop.commit('front', 'helper.sh', `echo $$ >${file}; exec sleep 1000\n`);
    setFront(shop, JSON.stringify(`${how('/bin/sh helper.sh')} exec node server.mjs`));
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
    const pid = await until('the helper is there', () => Number(readFileSync(file, 'utf8')) || undefined);
    await until('it works in the folder', () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n');
    return pid;
  }

  it('ends with the ticket while who started it lives', async () => {
    const pid = await startHelper((helper) => `env -i setsid ${helper} &`);
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(isRunning(pid)).toBe(false);
  });

  it('ends with the service when nobody is its parent, and its environment is shown', async () => {
    const pid = await startHelper((helper) => `(setsid ${helper} &);`);
    expect(await shop.stack(['stop', 'feat-01'])).toMatchObject({ code: 0 });
    expect(isRunning(pid)).toBe(false);
  });

  it('is named when nothing leads to it, and keeps the ticket from going', async () => {
    const pid = await startHelper((helper) => `(env -i setsid ${helper} &);`);
    const { code, stderr } = await shop.stack(['destroy', 'feat-01', '--force', '--yes']);
    expect({ code, stderr }).toMatchObject({ code: 3, stderr: expect.stringContaining(`sleep (pid ${pid})`) });
    kill(pid);
    expect(await shop.stack(['destroy', 'feat-01', '--force', '--yes'])).toMatchObject({ code: 0 });
  });
});

describe.skipIf(!canBeMac)('on a Mac the check', { sequential: true }, () => {
  let shop: Shop;
  /** `ps` shows no environment, as with programs of the system there. */
  let hidden: string;

  beforeAll(async () => {
    shop = makeMacShop();
    // The shells that start the service lose it.
    shop.configure((text) => text.replace('API_URL:', 'DYLD_LIBRARY_PATH: /opt/lib, API_URL:'));
    expect(await shop.stack(['create', 'feat-01', '--with', 'api'])).toMatchObject({ code: 0 });
    hidden = path.join(shop.folder, 'hidden');
    const usual = macEnv().STACK_TEST_MAC ?? '';
    cpSync(usual, hidden, { recursive: true });
    writeFileSync(
      path.join(hidden, 'ps'),
      `#!/bin/sh\nfor word; do shift; [ "$word" = -E ] || set -- "$@" "$word"; done\nexec ${usual}/ps "$@"\n`,
    );
    chmodSync(path.join(hidden, 'ps'), 0o755);
  });
  afterAll(() => shop?.dispose());

  const check = async (env: Record<string, string> = {}) => {
    const { code, stdout } = await shop.stack(['check', 'feat-01', '--json'], { env });
    const found = JSON.parse(stdout) as CheckResult;
    const arrows = found.tickets[0]?.arrows ?? [];
    const unseen = arrows
      .filter(({ state }) => state === 'unseen')
      .map(({ from, to, key }) => [from, to, key].join(' '));
    return { code, ...found, arrows, unseen };
  };
  const ports = () =>
    Object.values(shop.state()?.instances['feat-01']?.services ?? {}).map((service) => service.ports.http?.host);

  it('sees what programs were given and what they listen on', async () => {
    const { code, ok, seen, arrows } = await check();
    expect({ code, ok, seen }).toEqual({ code: 0, ok: true, seen: true });
    expect(arrows.map(({ state }) => state)).toEqual(arrows.map(() => 'ok'));
    expect(arrows).toContainEqual(expect.objectContaining({ from: 'front', to: 'api', key: 'API_URL' }));
  });

  it('says that ways in were not seen where nothing tells who listens', async () => {
    const { code, ok, seen, unseen, tickets } = await check(macEnv('no-lsof'));
    expect({ code, ok, seen }).toEqual({ code: 0, ok: true, seen: false });
    expect(unseen).toEqual(expect.arrayContaining(ports().map((port) => expect.stringContaining(`localhost:${port}`))));
    expect(tickets[0]?.picture).toEqual(['front → api (not seen)']);
    const { stdout } = await shop.stack(['check', 'feat-01'], { env: macEnv('no-lsof') });
    expect(stdout).toMatch(/^ {2}\? localhost:\d+ → front +not seen: something answers on \d+, and whose it is/m);
    expect(stdout).toMatch(/\n\d links were not seen: nothing is proven of what has a \?$/);
  });

  it('says that a variable was not seen where no environment is shown', async () => {
    const { code, seen, unseen } = await check({ STACK_TEST_MAC: hidden });
    expect({ code, seen, unseen }).toEqual({ code: 0, seen: false, unseen: ['front api API_URL'] });
  });

  it.each(['ps-refused', 'sandbox'] as const)(
    'says that nothing was seen where nobody can look at processes: %s',
    async (world) => {
      const { code, ok, seen, arrows, unseen } = await check(macEnv(world));
      expect({ code, ok, seen, unseen: unseen.length }).toEqual({
        code: 0,
        ok: true,
        seen: false,
        unseen: arrows.length,
      });
    },
  );

  it('names a variable that a program was given otherwise, and a port that it does not listen on', async () => {
    setFront(shop, 'env API_URL=http://localhost:1 node server.mjs');
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
    const { code, arrows } = await check();
    expect(code).toBe(1);
    expect(arrows).toContainEqual(
      expect.objectContaining({
        key: 'API_URL',
        state: 'wrong',
        reason: expect.stringMatching(/^pid \d+ \(node\) has http:\/\/localhost:1$/),
      }),
    );
  });
});
