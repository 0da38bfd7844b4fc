import { cpSync, existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withLock } from '../../src/adapters/lock.ts';
import type { Run } from '../support/product.ts';
import { makeShop, openShop, type Shop, shopConfig } from '../support/shop.ts';
import { until } from '../support/until.ts';

describe('commands at the same time', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
  });
  afterEach(() => shop.dispose());

  it('make eight tickets, each on ports of its own', async () => {
    const tickets = Array.from({ length: 8 }, (_, index) => `feat-0${index}`);
    const runs = await Promise.all(
      tickets.map((ticket) => shop.stack(['create', ticket, '--with', 'api', '--no-start'])),
    );
    expect(runs.map(({ code, stderr }) => ({ code, stderr: code === 0 ? '' : stderr }))).toEqual(
      tickets.map(() => ({ code: 0, stderr: '' })),
    );
    const { instances } = await shop.ps();
    const ports = instances.flatMap(({ services }) => Object.values(services).flatMap((service) => service.ports.http));
    expect(new Set(ports).size).toBe(16);
    expect(shop.git('front', 'worktree', 'list').split('\n')).toHaveLength(9);
    expect(await shop.stack(['destroy', ...tickets])).toMatchObject({ code: 0 });
    expect(shop.git('api', 'worktree', 'list').split('\n')).toHaveLength(1);
    expect(shop.git('front', 'for-each-ref', '--format=%(refname:short)', 'refs/heads')).toBe('feat/ui\nmain');
  });

  it('start tickets and one baseline between them', async () => {
    const tickets = ['feat-01', 'feat-02', 'feat-03'];
    const runs = await Promise.all(tickets.map((ticket) => shop.stack(['create', ticket])));
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0]);
    const { instances, baseline } = await shop.ps();
    expect(instances.map(({ status }) => status)).toEqual(['running', 'running', 'running']);
    for (const { services } of instances) {
      const answer = await fetch(`http://localhost:${services.front?.ports.http}/`);
      expect(await answer.json()).toMatchObject({ api: baseline.repos.api?.url });
    }
  });

  it('make the same ticket once: the others are told', async () => {
    const runs = await Promise.all(
      Array.from({ length: 4 }, () => shop.stack(['create', 'feat-01', '--no-start', '--json'])),
    );
    const won = runs.filter(({ code }) => code === 0);
    expect(won).toHaveLength(1);
    for (const { code, stdout } of runs.filter((run) => run !== won[0])) {
      expect(['busy', 'exists']).toContain(JSON.parse(stdout).error.code);
      expect([1, 2]).toContain(code);
    }
    expect((await shop.ps()).instances).toMatchObject([{ ticket: 'feat-01', problems: [] }]);
    expect(shop.git('tickets/feat-01/front', 'status', '--porcelain')).toBe('');
  });

  it('destroy the same ticket once', async () => {
    await shop.stack(['create', 'feat-01', '--no-start']);
    const runs = await Promise.all([1, 2, 3].map(() => shop.stack(['destroy', 'feat-01', '--json'])));
    expect(runs.filter(({ code }) => code === 0)).toHaveLength(1);
    for (const { stdout } of runs.filter(({ code }) => code !== 0)) {
      expect(['busy', 'not-found']).toContain(JSON.parse(stdout).error.code);
    }
    expect((await shop.ps()).instances).toEqual([]);
  });

  it('wait for nobody who was killed', async () => {
    const runs = Array.from({ length: 4 }, (_, index) => shop.start(['create', `feat-0${index}`, '--no-start']));
    for (const run of runs) run.kill('SIGKILL');
    await Promise.all(runs.map(({ ended }) => ended));
    const again = await Promise.all(runs.map((_, index) => shop.stack(['create', `feat-0${index}`, '--no-start'])));
    expect(again.map(({ code, stderr }) => (code === 0 ? '' : stderr))).toEqual(['', '', '', '']);
  });
});

describe('two roots of the same name', () => {
  let one: Shop;
  let other: Shop;
  beforeEach(() => {
    one = makeShop();
    other = makeShop({ config: () => shopConfig(one.port) });
  });
  afterEach(async () => {
    await Promise.all([one.dispose(), other.dispose()]);
  });

  it('have the same ticket on the same ports in stack.yml, and never meet', async () => {
    for (const shop of [one, other]) expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
    const [here, there] = [await one.ps(), await other.ps()];
    expect(there.instances).toMatchObject([{ ticket: 'feat-01', status: 'running' }]);
    expect(there.instances[0]?.services.front?.ports).not.toEqual(here.instances[0]?.services.front?.ports);
    expect(there.baseline.repos.api?.url).not.toBe(here.baseline.repos.api?.url);
    const answer = await fetch(there.instances[0]?.repos.front?.url ?? '');
    expect(await answer.json()).toEqual({ ticket: 'feat-01', api: there.baseline.repos.api?.url });

    expect(await one.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await one.stack(['down'])).toMatchObject({ code: 0 });
    expect(await other.ps()).toEqual(there);
  });

  it('are told apart when one is a copy of the other', async () => {
    await one.stack(['create', 'feat-01', '--no-start']);
    const copy = openShop(one.folder, path.join(one.folder, 'copy'), one.env);
    cpSync(one.root, copy.root, { recursive: true });
    const run = await copy.stack(['ps']);
    expect(run.code).toBe(1);
    expect(run.stderr).toMatch(/^stack: this folder was moved or copied: its state belongs to /);
    expect(run.stderr).toMatch(/^hint: this is a copy: delete \S+copy\/\.stack here, and its tickets, /m);
  });
});

