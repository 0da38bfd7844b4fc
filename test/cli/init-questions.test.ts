import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type InitWorld, makeInitWorld } from '../support/init-world.ts';
import { BIN } from '../support/shop.ts';
import { until } from '../support/until.ts';

const pkg = (name: string, script: string, packages: string[]) => ({
  ...{ name, scripts: { dev: script } },
  dependencies: Object.fromEntries(packages.map((one) => [one, '1.0.0'])),
});
const api = (name: string, port: number) => ({
  'package.json': pkg(name, 'node server.js', ['express']),
  'server.js': `require('express')().listen(process.env.PORT || ${port});\n`,
});

// `script` gives it a terminal; the one of util-linux takes a command.
describe.runIf(process.platform === 'linux')('what `stack init` asks at a terminal', () => {
  let world: InitWorld;
  beforeEach(() => {
    world = makeInitWorld();
    world.repo('web', {
      'package.json': pkg('web', 'vite', ['vite', 'react-dom']),
      'src/main.js': 'fetch(import.meta.env.VITE_API_URL);\n',
    });
    world.repo('billing', api('billing', 4000));
    world.repo('orders', api('orders', 5000));
    world.git('orders', 'branch', 'develop');
  });
  afterEach(() => world.dispose());

  const env = () => ({ PATH: process.env.PATH, HOME: world.root, GIT_CONFIG_NOSYSTEM: '1' });

  /** Types each answer once its question is there. */
  async function answer(answers: readonly string[], flags: readonly string[] = []) {
    const line = ['stty', 'cols', '80', ';', process.execPath, BIN, 'init', ...flags].join(' ');
    const run = execa('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
      ...{ cwd: world.root, env: env(), extendEnv: false, reject: false },
    });
    let shown = '';
    run.stdout.on('data', (chunk) => {
      shown += chunk;
    });
    for (const [index, text] of answers.entries()) {
      await until(`question ${index + 1}`, () => shown.split('[1] ').length > index + 1);
      run.stdin.write(text);
    }
    const { exitCode } = await run;
    return { code: exitCode, shown };
  }

  function readStack() {
    const { repos, services } = parse(readFileSync(path.join(world.root, 'stack.yml'), 'utf8'));
    return {
      bases: Object.fromEntries(Object.entries(repos).map(([name, repo]) => [name, (repo as { base: string }).base])),
      shared: Object.keys(repos).filter((name) => repos[name].shared),
      api: services.web.env.VITE_API_URL,
    };
  }

  it('is three questions at most, each with an answer that counts where nobody gives one', async () => {
    const { code, shown } = await answer(['\r', '\r', '\r']);
    expect(code).toBe(0);
    expect(shown.match(/^[A-Z].*\?\r?$/gm)).toHaveLength(3);
    expect(readStack()).toEqual({
      bases: { web: 'main', billing: 'main', orders: 'main' },
      shared: ['billing', 'orders'],
      api: '${billing.url}',
    });
    const before = readFileSync(path.join(world.root, 'stack.yml'), 'utf8');
    rmSync(path.join(world.root, 'stack.yml'));
    const quiet = await answer([], ['--yes']);
    expect(quiet).toMatchObject({ code: 0, shown: expect.not.stringContaining('[1]') });
    expect(readFileSync(path.join(world.root, 'stack.yml'), 'utf8')).toBe(before);
  });

  it('changes the base, the API that the front-end means, and whether tickets borrow', async () => {
    // What is none of the choices is asked again.
    expect(await answer(['2\r', '7\r', 'orders\r', '2\r'])).toMatchObject({ code: 0 });
    expect(readStack()).toEqual({
      bases: { web: 'main', billing: 'main', orders: 'develop' },
      shared: [],
      api: '${orders.url}',
    });
  });

  it('is left with Ctrl-C, and nothing is written', async () => {
    expect(await answer(['\r', '\u0003'])).toMatchObject({ code: 130 });
    expect(() => readStack()).toThrow('ENOENT');
  });
});
