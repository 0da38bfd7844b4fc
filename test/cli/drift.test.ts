import { once } from 'node:events';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isRunning } from '../support/process-world.ts';
import { DAEMON } from '../support/processes.ts';
import { makeShop, type Shop, shopConfig } from '../support/shop.ts';
import { until } from '../support/until.ts';

/** What somebody else does to the ticket feat-01, or below it; what `ps` and `start` then say; how a repair leaves it. */
const CHANGES: {
  title: string;
  change(shop: Shop): unknown;
  status: string;
  problem?: RegExp;
  /** What `start` says of what it changes. */
  why?: string;
  /** A change that start cannot mend until a person has done this. */
  first?(shop: Shop): void;
}[] = [
  {
    title: 'its worktree is deleted',
    change: (shop) => rmSync(shop.at('tickets/feat-01/front'), { recursive: true }),
    status: 'broken',
    problem: /^the worktree of front is gone: `stack start feat-01` brings it back$/,
  },
  {
    title: 'its folder is deleted',
    change: (shop) => rmSync(shop.at('tickets/feat-01'), { recursive: true }),
    status: 'broken',
    problem: /^the worktree of front is gone: `stack start feat-01` brings it back$/,
  },
  {
    title: 'its branch is deleted',
    change: (shop) => shop.git('front', 'update-ref', '-d', 'refs/heads/feat-01'),
    status: 'broken',
    problem: /^the branch that the worktree of front is on is gone: `stack start feat-01` brings it back$/,
  },
  {
    title: 'its branch is deleted among packed refs',
    change(shop) {
      shop.git('front', 'pack-refs', '--all');
      shop.git('front', 'update-ref', '-d', 'refs/heads/feat-01');
    },
    status: 'broken',
    problem: /^the branch that the worktree of front is on is gone: `stack start feat-01` brings it back$/,
  },
  {
    title: 'its repo is moved, and stack.yml says where to',
    change(shop) {
      const [from, to] = existsSync(shop.at('front')) ? ['front', 'moved'] : ['moved', 'front'];
      renameSync(shop.at(from), shop.at(to));
      shop.configure((text) => text.replace(`path: ./${from},`, `path: ./${to},`));
    },
    status: 'broken',
    problem: /^the main checkout of front is gone from .*\/(front|moved): say in stack.yml where it is$/,
  },
  {
    title: 'its process is killed',
    change(shop) {
      const { pid } = JSON.parse(shop.read('.stack/run/feat-01/front.json'));
      process.kill(-pid, 'SIGKILL');
    },
    status: 'stopped',
  },
  {
    title: 'its process records are deleted',
    change(shop) {
      const { pid } = JSON.parse(shop.read('.stack/run/feat-01/front.json'));
      rmSync(shop.at('.stack/run/feat-01'), { recursive: true });
      process.kill(-pid, 'SIGKILL');
    },
    status: 'stopped',
  },
  {
    title: 'its env file is deleted',
    change: (shop) => rmSync(shop.at('tickets/feat-01/front/.env.local')),
    status: 'running',
  },
  {
    title: 'its settings in stack.yml change',
    change: (shop) => shop.configure((text) => text.replace('API_URL', `MORE_${text.length}: x, API_URL`)),
    status: 'running',
    problem: /^front runs as stack\.yml had it before \(changed: env\): `stack start feat-01` makes it again$/,
    why: 'process (changed: env)',
  },
  {
    title: 'stack.yml gives it one more port',
    change: (shop) =>
      shop.configure((text) =>
        text.replace(
          `to: ${shop.port + 19} }`,
          `to: ${shop.port + 19} }, p${text.length}: { from: ${shop.port + 12}, to: ${shop.port + 19} }`,
        ),
      ),
    status: 'running',
    problem: /^front runs as stack\.yml had it before \(changed: ports\): `stack start feat-01` makes it again$/,
    why: 'process (changed: ports)',
  },
  {
    title: 'stack.yml gives it other ports',
    change: (shop) =>
      shop.configure((text) =>
        text.replace(
          /front\n(.*\n) {4}ports: { http: { from: \d+/,
          `front\n$1    ports: { http: { from: ${shop.port + (text.length % 2 === 0 ? 12 : 15)}`,
        ),
      ),
    status: 'running',
    problem: /^front runs as stack\.yml had it before \(changed: ports\): `stack start feat-01` makes it again$/,
    why: 'process (changed: env, ports)',
  },
  {
    title: 'stack.yml is gone',
    change: (shop) => rmSync(shop.at('stack.yml')),
    status: 'running',
    first: (shop) => shop.write('stack.yml', shopConfig(shop.port)),
  },
  {
    title: 'the clock is set back',
    change(shop) {
      const file = shop.at('.stack/state.json');
      const later = new Date(Date.now() + 86_400_000).toISOString();
      writeFileSync(file, readFileSync(file, 'utf8').replaceAll(/"createdAt": "[^"]+"/g, `"createdAt": "${later}"`));
    },
    status: 'running',
  },
];

describe.each(CHANGES)('when $title', ({ change, status, problem, why = '', first }) => {
  let shop: Shop;
  beforeEach(async () => {
    shop = makeShop();
    for (const ticket of ['feat-01', 'feat-02'])
      expect(await shop.stack(['create', ticket])).toMatchObject({ code: 0 });
    shop.commit('tickets/feat-01/front', 'work.txt', 'work');
  });
  afterEach(() => shop.dispose());

  const seen = async () => (await shop.ps()).instances.find(({ ticket }) => ticket === 'feat-01');
  /** What is not feat-01's, as git, the disk and the process table have it. */
  const others = (): string[] => [
    ...['front', 'moved', 'api'].flatMap((repo) =>
      existsSync(shop.at(repo))
        ? shop
            .git(repo, 'for-each-ref')
            .split('\n')
            .filter((line) => !line.includes('feat-01'))
            .sort()
        : [],
    ),
    shop.git('tickets/feat-02/front', 'status', '--porcelain=v2', '--branch'),
    shop.read('tickets/feat-02/front/.env.local'),
    shop.read('.stack/run/feat-02/front.json'),
    shop.read('.stack/run/baseline/api.json'),
  ];

  it('ps says it, start mends it, destroy works, and nothing of others has changed', async () => {
    const before = others();
    await change(shop);
    const broken = await seen();
    expect(broken).toMatchObject({ status });
    expect(broken?.problems).toEqual(problem ? [expect.stringMatching(problem)] : []);
    first?.(shop);
    const start = await shop.stack(['start', 'feat-01']);
    expect(start).toMatchObject({ code: 0, stderr: expect.not.stringContaining('stack: ') });
    expect(start.stderr).toContain(why);
    expect(await seen()).toMatchObject({ status: 'running', problems: [] });
    expect(await (await fetch(urlOf(await seen()))).json()).toMatchObject({ ticket: 'feat-01' });
    expect(shop.git('tickets/feat-01/front', 'show', 'feat-01:work.txt')).toBe('work');
    shop.git('tickets/feat-01/front', 'push', '--quiet', '.', 'feat-01:kept');
    await change(shop);
    const gone = await shop.stack(['destroy', 'feat-01']);
    expect(gone).toMatchObject({ code: 0, stdout: expect.stringMatching(/^feat-01 is gone/) });
    expect(existsSync(shop.at('tickets/feat-01'))).toBe(false);
    first?.(shop);
    expect((await shop.ps()).instances).toMatchObject([{ ticket: 'feat-02', status: 'running' }]);
    expect(others().filter((line) => !/refs\/heads\/kept|refs\/stack\//.test(line))).toEqual(before);
  });
});

function urlOf(instance: Awaited<ReturnType<Shop['ps']>>['instances'][number] | undefined): string {
  return instance?.repos.front?.url ?? '';
}

describe('what changes under a ticket', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
  });
  afterEach(() => shop.dispose());

  const pidOf = (ticket: string, service: string): number =>
    JSON.parse(shop.read(`.stack/run/${ticket}/${service}.json`)).pid;

  it('a worktree that was deleted comes back, and what ran out of it runs out of the new one', async () => {
    await shop.stack(['create', 'feat-01']);
    const pid = pidOf('feat-01', 'front');
    rmSync(shop.at('tickets/feat-01/front'), { recursive: true });
    const start = await shop.stack(['start', 'feat-01']);
    expect(start).toMatchObject({ code: 0, stderr: expect.stringContaining('process (its worktree is a new one') });
    expect(pidOf('feat-01', 'front')).not.toBe(pid);
    expect((await shop.ps()).instances[0]).toMatchObject({ status: 'running' });
  });

  it('a service that was renamed in stack.yml runs under its new name alone', async () => {
    await shop.stack(['create', 'feat-01', '--with', 'api']);
    await shop.stack(['up']);
    shop.configure((text) =>
      text.replace('\n  api:\n    repo', '\n  backend:\n    repo').replace('${api.url}', '${backend.url}'),
    );
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['up'])).toMatchObject({ code: 0 });
    const { baseline, instances } = await shop.ps();
    expect(Object.keys(baseline.services)).toEqual(['backend']);
    expect(Object.keys(instances[0]?.services ?? {}).sort()).toEqual(['backend', 'front']);
    const { url } = instances[0]?.repos.api ?? {};
    expect(url).toBe(`http://localhost:${instances[0]?.services.backend?.ports.http}`);
    const front = await fetch(instances[0]?.repos.front?.url ?? '');
    expect(await front.json()).toEqual({ ticket: 'feat-01', api: url });
  });

  it('a service that stack.yml puts into a new folder gets its env file there', async () => {
    shop.commit('front', 'web/server.mjs', shop.read('front/server.mjs'));
    await shop.stack(['create', 'feat-01']);
    shop.configure((text) => text.replace('repo: front', 'repo: front\n    dir: web'));
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
    expect(shop.read('tickets/feat-01/front/web/.env.local')).toMatch(/^API_URL=/m);
    expect(shop.git('tickets/feat-01/front', 'status', '--porcelain')).toBe('');
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
  });

  it('another runtime in stack.yml is for new tickets, and ps says so', async () => {
    await shop.stack(['create', 'feat-01']);
    shop.configure((text) => text.replace('repo: front', 'repo: front\n    runtime: docker\n    image: x'));
    const text = 'front stays with process: `runtime: docker` of stack.yml is for new tickets';
    expect((await shop.ps()).instances).toMatchObject([
      { status: 'running', problems: expect.arrayContaining([text]) },
    ]);
  });

  it('a shared server that was killed and emptied is told of, and comes back with start', async () => {
    shop.configure((text) => `${text}shared:\n  postgres: { port: ${shop.port + 18}, database: shop }\n`);
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
    const data = shop.at('.stack/shared/postgres/data');
    const empty = async (): Promise<void> => {
      const pid = Number(readFileSync(`${data}/postmaster.pid`, 'utf8').split('\n')[0]);
      process.kill(pid, 'SIGKILL');
      await until('the server is gone', () => !isRunning(pid));
      rmSync(data, { recursive: true });
    };
    await empty();
    expect(await shop.ps()).toMatchObject({
      shared: { postgres: { status: 'stopped' } },
      instances: [{ status: 'running', problems: [] }],
    });
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
    expect((await shop.ps()).shared).toMatchObject({ postgres: { status: 'running' } });
    await empty();
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect((await shop.ps()).instances).toEqual([]);
  });

  it('the baseline moves to the port that stack.yml now names', async () => {
    await shop.stack(['up']);
    shop.configure((text) => text.replace(`baseline: ${shop.port},`, `baseline: ${shop.port + 19},`));
    expect(await shop.stack(['up'])).toMatchObject({ code: 0 });
    expect((await shop.ps()).baseline.repos.api).toEqual({
      url: `http://localhost:${shop.port + 19}`,
      status: 'running',
    });
  });

  it('a port that a stranger took while the ticket was stopped is told of, and moves', async () => {
    await shop.stack(['create', 'feat-01']);
    await shop.stack(['stop', 'feat-01']);
    const port = (await shop.ps()).instances[0]?.services.front?.ports.http ?? 0;
    const stranger = createServer().listen(port, '127.0.0.1');
    await once(stranger, 'listening');
    const [seen] = (await shop.ps()).instances;
    const text = `port ${port} of front was taken by something else: the next start leases another`;
    expect(seen).toMatchObject({ status: 'stopped', problems: [text] });
    expect(await shop.stack(['start', 'feat-01'])).toMatchObject({ code: 0 });
    const [moved] = (await shop.ps()).instances;
    expect(moved).toMatchObject({ status: 'running', problems: [] });
    expect(moved?.services.front?.ports.http).not.toBe(port);
    expect(stranger.listening).toBe(true);
    stranger.close();
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
  });

  it('a daemon that a service left on its port is told of as what it is', async () => {
    shop.commit('front', 'server.mjs', DAEMON);
    expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
    const record = JSON.parse(readFileSync(shop.at('.stack/run/feat-01/front.json'), 'utf8'));
    process.kill(-record.pid, 'SIGKILL');
    await until('it has ended', async () => (await shop.ps()).instances[0]?.status === 'stopped');
    const [problem = ''] = (await shop.ps()).instances[0]?.problems ?? [];
    expect(problem).toMatch(/^front has left \S+ \(pid (\d+)\), which goes on and keeps its port: `kill \1` ends it$/);
    process.kill(Number(/pid (\d+)/.exec(problem)?.[1]), 'SIGKILL');
    await until('nothing of it is told', async () => (await shop.ps()).instances[0]?.problems?.length === 0);
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
  });

  it('a root that was moved says so to every command, and works again where it was', async () => {
    await shop.stack(['create', 'feat-01']);
    const elsewhere = `${shop.root}-moved`;
    renameSync(shop.root, elsewhere);
    for (const args of [['ps'], ['start', 'feat-01'], ['destroy', 'feat-01', '--force']]) {
      const run = await shop.stack(args, { cwd: elsewhere });
      expect(run).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(
          /this folder was moved or copied: its state.*\nhint: move it back; to move it for good, /,
        ),
      });
    }
    renameSync(path.join(elsewhere, '.stack'), `${elsewhere}.state`);
    expect(await shop.stack(['doctor'], { cwd: elsewhere })).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(
        `${elsewhere}/tickets/feat-01 is the folder of a ticket of ${shop.root}, which is not there any more`,
      ),
    });
    renameSync(`${elsewhere}.state`, path.join(elsewhere, '.stack'));
    renameSync(elsewhere, shop.root);
    expect((await shop.ps()).instances).toMatchObject([{ status: 'running', problems: [] }]);
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
  });

  it('a stack.yml that was broken or lost does not hide the tickets', async () => {
    await shop.stack(['create', 'feat-01']);
    shop.configure((text) => `${text}bogus: [\n`);
    const run = await shop.stack(['ps']);
    expect(run).toMatchObject({ code: 0, stderr: expect.stringMatching(/stack\.yml:\d+:\d+: bad YAML/) });
    expect(run.stdout).toMatch(/feat-01 .*\[main\] +shared +running/);
    expect(await shop.stack(['stop', 'feat-01'])).toMatchObject({ code: 0 });
    rmSync(shop.at('stack.yml'));
    expect((await shop.ps()).instances).toMatchObject([{ ticket: 'feat-01', status: 'stopped' }]);
    shop.write('stack.yml', shopConfig(shop.port));
  });
});
