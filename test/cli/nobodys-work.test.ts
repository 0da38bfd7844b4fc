import { existsSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expectRefusal } from '../support/refusal.ts';
import { makeRepo, makeShop, type Shop } from '../support/shop.ts';

let shop: Shop;
beforeEach(() => {
  shop = makeShop();
});
afterEach(() => shop.dispose());

const front = 'tickets/feat-01/front';
const create = async (...args: string[]): Promise<void> => {
  const run = await shop.stack(['create', 'feat-01', '--no-start', '--quiet', ...args]);
  expect(run).toMatchObject({ code: 0 });
};
const refuse = async (...lines: string[]): Promise<void> => {
  const said = { code: 'dirty', message: /^destroying feat-01 would lose work$/, hint: /--force/ } as const;
  const run = await expectRefusal(shop, ['destroy', 'feat-01'], said);
  expect(run.stderr.split('\n').slice(3)).toEqual(lines.map((line) => `    ${line}`));
};
const passes = async (...args: string[]): Promise<void> => {
  expect(await shop.stack(['destroy', 'feat-01', ...args])).toMatchObject({ code: 0 });
  expect(existsSync(shop.at('tickets'))).toBe(false);
};

describe('what the set-up writes', () => {
  const setUp = 'echo once >> lock.json; mkdir -p gen; echo made > gen/types.ts; echo more >> gen/types.ts';
  beforeEach(() => {
    shop.commit('front', 'lock.json', 'locked\n');
    shop.write('front/config/local.json', '{}\n');
    shop.configure((text) =>
      text.replace('path: ./front,', `path: ./front, copy: [config], setup: ["${setUp}"], disposable: [.next],`),
    );
  });

  it('keeps no destroy from its work, nor does what was copied or what stack.yml calls disposable', async () => {
    await create();
    shop.write(`${front}/.next/server.js`, 'built\n');
    expect(shop.git(front, 'status', '--porcelain')).not.toBe('');
    shop.configure((text) => text.replace(', disposable: [.next]', ''));
    await passes();
    shop.configure((text) => text.replace(setUp, 'true'));
    await create();
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0, stdout: 'feat-01 is gone' });
  });

  it('counts once a person has changed it, also when it is set up again', async () => {
    await create();
    shop.write(`${front}/lock.json`, 'locked\nonce\nmine\n');
    shop.write(`${front}/notes.md`, 'mine\n');
    await refuse('1 uncommitted change: lock.json', '1 untracked file: notes.md');
    // As after a set-up that failed: `start` runs it once more.
    shop.write('.stack/state.json', shop.read('.stack/state.json').replaceAll(/"setUp": ?true/g, '"setUp": false'));
    expect(await shop.stack(['start', 'feat-01', '--quiet'])).toMatchObject({ code: 0 });
    expect(shop.read(`${front}/lock.json`)).toBe('locked\nonce\nmine\nonce\n');
    await refuse('1 uncommitted change: lock.json', '1 untracked file: notes.md');
  });

  it('is nobody’s work after a restore either', async () => {
    await create();
    shop.write(`${front}/notes.md`, 'mine\n');
    await passes('--force');
    expect(await shop.stack(['restore', 'feat-01', '--no-start', '--quiet'])).toMatchObject({ code: 0 });
    await refuse('1 untracked file: notes.md');
    rmSync(shop.at(front, 'notes.md'));
    await passes();
  });

  it('is nobody’s work beside the worktrees either, until it is changed', async () => {
    shop.configure((text) => text.replace(setUp, 'mkdir -p ../made; echo once >> ../made/list; echo x > ../one'));
    await create();
    await passes();
    await create();
    shop.write('tickets/feat-01/made/mine', 'mine\n');
    await refuse('2 files beside the worktrees: made/list, made/mine');
    await passes('--force');
    expect(await shop.stack(['restore', 'feat-01', '--no-start', '--quiet'])).toMatchObject({ code: 0 });
    expect(shop.read('tickets/feat-01/made/list')).toBe('once\nonce\n');
  });

  it('is nobody’s work beside the worktrees where it is a git repo, until somebody works in it', async () => {
    makeRepo(shop.at('dep'), { 'dep.txt': 'of another repo\n' });
    const made = `git init --quiet ../mine && git clone --quiet ${shop.at('dep')} ../made/dep && echo x > ../made/dep/dep.txt`;
    shop.configure((text) => text.replace(setUp, `${made} && echo x > ../made/list`));
    await create();
    await passes();
    const dep = 'tickets/feat-01/made/dep';
    const refusesAll = async (name: string): Promise<void> => {
      for (const force of [[], ['--force']]) {
        const run = await shop.stack(['destroy', 'feat-01', ...force]);
        expect(run).toMatchObject({
          code: 4,
          stderr: expect.stringContaining(`${name}/ beside the worktrees is a git repo`),
        });
      }
    };
    await create();
    shop.commit('tickets/feat-01/mine', 'mine.txt', 'mine\n');
    await refusesAll('mine');
    rmSync(shop.at('tickets/feat-01/mine'), { recursive: true });
    shop.write(`${dep}/dep.txt`, 'mine\n');
    await refusesAll('made/dep');
    shop.write(`${dep}/dep.txt`, 'x\n');
    shop.write('tickets/feat-01/mine.txt', 'mine\n');
    await passes('--force');
    expect(await shop.stack(['restore', 'feat-01', '--no-start', '--quiet'])).toMatchObject({ code: 0 });
    rmSync(shop.at('tickets/feat-01/mine.txt'));
    await passes();
  });

  it('is no snapshot’s where it is a git repo: that goes, and is made again', async () => {
    makeRepo(`${shop.folder}/lib`, { 'lib.txt': 'of the submodule\n' });
    shop.git('front', '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', '../../lib', 'lib');
    shop.git('front', 'commit', '--quiet', '--message', 'Add lib');
    makeRepo(shop.at('dep'), { 'dep.txt': 'of another repo\n' });
    const clone = `for at in dep gen/deep/dep lib/dep; do git clone --quiet ${shop.at('dep')} $at; done`;
    const submodule = 'git -c protocol.file.allow=always submodule --quiet update --init';
    shop.configure((text) => text.replace(setUp, `${submodule}; ${clone}; git init --quiet empty`));
    await create();
    shop.write('tickets/feat-01/NOTES', 'mine\n');
    shop.write(`${front}/mine.txt`, 'mine\n');
    shop.write(`${front}/lib/mine.txt`, 'mine\n');
    await expectRefusal(shop, ['destroy', 'feat-01'], { code: 'dirty', message: /lose work$/, hint: /--force/ });
    await passes('--force');
    expect(await shop.stack(['restore', 'feat-01', '--no-start', '--quiet'])).toMatchObject({ code: 0 });
    for (const name of ['NOTES', 'front/mine.txt']) expect(shop.read(`tickets/feat-01/${name}`)).toBe('mine\n');
    expect(shop.git(`${front}/dep`, 'status', '--porcelain')).toBe('');
    shop.write(`${front}/dep/mine.txt`, 'mine\n');
    const run = await shop.stack(['destroy', 'feat-01', '--force']);
    expect(run).toMatchObject({ code: 4, stderr: expect.stringContaining('dep/ is a git repo of its own') });
    expect(run.stderr).not.toContain('nothing to do');
  });

  it('is kept for 30 days, since a person may have written it meanwhile, and counts after a restore no more than before', async () => {
    const mine =
      'echo code > src/feature.ts; echo more >> server.mjs; cp config/local.json same.json; truncate -s 60M big';
    shop.write('front/same.json', '{}\n');
    shop.configure((text) => text.replace(setUp, `${setUp}; mkdir src; ${mine}`));
    await create();
    const run = await shop.stack(['destroy', 'feat-01']);
    const [, said = '', ref = ''] = /^ {2}(what was .*) (refs\S+)$/m.exec(run.stdout) ?? [];
    expect(said).toBe('what was written in front while its set-up ran is kept for 30 days: git show');
    expect(shop.git('front', 'diff', '--name-only', 'main', ref).split('\n')).toEqual([
      ...['gen/types.ts', 'lock.json', 'server.mjs', 'src/feature.ts'],
    ]);
    expect((await shop.stack(['restore', '--list'])).stdout).toMatch(/^feat-01 .* of a set-up$/m);
    shop.configure((text) => text.replace(`; mkdir src; ${mine}`, ''));
    expect(await shop.stack(['restore', 'feat-01', '--no-start', '--quiet'])).toMatchObject({ code: 0 });
    expect(shop.read(`${front}/src/feature.ts`)).toBe('code\n');
    shop.write(`${front}/src/feature.ts`, 'code\nmine\n');
    await refuse('1 untracked file: src/');
    shop.write(`${front}/src/feature.ts`, 'code\n');
    await passes();
    expect(shop.git('front', 'for-each-ref', 'refs/stack/rescue').split('\n')).toHaveLength(2);
  });

  it('is kept in the same way where the create was killed: ignored files, and those in another repo', async () => {
    const kill = async (): Promise<void> => {
      await create();
      const state = JSON.parse(shop.read('.stack/state.json'));
      Object.assign(state.instances['feat-01'], { phase: 'creating' });
      shop.write('.stack/state.json', JSON.stringify(state));
      shop.write('front/.git/info/exclude', '*.secret\ntmp\n');
      shop.write(`${front}/my.secret`, 'mine\n');
      shop.git(front, 'init', '--quiet', 'tmp/exp');
      shop.write(`${front}/tmp/exp/in/file`, 'mine too\n');
    };
    for (const clear of [passes, create]) {
      await kill();
      await clear();
      const [ref = '', ...more] = shop
        .git('front', 'for-each-ref', '--format=%(refname)', 'refs/stack/rescue')
        .split('\n');
      expect(more).toEqual([]);
      expect(shop.git('front', 'show', `${ref}:my.secret`)).toBe('mine');
      expect(shop.git('front', 'show', `${ref}:tmp/exp/in/file`)).toBe('mine too');
      shop.git('front', 'update-ref', '-d', ref);
    }
  });

  it('is kept in a submodule too: what came while a set-up ran, and what git ignores where the create was killed', async () => {
    makeRepo(`${shop.folder}/lib`, { 'lib.txt': 'of the submodule\n', '.gitignore': '*.secret\n' });
    shop.git('front', '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', '../../lib', 'lib');
    shop.git('front', 'commit', '--quiet', '--message', 'Add lib');
    const listKept = (): string[] => {
      const refs = shop
        .git('front', 'for-each-ref', '--format=%(refname)', 'refs/stack/rescue')
        .split('\n')
        .filter(Boolean);
      const [ref = ''] = refs.filter((one) => one.endsWith('-lib'));
      const names = ref === '' ? [] : shop.git('front', 'diff', '--name-only', `${ref}^`, ref).split('\n');
      for (const one of refs) shop.git('front', 'update-ref', '-d', one);
      return names;
    };
    shop.configure((text) => text.replace(setUp, 'echo more >> lib/lib.txt; mkdir lib/in; echo new > lib/in/new.txt'));
    await create();
    await passes();
    expect(listKept()).toEqual(['in/new.txt', 'lib.txt']);
    shop.configure((text) => text.replace(/, setup: \[.*?\],/, ','));
    for (const clear of [passes, create, () => shop.stack(['doctor', '--fix', '--yes'])]) {
      await create();
      shop.write(`${front}/lib/my.secret`, 'mine\n');
      const state = JSON.parse(shop.read('.stack/state.json'));
      Object.assign(state.instances['feat-01'], { phase: 'creating' });
      shop.write('.stack/state.json', JSON.stringify(state));
      await clear();
      expect(listKept()).toEqual(['my.secret']);
      if (clear === create) await passes();
    }
  });

  it('is noted too for a repo that is added later', async () => {
    shop.commit('api', 'lock.json', 'locked\n');
    shop.configure((text) => text.replace('path: ./api,', `path: ./api, setup: ["${setUp}"],`));
    await create();
    expect(await shop.stack(['add', 'feat-01', 'api', '--quiet'])).toMatchObject({ code: 0 });
    expect(shop.git('tickets/feat-01/api', 'status', '--porcelain')).toBe(' M lock.json\n?? gen/');
    await passes();
  });
});

