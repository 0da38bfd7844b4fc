import { existsSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pushNews } from '../support/news.ts';
import { expectRefusal } from '../support/refusal.ts';
import { listProcesses, makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const REPOS = ['front', 'api'] as const;
const TICKETS = ['feat-01', 'feat-02', 'feat-03'] as const;

describe('the news of the bases in all tickets', () => {
  let shop: Shop;
  const folder = (ticket: string, repo: string): string => `tickets/${ticket}/${repo}`;
  const tip = (ticket: string, repo: string): string => shop.git(folder(ticket, repo), 'rev-parse', 'HEAD');
  const sync = async (...args: string[]) => {
    const run = await shop.stack(['sync', '--json', ...args]);
    return { ...run, ...JSON.parse(run.stdout) };
  };
  const news = (repo: string, file: string, text: string): string => pushNews(shop, repo, file, text);

  beforeAll(async () => {
    shop = makeShop();
    shop.configure((text) =>
      text
        .replace(', shared: true', '')
        .replace(/api: +\{ path: \.\/api/, "$&, setup: ['cat package-lock.json >> made.txt || true; test ! -e stop']"),
    );
    for (const repo of REPOS) {
      shop.commit(repo, '.gitignore', '.env.local\nmade.txt\nstop\n');
      const remote = `${shop.folder}/${repo}.git`;
      shop.git('.', 'clone', '--quiet', '--bare', repo, remote);
      shop.git(repo, 'remote', 'add', 'origin', remote);
      shop.git(repo, 'fetch', '--quiet');
      shop.git(repo, 'branch', '--quiet', '--set-upstream-to=origin/main', 'main');
      shop.git('.', 'clone', '--quiet', remote, `${shop.folder}/other-${repo}`);
    }
    for (const ticket of TICKETS) expect((await shop.stack(['create', ticket, '--no-start'])).code).toBe(0);
  });
  afterAll(() => shop.dispose());

  it('come side by side; one that conflicts, or cannot be looked at, does not stop the others', async () => {
    shop.commit(folder('feat-01', 'api'), 'clash.txt', 'mine\n');
    shop.commit(folder('feat-02', 'front'), 'own.txt', 'own\n');
    const before = tip('feat-01', 'front');
    const [api, front] = [news('api', 'clash.txt', 'theirs\n'), news('front', 'news.txt', 'news\n')];
    const run = await sync('--all');
    expect(run.code).toBe(4);
    expect(run.tickets).toMatchObject([
      {
        ticket: 'feat-01',
        repos: { api: { result: 'conflict', conflicts: ['clash.txt'] }, front: { result: 'waiting' } },
      },
      {
        ticket: 'feat-02',
        repos: { api: { result: 'updated', to: api }, front: { result: 'updated', way: 'rebase' } },
      },
      { ticket: 'feat-03', repos: { api: { to: api }, front: { to: front } } },
    ]);
    expect(tip('feat-01', 'front')).toBe(before);
    expect(tip('feat-03', 'front')).toBe(front);
    expect(shop.git(folder('feat-02', 'front'), 'rev-parse', 'HEAD~1')).toBe(front);
    rmSync(shop.at(folder('feat-03', 'front')), { recursive: true });
    const told = await shop.stack(['sync', '--all']);
    expect(told.code).toBe(4);
    expect(told.stdout).toMatch(/^feat-01: nothing has moved, because of api$/m);
    expect(told.stdout).toMatch(/^feat-02: it is up to date$/m);
    expect(told.stdout).toMatch(/^feat-03: nothing has moved, because of front$/m);
    expect((await shop.stack(['start', 'feat-03', '--no-wait'])).code).toBe(0);
    shop.git(folder('feat-01', 'api'), 'reset', '--quiet', '--hard', 'main');
  });

  it('of one that another stands on come before those of the other', async () => {
    expect((await sync('feat-01', '--onto', 'feat-02')).code).toBe(0);
    const front = news('front', 'for-the-lower.txt', 'news\n');
    expect((await sync('--all')).code).toBe(0);
    expect(shop.git(folder('feat-02', 'front'), 'rev-parse', 'HEAD~1')).toBe(front);
    expect(tip('feat-01', 'front')).toBe(tip('feat-02', 'front'));
  });

  it('exclude what is about one ticket', async () => {
    for (const [args, what] of [
      [['feat-01'], 'a ticket’s name'],
      [['--resolve'], '--resolve'],
      [['--onto', 'feat-02'], '--onto'],
    ] as const)
      await expectRefusal(shop, ['sync', '--all', ...args], {
        ...{ code: 'usage', message: new RegExp(`^--all and ${what}$`), hint: /leave one/ },
      });
  });

  it('run the set-up with --setup where a lockfile changed, and there alone; what runs stays as it is', async () => {
    const made = (ticket: string): string => shop.read(`${folder(ticket, 'api')}/made.txt`);
    expect((await shop.stack(['start', 'feat-03'])).code).toBe(0);
    const before = listProcesses(shop.root);
    expect(before.length).toBeGreaterThan(0);
    news('api', 'package-lock.json', 'one\n');
    news('front', 'package-lock.json', 'none\n');
    const told = await sync('feat-02');
    expect(told.repos.api.changed.lockfiles).toEqual(['package-lock.json']);
    expect(existsSync(shop.at(folder('feat-02', 'api'), 'made.txt')) && made('feat-02')).not.toContain('one');
    const run = await shop.stack(['sync', 'feat-03', '--setup']);
    expect(run.code).toBe(0);
    expect(run.stdout).toMatch(/^set up api$/m);
    expect(run.stdout).toMatch(/`stack restart feat-03 api`/);
    expect(made('feat-03')).toContain('one\n');
    expect(listProcesses(shop.root)).toEqual(before);
    news('api', 'else.txt', 'else\n');
    expect(await sync('feat-03', '--setup')).toMatchObject({ code: 0, repos: { api: { result: 'updated' } } });
    expect((await sync('feat-03', '--setup')).setup).toBeUndefined();
    expect(made('feat-03').match(/one/g)).toHaveLength(1);
  });

  it('stay when the set-up fails, which the same command tries again', async () => {
    const api = news('api', 'package-lock.json', 'two\n');
    shop.write(`${folder('feat-03', 'api')}/stop`, '');
    const failed = await sync('feat-03', '--setup');
    expect(failed).toMatchObject({ code: 1, repos: { api: { result: 'updated', to: api } } });
    expect(failed.setup.error).toMatchObject({
      code: 'process',
      message: expect.stringMatching(/^setup of api failed/),
    });
    rmSync(shop.at(folder('feat-03', 'api'), 'stop'));
    expect(await sync('feat-03', '--setup')).toMatchObject({
      ...{ code: 0, setup: { setUp: ['api'] }, repos: { api: { result: 'unchanged' } } },
    });
  });

  it('are none after kill -9 before they have come, and the set-up runs with the next', async () => {
    news('api', 'package-lock.json', 'three\n');
    const hangs = `${shop.folder}/hangs`;
    shop.write('api/.git/info/attributes', 'package-lock.json filter=hang\n');
    shop.git('api', 'config', 'filter.hang.smudge', `touch ${hangs}; while :; do sleep 0.05; done`);
    const running = shop.start(['sync', 'feat-03', '--setup']);
    await until('git is at it', () => existsSync(hangs));
    running.kill('SIGKILL');
    await running.ended;
    shop.git('api', 'config', '--remove-section', 'filter.hang');
    rmSync(shop.at('api/.git/info/attributes'));
    expect(await sync('feat-03', '--setup')).toMatchObject({ code: 0, setup: { setUp: ['api'] } });
    expect(shop.read(`${folder('feat-03', 'api')}/made.txt`)).toContain('three\n');
  });
});
