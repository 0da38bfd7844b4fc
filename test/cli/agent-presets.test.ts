import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AGENT, hasTmux, runsOf } from '../support/agents.ts';
import { kill } from '../support/processes.ts';
import { expectRefusal } from '../support/refusal.ts';
import { BIN, makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

/** An agent that does what its prompt says, notes how it was called, and tells its session and cost as others do. */
const PRESET = `
title: Scripted
program: sh
args: [-c, 'echo "called $*" >>calls; exec "${process.execPath}" "${AGENT}" "$$\{STACK_PROMPT_FILE:-/dev/null}"', sh]
prompt: { by: file, args: [] }
resume: { last: { args: [--last] }, session: { args: [--session, "$\{session}"] } }
headless: {}
files: [{ path: "$\{ticket}/.scripted/hooks.json", json: { hook: "$\{hook} stop", version: 1 } }]
session: session
events: { begin: { state: working }, stop: { state: done } }
output:
  name: type
  events:
    turn: { session: id, cost: { of: turn, usd: usd, input: [tokens.in], output: [tokens.out] } }
    result: { text: [answer] }
`;

describe('an agent of a preset', () => {
  let shop: Shop;
  beforeAll(async () => {
    shop = makeShop({ env: { STACK_BIN: BIN } });
    shop.env.XDG_CONFIG_HOME = shop.at('../config');
    shop.write('../config/stack/agents/scripted.yml', PRESET);
    shop.write('../config/stack/agents/mortal.yml', 'title: Mortal\nprogram: sh\nargs: [-c, "exit 0"]\nheadless: {}\n');
    await shop.stack(['create', 'feat-01', '--no-start']);
  });
  afterAll(() => shop.dispose());
  beforeEach(() => shop.write('tickets/feat-01/calls', ''));

  const run = (...words: string[]) => shop.stack(['run', 'feat-01', '--no-start', ...words]);
  const last = async () => (await runsOf(shop, 'feat-01')).at(-1);
  const calls = (): string => readFileSync(shop.at('tickets/feat-01/calls'), 'utf8');
  const withoutTmux = () => {
    shop.write('old/tmux', '#!/bin/sh\necho tmux 2.9\n');
    chmodSync(shop.at('old/tmux'), 0o755);
    return { env: { PATH: `${shop.at('old')}:${shop.env.PATH}` } };
  };

  it('tells its cost and its session in what it prints without a terminal', async () => {
    const turn = (usd: number) => `say {"type":"turn","id":"s-1","usd":${usd},"tokens":{"in":1000,"out":20}}`;
    const prompt = [turn(0.25), 'say no JSON', turn(0.5), 'say {"type":"result","answer":"all \\u001b[1mgreen"}'].join(
      '\n',
    );
    const begun = await shop.stack(
      ['run', 'feat-01', '--no-start', '-d', '--agent', 'scripted', '--prompt', prompt],
      withoutTmux(),
    );
    expect(begun.code).toBe(0);
    await until('it has ended', async () => (await last())?.state === 'exited');
    const cost = { usd: 0.75, input: 2000, output: 40 };
    expect(await last()).toMatchObject({ cost, text: 'all green', exitCode: 0 });
    expect((await shop.stack(['runs'])).stdout).toMatch(/COST .*\n.* \$0\.75, 2k tokens in, 40 out /);
    const again = await shop.stack(
      ['run', 'feat-01', '--no-start', '-d', '--agent', 'scripted', '--prompt', turn(1)],
      withoutTmux(),
    );
    expect(again.code).toBe(0);
    await until('it has ended', async () => (await last())?.state === 'exited');
    const [instance] = (await shop.ps()).instances;
    expect(instance?.cost).toEqual({ usd: 1.75, input: 3000, output: 60 });
    expect(instance?.agents).toMatchObject([{ cost: { usd: 1 } }]);
    await run('--resume');
    expect(calls()).toContain('called --session s-1\n');
  });

  it('has its hooks renewed after an upgrade, and one that a person changed stays', async () => {
    const file = shop.at('tickets/feat-01/.scripted/hooks.json');
    await run('--agent', 'scripted', '--prompt', 'say hi');
    const ours = readFileSync(file, 'utf8');
    const older = PRESET.replace('version: 1', 'version: 0');
    shop.write('../config/stack/agents/scripted.yml', older);
    await run('--agent', 'scripted', '--prompt', 'say hi');
    expect(readFileSync(file, 'utf8')).toBe(ours.replace('"version": 1', '"version": 0'));
    shop.write('../config/stack/agents/scripted.yml', PRESET);
    expect((await run('--agent', 'scripted', '--prompt', 'say hi')).stderr).toBe('');
    expect(readFileSync(file, 'utf8')).toBe(ours);
    expect((await shop.stack(['destroy', 'feat-01', '--dry-run'])).stdout).not.toContain('hooks.json');
    shop.write('tickets/feat-01/.scripted/hooks.json', '{ "mine": true }');
    const told = await run('--agent', 'scripted', '--prompt', 'say hi');
    expect(told.stderr).toContain('feat-01: .scripted/hooks.json is somebody’s and stays');
    expect(readFileSync(file, 'utf8')).toBe('{ "mine": true }');
  });

  it('goes on after the end of what watched it, once it has ended itself', async () => {
    const begun = shop.start([
      'run',
      'feat-01',
      '--no-start',
      '--agent',
      'scripted',
      '--prompt',
      'event begin {"session":"s-2"}\nstay',
    ]);
    await until('it works', async () => (await last())?.source === 'hook');
    const pid = (await last())?.pid ?? 0;
    // The agent keeps its output open.
    kill(begun.pid);
    expect((await last())?.state).toBe('working');
    const early = await run('--agent', 'scripted');
    expect(early).toMatchObject({ code: 4, stderr: expect.stringContaining('feat-01 is taken') });
    kill(pid);
    await begun.ended;
    const ended = await last();
    expect(ended).toMatchObject({ exitCode: null, source: 'system', pid: null });
    const noted = statSync(shop.at('.stack/runs/feat-01', ended?.id ?? '', 'exit'));
    expect(new Date(Math.trunc(noted.mtimeMs)).toISOString()).toBe(ended?.since);
    await run('--resume');
    expect(calls()).toContain('called --session s-2\n');
  });

  it.runIf(hasTmux)('goes on after its tmux server has died', async () => {
    expect(await run('-d', '--agent', 'scripted', '--prompt', 'stay')).toMatchObject({ code: 0 });
    const pid = (await last())?.pid ?? 0;
    const [, server = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    kill(Number(server));
    await until('it has ended', async () => (await last())?.state === 'exited');
    const id = (await last())?.id;
    const again = await run('-d', '--resume', '--json');
    expect(JSON.parse(again.stdout).runs).toMatchObject([{ id: String(Number(id) + 1), agent: 'scripted' }]);
    await until(
      'it was called',
      () => existsSync(shop.at('tickets/feat-01/calls')) && calls().includes('called --last\n'),
    );
    await shop.stack(['stop', 'feat-01', '--run', String(Number(id) + 1)]);
  });

  it('says so where it cannot go on', async () => {
    await run('--agent', 'mortal');
    expect(await run('--resume', '--run', 'mortal')).toMatchObject({
      ...{ code: 2, stderr: expect.stringContaining('Mortal cannot go on with a session that has ended') },
    });
  });

  it('takes a ticket with it that was made for it and in which nothing was changed', async () => {
    const made = ['--no-start', '--run', '--rm', '--', 'sh', '-c'];
    const gone = await shop.stack(['create', 'try-1', ...made, 'exit 5']);
    expect(gone).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('try-1 is gone: nothing was changed there'),
    });
    const stays = await shop.stack(['create', 'try-2', ...made, 'echo a >front/new.txt']);
    expect(stays).toMatchObject({ code: 0, stderr: expect.stringMatching(/try-2 stays: front: .*new\.txt/) });
    const inTry = (line: string, ...flags: string[]) =>
      shop.stack(['run', 'try-2', '--no-start', '--rm', ...flags, '--', 'sh', '-c', line]);
    const commit = 'cd front && git add . && git -c user.name=a -c user.email=a@b.example commit -qm a';
    expect((await inTry(commit)).stderr).toMatch(/try-2 stays: front: 1 commit/);
    expect((await inTry('true', '--yes')).stderr).toContain('try-2 is gone; `stack restore try-2` brings it back');
    expect(Object.keys(shop.state()?.instances ?? {})).toEqual(['feat-01']);
    await expectRefusal(shop, ['run', 'feat-01', '--rm', '-d', '--', 'true'], {
      ...{ code: 'usage', message: /^--rm waits for the end, and -d for nothing$/, hint: /leave one of them away/ },
    });
  });
});
