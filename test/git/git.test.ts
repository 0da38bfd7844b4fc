import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { askGit, changeGit, firstLine, gitVersion, type OnStart, tryGit } from '../../src/adapters/git/git.ts';
import { listProcesses, readEnvironment } from '../../src/adapters/process/table.ts';
import { git, makeRepo, writeHook } from '../support/git-repos.ts';
import { makeTemp } from '../support/temp.ts';
import { until } from '../support/until.ts';

function setEnv(name: string, value: string): void {
  const before = process.env[name];
  process.env[name] = value;
  onTestFinished(() => {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  });
}

const soon = { deadlineSeconds: 120 };

describe('asking git', () => {
  it('gives what git printed', async () => {
    const repo = makeRepo(makeTemp());
    expect(await askGit(repo, ['rev-parse', 'HEAD'])).toBe(`${git(repo, 'rev-parse', 'HEAD')}\n`);
    expect(await askGit(repo, ['for-each-ref', 'refs/nothing'])).toBe('');
  });

  it('hands git its input', async () => {
    const repo = makeRepo(makeTemp());
    const text = await askGit(repo, ['cat-file', '--batch-check'], { input: 'HEAD\nnothing\n' });
    expect(text).toMatch(/^[0-9a-f]{40} commit \d+\nnothing missing\n$/);
  });

  it('has all that was printed, however long after the end of git it is read', async () => {
    const repo = makeRepo(makeTemp());
    git(repo, 'config', 'alias.late', '!(sleep 0.5; echo late) & echo early');
    expect(await askGit(repo, ['late'])).toBe('early\nlate\n');
  });

  it('takes no part of the output for all of it', async () => {
    const repo = makeRepo(makeTemp());
    git(repo, 'config', 'alias.held', '!sleep 600 & echo $!');
    setEnv('STACK_HELD', repo);
    const answer = askGit(repo, ['held']);
    await expect(answer).rejects.toMatchObject({
      code: 'git',
      message: expect.stringMatching(/^git held in .* holds its output open$/),
    });
    const held = (await listProcesses()).filter(({ pid }) => readEnvironment(pid)?.STACK_HELD === repo);
    for (const { pid } of held) if (pid !== process.pid) process.kill(pid, 'SIGKILL');
  });

  it('asks again while another git is just making a worktree', async () => {
    const repo = makeRepo(makeTemp());
    const other = path.join(makeTemp(), 'other');
    git(repo, 'worktree', 'add', '--quiet', '-b', 'other', other);
    const commondir = path.join(repo, '.git/worktrees/other/commondir');
    writeFileSync(commondir, '');
    expect(() => git(repo, 'for-each-ref', '--format=%(worktreepath)')).toThrow(/failed to read/);
    const answer = askGit(repo, ['for-each-ref', '--format=%(worktreepath)', 'refs/heads/other']);
    setTimeout(() => writeFileSync(commondir, '../..\n'), 50);
    expect(await answer).toBe(`${other}\n`);

    writeFileSync(commondir, '');
    await expect(askGit(repo, ['worktree', 'list'])).rejects.toMatchObject({ code: 'git' });
  });

  it('throws with git’s own first line', async () => {
    const repo = makeRepo(makeTemp());
    await expect(askGit(repo, ['rev-parse', '--verify', 'nothing'])).rejects.toMatchObject({
      code: 'git',
      message: expect.stringMatching(/^git rev-parse failed in .*: Needed a single revision$/),
    });
  });

  it('takes a failure without words for a failure', async () => {
    const repo = makeRepo(makeTemp());
    expect(await tryGit(repo, ['rev-parse', '--verify', '--quiet', 'nothing'])).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: '',
    });
  });

  it('keeps what git printed before it failed', async () => {
    const repo = makeTemp();
    git(repo, 'init', '--quiet', '--bare');
    const answer = await tryGit(repo, ['rev-parse', '--is-bare-repository', '--show-toplevel']);
    expect(answer).toMatchObject({ exitCode: 128, stdout: 'true\n' });
  });

  it('is not misled by the variables of a hook that calls us', async () => {
    const folder = makeTemp();
    const [here, other] = [makeRepo(path.join(folder, 'here')), makeRepo(path.join(folder, 'other'))];
    git(here, 'branch', 'only-here');
    setEnv('GIT_DIR', path.join(other, '.git'));
    setEnv('GIT_WORK_TREE', other);
    setEnv('GIT_INDEX_FILE', path.join(other, 'no-index'));
    setEnv('GIT_CEILING_DIRECTORIES', folder);
    expect(await askGit(here, ['rev-parse', '--show-toplevel'])).toBe(`${here}\n`);
    await changeGit(here, ['branch', 'made'], soon);
    delete process.env.GIT_DIR;
    expect(await askGit(here, ['branch', '--format=%(refname:short)'])).toBe('made\nmain\nonly-here\n');
    expect(await askGit(other, ['branch', '--format=%(refname:short)'])).toBe('main\n');
  });

  it('sees the settings the person keeps in variables', async () => {
    const repo = makeRepo(makeTemp());
    setEnv('GIT_CONFIG_COUNT', '1');
    setEnv('GIT_CONFIG_KEY_0', 'stack.test');
    setEnv('GIT_CONFIG_VALUE_0', 'seen');
    setEnv('GIT_SSH_COMMAND', 'ssh -v');
    setEnv('GIT_ASKPASS', '/bin/true');
    setEnv('EDITOR', 'vi');
    expect(await askGit(repo, ['config', 'stack.test'])).toBe('seen\n');
    expect((await changeGit(repo, ['config', 'stack.test'], soon)).stdout).toBe('seen\n');
  });

  it('says so when the folder is gone, and when git is', async () => {
    const repo = makeRepo(makeTemp());
    const gone = path.join(repo, 'gone');
    await expect(tryGit(gone, ['status'])).rejects.toMatchObject({
      code: 'git',
      message: expect.stringContaining(gone),
    });
    await expect(changeGit(gone, ['status'], soon)).rejects.toMatchObject({ message: expect.stringContaining(gone) });
    setEnv('PATH', '/nowhere');
    const missing = { code: 'git', message: 'git was not found', hint: expect.stringContaining('2.31') };
    await expect(tryGit(repo, ['status'])).rejects.toMatchObject(missing);
    await expect(changeGit(repo, ['status'], soon)).rejects.toMatchObject(missing);
    await expect(gitVersion()).rejects.toMatchObject(missing);
  });

  it('says that a command line is too long, and not that git is missing', async () => {
    const repo = makeRepo(makeTemp());
    // Linux takes 2 MB by default, and macOS one.
    const args = ['ls-files', '--', ...Array.from({ length: 4000 }, () => 'x'.repeat(1000))];
    const tooLong = { code: 'files', message: expect.stringContaining('command line') };
    await expect(tryGit(repo, args)).rejects.toMatchObject(tooLong);
    await expect(changeGit(repo, args, soon)).rejects.toMatchObject(tooLong);
    await expect(changeGit(repo, args, { ...soon, onStart: () => () => {} })).rejects.toMatchObject(tooLong);
  });

  it('refuses a git that is too old', async () => {
    const folder = makeTemp();
    expect(await gitVersion()).toMatch(/^2\.\d+/);
    writeFileSync(path.join(folder, 'git'), '#!/bin/sh\necho git version 2.30.9\n', { mode: 0o755 });
    setEnv('PATH', `${folder}:${process.env.PATH}`);
    await expect(gitVersion()).rejects.toMatchObject({ code: 'git', message: 'git 2.30.9 is too old' });
  });

  it('takes an aborted signal for an interruption', async () => {
    const repo = makeRepo(makeTemp());
    const signal = AbortSignal.abort();
    await expect(askGit(repo, ['status'], { signal })).rejects.toMatchObject({ code: 'interrupted' });
    await expect(changeGit(repo, ['status'], { ...soon, signal })).rejects.toMatchObject({ code: 'interrupted' });
  });
});

