import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agent, hasTmux, runsOf, withoutTmux } from '../support/agents.ts';
import { expectRefusal } from '../support/refusal.ts';
import { BIN, listProcesses, makeShop, type Shop } from '../support/shop.ts';
import { socketOf } from '../support/tmux-socket.ts';
import { until } from '../support/until.ts';

describe.runIf(hasTmux)('agents in terminals of their own', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop({ env: { STACK_BIN: BIN } });
    await shop.stack(['create', 'feat-01', '--no-start']);
  });
  afterAll(() => shop.dispose());

  const start = async (name: string, prompt: string) => {
    shop.write(`${name}.task`, prompt);
    const words = ['-d', '--no-start', '--share', '--name', name, '--json'];
    const made = await shop.stack(['run', 'feat-01', ...words, '--', ...agent(shop.at(`${name}.task`))]);
    expect(made.code).toBe(0);
    return JSON.parse(made.stdout).runs[0].id as string;
  };
  const stateOf = async (name: string) => (await runsOf(shop, 'feat-01')).find((run) => run.name === name)?.state;
  const stop = (name: string) => shop.stack(['stop', 'feat-01', '--run', name]);

  it('are not waited for where there is none', async () => {
    await expectRefusal(shop, ['wait', 'feat-01'], {
      code: 'not-found',
      message: /^feat-01 has no agent to wait for$/,
      hint: /`stack run feat-01 -d -- COMMAND` starts one; /,
    });
  });

  it('hold their ticket while they live where they tell the end of a turn alone', async () => {
    const preset = 'title: Teller\nprogram: sh\nargs: [-c, "sleep 1000"]\nevents: { turn: { state: done } }\n';
    shop.write('../config/stack/agents/teller.yml', preset);
    const env = { XDG_CONFIG_HOME: shop.at('../config') };
    const begun = await shop.stack(['run', 'feat-01', '-d', '--no-start', '--agent', 'teller', '--json'], { env });
    const [{ id }] = JSON.parse(begun.stdout).runs;
    const now = (Date.now() / 1000).toFixed(3);
    shop.write(`.stack/runs/feat-01/${id}/events`, `${now} turn {}\n`);
    const refused = await shop.stack(['destroy', 'feat-01'], { env });
    expect(refused).toMatchObject({
      ...{
        code: 4,
        stderr: expect.stringContaining('the agent teller (run 1) is done, and has not ended: it may go on'),
      },
    });
    expect(await stop('teller')).toMatchObject({ code: 0 });
  });

  it('ask, are answered, and say when they are done', async () => {
    const id = await start(
      'worker',
      'go /\nstack note --status waiting which table?\nask ready\nuntil TICKET/go\nstack note --status done\nstay'.replace(
        'TICKET',
        shop.at('tickets/feat-01'),
      ),
    );
    expect(await shop.stack(['wait', 'feat-01', '--for', 'waiting', '--timeout', '2m'])).toMatchObject({ code: 0 });
    const run = (await runsOf(shop, 'feat-01')).at(-1);
    expect(run).toMatchObject({ id, name: 'worker', state: 'waiting', source: 'note', text: 'which table?' });
    expect((await shop.ps()).instances[0]?.agents).toMatchObject([{ name: 'worker', state: 'waiting' }]);
    const next = await shop.stack(['next']);
    expect(next.stdout).toBe(`worker in feat-01 is waiting: which table?\n\`stack attach feat-01 --run ${id}\``);
    await until('it reads', async () => (await shop.stack(['capture', 'feat-01'])).stdout.includes('ready'));
    const answer = `it's the "other" one; $HOME ü`;
    const inside = { cwd: shop.at('tickets/feat-01/front') };
    expect(await shop.stack(['send', 'feat-1', 'go'], inside)).toMatchObject({ code: 2 });
    expect(await shop.stack(['send', answer], inside)).toMatchObject({
      code: 0,
      stdout: `sent to worker in feat-01 (run ${id})`,
    });
    expect((await runsOf(shop, 'feat-01')).at(-1)).toMatchObject({ state: 'working', source: 'send', text: null });
    shop.write('tickets/feat-01/go', '');
    expect(await shop.stack(['wait', 'feat-01', '--for', 'done', '--timeout', '2m'])).toMatchObject({ code: 0 });
    expect((await shop.stack(['capture', 'feat-01'])).stdout).toContain(`told: ${answer}`);
    expect(readFileSync(shop.at('tickets/feat-01/NOTES.md'), 'utf8')).toContain('worker: which table?');
    await expectRefusal(shop, ['run', 'feat-01', '--no-start', '--', 'true'], {
      code: 'conflict',
      message: /^feat-01 is taken: worker \(run \d+\) is done there, and has not ended: it may go on$/,
      hint: /`--share` lets both work there/,
    });
    expect(await stop('worker')).toMatchObject({ code: 0 });
    expect(await stateOf('worker')).toBe('exited');
    const late = await shop.stack(['send', 'feat-01', 'more']);
    expect(late).toMatchObject({ code: 2, stderr: expect.stringContaining(`worker (run ${id} of feat-01) has ended`) });
  });

  it('are waited for as long as somebody wishes', async () => {
    await start('silent', 'stay');
    expect(await stateOf('silent')).toBe('working');
    const over = await shop.stack(['wait', 'feat-01', '--for', 'done', '--timeout', '1s']);
    expect(over).toMatchObject({ code: 1, stdout: 'feat-01 is not there: working' });
    await expectRefusal(shop, ['wait', 'feat-01', '--for', 'lunch'], {
      code: 'usage',
      message: /^--for takes no "lunch"$/,
      hint: /waiting/,
    });
    await stop('silent');
  });

  it('cannot end the ticket that they work in', async () => {
    await start('eager', 'stack destroy feat-01 --force --yes');
    await until('it has tried', async () => (await stateOf('eager')) === 'exited');
    const { stdout } = await shop.stack(['capture', 'feat-01', '--run', 'eager']);
    expect(stdout.replaceAll('\n', ' ')).toContain('this command is a part of an agent that works in feat-01');
    expect(Object.keys(shop.state()?.instances ?? {})).toEqual(['feat-01']);
  });

  it('are found by name or number', async () => {
    await start('one', 'stay');
    await start('two', 'stay');
    await expectRefusal(shop, ['capture', 'feat-01'], {
      code: 'usage',
      message: /^which agent of feat-01\?$/,
      hint: /\(one\).*\(two\)/,
    });
    await expectRefusal(shop, ['capture', 'feat-01', '--run', 'tow'], {
      code: 'not-found',
      message: /^feat-01 has no run "tow"/,
      hint: /two/,
    });
    await stop('one');
    await stop('two');
    expect(listProcesses(shop.root)).toEqual([]);
  });

  it('are not known while their server is stopped, and keep their ticket', async () => {
    await start('frozen', 'stay');
    const [run] = (await runsOf(shop, 'feat-01')).filter(({ name }) => name === 'frozen');
    const { ppid } = readParent(run?.pid ?? 0);
    process.kill(ppid, 'SIGSTOP');
    try {
      const { stdout, stderr } = await shop.stack(['runs', 'feat-01', '--json']);
      expect(stderr).toContain('what runs in tmux is not known: tmux: it does not answer');
      // Its process is seen, whatever its terminal shows.
      expect(JSON.parse(stdout).runs).toContainEqual(expect.objectContaining({ name: 'frozen', state: 'working' }));
      const refused = await shop.stack(['destroy', 'feat-01']);
      expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining('frozen') });
    } finally {
      process.kill(ppid, 'SIGCONT');
    }
    await stop('frozen');
    expect(await stateOf('frozen')).toBe('exited');
  });

  it('are not known where there is no tmux, and need none once they have ended', async () => {
    await start('hidden', 'stay');
    const env = { PATH: withoutTmux(shop) };
    const asked = await shop.stack(['runs', 'feat-01', '--json'], { env });
    expect(asked).toMatchObject({ code: 0, stderr: expect.stringContaining('tmux was not found') });
    expect(JSON.parse(asked.stdout).runs).toContainEqual(expect.objectContaining({ name: 'hidden', state: 'working' }));
    await stop('hidden');
    await until('its end is written down', async () => (await stateOf('hidden')) === 'exited');
  });

  it('are known as ended once their server is gone, and what it left goes with the ticket', async () => {
    await start('orphan', 'leave\nstay');
    const [run] = (await runsOf(shop, 'feat-01')).filter(({ name }) => name === 'orphan');
    await until('it has left something', () => listProcesses(shop.root).length >= 2);
    const { ppid } = readParent(run?.pid ?? 0);
    process.kill(ppid, 'SIGKILL');
    // What it left carries its name still.
    await until('it has lost its terminal', async () =>
      (await runsOf(shop, 'feat-01')).every(({ tmux }) => tmux === null),
    );
    expect(await shop.stack(['destroy', 'feat-01', '--force', '--yes'])).toMatchObject({ code: 0 });
    expect(listProcesses(shop.root)).toEqual([]);
    expect(existsSync(socketOf(shop.root))).toBe(false);
  });
});

function readParent(pid: number): { ppid: number } {
  const [, ppid = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return { ppid: Number(ppid) };
}
