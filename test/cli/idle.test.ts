import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepWaiting } from '../support/keep-waiting.ts';
import { canMount, MOUNTING } from '../support/mounting.ts';
import { BIN, makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

describe('idle:', { sequential: true, timeout: 120_000 }, () => {
  let shop: Shop;
  let later: Record<string, string>;
  beforeAll(async () => {
    shop = makeShop({ env: { STACK_BIN: BIN } });
    for (const ticket of ['feat-01', 'feat-02', 'feat-03']) await shop.stack(['create', ticket]);
    shop.configure((text) => `${text}idle: 30m\n`);
    shop.write('later.cjs', 'const now = Date.now; Date.now = () => now() + 45 * 60_000;\n');
    later = { NODE_OPTIONS: `--require=${shop.at('later.cjs')}` };
  }, 120_000);
  afterAll(() => shop.dispose(), 120_000);

  const statuses = async (env: Record<string, string>, cwd = shop.root) => {
    const { stdout } = await shop.stack(['ps', '--json'], { env, cwd });
    const { instances } = JSON.parse(stdout) as Awaited<ReturnType<Shop['ps']>>;
    return Object.fromEntries(instances.map(({ ticket, status }) => [ticket, status]));
  };

  it('is told of by doctor, which says who does it', async () => {
    const { stdout } = await shop.stack(['doctor']);
    expect(stdout).toContain('are paused by the next `stack ps`, `create`, `start` or `resume`, and not before');
  });

  it('leaves what was just used, and pauses at the next look what nobody has used for so long', async () => {
    const all = { 'feat-01': 'running', 'feat-02': 'running', 'feat-03': 'running' };
    expect(await statuses({})).toEqual(all);
    const port = Object.values((await shop.ps()).instances[0]!.services.front!.ports)[0]!;
    const browser = await keepWaiting(port);
    expect(await shop.stack(['run', 'feat-02', '-d', '--', 'sleep', '1000'])).toMatchObject({ code: 0 });
    // Whoever stands in the folder of a ticket uses it.
    expect(await statuses(later, shop.at('tickets/feat-03'))).toEqual(all);
    const { stderr } = await shop.stack(['ps'], { env: later });
    expect(stderr).toMatch(/feat-03 was not used for 4[5-9] min, and is paused \(`idle:`\)/);
    expect(await statuses({})).toEqual({ ...all, 'feat-03': 'paused' });
    browser.destroy();
    await until('the browser is gone, and nothing else is', async () => {
      const found = await statuses(later);
      return found['feat-01'] === 'paused' && found['feat-02'] === 'running';
    });
    await shop.stack(['stop', 'feat-02', '--run', '1']);
    expect(await shop.stack(['resume', 'feat-03'], { env: later })).toMatchObject({ code: 0 });
    expect(await statuses({})).toEqual({ 'feat-01': 'paused', 'feat-02': 'paused', 'feat-03': 'running' });
  });
});

describe.skipIf(!canMount)('a disk that has no room for another ticket', { timeout: 60_000 }, () => {
  let shop: Shop;
  beforeAll(() => {
    shop = makeShop();
  });
  afterAll(() => shop.dispose());

  /** The tickets are on a small disk, and one is made there first. */
  const small = (size: string, first = 'true') => [
    ...MOUNTING,
    ...[
      'sh',
      '-c',
      `mkdir -p tickets && mount -t tmpfs -o size=${size} none tickets && { ${first}; } && exec "$0" "$@"`,
    ],
  ];
  const create = (ticket: string) => `"$0" "$1" create ${ticket} --no-start --quiet >/dev/null`;

  it('is told before anything is made, from what git has of it', async () => {
    shop.commit('front', 'large.bin', 'x'.repeat(40_000_000));
    const { code, stderr } = await shop.stack(['create', 'feat-01'], { through: small('32m') });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^stack: feat-01 needs about 54 MB of the disk, and 32 MB are left\nhint: `stack top` shows/,
    );
    expect(shop.git('front', 'branch', '--list', 'feat-01')).toBe('');
    expect(await shop.stack(['create', 'feat-01', '--no-start'], { through: small('64m') })).toMatchObject({ code: 0 });
    await shop.stack(['destroy', 'feat-01', '--force', '--yes']);
  });

  it('is told from what an earlier set-up left', async () => {
    shop.configure((text) =>
      text.replace('front: { path: ./front,', 'front: { path: ./front, setup: ["head -c 50000000 /dev/zero > made"],'),
    );
    const through = small('150m', create('feat-02'));
    const { stderr } = await shop.stack(['create', 'feat-03', '--no-start'], { through });
    expect(stderr).toMatch(/^stack: feat-03 needs about (9\d|10\d) MB of the disk, and 6\d MB are left$/m);
    await shop.stack(['destroy', 'feat-02', '--force', '--yes']);
  });
});
