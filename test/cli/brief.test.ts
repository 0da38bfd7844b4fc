import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isOwnWorkspace } from '../../src/domain/workspace-file.ts';
import { expectRefusal } from '../support/refusal.ts';
import { BIN, makeRepo, makeShop, type Shop, shopConfig } from '../support/shop.ts';
import { until } from '../support/until.ts';

const LONG = `Say "it's done"\r\n<!-- stack: end -->\u001b[2J $(true) \`x\`\n${'äöü 😀 '.repeat(60_000)}\n\n`;

describe('what is told in a ticket’s folder', () => {
  let shop: Shop;
  const file = (name = 'TICKET.md', ticket = 'one'): string => shop.at('tickets', ticket, name);
  const brief = (ticket = 'one'): string => readFileSync(file('TICKET.md', ticket), 'utf8');
  const add = (text: string): void => writeFileSync(file(), `${brief()}${text}`);

  beforeAll(async () => {
    shop = makeShop();
    shop.configure((text) => `conventions: Prices are in cents.\nverify: node front/check.mjs\n${text}`);
    shop.write('spec/contract.yml', 'openapi: 3.1.0\n');
    const hook = shop.at('front/.git/hooks/pre-commit');
    mkdirSync(path.dirname(hook), { recursive: true });
    writeFileSync(hook, '#!/bin/sh\n');
    chmodSync(hook, 0o755);
    shop.commit('front', 'package.json', '{ "scripts": { "test": "node --version" } }');
    const args = [
      'create',
      'one',
      '--no-start',
      '--task',
      '# Show prices\n\nWith tax.',
      '--context',
      'spec/contract.yml',
    ];
    expect(await shop.stack(args)).toMatchObject({ code: 0 });
  });
  afterAll(() => shop.dispose());

  it('is the task, repos, addresses, checks, documents and conventions, for the person alone', () => {
    const front = shop.state()?.instances.one?.services.front?.ports.http?.host;
    for (const part of [
      '```text\n# Show prices\n\nWith tax.\n```',
      '- front: `front/`, branch `one` from `main`, no remote',
      '- api: shared with all tickets',
      `- front: http://localhost:${front}, from front`,
      'hooks of front run by themselves: pre-commit',
      '```sh\nnode front/check.mjs\n```',
      '- `context/contract.yml`',
      '## Conventions\n\nPrices are in cents.',
    ])
      expect(brief()).toContain(part);
    expect(readFileSync(file('context/contract.yml'), 'utf8')).toBe('openapi: 3.1.0\n');
    for (const name of ['TICKET.md', 'AGENTS.md', 'CLAUDE.md', 'context/contract.yml'])
      expect(statSync(file(name)).mode & 0o777).toBe(0o600);
    for (const name of ['AGENTS.md', 'CLAUDE.md'])
      expect(readFileSync(file(name), 'utf8')).toMatch(/^.*TICKET\.md.*\n$/);
    expect(shop.git('tickets/one/front', 'status', '--porcelain')).toBe('');
  });

  it('is in `show`, `here` and `ps`', async () => {
    const shown = JSON.parse((await shop.stack(['here', '--json'], { cwd: file('front') })).stdout);
    expect(shown).toMatchObject({
      task: '# Show prices\n\nWith tax.',
      files: { brief: file(), documents: [file('context/contract.yml')] },
    });
    expect((await shop.ps()).instances[0]).toMatchObject({ title: 'Show prices' });
    expect((await shop.stack(['ps'])).stdout).toMatch(/TASK\n.*Show prices/);
    const narrow = await shop.stack(['ps'], { env: { STACK_COLUMNS: '60' } });
    expect(narrow.stdout).toMatch(/\none: Show prices/);
    expect(Math.max(...narrow.stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(60);
  });

  it('has commands that work as they stand', async () => {
    const bin = path.join(shop.folder, 'bin');
    mkdirSync(bin);
    writeFileSync(path.join(bin, 'stack'), `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`, { mode: 0o755 });
    shop.write('tickets/one/front/server.mjs', `${shop.read('front/server.mjs')}// mine\n`);
    const section = /## Commands\n([\s\S]*?)\n## /.exec(brief())?.[1] ?? '';
    const commands = [...section.matchAll(/`((?:stack |\(cd ).*?)`/g)].map(([, one]) => one ?? '');
    // Two of its lines have two.
    expect(commands).toHaveLength(section.split('\n- ').length - 1 + 2);
    for (const command of commands.filter((one) => one !== 'stack push one')) {
      const env = { ...shop.env, PATH: `${bin}:${shop.env.PATH}` };
      const { status, stderr } = spawnSync('sh', ['-c', command], {
        cwd: shop.at('tickets/one/front'),
        env,
        encoding: 'utf8',
      });
      expect({ command, status, stderr }).toMatchObject({ command, status: 0 });
    }
    expect(shop.git('tickets/one/front', 'log', '-1', '--format=%s')).toBe('one: What it does');
    shop.git('tickets/one/front', 'reset', '-q', '--hard', 'main');
    expect(await shop.stack(['stop', 'one'])).toMatchObject({ code: 0 });
  });

  it('is kept current by start, sync and add, and what people add stays', async () => {
    add('- mine\r\n');
    shop.configure((text) => text.replace('in cents', 'in euros'));
    expect(await shop.stack(['start', 'one'])).toMatchObject({ code: 0 });
    expect(brief()).toMatch(/Prices are in euros[\s\S]*- mine\r\n$/);
    shop.configure((text) => text.replace('in euros', 'in yen'));
    expect(await shop.stack(['sync', 'one'])).toMatchObject({ code: 0 });
    expect(brief()).toMatch(/Prices are in yen[\s\S]*- mine\r\n$/);
    expect(await shop.stack(['add', 'one', 'api'])).toMatchObject({ code: 0 });
    expect(brief()).toMatch(/- api: `api\/`, branch `one` from `main`[\s\S]*- mine\r\n$/);
    expect(brief()).not.toContain('shared with all tickets');
  });

  it('keeps no verb from its work where it cannot be written: that is a warning', async () => {
    rmSync(file());
    mkdirSync(file());
    const run = await shop.stack(['start', 'one']);
    expect(run).toMatchObject({ code: 0, stderr: expect.stringMatching(/TICKET\.md is not up to date: .*folder/) });
    rmSync(file(), { recursive: true });
    execFileSync('mkfifo', [file()]);
    expect(await shop.stack(['start', 'one'])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('a named pipe'),
    });
    rmSync(file());
    execFileSync('ln', ['-s', '/etc/passwd', file()]);
    expect(await shop.stack(['start', 'one'])).toMatchObject({ code: 0, stderr: expect.stringContaining('is a link') });
    rmSync(file());
    expect(await shop.stack(['start', 'one'])).toMatchObject({
      code: 0,
      stderr: expect.not.stringContaining('TICKET'),
    });
    expect(brief()).toContain('Show prices');
  });

  it('is as it was in a ticket that is made again, or restored', async () => {
    expect(await shop.stack(['recreate', 'one', '--yes', '--no-start'])).toMatchObject({ code: 0 });
    expect(brief()).toContain('# Show prices\n\nWith tax.');
    expect(existsSync(file('context/contract.yml'))).toBe(true);
    shop.write('tickets/one/front/new', 'work\n');
    expect(await shop.stack(['destroy', 'one', '--force', '--yes'])).toMatchObject({ code: 0 });
    expect(existsSync(shop.at('tickets/one'))).toBe(false);
    expect(await shop.stack(['restore', 'one', '--no-start'])).toMatchObject({ code: 0 });
    expect(brief()).toContain('# Show prices\n\nWith tax.');
    expect(readFileSync(file('context/contract.yml'), 'utf8')).toBe('openapi: 3.1.0\n');
  });

  it('keeps what somebody wrote between its marks, which counts as theirs', async () => {
    writeFileSync(file(), brief().replace('With tax.', '- [x] With tax.'));
    writeFileSync(file('context/contract.yml'), 'openapi: 3.2.0\n');
    expect(await shop.stack(['destroy', 'one'])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('TICKET.md'),
    });
    expect(await shop.stack(['sync', 'one'])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('one: context/contract.yml is not as it was handed over'),
    });
    expect(brief()).toMatch(/```text\n# Show prices\n\nWith tax\.\n```[\s\S]*\n- \[x\] With tax\.\n$/);
    rmSync(file());
    writeFileSync(file('context/contract.yml'), 'openapi: 3.1.0\n');
    writeFileSync(file('CLAUDE.md'), '');
    expect(await shop.stack(['start', 'one'])).toMatchObject({
      code: 0,
      stderr: expect.not.stringContaining('TICKET'),
    });
    expect(readFileSync(file('CLAUDE.md'), 'utf8')).toBe('');
  });

  it('goes with the ticket; with something of a person’s it counts as work, and comes back', async () => {
    rmSync(file('front/new'));
    add('- mine\n');
    writeFileSync(file('context/contract.yml'), 'openapi: 3.2.0\n');
    writeFileSync(file('CLAUDE.md'), 'Mine.\n');
    const refused = await shop.stack(['destroy', 'one']);
    expect(refused).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('CLAUDE.md, TICKET.md, context/contract.yml'),
    });
    expect(await shop.stack(['destroy', 'one', '--force', '--yes'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['restore', 'one', '--no-start'])).toMatchObject({ code: 0 });
    expect(brief()).toMatch(/- mine\n$/);
    expect(readFileSync(file('CLAUDE.md'), 'utf8')).toBe('Mine.\n');
    expect(readFileSync(file('context/contract.yml'), 'utf8')).toBe('openapi: 3.2.0\n');
    expect(await shop.stack(['restore', 'one', '--forget', '--yes'])).toMatchObject({ code: 0 });
    for (const name of ['TICKET.md', 'CLAUDE.md', 'context']) rmSync(file(name), { recursive: true });
    expect(await shop.stack(['start', 'one'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['destroy', 'one'])).toMatchObject({ code: 0 });
    expect(existsSync(shop.at('tickets'))).toBe(false);
  });

  it('leaves what a repo around it keeps as it is', async () => {
    expect(await shop.stack(['create', 'one', '--no-start'])).toMatchObject({ code: 0 });
    shop.git('tickets/one', 'init', '-q');
    shop.git('tickets/one', 'add', 'TICKET.md', 'AGENTS.md');
    const before = brief();
    shop.configure((text) => text.replace('in yen', 'in cents'));
    expect(await shop.stack(['start', 'one'])).toMatchObject({ code: 0, stderr: expect.stringContaining('git keeps') });
    expect(brief()).toBe(before);
    rmSync(file('.git'), { recursive: true });
    expect(await shop.stack(['destroy', 'one'])).toMatchObject({ code: 0 });
  });
});

