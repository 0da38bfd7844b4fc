import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

describe('exec', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop();
    await shop.stack(['create', 'feat-01', '--with', 'api']);
  });
  afterAll(() => shop.dispose());

  const exec = (...command: string[]) => shop.stack(['exec', 'feat-01', 'front', '--', ...command]);

  it.each([0, 1, 7, 130])('passes the exit code %d', async (code) => {
    expect(await exec('sh', '-c', `exit ${code}`)).toEqual({ code, stdout: '', stderr: '' });
  });

  it('passes what the command prints, each to its own stream', async () => {
    expect(await exec('sh', '-c', 'echo out; echo err >&2')).toEqual({ code: 0, stdout: 'out', stderr: 'err' });
  });

  it('passes stdin, bytes as they are', async () => {
    const input = 'eins\nzwei ü\n'.repeat(20_000);
    const run = await shop.stack(['exec', 'feat-01', 'front', '--', 'cat'], { input });
    expect(run).toEqual({ code: 0, stdout: input.trimEnd(), stderr: '' });
  });

  it('passes words whole, flags among them', async () => {
    const { stdout } = await exec('printf', '%s|', 'a b', '--json', '--', '$HOME', '');
    expect(stdout).toBe('a b|--json|--|$HOME||');
  });

  it('runs in the service’s folder with its environment', async () => {
    const { stdout } = await exec('sh', '-c', 'pwd; echo $STACK_TICKET $STACK_SERVICE $PORT $API_URL');
    expect(stdout.split('\n')).toEqual([
      shop.at('tickets/feat-01/front'),
      `feat-01 front ${shop.port + 10} http://localhost:${shop.port + 1}`,
    ]);
  });

  it('takes the service from the worktree it is called in', async () => {
    const run = await shop.stack(['exec', '--', 'sh', '-c', 'echo $STACK_SERVICE'], {
      cwd: shop.at('tickets/feat-01/api'),
    });
    expect(run).toMatchObject({ code: 0, stdout: 'api' });
  });

  it.runIf(process.platform === 'linux')(
    'leaves Ctrl-C on a terminal to the command, as often as it comes',
    async () => {
      const heard = shop.at('heard');
      const code = `const fs = require('node:fs'); let count = 0; fs.writeFileSync('${heard}', '0');
      process.on('SIGINT', () => { fs.writeFileSync('${heard}', String(++count)); if (count === 3) process.exit(7); });
      setInterval(() => undefined, 1000);`;
      shop.write('prompt.cjs', code);
      const bin = path.resolve(import.meta.dirname, '../../bin/stack.js');
      const line = `exec ${process.execPath} ${bin} exec feat-01 front -- node ${shop.at('prompt.cjs')}`;
      const terminal = execa('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
        ...{ cwd: shop.root, env: shop.env, extendEnv: false, reject: false, stdin: 'pipe' },
      });
      for (const count of ['0', '1', '2']) {
        await until(`it has heard ${count}`, () => existsSync(heard) && readFileSync(heard, 'utf8') === count);
        terminal.stdin.write('\x03');
      }
      const { exitCode, stdout } = await terminal;
      expect([exitCode, stdout]).toEqual([7, expect.not.stringContaining('interrupted')]);
    },
  );

  it('takes a command without `--` behind the ticket and a service', async () => {
    const run = await shop.stack(['exec', 'feat-01', 'api', 'sh', '-c', 'echo $STACK_SERVICE "$1"', 'x', 'a b']);
    expect(run).toEqual({ code: 0, stdout: 'api a b', stderr: '' });
    const here = await shop.stack(['exec', 'front', 'pwd'], { cwd: shop.at('tickets/feat-01') });
    expect(here).toEqual({ code: 0, stdout: shop.at('tickets/feat-01/front'), stderr: '' });
  });

  it('says what keeps it from running anything', async () => {
    const at = { cwd: shop.at('tickets/feat-01') };
    await expectRefusal(
      shop,
      ['exec', '--', 'true'],
      { code: 'usage', message: /which service\?/, hint: /feat-01 has front, api|api, front/ },
      at,
    );
    const unknown = { message: /feat-01 has no service db/, hint: /its services: / };
    await expectRefusal(shop, ['exec', 'feat-01', 'db', '--', 'true'], { code: 'not-found', ...unknown });
    const loose = await shop.stack(['exec', 'feat-01', 'ls', '-l']);
    expect(loose).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/feat-01 has no service ls/) });
    const two = { message: /one service at a time, not api, front/, hint: undefined };
    await expectRefusal(shop, ['exec', 'api', 'front', '--', 'true'], { code: 'usage', ...two }, at);
  });

  it('names a program that is not there', async () => {
    const run = await exec('no-such-program');
    expect(run.code).not.toBe(0);
    expect(run.stderr).toMatch(/no-such-program.*not found/);
  });
});
