import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findEveryRisk } from '../../src/adapters/git/risk/every-risk.ts';
import { noteCheckout, noteCopied, noteEnvText, noteWritten } from '../../src/adapters/git/worktree/note-written.ts';
import { addWorktree } from '../../src/adapters/git/worktree/worktree.ts';
import { mergeEnvBlock, renderEnvBlock } from '../../src/domain/env-block.ts';
import { commitFile, git, makeRepo, writeHook } from '../support/git-repos.ts';
import { makeTemp } from '../support/temp.ts';

/** A repo with a worktree on `feat-01`; `prepare` writes what is committed first, `then` comes after that. */
async function makeWorld(
  prepare: (repo: string) => void = () => undefined,
  then: (repo: string) => void = () => undefined,
) {
  const folder = makeTemp();
  const repo = makeRepo(path.join(folder, 'repo'), { files: 2 });
  writeFileSync(path.join(repo, '.gitignore'), '*.secret\nbuilt\nnode_modules\n');
  prepare(repo);
  git(repo, 'add', '--all');
  git(repo, 'commit', '--quiet', '--message', 'Begin');
  then(repo);
  const worktree = path.join(folder, 'tickets/feat-01/repo');
  const baseCommit = git(repo, 'rev-parse', 'HEAD');
  const place = { repoPath: repo, gitCommonDir: path.join(repo, '.git'), worktree, envFiles: [] as string[] };
  const branch = { branch: 'feat-01', ownsBranch: true, base: 'main', baseCommit };
  await addWorktree({ ...place, ...branch, path: worktree, start: baseCommit, newBranch: true });
  await noteCheckout(place);
  const write = (name: string, text = `${name}\n`): void => {
    mkdirSync(path.dirname(path.join(worktree, name)), { recursive: true });
    writeFileSync(path.join(worktree, name), text);
  };
  const find = async (disposable?: string[]): Promise<string[]> => {
    const question = { ...place, ...branch, owner: '', since: new Date(0).toISOString(), disposable };
    return (await findEveryRisk(question))
      .flatMap(({ kind, paths = [] }) => paths.map((name) => `${kind} ${name}`))
      .sort();
  };
  const setUp = (run: () => void): Promise<void> => noteWritten(place, async () => run());
  return { repo, worktree, place, write, find, setUp };
}

describe('what the set-up writes is nobody’s work', () => {
  it('until somebody changes it', async () => {
    const { worktree, write, find, setUp } = await makeWorld();
    await setUp(() => {
      write('file-1', 'rewritten\n');
      rmSync(path.join(worktree, 'file-2'));
      write('gen/a');
      write('gen/deep/b');
      write('made.txt');
      write('made.secret');
      write('built/c');
      symlinkSync('a', path.join(worktree, 'gen/link'));
      write('gen/run.sh');
      chmodSync(path.join(worktree, 'gen/run.sh'), 0o755);
    });
    expect(await find()).toEqual([]);
    write('file-1', 'rewritten, and more\n');
    write('file-2', 'back, and other\n');
    write('gen/deep/b', 'mine\n');
    write('gen/mine');
    write('made.secret', 'mine\n');
    chmodSync(path.join(worktree, 'gen/run.sh'), 0o644);
    rmSync(path.join(worktree, 'gen/link'));
    symlinkSync('b', path.join(worktree, 'gen/link'));
    expect(await find()).toEqual([
      'ignored made.secret',
      'uncommitted file-1',
      'uncommitted file-2',
      'untracked gen/deep/b',
      'untracked gen/link',
      'untracked gen/mine',
      'untracked gen/run.sh',
    ]);
    write('file-1', 'rewritten\n');
    expect(await find()).not.toContain('uncommitted file-1');
    write('file-1', 'staged\n');
    git(worktree, 'add', 'file-1');
    write('file-1', 'rewritten\n');
    write('made.txt', 'staged\n');
    git(worktree, 'add', 'made.txt');
    write('made.txt');
    expect(await find()).toEqual(expect.arrayContaining(['uncommitted file-1', 'uncommitted made.txt']));
  });

  it('but what was somebody’s before stays theirs, also when it is set up again', async () => {
    const { write, find, setUp } = await makeWorld();
    await setUp(() => write('file-1', 'first\n'));
    write('file-2', 'mine\n');
    write('mine.txt');
    write('mine.secret');
    write('built/mine');
    await setUp(() => {
      write('file-1', 'second\n');
      write('file-2', 'mine, and rewritten\n');
      write('built/made');
    });
    expect(await find()).toEqual([
      'ignored built/mine',
      'ignored mine.secret',
      'uncommitted file-2',
      'untracked mine.txt',
    ]);
  });

  it('also in a submodule, until somebody changes something there', async () => {
    const lib = makeRepo(path.join(makeTemp(), 'lib'));
    const add = ['-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', lib, 'lib'];
    const { write, find, setUp } = await makeWorld((repo) => git(repo, ...add));
    await setUp(() => {
      write('lib/file-1', 'generated\n');
      write('lib/gen/types.ts');
    });
    expect(await find()).toEqual([]);
    await setUp(() => write('lib/gen/types.ts', 'otherwise\n'));
    expect(await find()).toEqual([]);
    write('lib/gen/types.ts', 'mine\n');
    await setUp(() => write('lib/file-1', 'generated again\n'));
    expect(await find()).toEqual(['uncommitted lib']);
  });

  it('also of one that fails', async () => {
    const { write, find, setUp } = await makeWorld();
    const failing = setUp(() => {
      write('file-1', 'half\n');
      write('half.txt');
      throw new Error('no such package');
    });
    await expect(failing).rejects.toThrow('no such package');
    expect(await find()).toEqual([]);
  });

  it('also a repo that it made, until somebody commits there', async () => {
    const { worktree, find, setUp } = await makeWorld();
    await setUp(() => {
      mkdirSync(path.join(worktree, 'lib/sub'), { recursive: true });
      makeRepo(path.join(worktree, 'lib/sub'));
    });
    expect(await find()).toEqual([]);
    commitFile(path.join(worktree, 'lib/sub'), 'mine', 'x');
    expect(await find()).toEqual(['nested lib/sub/']);
  });
});

