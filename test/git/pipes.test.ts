import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { askGit, changeGit } from '../../src/adapters/git/git.ts';
import { lookForSettingsOf } from '../../src/adapters/git/pipes.ts';
import { examineNested } from '../../src/adapters/git/risk/nested.ts';
import { listProcesses } from '../../src/adapters/process/table.ts';
import { git, makeRepo, writeHook } from '../support/git-repos.ts';
import { makeTemp } from '../support/temp.ts';
import { until } from '../support/until.ts';

const STATUS = ['status', '--porcelain'];
const REFS = ['for-each-ref'];
const soon = { deadlineSeconds: 120 };

function pipe(file: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  rmSync(file, { force: true });
  execFileSync('mkfifo', [file]);
}

function restoreEnv(before: Record<string, string | undefined>): void {
  for (const [name, value] of Object.entries(before))
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
}

/** A repo with a linked worktree, with something to look into in its folder `sub`. */
function makeWorld(): { repo: string; worktree: string } {
  const folder = makeTemp();
  const repo = makeRepo(path.join(folder, 'repo'));
  const worktree = path.join(folder, 'worktree');
  git(repo, 'worktree', 'add', '--quiet', '-b', 'x', worktree);
  mkdirSync(path.join(worktree, 'sub'));
  writeFileSync(path.join(worktree, 'sub', 'new'), 'new\n');
  return { repo, worktree };
}

/** True where this git opens the pipe: newer ones pass over what is no regular file among refs. */
function waits(cwd: string, args: readonly string[]): boolean {
  return spawnSync('git', args, { cwd, timeout: 2000, killSignal: 'SIGKILL', stdio: 'ignore' }).signal !== null;
}

