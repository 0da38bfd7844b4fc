import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Run } from '../support/product.ts';
import { listProcesses, makeShop, type Shop } from '../support/shop.ts';

describe('a create that fails', () => {
  let shop: Shop;
  let before: string;
  beforeEach(() => {
    shop = makeShop();
    shop.commit('front', '.gitignore', '.env.local\ndist\n');
    shop.commit('api', '.gitignore', '.env.local\ndist\n');
  });
  afterEach(() => shop.dispose());

  /** Creates feat-01, which must fail, and checks that nothing of it is left. */
  const fail = async (edit: (text: string) => string, ...args: string[]): Promise<Run> => {
    shop.configure(edit);
    before = shop.photograph();
    const run = await shop.stack(['create', 'feat-01', ...args]);
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(shop.photograph().replace(/^records: .*$/m, '')).toBe(before.replace(/^records: .*$/m, ''));
    expect(shop.state()?.instances).toEqual({});
    expect(listProcesses(shop.root)).toEqual([]);
    return run;
  };

  /** The lines of the error, without the narration before it. */
  const errorOf = ({ stderr }: Run): string[] => stderr.slice(stderr.search(/^stack: /m)).split('\n');

  /** Changes what the front-end runs. */
  const front =
    (command: string, more = '') =>
    (text: string): string => {
      const [head, tail = ''] = text.split('  front:\n    repo');
      const changed = tail.replace('command: node server.mjs', `command: ${JSON.stringify(command)}`);
      return `${head}  front:\n    repo${changed.replace('ready: { http: /', `ready: { http: /${more}`)}`;
    };

  const setup =
    (...commands: string[]) =>
    (text: string): string =>
      text.replace('path: ./front,', `path: ./front, setup: ${JSON.stringify(commands)},`);

  it('in a setup command shows and keeps what it printed', async () => {
    const run = await fail(
      setup('mkdir dist; echo one > dist/made', 'echo two; echo trouble >&2; exit 3', 'echo three'),
    );
    expect(errorOf(run)).toEqual([
      'stack: setup of front failed: `echo two; echo trouble >&2; exit 3` ended with exit code 3',
      `hint: all of its output is in ${shop.at('.stack/logs/feat-01/front.setup.log')}`,
      '  two',
      '  trouble',
    ]);
    const log = shop.read('.stack/logs/feat-01/front.setup.log');
    expect(log).toMatch(/^\$ mkdir dist.*\n\$ echo two.*\ntwo\ntrouble\n$/);
  });

  it('in a setup command names the variable that it lacks, which `pass_env` passes on', async () => {
    shop.commit('front', '.npmrc', '; ${COMMENTED}\n//registry.invalid/:_authToken=${OUR_TOKEN}\n');
    const env = { OUR_TOKEN: 'se3cret', SHARED_KEY: 'k3y' };
    shop.configure(setup('test "$OUR_TOKEN" = se3cret'));
    const { code, stderr } = await shop.stack(['create', 'feat-01'], { env });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^hint: it was not given OUR_TOKEN of your shell: `pass_env: \[OUR_TOKEN\]` of front in /m);
    expect(stderr).not.toContain('COMMENTED');
    shop.configure((text) =>
      text
        .replace('path: ./front,', 'path: ./front, pass_env: [OUR_TOKEN],')
        .replace(/(repo: front\n)/, '$1    pass_env: ["SHARED_*"]\n'),
    );
    expect(await shop.stack(['create', 'feat-01'], { env })).toMatchObject({ code: 0 });
    const print = ['exec', 'feat-01', 'front', '--', 'sh', '-c', 'echo "$SHARED_KEY:$OUR_TOKEN"'];
    expect((await shop.stack(print, { env })).stdout).toBe('k3y:');
    // Another shell makes nothing again, and what it passes is on no disk.
    expect((await shop.stack(['ps'])).stderr).not.toContain('changed');
    expect(shop.photograph()).not.toMatch(/se3cret|k3y/);
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
  });

  it('in a setup command fails without services too', async () => {
    const run = await fail(setup('no-such-program'), '--no-start');
    expect(errorOf(run)[0]).toMatch(/^stack: setup of front failed: `no-such-program` ended with exit code 127/);
  });

  it('since a service ends at once fails at once, with its last 30 lines', async () => {
    const began = performance.now();
    const run = await fail(front('for i in $(seq 40); do echo line $i; done; exit 9', ', timeout: 100s'));
    expect(performance.now() - began).toBeLessThan(90_000);
    const [headline, hint, ...lines] = errorOf(run);
    expect(headline).toBe('stack: front ended with exit code 9 before it was ready');
    expect(hint).toContain('its last 30 lines are below');
    expect(lines).toEqual(Array.from({ length: 30 }, (_, index) => `  line ${index + 11}`));
  });

  it('since a service never listens says how long it was waited for, and what it printed', async () => {
    const run = await fail(front('echo waiting; sleep 300', ', timeout: 2s'));
    expect(errorOf(run)).toEqual([
      'stack: front was not ready within 2 s: /: connection refused',
      expect.stringMatching(/^hint: it listens on no port; .*; its last line is below$/),
      '  waiting',
    ]);
  });

  it('since a service answers with an error says which', async () => {
    const server = `require('node:http').createServer((_, answer) => answer.writeHead(503).end()).listen(process.env.PORT, 'localhost')`;
    const run = await fail(front(`node -e "${server}"`, ', timeout: 4s'));
    expect(errorOf(run)[0]).toMatch(/^stack: front was not ready within 4 s: \/: .*503/);
  });

  it('since nobody answers under the path of `ready:` says where somebody does', async () => {
    const server = `require('node:http').createServer((asked, answer) => answer.writeHead(asked.url === '/' ? 200 : 404).end()).listen(process.env.PORT, 'localhost')`;
    const run = await fail(front(`node -e "${server}"`, 'health, timeout: 4s'));
    expect(errorOf(run).slice(0, 2)).toEqual([
      'stack: front was not ready within 4 s: /health: status 404',
      'hint: `/` answers: set `ready: { http: / }` of front in stack.yml; it printed nothing',
    ]);
  });

  it.each([
    ['is not there', 'no-such-program', /^hint: its command runs a program that is not on the PATH or in its folder/],
    ['may not be run', './stack.yml', /^hint: its command is a file that may not be run: `chmod \+x`/],
  ])('since the program of a service %s says so', async (_, command, hint) => {
    shop.commit('front', 'stack.yml', 'name: x\n');
    expect(errorOf(await fail(front(command)))[1]).toMatch(hint);
  });

  it('for what the baseline does says so', async () => {
    const run = await fail((text) => text.replace('command: node server.mjs', 'command: exit 4'));
    expect(errorOf(run)[0]).toMatch(/^stack: api \(baseline\) ended with exit code 4 before it was ready/);
  });

  it('says the first error first, once, and not what it stopped', async () => {
    const run = await fail(setup('exit 5'));
    expect(run.stderr.match(/^✗/gm)).toHaveLength(1);
    expect(run.stderr).toMatch(/^✗ front +setup commands: .*exit code 5/m);
    expect(run.stderr).toMatch(/^undoing what was begun$/m);
    expect(run.stderr).not.toContain('interrupted');
  });

  it('in one repo ends at once what goes on in another: a set-up, a copy', async () => {
    const besides = (more: string) => (text: string) => text.replace('path: ./api,', `path: ./api, ${more},`);
    const begun = (file: string) => `until [ -n "$(ls -A '${file}' 2>/dev/null)" ]; do sleep 0.01; done; exit 5`;
    const place = (name: string): string => shop.at('tickets/feat-01/api', name);
    const plain = shop.read('stack.yml');
    shop.configure(besides('setup: ["mkdir dist; touch dist/begun; sleep 300"]'));
    const began = performance.now();
    const slept = await fail(setup(begun(place('dist'))), '--with', 'api');
    expect(performance.now() - began).toBeLessThan(100_000);
    expect(errorOf(slept)[0]).toMatch(/^stack: setup of front failed: .* ended with exit code 5$/);
    shop.write('stack.yml', plain);
    // The checkout before the copy waits for the set-up, and the copy goes on for long enough after its first file.
    // Where nobody looks for traces.
    const looking = `${shop.env.HOME}/.local/looking`;
    mkdirSync(path.dirname(looking), { recursive: true });
    shop.git('api', 'config', 'filter.wait.smudge', `until [ -e '${looking}' ]; do sleep 0.01; done; cat`);
    shop.commit('api', '.gitattributes', 'server.mjs filter=wait\n');
    for (let file = 0; file < 30_000; file++) shop.write(`api/many/${file % 100}/${file}`, 'x');
    shop.configure(besides('copy: [many]'));
    const copied = await fail(setup(`touch '${looking}'; ${begun(place('many'))}`), '--with', 'api');
    expect(errorOf(copied)[0]).toMatch(/^stack: setup of front failed: .* ended with exit code 5$/);
    expect(copied.stderr).not.toMatch(/^✓ api +files from the main checkout/m);
  });

  it('as JSON is one document, with the lines', async () => {
    shop.configure(setup('echo trouble; exit 5'));
    const { code, stdout, stderr } = await shop.stack(['create', 'feat-01', '--json']);
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(JSON.parse(stdout).error).toMatchObject({
      code: 'process',
      details: { repo: 'front', exitCode: 5, lines: ['trouble'], log: expect.stringContaining('front.setup.log') },
    });
  });

  it('names the branch that git would not take back, and destroy takes it once git does', async () => {
    shop.git('front', 'config', 'filter.broken.clean', 'cat');
    shop.git('front', 'config', 'filter.broken.smudge', 'false');
    shop.git('front', 'config', 'filter.broken.required', 'true');
    shop.commit('front', '.gitattributes', '*.mjs filter=broken\n');
    const hook = shop.at('front/.git/hooks/reference-transaction');
    shop.write(
      hook,
      `#!/bin/sh
[ "$1" = prepared ] || exit 0
while read old new ref; do
  case "$ref $new" in "refs/heads/feat-01 0000"*) exit 1 ;; esac
done
`,
    );
    chmodSync(hook, 0o755);
    const run = await shop.stack(['create', 'feat-01', '--no-start']);
    expect(run).toMatchObject({ code: 3, stdout: '' });
    expect(run.stderr).toMatch(/^stack: cannot make the worktree .* could not be cleaned up: worktree front$/m);
    expect(run.stderr).toContain('hint: `stack destroy feat-01` tries again');
    rmSync(hook);
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(shop.git('front', 'branch', '--list', 'feat-01')).toBe('');
  });

  it('can be made again once the cause is gone', async () => {
    await fail(setup('exit 5'));
    shop.configure((text) => text.replace('setup: ["exit 5"],', ''));
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
    expect((await shop.ps()).instances).toMatchObject([{ ticket: 'feat-01', status: 'running' }]);
  });
});
