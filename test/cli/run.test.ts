import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { agent, hasTmux, runsOf } from '../support/agents.ts';
import { type Hold, makeHold } from '../support/hold.ts';
import { expectRefusal } from '../support/refusal.ts';
import { BIN, listProcesses, makeShop, type Shop } from '../support/shop.ts';
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
    [['--name', '2', '--', 'true'], /^--name: "2" is no name for an agent$/],
    [[], /^no command to run$/],
  ])('refuses %j', async (words, message) => {
    await expectRefusal(shop, ['run', 'feat-01', ...words], { code: 'usage', message, hint: /./ });
  });

  it.each([
    [
      ['run', 'feat-01', '--run', '1', '--', 'true'],
      'usage',
      /^--run says which agent goes on, and `--resume` is missing$/,
    ],
    [['run', 'feat-01', '--agent', 'cluade'], 'not-found', /^no agent is called `cluade`/],
    [['create', 'feat-02', '--run', '--agent', 'cluade'], 'not-found', /^no agent is called `cluade`/],
    [['stop', 'feat-01', '--run', '1', '--all'], 'usage', /^--run ends one agent of one ticket: --all says more$/],
    [['stop', 'feat-01', 'feat-02', '--run', '1'], 'usage', /a second name says more$/],
  ] as const)('refuses %j before it does anything', async (words, code, message) => {
    await expectRefusal(shop, words, { code, message, hint: /./ });
    expect(Object.keys(shop.state()?.instances ?? {})).toEqual(['feat-01']);
    expect((await shop.ps()).instances[0]?.status).toBe('stopped');
  });

  it('is told nothing of another ticket by an agent there', async () => {
    await shop.stack(['create', 'plain', '--no-start']);
    await shop.stack(['create', 'other', '--with', 'api', '--no-start']);
    const print = 'env | grep -E "^(API_URL|PORT|STACK_TICKET|MINE)="';
    const inner = `"${process.execPath}" "${BIN}" run plain --no-start -- sh -c '${print}'`;
    const [alone, nested] = await Promise.all([
      shop.stack(['run', 'plain', '--no-start', '--', 'sh', '-c', print], { env: { MINE: 'yes' } }),
      shop.stack(['run', 'other', '--no-start', '--', 'sh', '-c', inner], { env: { MINE: 'yes' } }),
    ]);
    const sorted = (text: string): string[] => text.split('\n').sort();
    expect(sorted(nested.stdout)).toEqual(sorted(alone.stdout));
    expect(alone.stdout).toContain('MINE=yes');
  });

  it('refuses a note that would be cut', async () => {
    const message = /^the note has 4001 letters, and 4000 is the most$/;
    await expectRefusal(shop, ['note', 'x'.repeat(4001)], { code: 'usage', message, hint: /a file/ });
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
    return { ...made, view: made.stdout === '' ? undefined : JSON.parse(made.stdout).runs[0] };
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
    await expectRefusal(shop, ['recreate', 'feat-01', '--no-start', '--yes'], {
      code: 'conflict',
      message: /^the agent worker \(run 1\) is working in feat-01$/,
      hint: /`stack stop feat-01 --run 1` ends it/,
    });
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

describe('an agent that begins while another command is at its ticket', () => {
  let shop: Shop;
  let hold: Hold;
  beforeEach(async () => {
    shop = makeShop();
    hold = makeHold(shop.folder);
    await shop.stack(['create', 'feat-01', '--no-start']);
  });
  afterEach(() => shop.dispose());

  it('keeps it from a destroy that had found nobody', async () => {
    const destroying = shop.start(['destroy', 'feat-01'], { env: hold.renameOf('state.json') });
    await hold.begun(destroying.ended);
    const begun = await shop.stack(['run', 'feat-01', '-d', '--no-start', '--', 'sleep', '1000']);
    expect(begun.code).toBe(0);
    hold.go();
    expect(await destroying.ended).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('the agent sleep (run 1) is working'),
    });
    expect((await runsOf(shop))[0]?.state).toBe('working');
    expect(await shop.stack(['stop', 'feat-01', '--run', '1'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
  });

  it('is ended by a stop that came before it had begun', async () => {
    const starting = shop.start(['run', 'feat-01', '-d', '--no-start', '--', 'sleep', '1000'], {
      env: hold.renameOf('run.json'),
    });
    await hold.begun(starting.ended);
    const stopping = shop.start(['stop', 'feat-01', '--run', '1']);
    hold.go();
    expect(await starting.ended).toMatchObject({ code: 0 });
    expect(await stopping.ended).toMatchObject({ code: 0 });
    expect(await runsOf(shop, 'feat-01')).toMatchObject([{ state: 'exited' }]);
    expect(listProcesses(shop.root)).toEqual([]);
  });
});
