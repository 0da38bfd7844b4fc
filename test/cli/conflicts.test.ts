import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CollidingPair, Collisions } from '../../src/orchestrator/review/collisions.ts';
import type { Run } from '../support/product.ts';
import { expectRefusal } from '../support/refusal.ts';
import { BIN, makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const lines = (...changed: [number, string][]): string =>
  Array.from({ length: 60 }, (_, index) => `${new Map(changed).get(index + 1) ?? `line ${index + 1}`}\n`).join('');

describe('tickets that collide', () => {
  let shop: Shop;
  const work = (ticket: string, file: string, text: string): void =>
    shop.write(`tickets/${ticket}/front/${file}`, text);
  const find = async (...args: string[]): Promise<{ run: Run; found: Collisions }> => {
    const run = await shop.stack(['conflicts', '--json', ...args]);
    return { run, found: JSON.parse(run.stdout) };
  };
  const told = ({ pairs }: Collisions): string[] =>
    pairs.map(({ tickets, repo, kind, paths }: CollidingPair) => [...tickets, repo, kind, ...paths].join(' '));
  /** What looking must leave as it is: refs, objects, indexes, files and settings. */
  const photograph = (): string =>
    ['front', 'api', ...['one', 'two', 'three'].map((ticket) => `tickets/${ticket}/front`)]
      .flatMap((repo) => {
        const index = shop.git(repo, 'rev-parse', '--path-format=absolute', '--git-path', 'index');
        return [
          shop.git(repo, 'for-each-ref'),
          shop.git(repo, 'count-objects', '-v'),
          shop.git(repo, '--no-optional-locks', 'status', '--porcelain'),
          shop.git(repo, 'config', '--list', '--local'),
          readFileSync(index).toString('base64'),
        ];
      })
      .join('\n');

  beforeAll(async () => {
    shop = makeShop();
    shop.configure((text) =>
      text.replace('./front, base: main', './front, base: main, contracts: [openapi.yml, "types/**"]'),
    );
    for (const file of ['text', 'near', 'gone', 'openapi.yml', 'package-lock.json'])
      shop.commit('front', file, lines());
    for (const ticket of ['one', 'two', 'three']) {
      const { code, stderr } = await shop.stack(['create', ticket, '--no-start']);
      expect(code).toBe(0);
      expect(stderr).not.toContain('collides');
    }
  });
  afterAll(() => shop.dispose());

  it('are none while nobody has done anything', async () => {
    const { code, stdout } = await shop.stack(['conflicts']);
    expect([code, stdout]).toEqual([0, 'no two tickets collide']);
  });

  it('are told by pair, repo and file, commits and what is not committed alike, and nothing else changes', async () => {
    shop.commit('tickets/one/front', 'text', lines([5, 'one']));
    work('one', 'near', lines([20, 'one']));
    rmSync(shop.at('tickets/one/front/gone'));
    work('one', 'migrations/0002_one.sql', 'x');
    work('two', 'text', lines([5, 'two']));
    work('two', 'gone', lines([50, 'two']));
    shop.git('tickets/two/front', 'add', 'gone');
    work('two', 'migrations/0002_two.sql', 'y');
    work('three', 'near', lines([26, 'three']));
    work('three', 'types/three.ts', 'x');
    work('two', 'types/two.ts', 'x');
    work('one', 'db/migrate/20260102_one.rb', 'x');
    work('three', 'db/migrate/20260101_three.rb', 'x');
    for (const [ticket, line] of [
      ['two', 3],
      ['three', 50],
    ] as const) {
      work(ticket, 'openapi.yml', lines([line, ticket]));
      work(ticket, 'package-lock.json', lines([line, ticket]));
    }
    const before = photograph();
    const { run, found } = await find();
    expect(run.code).toBe(4);
    expect(told(found)).toEqual([
      'one two front conflict gone text',
      'one two front migration migrations/0002_one.sql migrations/0002_two.sql',
      'one three front migration db/migrate/20260101_three.rb db/migrate/20260102_one.rb',
      'one three front same-file near',
      'two three front lockfile package-lock.json',
      'two three front contract openapi.yml types/three.ts types/two.ts',
    ]);
    expect(found.pairs[0]?.notes).toEqual({ gone: 'modify/delete', text: 'content' });
    expect(Object.values(found.pairs[1]?.notes ?? {})[0]).toBe('same number: 2');
    expect(Object.values(found.pairs[2]?.notes ?? {})[0]).toBe('order: 20260101_three.rb before 20260102_one.rb');
    expect(found.pairs[3]?.notes).toEqual({ near: 'near each other: line 20 and line 26' });
    expect(photograph()).toBe(before);
  });

  it('are told about one ticket when it is named, and in its folder', async () => {
    expect(told((await find('three')).found)).toHaveLength(4);
    const { code, stdout } = await shop.stack(['conflicts'], { cwd: shop.at('tickets/three/front') });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^! one and three\n {2}front {2}migrations {2}db\/migrate/m);
    expect(stdout).toContain('  front  same file   near  near each other: line 20 and line 26\n');
    expect(stdout).not.toContain('one and two');
    await expectRefusal(shop, ['conflicts', 'thre'], { code: 'not-found', message: /no ticket "thre"/, hint: /three/ });
  });

  it('are found again where what is known of them is damaged, and as soon as anything is another', async () => {
    const cache = shop.at('.stack/collisions.json');
    const { found } = await find();
    const known = readFileSync(cache, 'utf8');
    expect((await find()).found).toEqual(found);
    expect(readFileSync(cache, 'utf8')).toBe(known);
    for (const text of ['', '{"a":', known.replace('"same-file"', '"lockfile"'), known.slice(0, 200)]) {
      writeFileSync(cache, text);
      expect((await find()).found).toEqual(found);
    }
    chmodSync(cache, 0o000);
    expect((await find()).found).toEqual(found);
    const runs = await Promise.all([find(), find(), find()]);
    expect(runs.map((one) => one.found)).toEqual([found, found, found]);
    work('three', 'near', lines([40, 'three']));
    expect((await find()).found.pairs.find(({ kind }) => kind === 'same-file')?.notes).toEqual({});
    work('three', 'near', lines());
    expect(told((await find()).found)).not.toContain('one three front same-file near');
  });

  it('do not collide over news of the base, and where one stands on the other’s commits', async () => {
    const create = ['create', 'four', '--no-start', '--from-front=one'];
    shop.commit('front', 'text', lines([5, 'base']));
    expect((await shop.stack([...create])).code).toBe(0);
    shop.commit('tickets/four/front', 'text', lines([5, 'four']));
    const { found } = await find('four');
    expect(told(found)).toEqual(['two four front conflict text']);
    expect((await shop.stack(['create', 'five', '--no-start'])).code).toBe(0);
    work('five', 'five', 'x');
    expect(told((await find('five')).found)).toEqual([]);
    await shop.stack(['destroy', '--force', '--yes', 'four', 'five']);
  });

  it('are still told with a detached head, without the base, and of what can be looked at beside what cannot', async () => {
    const front = 'tickets/two/front';
    shop.git(front, 'checkout', '-q', '--detach');
    shop.git('front', 'branch', '-q', 'kept');
    shop.git('front', 'checkout', '-q', 'kept');
    shop.git('front', 'branch', '-q', '-D', 'main');
    expect(told((await find()).found)[0]).toBe('one two front conflict gone text');
    shop.git('front', 'branch', '-q', 'main');
    shop.git('front', 'checkout', '-q', 'main');
    const dotGit = readFileSync(shop.at('tickets/three/front/.git'), 'utf8');
    rmSync(shop.at('tickets/three/front/.git'));
    const { run, found } = await find();
    expect(found.problems).toEqual([expect.stringMatching(/^three: front: .*no worktree/)]);
    expect([run.code, told(found)[0]]).toEqual([4, 'one two front conflict gone text']);
    expect((await shop.stack(['conflicts', 'three'])).code).toBe(1);
    writeFileSync(shop.at('tickets/three/front/.git'), dotGit);
  });

  it('collide over a submodule that both bring to another commit', async () => {
    const sub = shop.at('sub');
    shop.git('.', 'init', '--quiet', sub);
    const commits = ['first', 'six', 'seven'].map((name) => {
      if (name === 'seven') shop.git(sub, 'reset', '--quiet', '--hard', 'HEAD~1');
      shop.git(sub, 'commit', '--quiet', '--allow-empty', '--message', name);
      return shop.git(sub, 'rev-parse', 'HEAD');
    });
    const put = (folder: string, commit = ''): void => {
      shop.git(folder, 'update-index', '--add', '--cacheinfo', `160000,${commit},lib`);
      shop.git(folder, 'commit', '--quiet', '--message', 'Take another commit of lib');
    };
    put('front', commits[0]);
    for (const [index, ticket] of ['six', 'seven'].entries()) {
      expect(await shop.stack(['create', ticket, '--no-start'])).toMatchObject({ code: 0 });
      put(`tickets/${ticket}/front`, commits[index + 1]);
    }
    const { run, found } = await find('six', 'seven');
    expect([run.code, told(found)]).toEqual([4, ['six seven front conflict lib']]);
    expect(found.pairs[0]?.notes).toEqual({ lib: 'submodule' });
    put('tickets/six/front', commits[2]);
    expect(told((await find('six', 'seven')).found)).toEqual([]);
    await shop.stack(['destroy', '--force', '--yes', 'six', 'seven']);
    shop.git('front', 'reset', '--quiet', '--hard', 'HEAD~1');
  });

  it('are not called a mere touch of the same file where git could not merge', async () => {
    const base = shop.git('front', 'merge-base', 'one', 'two').trim();
    const id = shop.git('front', 'rev-parse', `${base}:text`).trim();
    const object = shop.at('front/.git/objects', id.slice(0, 2), id.slice(2));
    rmSync(shop.at('.stack/collisions.json'), { force: true });
    renameSync(object, `${object}.away`);
    const { run, found } = await find();
    renameSync(`${object}.away`, object);
    expect(found.problems.join('\n')).toMatch(/one and two: front: git cannot merge them: /);
    expect(found.pairs.filter(({ kind }) => kind === 'same-file').flatMap(({ paths }) => paths)).not.toContain('text');
    expect(run.code).toBe(1);
  });

  it('are shown again when they change, and no longer after Ctrl-C', async () => {
    const cache = shop.at('.stack/collisions.json');
    rmSync(cache, { force: true });
    const running = shop.start(['conflicts', '--watch', '--json']);
    await until('it has looked', () => existsSync(cache));
    work('three', 'text', lines([5, 'three']));
    const before = readFileSync(cache, 'utf8');
    await until('it has looked again', () => readFileSync(cache, 'utf8') !== before);
    running.kill('SIGINT');
    const { code, stdout } = await running.ended;
    expect(code).toBe(130);
    const shown = stdout
      .trim()
      .split('\n')
      .map((line) => told(JSON.parse(line)));
    expect(shown.map((pairs) => pairs.includes('one three front conflict text'))).toEqual([false, true]);
  });

  it('are watched no longer than somebody reads of them', async () => {
    const all = '{ "$@"; echo "$?" >code; } | head -1';
    const { stdout } = await execa('sh', ['-c', all, 'sh', process.execPath, BIN, 'conflicts', '--watch'], {
      ...{ cwd: shop.root, env: shop.env, extendEnv: false, timeout: 120_000 },
    });
    expect(stdout).toBe('✗ one and two');
    expect(shop.read('code')).toBe('0\n');
  });

  it('need a git that can merge without a checkout', async () => {
    const bin = shop.at('old-git');
    const real = `PATH=${JSON.stringify(process.env.PATH)} exec git "$@"`;
    shop.write('old-git/git', `#!/bin/sh\ncase "$*" in *--version*) echo git version 2.36.6 ;; *) ${real} ;; esac\n`);
    chmodSync(`${bin}/git`, 0o755);
    const env = { PATH: `${bin}:${process.env.PATH}` };
    await expectRefusal(shop, ['conflicts'], { code: 'git', message: /2\.36\.6 is too old/, hint: /2\.38/ }, { env });
  });

  it('are told by a create that makes one of them', async () => {
    shop.git('front', 'branch', '-q', 'review', 'one');
    const { code, stderr } = await shop.stack(['create', 'six', '--no-start', '--on-front=review']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/six .*two/);
  });
});