describe('a task', () => {
  let shop: Shop;
  const documents = (): string[] =>
    existsSync(shop.at('.stack/documents')) ? readdirSync(shop.at('.stack/documents')) : [];
  const task = async (ticket: string): Promise<string> =>
    JSON.parse((await shop.stack(['show', ticket, '--json'])).stdout).task;
  const whole = (ticket: string): string => readFileSync(shop.at('tickets', ticket, 'context/TASK.md'), 'utf8');

  beforeAll(() => {
    shop = makeShop();
    shop.write('task.md', LONG);
  });
  afterAll(() => shop.dispose());

  it('of 1 MB arrives to the byte, from a file or the standard input, and the state stays small', async () => {
    expect(await shop.stack(['create', 'one', '--no-start', '-F', 'task.md'])).toMatchObject({ code: 0 });
    const input = { input: LONG };
    expect(await shop.stack(['create', 'two', '--no-start', '-F', '-'], input)).toMatchObject({ code: 0 });
    for (const ticket of ['one', 'two']) {
      expect(await task(ticket)).toBe(LONG);
      expect(whole(ticket)).toBe(LONG);
    }
    expect(documents()).toHaveLength(1);
    expect(shop.read('.stack/state.json').length).toBeLessThan(20_000);
    const text = readFileSync(shop.at('tickets/one/TICKET.md'), 'utf8');
    expect(text).toContain('`context/TASK.md` has the whole of it');
    expect(text.length).toBeLessThan(4000);
    expect((await shop.stack(['ps'])).stdout).toContain('Say "it\'s done"');
  });

  it('is kept by recreate and restore, and goes with the last ticket that has it', async () => {
    expect(await shop.stack(['recreate', 'one', '--no-start', '--yes'])).toMatchObject({ code: 0 });
    shop.write('tickets/two/front/new', 'work\n');
    expect(await shop.stack(['destroy', 'two', '--force', '--yes'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['destroy', 'one'])).toMatchObject({ code: 0 });
    expect(documents()).toHaveLength(1);
    expect(await shop.stack(['restore', 'two', '--no-start'])).toMatchObject({ code: 0 });
    expect([await task('two'), whole('two')]).toEqual([LONG, LONG]);
    expect(await shop.stack(['restore', 'two', '--forget', '--yes'])).toMatchObject({ code: 0 });
    expect(documents()).toHaveLength(1);
    rmSync(shop.at('tickets/two/front/new'));
    expect(await shop.stack(['destroy', 'two'])).toMatchObject({ code: 0 });
    expect(documents()).toEqual([]);
  });

  it('survives a create that is killed', async () => {
    shop.configure((text) => text.replace('front: {', 'front: { setup: ["read never <fifo"],'));
    shop.git('front', 'config', 'user.name', 'x');
    execFileSync('mkfifo', [shop.at('front/fifo')]);
    shop.configure((text) => text.replace('read never <fifo', `read never <${shop.at('front/fifo')}`));
    const args = ['create', 'three', '--no-start', '--task', 'Do it'];
    const running = shop.start(args);
    await until('its set-up runs', () => existsSync(shop.at('.stack/run/three')), 60);
    running.kill('SIGKILL');
    await running.ended;
    shop.configure((text) => text.replace(/setup: \[.*?\],/, ''));
    expect(await shop.stack(args)).toMatchObject({ code: 0 });
    expect(readFileSync(shop.at('tickets/three/TICKET.md'), 'utf8')).toContain('Do it');
    expect(await shop.stack(['destroy', 'three'])).toMatchObject({ code: 0 });
    rmSync(shop.at('front/fifo'));
  });

  it('that is said again takes the place of the former one, also where that was long', async () => {
    const failing = (text: string): string => text.replace('front: {', 'front: { setup: ["exit 1"],');
    shop.configure(failing);
    shop.write('a.md', 'a');
    shop.write('b.md', 'b');
    const args = ['create', 'three', '--no-start', '--keep-on-failure'];
    expect(await shop.stack([...args, '-F', 'task.md', '--context', 'a.md,b.md'])).toMatchObject({ code: 1 });
    expect(readFileSync(shop.at('tickets/three/TICKET.md'), 'utf8')).toContain('`context/TASK.md` has the whole');
    expect(await shop.stack([...args, '--task', 'Short task'])).toMatchObject({ code: 1 });
    expect(await task('three')).toBe('Short task');
    expect(readdirSync(shop.at('tickets/three/context')).sort()).toEqual(['a.md', 'b.md']);
    shop.configure((text) => text.replace('setup: ["exit 1"],', ''));
    expect(await shop.stack([...args, '--context', 'b.md'])).toMatchObject({ code: 0 });
    const text = readFileSync(shop.at('tickets/three/TICKET.md'), 'utf8');
    expect(text).toContain('Short task');
    expect(text).toMatch(/## Read first\n\n- `context\/b\.md`\n(?!-)/);
    expect(await shop.stack(['destroy', 'three'])).toMatchObject({ code: 0 });
    expect(documents()).toEqual([]);
  });

  it('or document that cannot be one is refused in a line, and nothing is made', async () => {
    execFileSync('mkfifo', [shop.at('pipe')]);
    writeFileSync(shop.at('large'), '');
    truncateSync(shop.at('large'), 105_000_000);
    mkdirSync(shop.at('folder'));
    writeFileSync(shop.at('bytes'), Buffer.from([0xff, 0xfe]));
    mkdirSync(shop.at('other'));
    writeFileSync(shop.at('other/task.md'), 'another');
    writeFileSync(shop.at('caf\u00e9.md'), 'one');
    writeFileSync(shop.at('other/cafe\u0301.md'), 'another');
    const cases: [string[], RegExp][] = [
      [['--context', 'none'], /there is no file .*none/],
      [['--context', 'folder'], /is a folder/],
      [['--context', 'large'], /has 105 MB/],
      [['--context', 'pipe'], /is a named pipe/],
      [['--context', 'task.md', '--context', 'other/task.md'], /two documents are called task\.md/],
      [['--context', 'task.md,none'], /there is no file .*none/],
      [['--context', 'caf\u00e9.md', '--context', 'other/cafe\u0301.md'], /two documents are called/],
      [['-F', 'pipe'], /is a named pipe/],
      [['-F', 'bytes'], /is no text in UTF-8/],
      [['-F', 'none'], /there is no file/],
      [['--task', ' '], /the task is empty/],
      [['--task', 'a', '-F', 'task.md'], /exclude each other/],
    ];
    for (const [flags, message] of cases) {
      await expectRefusal(shop, ['create', 'bad', '--no-start', ...flags], { code: 'usage', message, hint: /./ });
    }
    const much = await shop.stack(['create', 'bad', '--no-start', '-F', '-'], { input: 'word '.repeat(2_100_000) });
    expect(much).toMatchObject({ code: 2, stderr: expect.stringMatching(/standard input has more than 10 MB/) });
    expect(existsSync(shop.at('tickets'))).toBe(false);
    expect(documents()).toEqual([]);
  });
});

describe('a repo called as the folder of documents', () => {
  it('has none of them in its worktree, nor when the ticket gets it later', async () => {
    const shop = makeShop({
      config: (port) =>
        shopConfig(port).replace('  api: ', '  context: { path: ./context, base: main, shared: true }\n  api: '),
    });
    makeRepo(shop.at('context'), { 'a.md': 'tracked' });
    shop.write('a.md', 'a');
    expect(await shop.stack(['create', 'one', '--no-start', '--context', 'a.md'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['add', 'one', 'context'])).toMatchObject({ code: 0 });
    expect(shop.git('tickets/one/context', 'status', '--porcelain')).toBe('');
    expect(shop.read('tickets/one/_context/a.md')).toBe('a');
    expect(shop.read('tickets/one/TICKET.md')).toContain('- `_context/a.md`');
    const { files } = JSON.parse((await shop.stack(['show', 'one', '--json'])).stdout);
    expect(files.documents).toEqual([shop.at('tickets/one/_context/a.md')]);
    expect(await shop.stack(['destroy', 'one'])).toMatchObject({ code: 0 });
    await shop.dispose();
  });
});

describe('the workspace that `stack code` opens', () => {
  let shop: Shop;
  const file = (): string => shop.at('tickets/one/one.code-workspace');
  beforeAll(async () => {
    shop = makeShop();
    shop.write('bin/code', '#!/bin/sh\necho "$1" >opened\n');
    chmodSync(shop.at('bin/code'), 0o755);
    await shop.stack(['create', 'one']);
  });
  afterAll(() => shop.dispose());
  const open = () => shop.stack(['code', 'one'], { env: { VISUAL: `${shop.at('bin/code')} --wait` } });

  it('has its repos, and tasks that run as written', async () => {
    expect(await open()).toMatchObject({ code: 0 });
    expect(shop.read('tickets/one/opened').trim()).toBe(file());
    rmSync(shop.at('tickets/one/opened'));
    const text = readFileSync(file(), 'utf8');
    expect(isOwnWorkspace(text)).toBe(true);
    const { folders, tasks } = JSON.parse(text.slice(text.indexOf('\n')));
    expect(folders).toEqual([{ name: 'front', path: 'front' }]);
    expect(tasks.tasks.map(({ label }: { label: string }) => label)).toEqual([
      'stack: logs',
      'stack: check',
      'stack: diff',
    ]);
    for (const { command, args, options } of tasks.tasks) {
      expect(command).toBe('stack');
      const once = args.filter((word: string) => word !== '-f');
      expect(await shop.stack(once, { cwd: options.cwd })).toMatchObject({ code: 0 });
    }
  });

  it('follows the ticket until somebody changes it, and goes with it until then', async () => {
    expect(await shop.stack(['add', 'one', 'api'])).toMatchObject({ code: 0 });
    expect(readFileSync(file(), 'utf8')).toContain('"path": "api"');
    const mine = readFileSync(file(), 'utf8').replace('"tasks"', '"settings": {},\n  "tasks"');
    writeFileSync(file(), mine);
    expect(await open()).toMatchObject({ code: 0 });
    rmSync(shop.at('tickets/one/opened'));
    expect(readFileSync(file(), 'utf8')).toBe(mine);
    const refused = await shop.stack(['destroy', 'one']);
    expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining('one.code-workspace') });
    rmSync(file());
    expect(await open()).toMatchObject({ code: 0 });
    rmSync(shop.at('tickets/one/opened'));
    expect(await shop.stack(['destroy', 'one'])).toMatchObject({ code: 0 });
  });
});