describe('tickets that lean on each other, destroyed at the same time', () => {
  let shop: Shop;
  let commit: string;
  beforeEach(async () => {
    shop = makeShop();
    // So that a destroy has something to do between the worktree and the next ticket: `info/exclude` hides the env file.
    shop.git('front', 'rm', '--quiet', '.gitignore');
    shop.git('front', 'commit', '--quiet', '--message', 'Ignore nothing');
    await shop.stack(['create', 'ra', '--no-start']);
    shop.commit('tickets/ra/front', 'work.txt', 'work\n');
    commit = shop.git('tickets/ra/front', 'rev-parse', 'HEAD');
    await shop.stack(['create', 'rb', '--from-front=ra', '--no-start']);
  });
  afterEach(() => shop.dispose());

  /**
   * Starts all commands. None goes on before each of them looks into its worktrees for the first time; none takes its last
   * look before all have come as far as that; none goes on from its first worktree before all are done with theirs.
   */
  const race = async (...commands: string[][]): Promise<Run[]> => {
    const tickets = commands.map(([, ...words]) => words.filter((word) => !word.startsWith('-')));
    const file = (name: string): string => path.join(shop.folder, name);
    const hook = [
      'ticket=$(basename "$(dirname "$PWD")")',
      `wait_for() { until [ -e "${file('$1')}" ]; do sleep 0.02; done; }`,
      // At the last look the env file is gone.
      `if [ -e .env.local ]; then touch "${file('looks')}-$ticket"; wait_for first; else wait_for last; fi`,
    ];
    writeFileSync(file('hook'), ['#!/bin/sh', ...hook, 'exit 1', ''].join('\n'), { mode: 0o755 });
    shop.git('front', 'config', 'core.fsmonitor', file('hook'));
    const left = new Map<Promise<Run>, string>();
    for (const [index, args] of commands.entries()) {
      const run = shop.stack(args);
      left.set(run, tickets[index]?.[0] ?? '');
      void run.then(() => left.delete(run));
    }
    const runs = [...left.keys()];
    const all = (is: (ticket: string) => boolean) => (): boolean => [...left.values()].every(is);
    await until('all look', () => tickets.flat().every((ticket) => existsSync(file(`looks-${ticket}`))));
    writeFileSync(file('first'), '');
    const isHidden = (ticket: string): boolean => shop.read('front/.git/info/exclude').includes(`${ticket} (`);
    // One that has saved its work keeps its env file to the end, and waits for the other.
    const isForced = commands.flat().includes('--force');
    const isPast = (): boolean => left.size < commands.length || [...left.values()].some((ticket) => !isHidden(ticket));
    await until('the env files are done with', isForced ? isPast : all((ticket) => !isHidden(ticket)));
    await withLock(shop.at('front/.git/stack-exclude.lock'), async () => {
      writeFileSync(file('last'), '');
      await until(
        'the worktrees are done with',
        all((ticket) => !existsSync(shop.at('tickets', ticket, 'front'))),
      );
    });
    return Promise.all(runs);
  };
  const isKept = (): boolean => shop.git('front', 'for-each-ref', '--contains', commit) !== '';

  it.each([
    ['one goes, the other is refused and stays as it is', ['ra'], ['rb'], [0, 4], 1],
    ['of three the last is refused and stays as it is', ['ra', 'rc'], ['rb'], [0, 4], 1],
    ['with --force it is saved', ['ra', '--force'], ['rb', '--force'], [0, 0], 0],
    ['with --keep-branch its branch has it', ['ra', '--keep-branch'], ['rb'], [0, 0], 0],
  ])('a commit they share is not lost: %s', async (_, one, other, codes, stays) => {
    if (one.includes('rc')) await shop.stack(['create', 'rc', '--from-front=ra', '--no-start']);
    const runs = await race(['destroy', ...one], ['destroy', ...other]);
    expect(isKept()).toBe(true);
    expect(runs.map(({ code }) => code).sort()).toEqual(codes);
    const { instances } = await shop.ps();
    expect(instances).toHaveLength(stays);
    for (const instance of instances) expect(instance).toMatchObject({ status: 'stopped', problems: [] });
  });
});