describe('what git itself shows as changed in a new worktree is nobody’s work', () => {
  const touch = (repo: string, name: string, text: string): void => writeFileSync(path.join(repo, name), text);

  it('line ends that the attributes do not allow, and a filter that does not give back what it got', async () => {
    const { worktree, write, find } = await makeWorld(
      (repo) => {
        touch(repo, 'run.bat', 'echo one\r\necho two\r\n');
        touch(repo, 'note.nb', 'text\nOUTPUT 1\n');
        touch(repo, 'large.bin', 'not a pointer\n');
      },
      (repo) => {
        git(repo, 'config', 'filter.strip.clean', "sed '/^OUTPUT/d'");
        git(repo, 'config', 'filter.pointer.clean', 'echo pointer; cat >/dev/null');
        const attributes = '*.bat text eol=lf\n*.nb filter=strip\n*.bin filter=pointer\n';
        touch(repo, '.git/info/attributes', attributes);
      },
    );
    const [bat, nb, bin] = ['echo one\r\necho two\r\n', 'text\nOUTPUT 1\n', 'not a pointer\n'];
    // Written once more, as tools do, so that git looks at the content.
    write('run.bat', bat);
    write('note.nb', nb);
    write('large.bin', bin);
    expect(git(worktree, 'status', '--porcelain')).toBe(' M large.bin\n M note.nb\n M run.bat');
    expect(await find()).toEqual([]);
    write('run.bat', `${bat}echo three\r\n`);
    write('note.nb', `${nb}OUTPUT 2\n`);
    write('large.bin', 'mine\n');
    expect(await find()).toEqual(['uncommitted large.bin', 'uncommitted note.nb', 'uncommitted run.bat']);
  });

  it('and so is what a hook wrote at the checkout', async () => {
    const { write, find } = await makeWorld((repo) =>
      writeHook(repo, 'post-checkout', 'echo rewritten > file-1; echo made > from-hook; echo made > hook.secret'),
    );
    expect(await find()).toEqual([]);
    write('from-hook', 'mine\n');
    expect(await find()).toEqual(['untracked from-hook']);
  });
});

it('an env file is nobody’s work, also on a branch that ignores it no more, but what is around its block is', async () => {
  const file = 'apps/.env.local';
  const { worktree, write, find, place } = await makeWorld((repo) => {
    writeFileSync(path.join(repo, '.gitignore'), '.env.local\n');
  });
  place.envFiles.push(file);
  write(file, mergeEnvBlock('', renderEnvBlock({ PORT: '4001' })));
  await noteEnvText(worktree, file, '');
  expect(await find()).toEqual([]);
  commitFile(worktree, '.gitignore', 'built\n');
  git(worktree, 'push', '--quiet', place.repoPath, 'HEAD:refs/heads/kept');
  expect(await find()).toEqual([]);
  write(file, mergeEnvBlock('MINE=1\n', renderEnvBlock({ PORT: '4001' })));
  expect(await find()).toEqual(['untracked apps/']);
});

it('what was copied and git does not ignore is nobody’s work until it is changed', async () => {
  const { write, find, worktree } = await makeWorld();
  for (const name of ['keys/a', 'keys/b', 'config.json']) write(name);
  await noteCopied(worktree, ['keys/a', 'config.json']);
  expect(await find()).toEqual(['untracked keys/b']);
  write('keys/a', 'mine\n');
  rmSync(path.join(worktree, 'keys/b'));
  expect(await find()).toEqual(['untracked keys/']);
});

it('what is disposable is nobody’s work, except for a repo', async () => {
  const { write, find, worktree } = await makeWorld();
  for (const name of ['.next/a', '.next/deep/b', 'next-env.d.ts', 'app/x.gen.ts', 'built/y', 'app/mine.ts'])
    write(name);
  write('file-1', 'rewritten\n');
  const globs = ['.next', 'next-env.d.ts', '**/*.gen.ts', 'built/', 'file-1'];
  expect(await find(globs)).toEqual(['untracked app/mine.ts']);
  makeRepo(path.join(worktree, '.next/repo'));
  expect(await find(globs)).toEqual(['nested .next/repo/', 'untracked .next/repo/', 'untracked app/mine.ts']);
});
