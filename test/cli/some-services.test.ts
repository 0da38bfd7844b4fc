import { chmodSync, existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isOnMac } from '../support/mac.ts';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

describe('start, stop and restart', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop();
    await shop.stack(['create', 'feat-01', '--with', 'api']);
    await shop.stack(['create', 'feat-02']);
  });
  afterAll(() => shop.dispose());

  /** Runs a verb, and gives what of which ticket runs then. */
  const runningAfter = async (args: string[], at?: { cwd: string }): Promise<Record<string, string[]>> => {
    expect(await shop.stack(args, at)).toMatchObject({ code: 0 });
    const { instances } = await shop.ps();
    return Object.fromEntries(
      instances.map(({ ticket, services }) => [
        ticket,
        Object.keys(services).filter((name) => services[name]?.status === 'running'),
      ]),
    );
  };

  it('are about the services that are named behind a ticket, or in its folder', async () => {
    const both = { 'feat-01': ['front', 'api'], 'feat-02': ['front'] };
    const sorted = (found: Record<string, string[]>) => ({ ...found, 'feat-01': found['feat-01']?.sort().reverse() });
    expect(await runningAfter(['stop', 'feat-01', 'api'])).toEqual({ ...both, 'feat-01': ['front'] });
    expect(await runningAfter(['restart', 'front'], { cwd: shop.at('tickets/feat-01') })).toEqual({
      ...both,
      'feat-01': ['front'],
    });
    expect(await runningAfter(['stop', 'feat-01'])).toEqual({ ...both, 'feat-01': [] });
    expect(await runningAfter(['start', 'feat-01', 'api'])).toEqual({ ...both, 'feat-01': ['api'] });
    expect(sorted(await runningAfter(['start', 'feat-01']))).toEqual(both);
  });

  it('take every ticket with --all, or every one that has the service', async () => {
    expect(await runningAfter(['stop', '--all', 'api'])).toEqual({ 'feat-01': ['front'], 'feat-02': ['front'] });
    expect(await runningAfter(['stop', '--all'])).toEqual({ 'feat-01': [], 'feat-02': [] });
    const both = await runningAfter(['start', '--all']);
    expect({ ...both, 'feat-01': both['feat-01']?.sort() }).toEqual({
      'feat-01': ['api', 'front'],
      'feat-02': ['front'],
    });
    expect(await runningAfter(['stop', '--all', 'api', 'front'])).toEqual({ 'feat-01': [], 'feat-02': [] });
  });

  it('leave what is not named as it is on record, so that the next start finds it changed', async () => {
    await shop.stack(['start', '--all']);
    const before = shop.state()?.instances['feat-01']?.services.front;
    const [from, to] = [shop.port + 15, shop.port + 19];
    shop.configure((text) => text.replace(`from: ${shop.port + 10}, to: ${to}`, `from: ${from}, to: ${to}`));
    await shop.stack(['restart', 'feat-01', 'api']);
    expect(shop.state()?.instances['feat-01']?.services.front).toEqual(before);
    await shop.stack(['start', 'feat-01']);
    expect(shop.state()?.instances['feat-01']?.services.front?.ports.http?.host).toBe(from);
  });

  it('leave addresses that `open` opens where there is a screen, and prints', async () => {
    await shop.stack(['start', '--all']);
    for (const program of ['bin/xdg-open', 'bin/open']) {
      shop.write(program, '#!/bin/sh\necho "$@" >>"$HOME/opened"\n');
      chmodSync(shop.at(program), 0o755);
    }
    const PATH = `${shop.at('bin')}:${process.env.PATH}`;
    const open = async (args: string[], env: Record<string, string> = {}) =>
      shop.stack(['open', ...args], { env: { PATH, ...env } });
    const front = shop.state()?.instances['feat-01']?.services.front?.ports.http?.host;
    expect(await open(['feat-01'])).toEqual({
      ...{ code: 0, stdout: `http://localhost:${front}` },
      // A Mac always has a screen.
      stderr: isOnMac ? '' : 'there is no browser to open it in',
    });
    const borrowed = { instance: 'baseline', service: 'api', url: `http://localhost:${shop.port}` };
    expect(JSON.parse((await open(['feat-02', 'api', '--json'], { DISPLAY: ':0' })).stdout)).toMatchObject(borrowed);
    await shop.stack(['stop', 'feat-01']);
    expect(await open(['feat-01'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/hint: stack start feat-01/),
    });
    await shop.stack(['start', 'feat-01']);
    // Its wiring can be checked, too.
    const checked = await shop.stack(['check', 'baseline', '--json']);
    expect(JSON.parse(checked.stdout)).toMatchObject({
      ok: true,
      tickets: [{ ticket: 'baseline', arrows: [{ to: 'api' }] }],
    });
    expect(await open(['feat-02'], { DISPLAY: ':0' })).toMatchObject({ code: 0, stderr: '' });
    const opened = `${shop.env.HOME}/opened`;
    await until('the browser is told', () => existsSync(opened));
    expect(readFileSync(opened, 'utf8')).toMatch(/^(http:\/\/localhost:\d+\n)+$/);
  });

  it('refuse a word that is neither a ticket nor a service of one', async () => {
    for (const verb of ['start', 'stop', 'restart']) {
      const unknown = {
        code: 'not-found',
        message: /^there is no ticket "feat-1"/,
        hint: /did you mean feat-01/,
      } as const;
      await expectRefusal(shop, [verb, 'feat-01', 'feat-1'], unknown);
      await expectRefusal(shop, [verb, 'feat-1', 'api'], unknown);
      const both = { code: 'usage', message: /^--all and a ticket’s name/, hint: /one of the two/ } as const;
      await expectRefusal(shop, [verb, 'feat-01', '--all'], both);
    }
    const typo = {
      code: 'not-found',
      message: /^no ticket has a service fornt; did you mean `front`/,
      hint: /^there are: /,
    } as const;
    await expectRefusal(shop, ['stop', '--all', '--service', 'fornt'], typo);
    const far = { code: 'not-found', message: /^feat-01 has no service worker of its own/, hint: /front/ } as const;
    await expectRefusal(shop, ['stop', 'feat-01', 'worker'], far);
    const lacking = { code: 'not-found', message: /^feat-02 has no service api of its own/, hint: /front/ } as const;
    await expectRefusal(shop, ['stop', 'feat-01', 'feat-02', 'api'], lacking);
  });

  it('ask which is meant where a service is called like a ticket', async () => {
    await shop.stack(['create', 'api', '--no-start']);
    const twice = {
      code: 'usage',
      message: /^api is a ticket and a service/,
      hint: /--service api means the service/,
    } as const;
    await expectRefusal(shop, ['stop', 'feat-01', 'api'], twice);
    expect((await runningAfter(['stop', 'feat-01', '--service', 'api']))['feat-01']).toEqual(['front']);
  });
});
