import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agent, hasTmux, runsOf } from '../support/agents.ts';
import { expectRefusal } from '../support/refusal.ts';
import { listProcesses, makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

describe('an agent in the foreground', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop();
    await shop.stack(['create', 'feat-01', '--with', 'api', '--no-start']);
  });
  afterAll(() => shop.dispose());

  const run = (...words: string[]) => shop.stack(['run', 'feat-01', '--no-start', ...words]);

  it('runs in the ticket’s folder with its environment, and passes the exit code', async () => {
    const done = await run('--', 'sh', '-c', 'pwd; echo $STACK_TICKET $STACK_RUN $API_URL; exit 7');
    const lines = [shop.at('tickets/feat-01'), `feat-01 1 http://localhost:${shop.port + 1}`];
    expect(done).toEqual({ code: 7, stdout: lines.join('\n'), stderr: '' });
    const [first] = await runsOf(shop, 'feat-01');
    expect(first).toMatchObject({ id: '1', name: 'sh', state: 'exited', exitCode: 7, source: 'exit code', tmux: null });
  });

  it('hands a prompt of a megabyte over byte for byte, on stdin and as a file', async () => {
    const prompt = Buffer.from(`it's "quoted" \\ $HOME\n\n\u0000\u00ff${'long ü\n'.repeat(150_000)}`, 'utf8');
    shop.write('task.md', prompt.toString('utf8'));
    const copy = shop.at('copy');
    const done = await run(
      '--prompt-file',
      'task.md',
      '--',
      'sh',
      '-c',
      `cat >${copy}.in; cat "$STACK_PROMPT_FILE" >${copy}.file; ls -l "$STACK_PROMPT_FILE"`,
    );
    expect(done.stdout).toMatch(/^-rw-------/);
    for (const file of [`${copy}.in`, `${copy}.file`]) expect(readFileSync(file).equals(prompt)).toBe(true);
  });

  it('takes a prompt from its own standard input with the mark that it begins with', async () => {
    const input = '\ufeffsay ü\r\n';
    const done = await shop.stack(['run', 'feat-01', '--no-start', '--prompt-file', '-', '--', 'od', '-An', '-tx1'], {
      input,
    });
    expect(done.stdout.replace(/\s/g, '')).toBe(Buffer.from(input).toString('hex'));
  });

  it.each([
    [['--prompt', 'a', '--prompt-file', 'b', '--', 'true'], /^--prompt and --prompt-file exclude each other$/],
    [['--prompt-file', 'none.md', '--', 'true'], /^--prompt-file: cannot read none.md: ENOENT$/],
    [[], /^no command to run$/],
  ])('refuses %j', async (words, message) => {
    await expectRefusal(shop, ['run', 'feat-01', ...words], { code: 'usage', message, hint: /./ });
  });

  it('says of a program that is not there so, and leaves no run', async () => {
    const before = await runsOf(shop);
    const done = await run('--', 'no-such-agent');
    expect(done).toMatchObject({ code: 1, stderr: expect.stringContaining('no-such-agent was not found') });
    expect(await runsOf(shop)).toEqual(before);
  });
});

const PLACES = [...(hasTmux ? (['tmux'] as const) : []), 'background' as const];

describe.each(PLACES)('a detached agent: %s', (place) => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop();
    if (place === 'background') {
      shop.write('old/tmux', '#!/bin/sh\necho tmux 2.9\n');
      shop.env.PATH = `${shop.at('old')}:${shop.env.PATH}`;
      chmodSync(shop.at('old/tmux'), 0o755);
    }
    await shop.stack(['create', 'feat-01', '--no-start']);
  });
  afterAll(() => shop.dispose());

  const start = async (prompt: string, ...words: string[]) => {
    shop.write('task', prompt);
    const made = await shop.stack([
      'run',
      'feat-01',
      '-d',
      '--no-start',
      '--json',
      ...words,
      '--',
      ...agent(shop.at('task')),
    ]);
    return { ...made, view: made.stdout === '' ? undefined : JSON.parse(made.stdout) };
  };

  it('is listed while it works, taken for the holder of its ticket, and told of with its exit code', async () => {
    const { view } = await start('say hello\nuntil go\nexit 3', '--name', 'worker');
    expect(view).toMatchObject({
      id: '1',
      ticket: 'feat-01',
      name: 'worker',
      agent: 'node',
      pid: expect.any(Number),
      exitCode: null,
    });
    expect(view.tmux).toEqual(place === 'tmux' ? { pane: expect.stringMatching(/^%\d+$/) } : null);
    await until('it has begun', async () => (await shop.stack(['capture', 'feat-01'])).stdout.includes('hello'));
    await expectRefusal(shop, ['run', 'feat-01', '--no-start', '--', 'true'], {
      code: 'conflict',
      message: /^feat-01 is taken: worker \(run 1\) is working there$/,
      hint: /`stack stop feat-01 --run 1` ends it; `--share` lets both work there/,
    });
    expect(await shop.stack(['run', 'feat-01', '--no-start', '--share', '--', 'true'])).toMatchObject({ code: 0 });
    const refused = await shop.stack(['destroy', 'feat-01']);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toContain('the agent worker (run 1) is working');
    shop.write('tickets/feat-01/go', '');
    await until('it has ended', async () => (await runsOf(shop))[0]?.state === 'exited');
    expect((await runsOf(shop))[0]).toMatchObject({ exitCode: 3, pid: null, source: 'exit code' });
    const folder = shop.at('.stack/runs/feat-01/1');
    expect(readdirSync(folder)).not.toContain('start');
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readFileSync(`${folder}/log`, 'utf8')).toContain('hello');
  });

  it('goes with its ticket, and with it all that it has started', async () => {
    const { view } = await start('leave\nstay', '--share');
    const log = (): string => readFileSync(shop.at('.stack/runs/feat-01', view.id, 'log'), 'utf8');
    if (place === 'background') await until('it has left something', () => /left \d+/.test(log()));
    await until('it runs', () => listProcesses(shop.root).length >= 2);
    expect(await shop.stack(['destroy', 'feat-01', '--force', '--yes'])).toMatchObject({ code: 0 });
    expect(listProcesses(shop.root)).toEqual([]);
    expect(existsSync(shop.at('.stack/runs/feat-01'))).toBe(false);
  });
});