describe('what people put beside the worktrees', () => {
  it('is work: destroy refuses, --force saves it, restore brings it back', async () => {
    await create();
    shop.write('tickets/feat-01/NOTES.md', 'mine\n');
    shop.write('tickets/feat-01/plans/build/one.md', 'one\n');
    shop.write('tickets/feat-01/.DS_Store', 'x');
    const before = shop.photograph();
    await refuse('2 files beside the worktrees: NOTES.md, plans/build/one.md');
    expect(shop.photograph()).toBe(before);
    const run = await shop.stack(['destroy', 'feat-01', '--force']);
    expect(run).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('its files beside the worktrees are saved: NOTES.md'),
    });
    expect(existsSync(shop.at('tickets'))).toBe(false);
    await create();
    expect(existsSync(shop.at('tickets/feat-01/NOTES.md'))).toBe(false);
    await passes();
    expect(await shop.stack(['restore', 'feat-01', '--no-start', '--quiet'])).toMatchObject({ code: 0 });
    expect(shop.read('tickets/feat-01/NOTES.md')).toBe('mine\n');
    expect(shop.read('tickets/feat-01/plans/build/one.md')).toBe('one\n');
    await passes('--force');
    for (const _ of [1, 2]) await shop.stack(['restore', 'feat-01', '--forget', '--yes']);
    expect(shop.git('front', 'for-each-ref', 'refs/stack')).toBe('');
  });

  it('is inherited by no ticket', async () => {
    shop.write('tickets/feat-01/NOTES.md', 'of somebody\n');
    shop.write('tickets/feat-01/.DS_Store', 'x');
    await expectRefusal(shop, ['create', 'feat-01', '--no-start'], {
      code: 'exists',
      message: /tickets\/feat-01 is not a ticket’s folder and holds NOTES\.md$/,
      hint: /move the files away/,
    });
    expect(shop.read('tickets/feat-01/NOTES.md')).toBe('of somebody\n');
  });

  it('stays with the ticket where it cannot be saved: a repo', async () => {
    await create();
    shop.git('.', 'init', '--quiet', 'tickets/feat-01/tool');
    shop.write('tickets/feat-01/tool/a', 'a\n');
    await refuse('tool/ beside the worktrees is a git repo of its own');
    const run = await shop.stack(['destroy', 'feat-01', '--force']);
    expect(run).toMatchObject({ code: 4, stderr: expect.stringContaining('it holds what cannot be saved') });
    expect(shop.read('tickets/feat-01/tool/a')).toBe('a\n');
    expect(existsSync(shop.at(front, 'server.mjs'))).toBe(true);
    expect(shop.git('front', 'for-each-ref', 'refs/stack')).toBe('');
  });
});
