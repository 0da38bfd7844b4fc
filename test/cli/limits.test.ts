import { utimesSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { keepWaiting } from '../support/keep-waiting.ts';
import { expectRefusal } from '../support/refusal.ts';
import { BIN, makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

describe('limits of what runs at once', { sequential: true, timeout: 120_000 }, () => {
  let shop: Shop;
  let plain = '';
  beforeAll(async () => {
    shop = makeShop({ env: { STACK_BIN: BIN } });
    plain = shop.read('stack.yml');
    shop.commit('front', 'server.mjs', `globalThis.held = Buffer.alloc(60e6, 1);\n${shop.read('front/server.mjs')}`);
    for (const ticket of ['feat-01', 'feat-02']) await shop.stack(['create', ticket]);
  }, 120_000);
  afterEach(() => shop.configure(() => plain));
  afterAll(() => shop.dispose(), 120_000);

  const limit = (limits: string) => shop.configure(() => `${plain}limits: { ${limits} }\n`);
  const statuses = async () => {
    const { instances } = await shop.ps();
    return Object.fromEntries(instances.map(({ ticket, status }) => [ticket, status]));
  };

  it('refuse one ticket too many, say what runs, and name the one that was not used for longest', async () => {
    limit('tickets: 2');
    const refused = await expectRefusal(shop, ['create', 'feat-03'], {
      code: 'conflict',
      message: /^2 tickets run, and `limits: \{ tickets: 2 \}` lets no more$/,
      hint: /^`stack pause feat-0[12]` makes room/,
    });
    expect(refused.stderr).toMatch(/^ {2}feat-01: (used a moment ago|not used for \d+ min)$/m);
    expect(await shop.stack(['create', 'feat-03', '--no-start'])).toMatchObject({ code: 0 });
    await expectRefusal(shop, ['start', 'feat-03'], {
      code: 'conflict',
      message: /^2 tickets run/,
      hint: /^`stack pause/,
    });
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
  });

  it('pause the one that was not used for longest when a person says yes, and none that is used', async () => {
    limit('tickets: 2');
    const later = new Date(Date.now() + 60_000);
    shop.write('tickets/feat-01/front/new.txt', 'just written');
    utimesSync(shop.at('tickets/feat-01/front/new.txt'), later, later);
    expect(await shop.stack(['start', 'feat-03', '--yes'])).toMatchObject({ code: 0 });
    expect(await statuses()).toEqual({ 'feat-01': 'running', 'feat-02': 'paused', 'feat-03': 'running' });

    const port = Object.values((await shop.ps()).instances[0]!.services.front!.ports)[0]!;
    const browser = await keepWaiting(port);
    expect(await shop.stack(['run', 'feat-03', '-d', '--', 'sleep', '1000'])).toMatchObject({ code: 0 });
    const refused = await expectRefusal(shop, ['resume', 'feat-02', '--yes'], {
      code: 'conflict',
      message: /^2 tickets run/,
      hint: /^raise `limits: \{ tickets \}`/,
    });
    expect(refused.stderr).toContain(`feat-01: used by somebody connected to port ${port}`);
    expect(refused.stderr).toContain('feat-03: used by sleep (run 1)');
    browser.destroy();
    await shop.stack(['stop', 'feat-03', '--run', '1']);
    expect(await shop.stack(['resume', 'feat-02', '--yes'])).toMatchObject({ code: 0 });
    expect(Object.values(await statuses()).sort()).toEqual(['paused', 'running', 'running']);
  });

  it('count memory as declared, else as measured, and processors as declared', async () => {
    await shop.stack(['stop', '--all']);
    shop.configure(
      (text) =>
        `${text.replaceAll('ready:', 'memory: 1G\n    cpus: 1.5\n    ready:')}limits: { memory: 3G, cpus: 2 }\n`,
    );
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
    await expectRefusal(shop, ['start', 'feat-02'], {
      code: 'conflict',
      message: /^feat-02 wants 1.5 cpus, and 1.5 of 2 are taken$/,
      hint: /^`stack pause feat-01`/,
    });
    shop.configure((text) => text.replace('cpus: 2 }', 'cpus: 1 }'));
    await expectRefusal(shop, ['start', 'feat-02', '--yes'], {
      code: 'conflict',
      message: /^feat-02 wants 1.5 cpus, and 1.5 of 1 are taken$/,
      hint: /^raise `limits: \{ cpus \}`$/,
    });
    shop.configure((text) => text.replace('{ memory: 3G, cpus: 1 }', '{ memory: 1500M }'));
    await expectRefusal(shop, ['start', 'feat-02'], {
      code: 'conflict',
      message: /^feat-02 needs about 1.0 GB of memory, and 1.0 GB of 1.5 GB are taken$/,
      hint: /^`stack pause feat-01`/,
    });
    limit('memory: 20M');
    await expectRefusal(shop, ['start', 'feat-02'], {
      code: 'conflict',
      message: /^feat-02 needs about \d+ MB of memory, and \d+ MB of 20 MB are taken$/,
      hint: /./,
    });
  });

  it('let a ticket that runs start again, and one that is to be made again stay where there is no room', async () => {
    await shop.stack(['stop', '--all']);
    for (const ticket of ['feat-01', 'feat-02']) await shop.stack(['start', ticket]);
    limit('tickets: 1');
    expect(await shop.stack(['restart', 'feat-01'])).toMatchObject({ code: 0 });
    await expectRefusal(shop, ['recreate', 'feat-01'], {
      code: 'conflict',
      message: /^a ticket runs, and `limits: \{ tickets: 1 \}` lets no more$/,
      hint: /^`stack pause feat-02`/,
    });
    expect(await statuses()).toMatchObject({ 'feat-01': 'running', 'feat-02': 'running' });
    await shop.stack(['pause', 'feat-01']);
    await shop.stack(['stop', 'feat-02']);
  });

  it('do not count a create that was killed and of which nothing runs', async () => {
    await shop.stack(['stop', '--all']);
    limit('tickets: 1');
    shop.configure((text) => text.replaceAll('http: /', 'http: /never'));
    const running = shop.start(['create', 'killed']);
    await until('it is being made', () => shop.state()?.instances.killed?.phase === 'creating');
    const busy = await shop.stack(['create', 'other', '--yes']);
    expect(busy).toMatchObject({ code: 4, stderr: expect.stringMatching(/^stack: a ticket runs, .*\nhint: raise/) });
    running.kill('SIGKILL');
    await running.ended;
    await shop.stack(['stop', 'killed']);
    expect(shop.state()?.instances.killed).toMatchObject({ phase: 'creating', started: true });
    limit('tickets: 1');
    expect(await shop.stack(['create', 'other', '--yes', '--no-wait'])).toMatchObject({ code: 0 });
    await shop.stack(['destroy', 'killed', 'other', '--yes']);
  });

  it('let no more agents live', async () => {
    limit('agents: 1');
    const agent = ['-d', '--no-start', '--', 'sleep', '1000'];
    expect(await shop.stack(['run', 'feat-01', ...agent])).toMatchObject({ code: 0 });
    await expectRefusal(shop, ['run', 'feat-02', ...agent], {
      code: 'conflict',
      message: /^an agent lives, and `limits: \{ agents: 1 \}` lets no more$/,
      hint: /^all are at work: wait for one/,
    });
    await expectRefusal(shop, ['create', 'feat-04', '--run', '-d', '--', 'sleep', '1000'], {
      code: 'conflict',
      message: /^an agent lives/,
      hint: /./,
    });
    await shop.stack(['stop', 'feat-01', '--run', '1']);
    expect(await shop.stack(['run', 'feat-02', ...agent])).toMatchObject({ code: 0 });
    await shop.stack(['stop', 'feat-02', '--run', '1']);
  });

  it.each([
    ['limits: { ticket: 2 }', /limits: unknown key `ticket`; did you mean `tickets`\?$/],
    ['limits: { tickets: 0 }', /limits.tickets: must be a whole number, at least 1, found the number 0$/],
    ['limits: { memory: 2GB }', /limits.memory: must be a size of at least 6M, like `512M` or `2G`, found "2GB"$/],
    ['limits: { cpus: 0 }', /limits.cpus: must be a number above 0 of processors, like 0.5 or 2, found the number 0$/],
    ['idle: 30s', /idle: must be a time of at least a minute, like `30m` or `2h`, found "30s"$/],
  ])('are refused as %s', async (line, message) => {
    shop.configure(() => `${plain}${line}\n`);
    const { code, stderr } = await shop.stack(['create', 'feat-09']);
    expect(code).toBe(2);
    expect(stderr.split('\n')[0]).toMatch(message);
  });
});
