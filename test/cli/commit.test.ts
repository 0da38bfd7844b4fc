import { chmodSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { expectRefusal } from '../support/refusal.ts';
import { BIN, makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const REPOS = ['front', 'api'] as const;

describe('one commit in all repos of a ticket', () => {
  let shop: Shop;
  const folder = (repo: string): string => `tickets/feat-01/${repo}`;
  const git = (repo: string, ...args: string[]): string => shop.git(folder(repo), ...args);
  const commit = (...args: string[]) => shop.stack(['commit', 'feat-01', '--json', ...args]);
  /** Branch, index to the byte of its list, and what git sees of the files. */
  const look = (): string[] =>
    REPOS.map((repo) =>
      [git(repo, 'rev-parse', 'HEAD'), git(repo, 'ls-files', '--stage'), git(repo, 'status', '--porcelain')].join('\n'),
    );
  const hook = (repo: string, name: string, script: string): void => {
    shop.write(`${repo}/.git/hooks/${name}`, `#!/bin/sh\n${script}\n`);
    chmodSync(shop.at(repo, '.git/hooks', name), 0o755);
  };
  /** A file that is staged, and one that is only changed, in both repos. */
  const work = (text: string): void => {
    for (const repo of REPOS) {
      shop.write(`${folder(repo)}/staged.txt`, text);
      git(repo, 'add', 'staged.txt');
      shop.write(`${folder(repo)}/server.mjs`, `// ${text}\n`);
    }
  };

  beforeAll(async () => {
    shop = makeShop();
    shop.configure((text) => text.replace(', shared: true', ''));
    await shop.stack(['create', 'feat/01', '--no-start']);
  });
  afterEach(() => {
    for (const repo of REPOS) rmSync(shop.at(repo, '.git/hooks'), { recursive: true, force: true });
    for (const repo of REPOS) git(repo, 'reset', '--quiet', '--hard');
  });
  afterAll(() => shop.dispose());

  it('takes what is staged and nothing else, names the ticket once, and runs the hooks', async () => {
    work('one');
    shop.write(`${folder('api')}/new.txt`, 'unknown');
    hook('front', 'commit-msg', `echo "seen $(pwd)" > ${shop.folder}/hook; echo 'Reviewed: yes' >> "$1"`);
    hook('api', 'pre-commit', 'echo tidy > staged.txt; git add staged.txt');
    const run = await commit('-m', 'Show prices', '-m', 'With tax.');
    expect(run.code).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({
      ticket: 'feat-01',
      repos: {
        front: { result: 'committed', branch: 'feat/01', files: 1, changedByHooks: [], untracked: 0 },
        api: { result: 'committed', files: 1, changedByHooks: ['staged.txt'], untracked: 1 },
      },
    });
    expect(git('front', 'log', '-1', '--format=%B')).toBe('feat/01: Show prices\n\nWith tax.\nReviewed: yes');
    expect(shop.read('../hook')).toBe(`seen ${shop.at(folder('front'))}\n`);
    expect(git('api', 'status', '--porcelain')).toBe(' M server.mjs\n?? new.txt');
    expect(git('api', 'show', 'HEAD:staged.txt')).toBe('tidy');
    const times = REPOS.map((repo) => git(repo, 'log', '-1', '--format=%ct'));
    expect(new Set(times).size).toBe(1);

    rmSync(shop.at('front/.git/hooks/commit-msg'));
    const here = await shop.stack(['commit', '-a', '-m', 'More of feat/01'], { cwd: shop.at(folder('api')) });
    expect(here.stdout).toMatch(/^api +[0-9a-f]{7} on feat\/01, 1 file\n +left out: 1 path/m);
    expect(here.stdout).toMatch(/^feat-01: committed in 2 repos: More of feat\/01$/m);
    expect(git('api', 'status', '--porcelain')).toBe('?? new.txt');
    expect(git('front', 'log', '-1', '--format=%s')).toBe('More of feat/01');
    rmSync(shop.at(folder('api'), 'new.txt'));
  });

  it('is taken back to the byte where a hook of the second repo refuses, with what the hook has staged', async () => {
    work('two');
    const before = look();
    hook(
      'api',
      'pre-commit',
      'echo neat > staged.txt; git add staged.txt; printf two > staged.txt; printf "\\033[31mnot like\\033[0m this\\n" >&2; exit 1',
    );
    for (const all of [[], ['-a']]) {
      const run = await commit('-m', 'Two', ...all);
      expect(run.code).toBe(1);
      expect(JSON.parse(run.stdout).repos).toMatchObject({
        front: { result: 'undone' },
        api: { result: 'failed', reason: 'the hook pre-commit refused it', said: ['not like this'] },
      });
      expect(look()).toEqual(before);
      expect(existsSync(shop.at('.stack/changes'))).toBe(false);
    }
  });

  it('keeps what a person stages while a hook runs that refuses', async () => {
    work('three');
    const before = REPOS.map((repo) => git(repo, 'show', ':staged.txt'));
    hook(
      'api',
      'pre-commit',
      `touch ${shop.folder}/hangs; while [ -e ${shop.folder}/hangs ]; do sleep 0.05; done; exit 1`,
    );
    const running = shop.start(['commit', 'feat-01', '-m', 'Three']);
    await until('the hook is at it', () => existsSync(`${shop.folder}/hangs`));
    git('api', 'add', 'server.mjs');
    rmSync(`${shop.folder}/hangs`);
    expect(await running.ended).toMatchObject({ code: 1 });
    expect(git('api', 'diff', '--cached', '--name-only')).toBe('server.mjs\nstaged.txt');
    expect(git('front', 'diff', '--cached', '--name-only')).toBe('staged.txt');
    expect(REPOS.map((repo) => git(repo, 'show', ':staged.txt'))).toEqual(before);
  });

  it('is taken back by the next command after kill -9 in the second repo, named by doctor before; staged since stays', async () => {
    work('three');
    const before = look();
    const tip = git('front', 'rev-parse', 'HEAD');
    const hangs = `touch ${shop.folder}/hangs; while :; do sleep 0.05; done`;
    const cut = async (): Promise<void> => {
      hook('api', 'pre-commit', hangs);
      const running = shop.start(['commit', 'feat-01', '-a', '-m', 'Three']);
      await until(
        'the first repo is done and the second is at it',
        () => existsSync(`${shop.folder}/hangs`) && git('front', 'rev-parse', 'HEAD') !== tip,
        30,
      );
      running.kill('SIGKILL');
      await running.ended;
      rmSync(`${shop.folder}/hangs`);
      rmSync(shop.at('api/.git/hooks'), { recursive: true });
    };
    await cut();
    // Nobody else is kept waiting, with no next command either.
    await until('git has ended with its hook', () => !existsSync(shop.at('api/.git/worktrees/api/index.lock')));
    const doctor = await shop.stack(['doctor']);
    expect(doctor.stdout).toMatch(/feat-01 .*`stack commit` in front, api was cut off/);
    const fixed = await shop.stack(['doctor', '--fix', '--yes']);
    expect(fixed.stderr + fixed.stdout).toMatch(/taken back/);
    expect(look()).toEqual(before);

    await cut();
    shop.write(`${folder('front')}/late.txt`, 'staged since');
    git('front', 'add', 'late.txt');
    const next = await commit('-m', 'All of it');
    expect(next.stderr).toMatch(/the last `stack commit` of feat-01 was cut off, and is taken back/);
    expect(next.code).toBe(0);
    expect(git('front', 'rev-parse', 'HEAD^')).toBe(tip);
    expect(git('front', 'show', '--name-only', '--format=', 'HEAD').split('\n')).toContain('late.txt');
  });

  it('keeps commits that a person made on top before the next command', async () => {
    work('four');
    const [front, api] = REPOS.map((repo) => git(repo, 'rev-parse', 'HEAD'));
    hook('api', 'pre-commit', `touch ${shop.folder}/hangs; while :; do sleep 0.05; done`);
    const running = shop.start(['commit', 'feat-01', '-m', 'Four']);
    await until(
      'the second is at it',
      () => existsSync(`${shop.folder}/hangs`) && git('front', 'rev-parse', 'HEAD') !== front,
      30,
    );
    running.kill('SIGKILL');
    await running.ended;
    rmSync(shop.at('api/.git/hooks'), { recursive: true });
    git('front', 'commit', '--quiet', '--allow-empty', '--message', 'By hand');
    const mine = git('front', 'rev-parse', 'HEAD');
    const next = await shop.stack(['push', 'feat-01']);
    expect(next.stderr).toMatch(/taken back, but for front, which has moved since/);
    expect(git('front', 'rev-parse', 'HEAD')).toBe(mine);
    expect(git('api', 'rev-parse', 'HEAD')).toBe(api);
  });

  it('waits for the hooks at Ctrl-C, and then takes all back', async () => {
    work('five');
    const before = look();
    hook('api', 'pre-commit', `touch ${shop.folder}/waits; until [ -e ${shop.folder}/go ]; do sleep 0.05; done`);
    const running = shop.start(['commit', 'feat-01', '-m', 'Five']);
    await until('the hook waits', () => existsSync(`${shop.folder}/waits`));
    running.kill('SIGINT');
    shop.write('../go', '');
    expect((await running.ended).code).toBe(130);
    expect(look()).toEqual(before);
  });

  it('tells of new files that -a leaves out, also where there is nothing else', async () => {
    shop.write(`${folder('front')}/new.txt`, 'new\n');
    const none = await shop.stack(['commit', 'feat-01', '-a', '-m', 'New']);
    expect(none.code).toBe(2);
    expect(none.stderr).toMatch(
      /no file that git knows is changed in feat-01; new, and left out until `git add`: 1 in front/,
    );
    expect(none.stderr).toContain(`\`git -C ${shop.at(folder('front'))} add .\``);
    shop.write(`${folder('api')}/server.mjs`, '// changed\n');
    const { code, stdout } = await shop.stack(['commit', 'feat-01', '-a', '-m', 'New']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('left out: 1 path that git does not know')]);
    rmSync(shop.at(folder('front'), 'new.txt'));
  });

  it.skipIf(process.platform !== 'linux')(
    'keeps a message that a person wrote where no commit comes of it: a hook refuses, the ticket is destroyed meanwhile',
    async () => {
      const write = async (ticket: string, meanwhile = 'true'): Promise<string> => {
        shop.write('../editor', `printf 'Of ${ticket}\\n\\nAt length.\\n' > "$1"\n${meanwhile} </dev/null >&2\n`);
        const line = [process.execPath, BIN, 'commit', ticket].join(' ');
        const { stdout } = await execa('script', ['--quiet', '--command', line, '/dev/null'], {
          ...{ cwd: shop.root, extendEnv: false, env: { ...shop.env, GIT_EDITOR: `sh ${shop.folder}/editor` } },
        });
        return stdout.replaceAll(/\r?\n/g, ' ');
      };
      const kept = (said: string): string =>
        readFileSync(/your message is kept in (\S+)/.exec(said)?.[1] ?? said, 'utf8');
      work('nine');
      const crashed = await write('feat-01', 'exit 3;');
      expect(readFileSync(/what you wrote is kept in (\S+)/.exec(crashed)?.[1] ?? crashed, 'utf8')).toMatch(
        /^Of feat-01/,
      );
      hook('api', 'pre-commit', 'exit 1');
      expect(kept(await write('feat-01'))).toBe('Of feat-01\n\nAt length.\n');
      rmSync(shop.at('api/.git/hooks/pre-commit'));
      expect(await write('feat-01')).toMatch(/committed in 2 repos: feat\/01: Of feat-01/);

      await shop.stack(['create', 'feat-02', '--no-start', '--with', 'api']);
      shop.commit('tickets/feat-02/front', 'other.txt', 'other');
      shop.write('tickets/feat-02/front/other.txt', 'staged');
      shop.git('tickets/feat-02/front', 'add', '.');
      const destroy = `cd ${shop.root}; ${process.execPath} ${BIN} destroy feat-02 --force --yes`;
      const said = await write('feat-02', destroy);
      expect(said).toContain('there is no ticket "feat-02"');
      expect(kept(said)).toBe('Of feat-02\n\nAt length.\n');
      expect(readdirSync(shop.at('.stack/messages'))).toHaveLength(2);
    },
  );

  it('says in one line what is in the way, and does nothing', async () => {
    const nothing = { code: 'usage', message: /^nothing is staged in feat-01$/, hint: /git add.*`-a`/ } as const;
    await expectRefusal(shop, ['commit', 'feat-01', '-m', 'x'], nothing);
    work('six');
    const silent = { code: 'usage', message: /^a commit needs a message$/, hint: /-m/ } as const;
    await expectRefusal(shop, ['commit', 'feat-01'], silent);

    const refusedFor = async (reason: RegExp, hint: RegExp): Promise<void> => {
      const before = look();
      const run = await commit('-m', 'Six');
      expect(run.code).toBe(4);
      const { front, api } = JSON.parse(run.stdout).repos;
      expect(front.result).toBe('waiting');
      expect(api.result).toBe('refused');
      expect(api.reason).toMatch(reason);
      expect(api.hint).toMatch(hint);
      expect(look()).toEqual(before);
    };
    git('api', 'switch', '--quiet', '--detach');
    await refusedFor(/^no branch is checked out$/, /git switch feat\/01/);
    git('api', 'switch', '--quiet', '-c', 'other');
    await refusedFor(/^it is on other, not on feat\/01$/, /git switch feat\/01/);
    git('api', 'switch', '--quiet', 'feat/01');
    const nobody = await shop.stack(['commit', 'feat-01', '-m', 'Six'], { env: { GIT_COMMITTER_NAME: '' } });
    expect(nobody.code).toBe(4);
    expect(nobody.stdout).toMatch(
      /^api +refused: git does not know who you are: empty ident name.*\n +git config --global user\.name/m,
    );
    shop.write('api/.git/worktrees/api/MERGE_HEAD', `${git('api', 'rev-parse', 'HEAD')}\n`);
    await refusedFor(/^a merge is under way$/, /git merge --continue/);
    rmSync(shop.at('api/.git/worktrees/api/MERGE_HEAD'));

    git('api', 'config', 'commit.gpgsign', 'true');
    git('api', 'config', 'gpg.format', 'ssh');
    git('api', 'config', 'user.signingKey', `${shop.folder}/no-key`);
    const before = look();
    const unsigned = await commit('-m', 'Six');
    expect(unsigned.code).toBe(1);
    expect(JSON.parse(unsigned.stdout).repos).toMatchObject({
      front: { result: 'undone' },
      api: {
        result: 'failed',
        reason: expect.stringMatching(/^the commit cannot be signed: /),
        hint: expect.stringMatching(/gpgsign/),
      },
    });
    expect(look()).toEqual(before);
  });
});