describe('a pipe where git reads a file', () => {
  it.each([
    ['worktree/.gitignore', STATUS],
    ['worktree/sub/.gitignore', STATUS],
    ['worktree/sub/.gitignore', ['ls-files', '--others', '--exclude-standard']],
    ['worktree/sub/.gitattributes', ['add', '.']],
    ['worktree/other/.git/HEAD', STATUS],
    ['repo/.git/info/exclude', STATUS],
    ['repo/.git/worktrees/worktree/index', STATUS],
    ['repo/.git/worktrees/worktree/HEAD', STATUS],
    ['repo/.git/config', REFS],
    ['repo/.git/packed-refs', REFS],
    ['repo/.git/refs/heads/a/b', REFS],
    ['repo/.git/objects/info/alternates', REFS],
  ])('at %s is named, and no git waits for it', async (file, args) => {
    const { repo, worktree } = makeWorld();
    const at = path.join(path.dirname(repo), file);
    if (file.includes('other'))
      for (const name of ['objects', 'refs']) mkdirSync(path.join(path.dirname(at), name), { recursive: true });
    pipe(at);
    if (file.includes('/refs/') && !waits(worktree, args)) return void (await askGit(worktree, args));
    const told = { code: 'git', message: `${at} is a pipe, and git would wait for it` };
    await expect(askGit(worktree, args)).rejects.toMatchObject(told);
    await expect(changeGit(worktree, args, soon)).rejects.toMatchObject(told);
    await until('no git waits', async () => (await listWaiting(path.dirname(repo))).length === 0);
  });

  it.each([
    ['.gitconfig', REFS, ''],
    ['.config/git/ignore', STATUS, ''],
    ['mine/ignore', STATUS, '[core]\n\texcludesFile = ~/mine/ignore\n'],
    ['mine/attributes', STATUS, '[core]\n\tattributesFile = "~/mine/attributes"\n'],
    ['mine/more', REFS, '[include]\n\tpath = mine/more\n'],
  ])('at ~/%s, among a person’s own settings, is named', async (file, args, settings) => {
    const { worktree } = makeWorld();
    writeFileSync(path.join(worktree, 'README.md'), 'other\n');
    const home = makeTemp();
    const before = { HOME: process.env.HOME, GIT_CONFIG_GLOBAL: process.env.GIT_CONFIG_GLOBAL };
    onTestFinished(() => void restoreEnv(before));
    process.env.HOME = home;
    delete process.env.GIT_CONFIG_GLOBAL;
    if (settings) writeFileSync(path.join(home, '.gitconfig'), settings);
    pipe(path.join(home, file));
    const told = { code: 'git', message: `${path.join(home, file)} is a pipe, and git would wait for it` };
    await expect(askGit(worktree, args)).rejects.toMatchObject(told);
  });

  it.each([
    ['git/config', REFS, { XDG_CONFIG_HOME: '' }],
    ['git/ignore', STATUS, { XDG_CONFIG_HOME: '' }],
    ['git/attributes', STATUS, { XDG_CONFIG_HOME: '' }],
    ['mine', REFS, { GIT_CONFIG_GLOBAL: 'mine' }],
    ['ours', REFS, { GIT_CONFIG_SYSTEM: 'ours', GIT_CONFIG_NOSYSTEM: 'false' }],
  ])('at %s, where the environment says that settings are, is named', async (file, args, settings) => {
    const { worktree } = makeWorld();
    writeFileSync(path.join(worktree, 'README.md'), 'other\n');
    const home = makeTemp();
    const names = ['HOME', 'XDG_CONFIG_HOME', 'GIT_CONFIG_GLOBAL', 'GIT_CONFIG_SYSTEM', 'GIT_CONFIG_NOSYSTEM'];
    const before = Object.fromEntries(names.map((name) => [name, process.env[name]]));
    onTestFinished(() => void restoreEnv(before));
    restoreEnv({ ...before, HOME: home, GIT_CONFIG_GLOBAL: undefined });
    for (const [name, value] of Object.entries(settings))
      process.env[name] = value === 'false' ? value : path.join(home, value);
    lookForSettingsOf(process.env);
    onTestFinished(() => lookForSettingsOf({}));
    pipe(path.join(home, file));
    const told = { code: 'git', message: `${path.join(home, file)} is a pipe, and git would wait for it` };
    await expect(askGit(worktree, args)).rejects.toMatchObject(told);
  });

  it('in what a repo borrows objects from is named', async () => {
    const { repo, worktree } = makeWorld();
    const lender = makeRepo(path.join(path.dirname(repo), 'lender'));
    writeFileSync(path.join(repo, '.git/objects/info/alternates'), `${lender}/.git/objects\n`);
    const file = path.join(lender, '.git/objects/info/alternates');
    pipe(file);
    const told = { message: `${file} is a pipe, and git would wait for it` };
    await expect(askGit(worktree, REFS)).rejects.toMatchObject(told);
  });

  it('in a submodule ends the git too that git started there', async () => {
    const { repo, worktree } = makeWorld();
    git(worktree, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', repo, 'part');
    const file = path.join(worktree, 'part', 'sub', '.gitignore');
    pipe(file);
    await expect(askGit(worktree, STATUS)).rejects.toMatchObject({ message: expect.stringContaining(file) });
    await until('no git waits', async () => (await listWaiting(path.dirname(repo))).length === 0);
  });

  it('is named where a link leads to it', async () => {
    const { repo, worktree } = makeWorld();
    const at = path.join(path.dirname(repo), 'elsewhere');
    pipe(path.join(at, 'heads', 'x'));
    rmSync(path.join(repo, '.git', 'refs'), { recursive: true });
    execFileSync('ln', ['-s', at, path.join(repo, '.git', 'refs')]);
    if (!waits(worktree, REFS)) return void (await askGit(worktree, REFS));
    await expect(askGit(worktree, REFS)).rejects.toMatchObject({ message: expect.stringContaining(' is a pipe') });
  });

  it('leaves no lock of a change that it kept', async () => {
    const { repo, worktree } = makeWorld();
    pipe(path.join(worktree, 'sub', '.gitattributes'));
    await expect(changeGit(worktree, ['add', '.'], soon)).rejects.toMatchObject({ code: 'git' });
    expect(existsSync(path.join(repo, '.git', 'worktrees', 'worktree', 'index.lock'))).toBe(false);
  });

  it('in another repo of a worktree is that repo’s fault, and never taken for none', async () => {
    const { repo, worktree } = makeWorld();
    const inside = path.join(worktree, 'inside');
    git(repo, 'worktree', 'add', '--quiet', '-b', 'y', inside);
    const common = path.join(repo, '.git', 'worktrees', 'inside', 'commondir');
    for (const file of [common, path.join(repo, '.git', 'worktrees', 'inside', 'HEAD')]) {
      renameSync(file, `${file}.aside`);
      pipe(file);
      const [found] = await examineNested(worktree, ['inside'], [worktree]);
      expect(found?.fault).toContain(`${file}: it is a named pipe`);
      rmSync(file);
      renameSync(`${file}.aside`, file);
    }
  });
});

describe('a git that takes long', () => {
  it('is waited for, whatever else lies about', async () => {
    const { repo, worktree } = makeWorld();
    // What git reads nothing of: a pipe of somebody’s, and a socket as its own file system monitor has one.
    pipe(path.join(worktree, 'sub', 'pipe'));
    pipe(path.join(repo, '.git', 'somebodys'));
    execFileSync('ln', ['-s', '/dev/null', path.join(worktree, 'sub', '.gitignore')]);
    const server = createServer().listen(path.join(repo, '.git', 'fsmonitor--daemon.ipc'));
    onTestFinished(() => void server.close());
    git(repo, 'config', 'filter.slow.clean', 'sleep 5; cat');
    writeFileSync(path.join(worktree, '.gitattributes'), 'new filter=slow\n');
    expect(await askGit(worktree, ['hash-object', 'sub/new'])).toMatch(/^[0-9a-f]{40}\n$/);
    writeHook(repo, 'pre-commit', 'sleep 5');
    expect(await changeGit(worktree, ['commit', '--allow-empty', '-m', 'slow'], soon)).toMatchObject({ exitCode: 0 });
  });
});

/** Every process that is still at work in a folder; Linux alone tells. */
async function listWaiting(folder: string): Promise<string[]> {
  const rows = process.platform === 'linux' ? await listProcesses() : [];
  const places = rows.filter(({ zombie }) => !zombie).map(({ pid }) => ({ pid, place: placeOf(pid) }));
  return places.filter(({ place }) => `${place}/`.startsWith(`${folder}/`)).map(({ pid }) => `${pid}`);
}

function placeOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}
