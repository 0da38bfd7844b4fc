import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { findTestEngine } from '../support/engine.ts';
import { containedConfig, makeShop, type Running, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const engine = await findTestEngine();

describe.each(['process', 'docker'] as const)('stack logs -f, on %s', (runtime) => {
  let shop: Shop;
  afterEach(() => shop?.dispose());

  const follow = (...args: string[]): Running =>
    shop.start(['logs', '-f', ...args], { through: ['sh', '-c', 'exec "$0" "$@" >followed'] });
  const starts = (service: string): number =>
    shop
      .read('followed')
      .split('\n')
      .filter((line) => line.startsWith(service) && line.includes('listens on')).length;

  it.skipIf(runtime === 'docker' && !engine)('goes on over restarts, and ends when nothing runs any more', async () => {
    shop = runtime === 'docker' ? makeShop({ config: containedConfig, engine: true }) : makeShop();
    expect(await shop.stack(['create', 'feat-01', '--with', 'api'])).toMatchObject({ code: 0 });
    const running = follow('feat-01');
    await until('both are followed', () => starts('front') === 1 && starts('api') === 1);
    expect(await shop.stack(['restart', 'feat-01', '--service', 'api'])).toMatchObject({ code: 0 });
    await until('the new run of the API is followed', () => starts('api') === 2);
    shop.configure((text) => text.replaceAll('API_URL:', 'MORE: x, API_URL:'));
    expect(await shop.stack(['restart', 'feat-01'])).toMatchObject({ code: 0 });
    await until('both are followed again', () => starts('front') === 2 && starts('api') === 3);
    expect(await shop.stack(['stop', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await running.ended).toMatchObject({ code: 0, stderr: '' });
    expect([starts('front'), starts('api')]).toEqual([2, 3]);
  });
});

describe('what a service prints', () => {
  let shop: Shop;
  afterEach(() => shop?.dispose());

  const frontRuns = (command: string): void =>
    shop.configure((text) => {
      const at = text.lastIndexOf('command: node server.mjs');
      return `${text.slice(0, at)}command: |\n${command.replaceAll(/^/gm, '      ')}\n${text.slice(text.indexOf('\n', at) + 1)}`;
    });
  const through = (line: string): { through: string[] } => ({ through: ['sh', '-c', line] });

  it('never fills the disk, is read from its end, and is waited for by whoever reads slowly', async () => {
    shop = makeShop();
    frontRuns('yes "a line of no interest" | head -n 2000000\necho the last\nexec node server.mjs');
    shop.configure((text) =>
      text.replace(/ready: \{ http: \/ \}\n$/, 'ready: { http: /, log: the last }\n    logs: { max: 2M }\n'),
    );
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
    const sizes = ['front.log', 'front.log.1'].map((name) => statSync(shop.at('.stack/logs/feat-01', name)).size);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1024 * 1024);
    expect((await shop.stack(['logs', 'feat-01', '--tail', '2'])).stdout).toMatch(/^the last\nlistens on \d+$/);
    const first = await shop.stack(['logs', 'feat-01', '--tail', 'all'], through('"$0" "$@" | head -n 1'));
    expect(first).toMatchObject({ code: 0, stderr: '' });
    // The oldest line that is kept may have lost its beginning, wherever the keeper happened to cut.
    expect('a line of no interest').toMatch(new RegExp(`${first.stdout}$`));
    const slowly = await shop.stack(['logs', 'feat-01', '--tail', 'all'], through('"$0" "$@" | (sleep 1; tail -n 2)'));
    expect(slowly.stdout).toMatch(/^the last\nlistens on \d+$/);
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(existsSync(shop.at('.stack/logs/feat-01'))).toBe(false);
  });

  it('is bounded in a set-up too, and its newest lines are kept', async () => {
    shop = makeShop();
    const line = 'a line of a set-up that has much to say '.repeat(25);
    shop.configure((text) =>
      text.replace('path: ./front,', `path: ./front, setup: ['yes "${line}" | head -n 30000', 'echo the last'],`),
    );
    expect(await shop.stack(['create', 'feat-01', '--no-start', '--quiet'])).toMatchObject({ code: 0 });
    const files = ['front.setup.log', 'front.setup.log.1'].map((name) => shop.at('.stack/logs/feat-01', name));
    for (const file of files) {
      expect(statSync(file).size).toBeLessThanOrEqual(10 * 1024 * 1024);
      expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    }
    expect(statSync(files[1]!).size).toBeGreaterThan(9 * 1024 * 1024);
    expect(readFileSync(files[0]!, 'utf8')).toMatch(/\n\$ echo the last\nthe last\n$/);
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
  });

  it('is the baseline’s where a service is borrowed, and of all tickets is told apart', async () => {
    shop = makeShop();
    shop.configure((text) => text.replaceAll(/path: (\S+),/g, "path: $1, setup: ['echo set up', 'echo done'],"));
    await shop.stack(['create', 'feat-01']);
    await shop.stack(['create', 'feat-02', '--with', 'api', '--no-start']);
    const read = async (...args: string[]) => (await shop.stack(['logs', ...args])).stdout;
    const borrowed = await shop.stack(['logs', 'feat-01', 'api']);
    expect(borrowed).toEqual({
      ...{ code: 0, stdout: `listens on ${shop.port}` },
      stderr: 'feat-01 borrows api: this is what the baseline’s prints',
    });
    // They are read side by side.
    expect((await read('feat-01', 'api', 'front')).split('\n').sort()).toEqual([
      `api (baseline) | listens on ${shop.port}`,
      `front          | listens on ${shop.port + 10}`,
    ]);
    expect(await read('--all')).toBe(`feat-01 front | listens on ${shop.port + 10}`);
    const time = String.raw`\d{4}-\d{2}-\d{2}T[\d:.]{12}Z`;
    expect(await read('--all', '-t')).toMatch(new RegExp(`^feat-01 front \\| ${time} listens on \\d+$`));
    expect((await read('feat-01', 'api', 'front', '-t', '--since', '1h')).split('\n').sort()).toEqual([
      expect.stringMatching(new RegExp(`^api \\(baseline\\) \\| ${time} listens on \\d+$`)),
      expect.stringMatching(new RegExp(`^front {10}\\| ${time} listens on \\d+$`)),
    ]);
    expect(await read('feat-01', '--since', '2100-01-01')).toBe('');
    // As an older version leaves a log, or a copy.
    rmSync(shop.at('.stack/logs/feat-01/front.log.times'));
    expect(await shop.stack(['logs', 'feat-01', '-t'])).toEqual({
      ...{ code: 0, stdout: `listens on ${shop.port + 10}` },
      stderr:
        '! some lines of front have no time: an older version of stack kept them, there was no perl, or they were copied',
    });
    expect(await read('feat-02', '--setup', '--tail', '1')).toBe('front | done\napi   | done');
    expect(await read('--setup', '--all', 'api')).toBe('$ echo set up\nset up\n$ echo done\ndone');
  });

  it('is told to its last line when a service ends at once', async () => {
    shop = makeShop();
    frontRuns('yes | head -n 500000\necho the reason\nexit 3');
    const failed = await shop.stack(['create', 'feat-01']);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('ended with exit code 3');
    expect(failed.stderr.trimEnd()).toMatch(/the reason$/);
  });

  it('does nothing to the terminal but colour it, unless it is asked for raw', async () => {
    shop = makeShop();
    frontRuns(
      String.raw`printf '\033[31mred\033[0m \033]0;title\007\033[2J\233\302\233 a\rb\0c \033[1mbold\n'` +
        '\nexec node server.mjs',
    );
    expect(await shop.stack(['create', 'feat-01', '--no-wait'])).toMatchObject({ code: 0 });
    const read = async (...flags: string[]) => (await shop.stack(['logs', 'feat-01', ...flags])).stdout.split('\n')[0]!;
    await until('its line', async () => (await read()).includes('red'));
    expect(await read()).toBe(
      '\u001b[31mred\u001b[0m \\x1b]0;title\\x07\\x1b[2J\ufffd\\x9b a\\x0db\\x00c \u001b[1mbold\u001b[0m',
    );
    expect(await read('--raw')).toBe(
      '\u001b[31mred\u001b[0m \u001b]0;title\u0007\u001b[2J\ufffd\u009b a\rb\0c \u001b[1mbold',
    );
    const bytes = await shop.stack(
      ['logs', 'feat-01', '--raw'],
      through('"$0" "$@" | head -n 1 | od -An -tx1 | tr -d " \\n"'),
    );
    expect(bytes.stdout).toMatch(/^1b5b33316d.*1b5b324a9bc29b2061/);
    const json = await read('--json');
    expect(json).not.toMatch(/[\u007f-\u009f]/);
    expect(JSON.parse(json)).toEqual({
      ...{ ticket: 'feat-01', service: 'front', stream: 'stdout' },
      text: await read('--raw'),
      time: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T[\d:.]{12}Z$/),
    });
  });
});
