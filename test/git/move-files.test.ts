import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  findObstacle,
  type Look,
  listCheckouts,
  moveWithFiles,
  takeMoveBack,
} from '../../src/adapters/git/change/move-files.ts';
import { processStartTime } from '../../src/adapters/process/identity.ts';
import { commitFile, git, makeRepo } from '../support/git-repos.ts';
import { makeHold } from '../support/hold.ts';
import { makeTemp } from '../support/temp.ts';
import { until } from '../support/until.ts';

const THERE = ['main', 'other'] as const;

describe('moving a branch with the files of its checkout, while somebody is at work there', () => {
  let repo: string;
  let from: string;
  let to: string;
  const move = (): Promise<void> =>
    moveWithFiles(
      { gitCommonDir: path.join(repo, '.git'), branch: 'main', from, to },
      { reason: 'stack merge', onStart: () => () => undefined },
    );
  /** Runs lines once, in the checkout, as a person would type them, at a moment of git's. */
  const whenGit = (hook: string, ...lines: string[]): void => {
    const file = path.join(repo, '.git/hooks', hook);
    mkdirSync(path.dirname(file), { recursive: true });
    const own = ['unset $(git rev-parse --local-env-vars)', 'rm "$0"', `cd ${repo}`, 'exec >>.git/said 2>&1', ...lines];
    writeFileSync(file, `#!/bin/sh\n${own.join('\n')}\nexit 0\n`);
    chmodSync(file, 0o755);
  };
  const findWay = (how: Partial<Look> = {}) =>
    findObstacle(
      { gitCommonDir: path.join(repo, '.git'), branch: 'main', from, to },
      { signal: new AbortController().signal, filters: true, ...how },
    );
  const look = (): string[] => [
    git(repo, 'symbolic-ref', 'HEAD'),
    git(repo, 'status', '--porcelain'),
    ...THERE.map((branch) => git(repo, 'rev-parse', branch)),
    readFileSync(path.join(repo, 'shared.txt'), 'utf8'),
  ];
  const nothingLeft = (): void => {
    expect(readdirSync(path.join(repo, '.git')).filter((name) => /lock|stack-index/.test(name))).toEqual([]);
  };

  beforeEach(() => {
    repo = makeRepo(makeTemp(), { branches: ['other'] });
    from = commitFile(repo, 'shared.txt', 'before\n');
    git(repo, 'branch', '--force', 'other');
    git(repo, 'checkout', '--quiet', '-b', 'incoming');
    commitFile(repo, 'shared.txt', 'after\n');
    to = commitFile(repo, 'new.txt', 'new\n');
    git(repo, 'checkout', '--quiet', 'main');
  });

  it.each(['post-index-change', 'reference-transaction'])(
    'keeps them from switching, staging and committing half of it, at the moment of %s',
    async (hook) => {
      writeFileSync(path.join(repo, 'mine.txt'), 'mine\n');
      whenGit(hook, 'git switch other', 'git add mine.txt', 'git commit --message Half');
      await move();
      expect(look()).toEqual(['refs/heads/main', '?? mine.txt', to, from, 'after\n']);
      expect(readFileSync(path.join(repo, '.git/said'), 'utf8').match(/index\.lock': File exists/g)).toHaveLength(3);
      nothingLeft();
    },
  );

  it.each([
    ['moved', 'git update-ref refs/heads/main other~1', /cannot move main/],
    ['left', 'git symbolic-ref HEAD refs/heads/other', /switched branches in /],
  ])('puts all back to the byte where the branch is %s meanwhile, past git', async (_, line, message) => {
    writeFileSync(path.join(repo, 'mine.txt'), 'mine\n');
    git(repo, 'add', 'mine.txt');
    writeFileSync(path.join(repo, 'mine.txt'), 'mine, and more\n');
    const staged = git(repo, 'ls-files', '--stage');
    whenGit('post-index-change', line);
    await expect(move()).rejects.toMatchObject({ code: 'git', message: expect.stringMatching(message) });
    expect(git(repo, 'ls-files', '--stage')).toBe(staged);
    expect(git(repo, 'diff', '--name-only')).toBe('mine.txt');
    expect(readFileSync(path.join(repo, 'shared.txt'), 'utf8')).toBe('before\n');
    expect(existsSync(path.join(repo, 'new.txt'))).toBe(false);
    expect(git(repo, 'rev-parse', 'main')).not.toBe(to);
    nothingLeft();
  });

  it('writes nothing where the branch has moved before it began', async () => {
    git(repo, 'checkout', '--quiet', 'other');
    const theirs = commitFile(repo, 'theirs.txt', 'theirs\n');
    git(repo, 'checkout', '--quiet', 'main');
    git(repo, 'merge', '--quiet', '--ff-only', 'other');
    whenGit('post-index-change', 'echo written');
    await expect(move()).rejects.toMatchObject({ code: 'conflict', message: 'main has moved meanwhile' });
    expect(existsSync(path.join(repo, '.git/said'))).toBe(false);
    expect(look()).toEqual(['refs/heads/main', '', theirs, theirs, 'before\n']);
    nothingLeft();
  });

  it('has nothing to do with a worktree that another git is just making', async () => {
    const folder = path.join(makeTemp(), 'half-made');
    git(repo, 'worktree', 'add', '--quiet', '-b', 'half-made', folder);
    // As `git worktree add` leaves it at first: locked, its folder empty.
    writeFileSync(path.join(repo, '.git/worktrees/half-made/locked'), 'initializing');
    rmSync(path.join(folder, '.git'));
    expect(await findWay()).toBeUndefined();
    await move();
    expect(look()).toEqual(['refs/heads/main', '', to, from, 'after\n']);
  });

  it('leaves a git alone that is at work on the index, and is refused then', async () => {
    const lock = path.join(repo, '.git/index.lock');
    writeFileSync(lock, '');
    await expect(move()).rejects.toMatchObject({ code: 'git', hint: expect.stringContaining(lock) });
    expect(existsSync(lock)).toBe(true);
    expect(look().slice(2)).toEqual([from, from, 'before\n']);
  });

  it('names what clears it where the lock is one of ours', async () => {
    const lock = path.join(repo, '.git/index.lock');
    writeFileSync(lock, 'held by stack\n');
    const hint = expect.stringContaining('`stack doctor --fix`');
    await expect(move()).rejects.toMatchObject({ code: 'git', hint });
    expect(existsSync(lock)).toBe(true);
  });

  it('is as it was, links, modes and folders too, where git cannot write one of the files', async () => {
    symlinkSync('shared.txt', path.join(repo, 'link'));
    writeFileSync(path.join(repo, 'run.sh'), 'true\n');
    git(repo, 'add', '.');
    git(repo, 'commit', '--quiet', '--message', 'A link');
    from = git(repo, 'rev-parse', 'main');
    git(repo, 'checkout', '--quiet', '-b', 'more');
    rmSync(path.join(repo, 'link'));
    symlinkSync('elsewhere', path.join(repo, 'link'));
    chmodSync(path.join(repo, 'run.sh'), 0o755);
    mkdirSync(path.join(repo, 'deep/er'), { recursive: true });
    writeFileSync(path.join(repo, 'deep/er/file'), 'deep\n');
    writeFileSync(path.join(repo, 'z.bad'), 'bad\n');
    git(repo, 'add', '.');
    git(repo, 'commit', '--quiet', '--message', 'More');
    to = git(repo, 'rev-parse', 'more');
    git(repo, 'checkout', '--quiet', 'main');
    writeFileSync(path.join(repo, '.git/info/attributes'), '*.bad filter=bad\n');
    git(repo, 'config', 'filter.bad.smudge', 'cat >/dev/null; ls >> .git/said; exit 1');
    git(repo, 'config', 'filter.bad.required', 'true');
    await expect(move()).rejects.toMatchObject({ code: 'git' });
    expect(readFileSync(path.join(repo, '.git/said'), 'utf8')).toContain('deep');
    expect(git(repo, 'status', '--porcelain', '--ignored')).toBe('');
    expect(readlinkSync(path.join(repo, 'link'))).toBe('shared.txt');
    expect(existsSync(path.join(repo, 'deep'))).toBe(false);
    nothingLeft();
  });

  it('is as it was in a sparse checkout, too, which has no files of a part of it', async () => {
    mkdirSync(path.join(repo, 'in'));
    commitFile(repo, 'in/kept.txt', 'before\n');
    mkdirSync(path.join(repo, 'out'));
    from = commitFile(repo, 'out/o.txt', 'before\n');
    git(repo, 'checkout', '--quiet', '-b', 'more');
    commitFile(repo, 'in/kept.txt', 'after\n');
    to = commitFile(repo, 'out/o.txt', 'after\n');
    git(repo, 'checkout', '--quiet', 'main');
    git(repo, 'sparse-checkout', 'set', 'in');
    whenGit('post-index-change', 'git update-ref refs/heads/main other');
    await expect(move()).rejects.toMatchObject({ message: expect.stringMatching(/cannot move main/) });
    expect(readFileSync(path.join(repo, 'in/kept.txt'), 'utf8')).toBe('before\n');
    expect(existsSync(path.join(repo, 'out'))).toBe(false);
    git(repo, 'update-ref', 'refs/heads/main', from);
    expect(git(repo, 'status', '--porcelain')).toBe('');
    nothingLeft();
    await move();
    expect(readFileSync(path.join(repo, 'in/kept.txt'), 'utf8')).toBe('after\n');
    expect(existsSync(path.join(repo, 'out'))).toBe(false);
    expect(git(repo, 'status', '--porcelain')).toBe('');
  });

  it('leaves what somebody writes into a file meanwhile, when it has to go back', async () => {
    const mine = path.join(repo, 'new.txt');
    whenGit('post-index-change', 'echo mine > new.txt', 'git update-ref refs/heads/main other~1');
    await expect(move()).rejects.toMatchObject({ code: 'git' });
    expect(readFileSync(mine, 'utf8')).toBe('mine\n');
    expect(readFileSync(path.join(repo, 'shared.txt'), 'utf8')).toBe('before\n');
    nothingLeft();
  });

  it('tries filters only for who is about to move, ends them when told to, and keeps nothing that they wrote', async () => {
    const temp = makeTemp();
    const { mark, wait } = makeHold(temp);
    writeFileSync(path.join(repo, '.git/info/attributes'), '*.txt filter=slow\n');
    git(repo, 'config', 'filter.slow.smudge', `cat; echo $$ >> ${temp}/pids; ${wait}`);
    expect(await findWay({ filters: false })).toBeUndefined();
    expect(existsSync(mark)).toBe(false);
    // As one who was killed while filters were tried has left it.
    mkdirSync(path.join(repo, '.git/stack-tried/files'), { recursive: true });
    const controller = new AbortController();
    const looking = findWay({ signal: controller.signal }).catch((error: unknown) => error);
    await until('a filter is at work', () => existsSync(mark));
    controller.abort();
    expect(await looking).toMatchObject({ code: 'interrupted' });
    const [pid = ''] = readFileSync(path.join(temp, 'pids'), 'utf8').split('\n');
    await until('the filter has ended', async () => (await processStartTime(Number(pid))) === undefined);
    expect(readdirSync(path.join(repo, '.git')).filter((name) => name.startsWith('stack'))).toEqual([]);
  });

  it('tells of each git that writes files as a move is taken back, whether the branch had moved or not', async () => {
    const told = { begun: 0, ended: 0 };
    const onStart = () => {
      told.begun += 1;
      return () => {
        told.ended += 1;
      };
    };
    const back = (moved: string | undefined) =>
      takeMoveBack(
        { gitCommonDir: path.join(repo, '.git'), branch: 'main', from, to },
        { moved, reason: 'stack merge: taken back', onStart },
      );
    await move();
    await back(to);
    expect(told).toEqual({ begun: 1, ended: 1 });
    writeFileSync(path.join(repo, 'shared.txt'), 'after\n');
    await back(undefined);
    expect(told).toEqual({ begun: 3, ended: 3 });
    expect(look()).toEqual(['refs/heads/main', '', from, from, 'before\n']);
  });

  it('asks one git where a branch is checked out, however many worktrees there are', async () => {
    const temp = makeTemp();
    for (const name of ['one', 'two', 'three']) git(repo, 'worktree', 'add', '--quiet', '--detach', `${temp}/${name}`);
    git(`${temp}/one`, 'switch', '--quiet', 'other');
    const bin = path.join(temp, 'bin');
    mkdirSync(bin);
    const real = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
    writeFileSync(path.join(bin, 'git'), `#!/bin/sh\necho "$@" >> ${temp}/asked\nexec ${real} "$@"\n`, { mode: 0o755 });
    onTestFinished(() => void vi.unstubAllEnvs());
    vi.stubEnv('PATH', `${bin}:${process.env.PATH}`);
    const found = await Promise.all(
      ['main', 'other', 'incoming'].map((branch) => listCheckouts(path.join(repo, '.git'), branch)),
    );
    expect(found.map((all) => all.map(({ folder, entry }) => [folder, entry.folder]))).toEqual([
      [[repo, path.join(repo, '.git')]],
      [[path.join(temp, 'one'), path.join(repo, '.git/worktrees/one')]],
      [],
    ]);
    expect(readFileSync(path.join(temp, 'asked'), 'utf8').trimEnd().split('\n')).toHaveLength(3);
  });

  it('tells a git that fails from a person’s work that is in the way', async () => {
    writeFileSync(path.join(repo, 'shared.txt'), 'mine\n');
    git(repo, 'update-index', '--assume-unchanged', 'shared.txt');
    const inTheWay = await findWay();
    expect(inTheWay).toMatchObject({ reason: expect.stringContaining('shared.txt') });
    expect(inTheWay).not.toHaveProperty('failed');
    git(repo, 'update-index', '--no-assume-unchanged', 'shared.txt');
    git(repo, 'checkout', '--', 'shared.txt');
    const tree = git(repo, 'rev-parse', `${to}^{tree}`);
    rmSync(path.join(repo, '.git/objects', tree.slice(0, 2), tree.slice(2)));
    await expect(findWay()).rejects.toMatchObject({
      code: 'git',
      message: expect.stringContaining('unable to read tree'),
    });
  });

  it('names the files that have a conflict, where nothing else is under way', async () => {
    commitFile(repo, 'clash.txt', 'base\n');
    writeFileSync(path.join(repo, 'clash.txt'), 'stashed\n');
    git(repo, 'stash', '--quiet');
    from = commitFile(repo, 'clash.txt', 'ours\n');
    spawnSync('git', ['stash', 'pop', '--quiet'], { cwd: repo });
    expect(await findWay()).toMatchObject({ reason: expect.stringMatching(/files with conflicts .*: clash\.txt$/) });
  });

  it('finds more files in the way than one command line can name, and tells of a few', async () => {
    const deep = Array.from({ length: 3 }, (_, at) => `${at}`.repeat(200)).join('/');
    const names = Array.from({ length: 4000 }, (_, at) => `${deep}/${at}`);
    mkdirSync(path.join(repo, deep), { recursive: true });
    for (const name of names) writeFileSync(path.join(repo, name), '');
    git(repo, 'symbolic-ref', 'HEAD', 'refs/heads/incoming');
    git(repo, 'add', deep);
    git(repo, 'commit', '--quiet', '--message', 'Many');
    to = git(repo, 'rev-parse', 'incoming');
    git(repo, 'symbolic-ref', 'HEAD', 'refs/heads/main');
    git(repo, 'reset', '--quiet');
    writeFileSync(path.join(repo, '.git/info/exclude'), '0*\n');
    const found = await findWay();
    expect(found?.paths.toSorted()).toEqual(names.toSorted());
    expect(found?.reason).toMatch(/ is in the way: (\S+, ){3}\S+ and 3996 more$/);
  });
});