describe('letting git change something', () => {
  it('gives exit code and words and does not throw', async () => {
    const repo = makeRepo(makeTemp());
    expect(await changeGit(repo, ['branch', 'made'], soon)).toMatchObject({ exitCode: 0, timedOut: false });
    const again = await changeGit(repo, ['branch', 'made'], soon);
    expect(again).toMatchObject({ exitCode: 128, stderr: expect.stringContaining('made') });
  });

  it('runs it without a terminal, in a process group of its own', async () => {
    const repo = makeRepo(makeTemp());
    const out = path.join(makeTemp(), 'out');
    writeHook(repo, 'post-checkout', `cut -d" " -f5,7 /proc/$$/stat > ${out}; read -r line || echo closed >> ${out}`);
    let pid = 0;
    const onStart: OnStart = (started) => {
      pid = started.pid;
      return () => undefined;
    };
    await changeGit(repo, ['checkout', '--quiet', '-b', 'x'], { ...soon, onStart });
    const [numbers, input] = readFileSync(out, 'utf8').split('\n');
    // Fields 5 and 7 of /proc/<pid>/stat: the group, and the terminal (0 for none).
    expect(numbers).toBe(`${pid} 0`);
    expect(input).toBe('closed');
  });

  it('ends git and its hooks at the deadline, those that ignore SIGTERM too', async () => {
    const repo = makeRepo(makeTemp());
    writeHook(repo, 'post-checkout', 'trap "" TERM; sleep 600 & sleep 600');
    let group = 0;
    const onStart: OnStart = ({ pid }) => {
      group = pid;
      return () => undefined;
    };
    const change = await changeGit(repo, ['checkout', '--quiet', '-b', 'x'], { deadlineSeconds: 0.5, onStart });
    expect(change.timedOut).toBe(true);
    const left = (await listProcesses()).filter((row) => row.group === group && !row.zombie);
    expect(left).toEqual([]);
  });

  it('never begins what cannot be noted', async () => {
    const repo = makeRepo(makeTemp());
    let group = 0;
    const onStart: OnStart = ({ pid }) => {
      group = pid;
      throw new Error('the disk is full');
    };
    await expect(changeGit(repo, ['checkout', '--quiet', '-b', 'x'], { ...soon, onStart })).rejects.toThrow('disk');
    expect(git(repo, 'branch', '--list', 'x')).toBe('');
    expect((await listProcesses()).filter((row) => row.group === group && !row.zombie)).toEqual([]);
  });

  it('does not wait for what a hook leaves running', async () => {
    const repo = makeRepo(makeTemp());
    const pidFile = path.join(makeTemp(), 'pid');
    writeHook(repo, 'post-checkout', `sleep 600 & echo $! > ${pidFile}`);
    const change = await changeGit(repo, ['checkout', '--quiet', '-b', 'x'], soon);
    expect(change).toMatchObject({ exitCode: 0, timedOut: false });
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
  });

  it('ends what may be interrupted when the signal is aborted', async () => {
    const repo = makeRepo(makeTemp());
    const begun = path.join(makeTemp(), 'begun');
    writeHook(repo, 'post-checkout', `touch ${begun}; sleep 600`);
    const controller = new AbortController();
    const change = changeGit(repo, ['checkout', '--quiet', '-b', 'x'], { ...soon, signal: controller.signal });
    const refused = expect(change).rejects.toMatchObject({ code: 'interrupted' });
    await until('the hook runs', () => existsSync(begun));
    controller.abort();
    await refused;
  });
});

describe('git’s first line', () => {
  it.each([
    ['Preparing worktree\nfatal: no such thing\n', 'no such thing'],
    ['hint: try this\nerror: unable to write file a\nfatal: b\n', 'unable to write file a'],
    ['warning: careful\nsomething else\n', 'something else'],
    ['', ''],
  ])('of %j is %j', (stderr, line) => {
    expect(firstLine(stderr)).toBe(line);
  });
});
