import { cpSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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
    rmSync(shop.at('.stack'), { recursive: true, force: true });
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

  it('leads none to that root’s processes', async () => {
    const running = listProcesses(victim.root);
    expect(running).not.toEqual([]);
    expect(await shop.stack(['create', 'feat-01', '--no-wait'])).toMatchObject({ code: 0 });
    cpSync(victim.at('.stack/run'), shop.at('.stack/run'), { recursive: true });
    expect(await shop.stack(['stop', 'feat-01'])).toMatchObject({ code: 0 });
    expect(listProcesses(victim.root)).toEqual(running);
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['down'])).toMatchObject({ code: 0 });
    expect(listProcesses(victim.root)).toEqual(running);
    expect(listProcesses(shop.root)).toEqual([]);
    const workload = `stack-shop-${rootIdOf(victim.root)}-feat-01-front`;
    expect(await shop.stack(['create', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
    const state = shop.read('.stack/state.json');
    shop.write('.stack/state.json', state.replaceAll(`stack-shop-${rootIdOf(shop.root)}-feat-01-front`, workload));
    const run = await shop.stack(['destroy', 'feat-01']);
    expect(run).toMatchObject({ code: 4, stderr: expect.stringContaining(`${workload} is no workload of it`) });
    expect(listProcesses(victim.root)).toEqual(running);
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
