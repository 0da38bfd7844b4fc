import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/domain/errors.ts';
import { writeHook } from '../support/git-repos.ts';
import { expectRefusal } from '../support/refusal.ts';
import { makeRepo, makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

describe('destroy refuses', () => {
  let shop: Shop;
  beforeEach(() => {
    shop = makeShop();
    shop.write('front/.gitignore', '.env.local\nnode_modules\nconfig/keys\n*.secret\nproducts\n');
    shop.git('front', 'commit', '--quiet', '--all', '--message', 'Ignore');
  });
  afterEach(() => shop.dispose());

  const front = 'tickets/feat-01/front';
  const create = async (...args: string[]): Promise<void> => {
    expect(await shop.stack(['create', 'feat-01', '--no-start', '--quiet', ...args])).toMatchObject({ code: 0 });
  };
  const refuse = (code: ErrorCode, ...lines: (string | RegExp)[]): Promise<void> =>
    expectLines(shop, code, ['  feat-01 front:', ...lines]);
  const passes = async (...args: string[]): Promise<void> => {
    expect(await shop.stack(['destroy', 'feat-01', ...args])).toMatchObject({ code: 0 });
    expect(existsSync(shop.at('tickets'))).toBe(false);
  };

  /** Runs a line in the worktree each time that all has been saved and before any of it goes. */
  const onSaved = (line: string, isDue = 'mkdir "$0.done"'): void => {
    const lines = [
      `test "$1" = committed && grep -q refs/stack/record && ${isDue} || exit 0`,
      `unset $(git rev-parse --local-env-vars); cd '${shop.at(front)}' && ${line}`,
    ];
    rmSync(shop.at('front/.git/hooks/reference-transaction.done'), { recursive: true, force: true });
    writeHook(shop.at('front'), 'reference-transaction', lines.join('\n'));
  };

  it('files that git ignores and a person made, but not what stack, a tool or the set-up made', async () => {
    shop.configure((text) =>
      text.replace(
        'path: ./front,',
        'path: ./front, copy: [config/keys], setup: ["mkdir products && touch products/a made.secret"],',
      ),
    );
    shop.write('front/config/keys/a.key', 'key\n');
    await create();
    shop.write(`${front}/node_modules/x/index.js`, '');
    shop.write(`${front}/products/b`, 'more\n');
    shop.write(`${front}/app.secret`, 'mine\n');
    await refuse('dirty', '    1 file that git ignores: app.secret');
    rmSync(shop.at(front, 'app.secret'));
    shop.write(`${front}/config/keys/b.key`, 'mine\n');
    shop.write(`${front}/config/keys/a.key`, 'changed\n');
    shop.write('front/config/keys/c.key', 'in both\n');
    shop.write(`${front}/config/keys/c.key`, 'in both\n');
    await refuse('dirty', '    2 files that git ignores: config/keys/a.key, config/keys/b.key');
    shop.write(`${front}/config/keys/a.key`, 'key\n');
    rmSync(shop.at(front, 'config/keys/b.key'));
    await passes();
  });

  it('text around stack’s block in an env file', async () => {
    shop.write('front/.env.local', 'FROM_MAIN=1\n');
    await create();
    const text = shop.read(`${front}/.env.local`);
    shop.write('front/.env.local', 'FROM_MAIN=2\n');
    shop.write(`${front}/.env.local`, `${text}MINE=1\n`);
    await refuse('dirty', '    1 file that git ignores: .env.local');
    shop.write(`${front}/.env.local`, text);
    await passes();
  });

  it('stashes made on the branch since, which --force leaves where they are', async () => {
    await create();
    shop.write(`${front}/server.mjs`, 'changed\n');
    shop.git(front, 'stash', '--quiet');
    await refuse('dirty', /^ {4}1 stash made on feat-01: WIP on feat-01: /);
    await passes('--force');
    expect(shop.git('front', 'stash', 'list')).toContain('WIP on feat-01');
    expect(shop.git('front', 'for-each-ref', 'refs/stack')).toBe('');
    // Git notes a stash by the second, and one of the second that a ticket is made in counts as made on it.
    const stashedAt = Number(shop.git('front', 'log', '-1', '--format=%ct', 'refs/stash'));
    await until('the second after the stash', () => Date.now() >= (stashedAt + 1) * 1000);
    await create();
    await passes();
  });

  it('a worktree that is locked', async () => {
    await create();
    shop.git('front', 'worktree', 'lock', '--reason', 'mine', shop.at(front));
    await refuse('conflict', /^ {4}the worktree is locked; `git -C \S+ worktree unlock \S+` lets it go$/);
    await passes('--force');
  });

  it('a worktree on another branch, which stays', async () => {
    await create();
    shop.git(front, 'checkout', '--quiet', '-b', 'mine');
    shop.commit(front, 'done.txt', 'done\n');
    await refuse('conflict', /^ {4}mine is checked out; `git -C \S+ switch feat-01` goes back$/);
    await passes('--force');
    expect(shop.git('front', 'show', 'mine:done.txt')).toBe('done');
    expect(shop.git('front', 'branch', '--list', 'feat-01')).toBe('');
  });

  it('a branch that was renamed or deleted, with what makes it again', async () => {
    await create();
    const ways: [string[][], RegExp][] = [
      [
        [['branch', '-m', 'feat-01', 'mine']],
        /^ {4}mine is checked out; feat-01 was renamed, `(git -C \S+ branch -m mine feat-01)` renames it back$/m,
      ],
      [
        [
          ['checkout', '--quiet', '--detach'],
          ['branch', '-D', 'feat-01'],
        ],
        /^ {4}no branch is checked out; feat-01 is gone, `(git -C \S+ switch -c feat-01)` makes it again$/m,
      ],
      [
        [
          ['checkout', '--quiet', '--orphan', 'pages'],
          ['branch', '-D', 'feat-01'],
          ['rm', '-rfq', '.'],
        ],
        /^ {4}pages, a branch .* is checked out; feat-01 is gone, `(git -C \S+ switch -c feat-01 \w{10})` makes it again$/m,
      ],
    ];
    for (const [commands, advice] of ways) {
      for (const command of commands) shop.git(front, ...command);
      const run = await shop.stack(['destroy', 'feat-01']);
      expect(run).toMatchObject({ code: 4, stderr: expect.stringMatching(advice) });
      execFileSync('sh', ['-c', advice.exec(run.stderr)?.[1] ?? 'false'], { env: shop.env, stdio: 'ignore' });
      expect(shop.git(front, 'branch', '--show-current')).toBe('feat-01');
    }
    await passes();
  });

  it('a branch without a commit, which neither a refusal nor start turns into another', async () => {
    await create();
    shop.git(front, 'switch', '--quiet', '--orphan', 'pages');
    shop.write(`${front}/index.html`, 'staged\n');
    shop.write(`${front}/.gitignore`, '.env.local\n');
    shop.git(front, 'add', 'index.html', '.gitignore');
    shop.write(`${front}/index.html`, 'changed\n');
    shop.write(`${front}/notes.txt`, 'mine\n');
    const look = () => shop.git(front, 'status', '--porcelain=v2', '--branch');
    const before = look();
    await refuse(
      'dirty',
      /^ {4}pages, a branch without a commit, is checked out; `git -C \S+ switch feat-01` goes back$/,
      '    2 uncommitted changes: .gitignore, index.html',
      '    1 untracked file: notes.txt',
    );
    expect((await shop.ps()).instances).toMatchObject([{ problems: [] }]);
    expect(await shop.stack(['start', 'feat-01', '--no-wait'])).toMatchObject({
      stderr: expect.not.stringContaining('deleted'),
    });
    expect(look()).toBe(before);
    await passes('--force');
    expect(await shop.stack(['restore', 'feat-01', '--no-start'])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('pages is checked out, as it was: a branch without a commit'),
    });
    expect(look()).toBe(before);
    expect(shop.read(`${front}/index.html`)).toBe('changed\n');
    expect(shop.git('front', 'branch', '--list', 'pages')).toBe('');
  });

  it('commits of a branch that was deleted, and does not bring it back before it goes on', async () => {
    await create();
    shop.commit(front, 'done.txt', 'done\n');
    shop.git(front, 'update-ref', '-d', 'refs/heads/feat-01');
    const before = shop.git('front', 'for-each-ref');
    await refuse('unpushed', /^ {4}1 commit on feat-01 that no other branch/);
    expect(shop.git('front', 'for-each-ref')).toBe(before);
    await passes('--force');
    expect(await shop.stack(['restore', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
    expect(shop.git('front', 'show', 'feat-01:done.txt')).toBe('done');
  });

  it('commits that were made on no branch and left there; what was amended is kept without a question', async () => {
    await create();
    shop.git(front, 'switch', '--quiet', '--detach');
    shop.commit(front, 'idea.txt', 'idea\n');
    const idea = shop.git(front, 'rev-parse', 'HEAD');
    shop.git(front, 'switch', '--quiet', 'feat-01');
    await refuse('unpushed', `    1 commit made on no branch and left there: ${idea.slice(0, 7)} Write idea.txt`);
    shop.git('front', 'branch', 'idea', idea);
    shop.commit(front, 'done.txt', 'done\n');
    const amended = shop.git(front, 'rev-parse', 'HEAD');
    shop.write(`${front}/done.txt`, 'otherwise\n');
    shop.git(front, 'commit', '--quiet', '--all', '--amend', '--no-edit');
    shop.git('front', 'merge', '--quiet', 'feat-01');
    const run = await shop.stack(['destroy', 'feat-01', '--json']);
    const ref = expect.stringMatching(/^refs\/stack\/rescue\/feat-01\//);
    expect(JSON.parse(run.stdout)).toMatchObject({ destroyed: [{ rescued: [], quiet: [{ repo: 'front', ref }] }] });
    shop.git('front', 'reflog', 'expire', '--expire=now', '--all');
    shop.git('front', 'gc', '--quiet', '--prune=now');
    expect(shop.git('front', 'show', `${amended}:done.txt`)).toBe('done');
    expect((await shop.stack(['restore', '--list'])).stdout).toMatch(/^feat-01 .* taken back$/m);
    expect(await shop.stack(['restore', 'feat-01', '--no-start'])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining(`commits that no branch led to are kept: \`git log ${amended.slice(0, 10)}\``),
    });
    await passes('--quiet');
    expect(shop.git('front', 'for-each-ref', 'refs/stack/rescue').split('\n')).toHaveLength(1);
  });

  it('a worktree that was moved, and what is in it', async () => {
    await create();
    const elsewhere = `${shop.folder}/elsewhere`;
    shop.git('front', 'worktree', 'move', shop.at(front), elsewhere);
    shop.write(`${elsewhere}/new.txt`, 'new\n');
    const back = `\`git -C ${shop.at('front')} worktree move ${elsewhere} ${shop.at(front)}\` brings it back`;
    expect((await shop.ps()).instances[0]?.problems).toEqual([
      `the worktree of front was moved to ${elsewhere}: ${back}`,
    ]);
    await refuse('dirty', `    the worktree was moved to ${elsewhere}; ${back}`, '    1 untracked file: new.txt');
    await passes('--force');
    expect(existsSync(elsewhere)).toBe(false);
  });

  it('a branch that is checked out elsewhere, which stays', async () => {
    await create();
    shop.git('front', 'worktree', 'remove', '--force', shop.at(front));
    shop.git('front', 'checkout', '--quiet', 'feat-01');
    await refuse('conflict', `    feat-01 is checked out at ${shop.at('front')}`);
    await passes('--force');
    expect(shop.git('front', 'branch', '--show-current')).toBe('feat-01');
  });

  it('while a process works in there, but for the ticket’s own and the one that asks', async () => {
    await create();
    await shop.stack(['start', 'feat-01']);
    const cwd = shop.at(front);
    const sleeper = spawn('sleep', ['300'], { cwd, detached: true, stdio: 'ignore' });
    try {
      await until('it runs', () => readFileSync(`/proc/${sleeper.pid}/comm`, 'utf8') === 'sleep\n');
      await refuse('conflict', `    still at work in there: sleep (pid ${sleeper.pid})`);
      shop.write(`${front}/new.txt`, 'new\n');
      const forced = await shop.stack(['destroy', 'feat-01', '--force']);
      expect(forced).toMatchObject({
        code: 3,
        stderr: expect.stringContaining(`feat-01: still at work in its folders: sleep (pid ${sleeper.pid})`),
      });
      expect(existsSync(`${cwd}/new.txt`)).toBe(true);
      expect((await shop.ps()).instances).toMatchObject([{ ticket: 'feat-01', status: 'stopped' }]);
      rmSync(`${cwd}/new.txt`);
    } finally {
      sleeper.kill();
    }
    const run = await shop.stack([], { cwd, through: ['sh', '-c', 'exec "$@" destroy | cat', 'sh'] });
    expect(run).toMatchObject({ code: 0, stdout: 'feat-01 is gone' });
    expect(existsSync(shop.at('tickets'))).toBe(false);
  });

  it('a commit that is made after --force has saved all, which is saved as well', async () => {
    await shop.stack(['create', 'feat-01', '--no-start', '--quiet']);
    shop.write(`${front}/new.txt`, 'mine\n');
    onSaved('git commit --quiet --allow-empty --message Late && git tag late');
    const run = await shop.stack(['destroy', 'feat-01', '--force']);
    expect(run).toMatchObject({ code: 0, stderr: expect.stringContaining('was committed after all had been saved') });
    const late = shop.git('front', 'rev-parse', 'late');
    expect(shop.git('front', 'for-each-ref', '--contains', late, 'refs/stack/rescue')).not.toBe('');
  });

  it('files that are saved, staged or put beside the worktrees after --force has saved all', async () => {
    shop.configure((text) => text.replace('path: ./front,', 'path: ./front, env_file: .env.local,'));
    await shop.stack(['create', 'feat-01', '--no-start', '--quiet']);
    shop.write(`${front}/new.txt`, 'mine\n');
    shop.write(`${front}/a.secret`, 'mine\n');
    const changes: [string, string][] = [
      ['new.txt', 'echo late >new.txt'],
      ['a.secret', 'echo late >a.secret'],
      ['b.secret', 'echo late >b.secret'],
      ['what is staged', 'cp -p new.txt was; echo staged >new.txt; git add new.txt; cp -p was new.txt; rm was'],
      ['notes.txt', 'echo late >../notes.txt'],
    ];
    for (const [name, change] of changes) {
      onSaved(change);
      const run = await shop.stack(['destroy', 'feat-01', '--force']);
      expect(run).toMatchObject({
        code: 0,
        stderr: expect.stringContaining(`${name} changed after all had been saved`),
      });
      await shop.stack(['restore', 'feat-01', '--no-start', '--quiet']);
    }
    for (const name of ['new.txt', 'a.secret', 'b.secret', '../notes.txt'])
      expect(shop.read(`${front}/${name}`)).toBe('late\n');
    expect(shop.git(front, 'show', ':new.txt')).toBe('staged');
    // Nobody is waited for without end.
    onSaved('echo x >>new.txt', 'true');
    expect(await shop.stack(['destroy', 'feat-01', '--force'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('new.txt changed after all had been saved'),
    });
    expect(shop.read(`${front}/new.txt`)).toMatch(/^late\n(x\n)+$/);
  });

  it('what is saved, committed or stashed in a submodule after --force has saved all', async () => {
    addSubmodule(shop);
    const changes = [
      'echo late >lib/new.txt',
      'echo late >lib/lib.txt',
      'echo late >lib/a.secret',
      'cd lib && echo late >c && git add c && git -c user.name=a -c user.email=a commit --quiet --message Late',
      'cd lib && echo late >lib.txt && git -c user.name=a -c user.email=a stash --quiet',
    ];
    for (const change of changes) {
      await create();
      shop.write(`${front}/lib/before.txt`, 'mine\n');
      onSaved(change);
      const run = await shop.stack(['destroy', 'feat-01', '--force']);
      expect(run).toMatchObject({ code: 0, stderr: expect.stringContaining('lib changed after all had been saved') });
      const refs = shop.git('front', 'for-each-ref', '--format=%(refname)', 'refs/stack/rescue').split('\n');
      const [last = ''] = refs.filter((ref) => ref.endsWith('-lib')).slice(-1);
      const kept = shop.git('front', 'log', '--patch', '--diff-merges=separate', last);
      expect(kept).toContain('+late');
    }
  });

  it('files in the folder of a submodule that was never filled', async () => {
    addSubmodule(shop);
    shop.git('front', 'submodule', '--quiet', 'deinit', '--force', 'lib');
    await create();
    shop.write(`${front}/lib/lib.txt`, 'from an archive\n');
    shop.write(`${front}/lib/deep/new.txt`, 'mine\n');
    const before = shop.git(front, 'status', '--porcelain=v2', '--branch');
    await refuse('dirty', '    1 untracked file: lib/');
    await passes('--force');
    expect(await shop.stack(['restore', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
    expect(shop.read(`${front}/lib/lib.txt`)).toBe('from an archive\n');
    expect(shop.read(`${front}/lib/deep/new.txt`)).toBe('mine\n');
    expect(shop.git(front, 'status', '--porcelain=v2', '--branch')).toBe(before);
    const [saved = ''] = shop.git('front', 'for-each-ref', '--format=%(refname)', 'refs/stack/rescue').split('\n');
    expect(shop.git('front', 'show', `${saved}:lib/deep/new.txt`)).toBe('mine');
    await refuse('dirty', '    1 untracked file: lib/');
    rmSync(shop.at(front, 'lib'), { recursive: true });
    await refuse('dirty', '    1 uncommitted change: lib');
  });

  it('files in a submodule of a submodule that was never filled', async () => {
    addSubmodule(shop);
    makeRepo(`${shop.folder}/part`, { 'part.txt': 'x' });
    const add = ['-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', `${shop.folder}/part`, 'part'];
    shop.git(`${shop.folder}/lib`, ...add);
    shop.git(`${shop.folder}/lib`, 'commit', '--quiet', '--message', 'Add part');
    shop.git('front/lib', 'pull', '--quiet', '--no-recurse-submodules');
    shop.git('front', 'commit', '--quiet', '--all', '--message', 'Update lib');
    await create();
    shop.write(`${front}/lib/part/new.txt`, 'mine\n');
    await refuse('dirty', '    1 uncommitted change: lib');
    await passes('--force');
    const saved = shop.git('front', 'for-each-ref', '--format=%(refname)', 'refs/stack/rescue').split('\n');
    expect(shop.git('front', 'show', `${saved.find((ref) => ref.endsWith('-lib'))}:part/new.txt`)).toBe('mine');
  });

  it('a merge in the middle', async () => {
    await create('--from-front=feat/ui');
    shop.commit('front', 'server.mjs', 'there\n');
    shop.commit(front, 'server.mjs', 'here\n');
    expect(() => shop.git(front, 'merge', 'main')).toThrow();
    await refuse('dirty', '    a merge is under way', /uncommitted changes: .*server\.mjs$/, /1 commit on feat-01/);
  });

  it('nothing that was squashed, rebased or picked into the base, also when the base went on', async () => {
    await create();
    shop.commit(front, 'one.txt', 'one\n');
    shop.commit(front, 'two.txt', 'two\n');
    await refuse('unpushed', /2 commits on feat-01 that no other branch, tag or remote has/);
    shop.git('front', 'merge', '--quiet', '--squash', 'feat-01');
    shop.git('front', 'commit', '--quiet', '--message', 'Squash');
    shop.commit('front', 'one.txt', 'built upon\n');
    await passes();
  });

  it('through a link to the root too', async () => {
    await create();
    const link = `${shop.folder}/link`;
    symlinkSync(shop.root, link);
    shop.write(`${front}/new.txt`, 'new\n');
    const run = await shop.stack(['destroy', 'feat-01'], { cwd: link });
    expect(run).toMatchObject({ code: 4, stderr: expect.stringContaining('1 untracked file: new.txt') });
  });
});

function addSubmodule(shop: Shop): void {
  makeRepo(`${shop.folder}/lib`, { 'lib.txt': 'of the submodule\n', '.gitignore': '*.secret\n' });
  shop.git('front', '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', '../../lib', 'lib');
  shop.git('front', 'commit', '--quiet', '--message', 'Add lib');
}

async function expectLines(shop: Shop, code: ErrorCode, lines: readonly (string | RegExp)[]): Promise<void> {
  const run = await expectRefusal(shop, ['destroy', 'feat-01'], {
    code,
    message: /^destroying feat-01/,
    hint: /--force/,
  });
  const told = run.stderr.split('\n').slice(2);
  expect(told).toHaveLength(lines.length);
  for (const [index, line] of lines.entries()) {
    if (typeof line === 'string') expect(told[index]).toBe(line);
    else expect(told[index]).toMatch(line);
  }
}
