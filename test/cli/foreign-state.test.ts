import { cpSync, readdirSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isAlive } from '../../src/adapters/process/identity.ts';
import type { StackState } from '../../src/domain/instance.ts';
import { rootIdOf } from '../../src/domain/names.ts';
import { listProcesses, makeShop, type Shop } from '../support/shop.ts';

describe('a state that tells of another root', () => {
  let victim: Shop;
  let shop: Shop;
  let before: string;
  beforeEach(async () => {
    [victim, shop] = [makeShop(), makeShop()];
    expect(await victim.stack(['create', 'feat-01', '--no-wait'])).toMatchObject({ code: 0 });
    before = victim.photograph();
  });
  afterEach(async () => {
    rmSync(shop.at('.stack'), { recursive: true, force: true, maxRetries: 3 });
    await Promise.all([victim, shop].map((one) => one.dispose()));
  });

  /** The victim's state as if this root had written it. */
  const forge = (edit: (text: string) => string = (text) => text): void => {
    const state = JSON.parse(victim.read('.stack/state.json')) as StackState;
    const forged = { ...state, root: shop.root, baseline: undefined };
    shop.write('.stack/state.json', edit(JSON.stringify(forged)));
  };

  const expectRefused = async (message: RegExp): Promise<void> => {
    for (const args of [
      ['stop', 'feat-01'],
      ['destroy', 'feat-01', '--force', '--yes'],
      ['start', 'feat-01', '--yes'],
    ]) {
      const run = await shop.stack(args);
      expect.soft(run).toMatchObject({ code: 4, stdout: '' });
      expect.soft(run.stderr).toMatch(message);
      expect.soft(run.stderr).toMatch(/^hint: was .*\.stack copied, or committed to git\?/m);
    }
    expect(victim.photograph()).toBe(before);
  };

  it('leads no verb to that root’s worktrees and branches, by its pointer or by git’s entries', async () => {
    forge();
    await expectRefused(
      /^stack: the record of feat-01 is not to be trusted: .*tickets\/feat-01 belongs to feat-01 of /,
    );
    const pointer = victim.read('tickets/feat-01/.stack-ticket');
    rmSync(victim.at('tickets/feat-01/.stack-ticket'));
    before = victim.photograph();
    const owner = `feat-01 \\(${rootIdOf(victim.root)}\\)`;
    await expectRefused(new RegExp(`not to be trusted: .*front belongs to ${owner}$`, 'm'));
    victim.write('tickets/feat-01/.stack-ticket', pointer);
  });

  it('leads none to work there as to that of a copy for a look, which nobody keeps', async () => {
    victim.write('tickets/feat-01/front/mine.txt', 'mine\n');
    victim.write('tickets/feat-01/front/server.mjs', '// mine\n');
    before = victim.photograph();
    forge((text) => {
      const state = JSON.parse(text) as StackState;
      Object.assign(state.instances['feat-01'] ?? {}, { verifies: 'feat-02' });
      return JSON.stringify(state);
    });
    await expectRefused(/not to be trusted: .*tickets\/feat-01 belongs to feat-01 of /);
  });

  it('leads none to a worktree that a person made by hand', async () => {
    victim.git('front', 'worktree', 'add', '--quiet', '-b', 'mine', '../by-hand/feat-01/front');
    before = victim.photograph();
    forge((text) =>
      text
        .replaceAll(victim.at('tickets/feat-01'), victim.at('by-hand/feat-01'))
        .replaceAll('"branch":"feat-01"', '"branch":"mine"'),
    );
    await expectRefused(/not to be trusted: stack did not make .*by-hand\/feat-01\/front$/m);
  });

  it('leads none to a branch of that root’s repo that is in no worktree', async () => {
    victim.git('front', 'branch', 'precious');
    before = victim.photograph();
    forge((text) => {
      const state = JSON.parse(text) as StackState;
      const record = state.instances['feat-01']!;
      const front = record.repos.front!;
      if (front.mode !== 'dedicated') throw new Error('front has no worktree');
      const folder = shop.at('tickets/feat-01');
      const own = { ...front, worktree: `${folder}/front`, branch: 'precious', envFiles: [] };
      return JSON.stringify({
        ...state,
        instances: { 'feat-01': { ...record, folder, repos: { front: own }, services: {} } },
      });
    });
    await expectRefused(new RegExp(`not to be trusted: ${victim.at('front')} is not a repo of this stack$`, 'm'));
    expect(victim.git('front', 'branch', '--list', 'precious')).toContain('precious');
  });

  it('leads none to a person’s folder that is called like the ticket, nor by a destroy that was ended', async () => {
    victim.write('notes/feat-01/front/mine.txt', 'mine');
    before = victim.photograph();
    const elsewhere = victim.at('notes/feat-01');
    forge((text) => {
      const state = JSON.parse(text) as StackState;
      const record = { ...state.instances['feat-01']!, folder: elsewhere, repos: {}, services: {} };
      return JSON.stringify({ ...state, instances: { 'feat-01': record } });
    });
    await expectRefused(new RegExp(`not to be trusted: stack did not make ${elsewhere}$`, 'm'));
    forge((text) =>
      text
        .replaceAll(`${victim.at('tickets/feat-01')}/front`, `${elsewhere}/front`)
        .replaceAll(victim.at('tickets/feat-01'), shop.at('tickets/feat-01'))
        .replace('"phase":"ready"', '"phase":"destroying"'),
    );
    const run = await shop.stack(['destroy', 'feat-01', '--force', '--yes']);
    expect(run).toMatchObject({ code: 4, stderr: expect.stringContaining(`stack did not make ${elsewhere}/front`) });
    expect(victim.photograph()).toBe(before);
  });

  it('leads none to that root’s processes', async () => {
    const running = listProcesses(victim.root);
    expect(running).not.toEqual([]);
    expect(await shop.stack(['create', 'feat-01', '--no-wait'])).toMatchObject({ code: 0 });
    for (const name of ['run', 'logs']) cpSync(victim.at('.stack', name), shop.at('.stack', name), { recursive: true });
    const keepers = readdirSync(victim.at('.stack/logs'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.keeper'))
      .map((name) => JSON.parse(victim.read(`.stack/logs/${name}`)) as { pid: number; startTime: string });
    expect(keepers.length).toBeGreaterThan(0);
    expect(await shop.stack(['stop', 'feat-01'])).toMatchObject({ code: 0 });
    expect(listProcesses(victim.root)).toEqual(expect.arrayContaining(running));
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['down'])).toMatchObject({ code: 0 });
    expect(listProcesses(victim.root)).toEqual(expect.arrayContaining(running));
    expect(await Promise.all(keepers.map(isAlive))).not.toContain(false);
    expect(listProcesses(shop.root)).toEqual([]);
    const workload = `stack-shop-${rootIdOf(victim.root)}-feat-01-front`;
    expect(await shop.stack(['create', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
    const state = shop.read('.stack/state.json');
    shop.write('.stack/state.json', state.replaceAll(`stack-shop-${rootIdOf(shop.root)}-feat-01-front`, workload));
    const run = await shop.stack(['destroy', 'feat-01']);
    expect(run).toMatchObject({ code: 4, stderr: expect.stringContaining(`${workload} is not a workload of it`) });
    expect(listProcesses(victim.root)).toEqual(expect.arrayContaining(running));
    shop.write('.stack/state.json', state);
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
  });
});

describe('a .stack that git tracks', () => {
  let shop: Shop;
  beforeEach(async () => {
    shop = makeShop();
    expect(await shop.stack(['create', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
    shop.git('.', 'init', '--quiet');
    track();
  });
  afterEach(() => shop.dispose());

  const track = (): void => {
    shop.git('.', 'add', '--force', '.stack/state.json');
  };

  it('is asked about before anything in it is acted on, once for each content in git', async () => {
    const before = shop.photograph();
    for (const args of [
      ['destroy', 'feat-01'],
      ['stop', 'feat-01'],
      ['create', 'feat-02', '--no-start'],
      ['up'],
      ['down'],
    ]) {
      const run = await shop.stack(args);
      expect.soft(run).toMatchObject({ code: 4, stdout: '' });
      expect.soft(run.stderr).toMatch(/^stack: \.stack came with git, /);
      expect.soft(run.stderr).toContain('git rm -r --cached .stack');
    }
    expect(shop.photograph()).toBe(before);
    expect(await shop.stack(['ps'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['trust'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('.stack/state.json'),
    });
    expect(await shop.stack(['create', 'feat-02', '--no-start'])).toMatchObject({ code: 0 });
    track();
    expect(await shop.stack(['destroy', 'feat-02'])).toMatchObject({ code: 4 });
    shop.git('.', 'rm', '--quiet', '-r', '--cached', '.stack');
    expect(await shop.stack(['destroy', 'feat-01', 'feat-02'])).toMatchObject({ code: 0 });
  });
});
