import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { addExclude } from '../../src/adapters/git/exclude.ts';
import { type EveryRiskQuestion, findEveryRisk } from '../../src/adapters/git/risk/every-risk.ts';
import { noteWritten } from '../../src/adapters/git/worktree/note-written.ts';
import { addWorktree } from '../../src/adapters/git/worktree/worktree.ts';
import { commitFile, git, makeClone, makeRepo, makeSuperproject } from '../support/git-repos.ts';
import { makeTemp } from '../support/temp.ts';

/** A clone with a worktree whose `tmp/`, `vendor/` and `own/` git ignores. */
async function makeWorld() {
  const folder = makeTemp();
  const { remote, clone } = makeClone(folder);
  const worktree = path.join(folder, 'tickets/feat-01/repo');
  const gitCommonDir = path.join(clone, '.git');
  const place = { repoPath: clone, gitCommonDir, worktree, branch: 'feat-01' };
  const start = git(clone, 'rev-parse', 'HEAD');
  await addWorktree({ ...place, path: worktree, start, newBranch: true });
  for (const name of ['/tmp', '/vendor', '/own']) await addExclude(gitCommonDir, name, 'feat-01');
  const at = (name: string) => path.join(worktree, name);
  const about = { ownsBranch: true, base: 'main', baseCommit: start, owner: '', envFiles: [], since: '2020-01-01' };
  return { folder, remote, clone, worktree, at, find: () => find({ ...place, ...about }) };
}

async function find(question: EveryRiskQuestion): Promise<string[]> {
  return (await findEveryRisk(question)).map(({ kind, text }) => `${kind}: ${text.replaceAll(question.worktree, '…')}`);
}

describe('another repo among the files', () => {
  it('counts in a folder that tools fill when it has what is nowhere else', async () => {
    const { remote, at, find } = await makeWorld();
    git(path.dirname(remote), 'clone', '--quiet', remote, at('vendor/lib'));
    git(path.dirname(remote), 'clone', '--quiet', '--bare', remote, at('vendor/cache/lib.git'));
    expect(await find()).toEqual([]);

    const commit = commitFile(at('vendor/lib'), 'x', 'x').slice(0, 7);
    const lib = 'nested: vendor/lib/ is a git repo of its own; 1 commit that no remote of it has:';
    expect(await find()).toEqual([`${lib} ${commit} Write x`]);
    git(at('vendor/lib'), 'push', '--quiet');
    expect(await find()).toEqual([]);

    writeFileSync(path.join(at('vendor/lib'), 'file-1'), 'changed');
    expect(await find()).toEqual(['nested: vendor/lib/ is a git repo of its own; 1 file not committed there: file-1']);
    git(at('vendor/lib'), 'stash', '--quiet');
    expect(await find()).toEqual([expect.stringMatching(/2 commits that no remote of it has: .*WIP on main/)]);
  });

  it('counts there when nothing but its logs leads to what was committed, unless that is in it still', async () => {
    const { remote, at, find } = await makeWorld();
    const lib = at('vendor/lib');
    git(path.dirname(remote), 'clone', '--quiet', remote, lib);
    const commit = commitFile(lib, 'mine', 'x').slice(0, 7);
    git(lib, 'reset', '--quiet', '--hard', 'HEAD~1');
    const what = 'nested: vendor/lib/ is a git repo of its own; 1 commit that no remote of it has:';
    expect(await find()).toEqual([`${what} ${commit} Write mine`]);
    git(lib, 'reset', '--quiet', '--hard', commit);
    git(lib, 'commit', '--quiet', '--amend', '--message', 'Write it');
    git(lib, 'push', '--quiet');
    expect(await find()).toEqual([]);
  });

  it('does not count there when a tool took it to commits that its remote has no more', async () => {
    const { remote, clone, at, find } = await makeWorld();
    const lib = at('vendor/lib');
    git(path.dirname(remote), 'clone', '--quiet', remote, lib);
    for (const text of ['one', 'two']) {
      git(clone, 'commit', '--quiet', '--allow-empty', '--message', text);
      git(clone, 'push', '--quiet', '--force', 'origin', 'HEAD:refs/heads/moving');
      git(lib, 'fetch', '--quiet', 'origin', 'moving');
      git(lib, 'reset', '--quiet', '--hard', 'FETCH_HEAD');
      git(lib, 'update-ref', '-d', 'refs/remotes/origin/moving');
      git(clone, 'reset', '--quiet', '--hard', 'HEAD~1');
    }
    git(lib, 'reset', '--quiet', '--hard', 'origin/main');
    expect(await find()).toEqual([]);
  });

  it('counts when it is bare and somebody pushed to it', async () => {
    const { clone, at, find } = await makeWorld();
    git(clone, 'init', '--quiet', '--bare', at('tmp/mine.git'));
    expect(await find()).toEqual([]);
    git(clone, 'push', '--quiet', at('tmp/mine.git'), 'main');
    expect(await find()).toEqual([
      expect.stringMatching(/^nested: tmp\/mine\.git\/ is a git repo of its own; 1 commit that no remote of it has: /),
    ]);
  });

  it('counts anywhere else as it is, and its files are its own', async () => {
    const { remote, at, find } = await makeWorld();
    git(path.dirname(remote), 'clone', '--quiet', remote, at('own/lib'));
    writeFileSync(at('own/mine'), 'mine');
    expect(await find()).toEqual([
      'nested: own/lib/ is a git repo of its own',
      'ignored: 1 file that git ignores: own/mine',
    ]);
  });

  it('counts inside a folder of tracked files, where git passes over it', async () => {
    const { worktree, at, find } = await makeWorld();
    mkdirSync(at('src'));
    commitFile(worktree, 'src/a', 'a');
    git(worktree, 'push', '--quiet');
    makeRepo(at('src'), { files: 0 });
    expect(await find()).toContainEqual(expect.stringMatching(/^nested: src\/ is a git repo of its own; 1 commit/));
  });

  it('counts as a worktree of a third repo, whose entry would lead nowhere', async () => {
    const { folder, at, find } = await makeWorld();
    const third = makeRepo(path.join(folder, 'third'));
    git(third, 'worktree', 'add', '--quiet', '-b', 'mine', at('tmp/third'));
    const what = `nested: tmp/third/ is a worktree of ${third}`;
    expect(await find()).toEqual([`${what} (\`git -C ${third} worktree remove …/tmp/third\` removes it)`]);
    commitFile(at('tmp/third'), 'safe', 'on a branch that stays');
    expect(await find()).toHaveLength(1);
    git(at('tmp/third'), 'checkout', '--quiet', '--detach');
    const commit = commitFile(at('tmp/third'), 'lost', 'x').slice(0, 7);
    expect(await find()).toEqual([expect.stringMatching(`1 commit that no remote of it has: ${commit} Write lost`)]);
  });

  it('is none where `.git` leads nowhere, nor what a link leads to', async () => {
    const { folder, at, find } = await makeWorld();
    mkdirSync(at('vendor/x/.git'), { recursive: true });
    mkdirSync(at('vendor/y'), { recursive: true });
    writeFileSync(at('vendor/y/.git'), 'gitdir: ../../.git/modules/y\n');
    symlinkSync(makeRepo(path.join(folder, 'elsewhere')), at('vendor/link'));
    expect(await find()).toEqual([]);
  });

  it('counts in a folder that tools fill when another version control system keeps it, but not as the set-up left it', async () => {
    const { clone, worktree, at, find } = await makeWorld();
    const make = (name: string, file: string): void => {
      mkdirSync(path.dirname(at(`${name}/${file}`)), { recursive: true });
      writeFileSync(at(`${name}/${file}`), 'history');
    };
    make('vendor/tracked', '.svn/entries');
    git(worktree, 'add', '--force', 'vendor/tracked');
    git(worktree, 'commit', '--quiet', '--message', 'As it came');
    git(worktree, 'push', '--quiet');
    await noteWritten({ worktree, repoPath: clone, envFiles: [] }, async () => make('vendor/made', '.hg/store'));
    mkdirSync(at('vendor/none'));
    symlinkSync(at('vendor/made/.hg'), at('vendor/none/.hg'));
    expect(await find()).toEqual([]);
    make('tmp/x', '.hg/store');
    make('tmp/y', '_FOSSIL_');
    make('own/z', '.jj/repo/x');
    writeFileSync(at('vendor/made/.hg/store'), 'more history');
    expect((await find()).sort()).toEqual([
      expect.stringMatching('^ignored: 1 file that git ignores: own/z/.jj/repo/x'),
      'nested: tmp/x/ is a checkout of Mercurial (tmp/x/.hg), of which nothing can be judged or saved',
      'nested: tmp/y/ is a checkout of Fossil (tmp/y/_FOSSIL_), of which nothing can be judged or saved',
      'nested: vendor/made/ is a checkout of Mercurial (vendor/made/.hg), of which nothing can be judged or saved',
    ]);
  });

  it('does not count as the set-up left it', async () => {
    const { clone, worktree, at, find } = await makeWorld();
    const patch = (name: string): void => {
      makeRepo(at(name));
      writeFileSync(at(`${name}/file-1`), 'patched');
    };
    const place = { worktree, repoPath: clone, envFiles: [] };
    await noteWritten(place, async () => patch('vendor/patched'));
    expect(await find()).toEqual([]);
    patch('vendor/mine');
    // What a person made stays theirs when it is set up again.
    await noteWritten(place, async () => undefined);
    expect(await find()).toHaveLength(1);
    commitFile(at('vendor/patched'), 'more', 'x');
    expect(await find()).toHaveLength(2);
  });

  it('counts again when a person changes what the set-up changed in it, or made new', async () => {
    const { clone, worktree, at, find } = await makeWorld();
    await noteWritten({ worktree, repoPath: clone, envFiles: [] }, async () => {
      for (const name of ['own/one', 'own/two']) {
        makeRepo(at(name));
        writeFileSync(at(`${name}/file-1`), 'patched');
        mkdirSync(at(`${name}/new`));
        writeFileSync(at(`${name}/new/file`), 'made');
      }
    });
    expect(await find()).toEqual([]);
    writeFileSync(at('own/one/file-1'), 'mine');
    writeFileSync(at('own/two/new/mine'), 'mine');
    expect(await find()).toEqual([
      expect.stringMatching(/^nested: own\/one\/ is a git repo of its own/),
      expect.stringMatching(/^nested: own\/two\/ is a git repo of its own/),
    ]);
  });

  it('counts in a folder that tools fill with a tag of what is no commit', async () => {
    const { folder, remote, at, find } = await makeWorld();
    const seed = path.join(folder, 'seed');
    git(seed, 'tag', '--annotate', '--message', 'theirs', 'v1');
    git(seed, 'push', '--quiet', remote, 'v1');
    const [lib, bare] = [at('vendor/lib'), at('vendor/lib.git')];
    git(folder, 'clone', '--quiet', remote, lib);
    git(folder, 'clone', '--quiet', '--bare', remote, bare);
    git(lib, 'notes', 'list');
    expect(await find()).toEqual([]);
    for (const [repo, name] of [
      [lib, 'a'],
      [bare, 'b'],
    ] as const) {
      git(repo, 'tag', name, git(repo, 'rev-parse', 'HEAD:file-1'));
      git(repo, 'tag', `${name}-tree`, git(repo, 'rev-parse', 'HEAD^{tree}'));
    }
    const what = 'is a git repo of its own; refs to what is nowhere else:';
    expect(await find()).toEqual([
      `nested: vendor/lib/ ${what} refs/tags/a (a blob), refs/tags/a-tree (a tree)`,
      `nested: vendor/lib.git/ ${what} refs/tags/b (a blob), refs/tags/b-tree (a tree)`,
    ]);
  });

  it('is looked at without anything that its settings, attributes or hooks would run', async () => {
    const { folder, at, find } = await makeWorld();
    const ran = path.join(folder, 'ran');
    const inner = makeRepo(at('tmp/evil'));
    const evil = `touch ${ran}; cat`;
    for (const [key, value] of [
      ['core.fsmonitor', `touch ${ran}`],
      ['core.hooksPath', at('tmp/evil/hooks')],
      ['filter.evil.clean', evil],
      ['filter.evil.process', evil],
      ['diff.external', evil],
      ['log.showSignature', 'true'],
      ['gpg.program', evil],
    ] as const) {
      git(inner, 'config', key, value);
    }
    writeFileSync(path.join(inner, '.gitattributes'), '* filter=evil\n');
    writeFileSync(path.join(inner, 'file-1'), '2\n');
    expect(await find()).toEqual([
      expect.stringMatching(/1 commit.*2 files not committed there: file-1, \.gitattributes$/),
    ]);
    expect(() => rmSync(ran)).toThrow('ENOENT');
  });

  it('is not a submodule', async () => {
    const folder = makeTemp();
    const { top } = makeSuperproject(folder);
    const worktree = path.join(folder, 'wt');
    const place = { repoPath: top, gitCommonDir: path.join(top, '.git'), worktree, branch: 'feat-01' };
    const start = git(top, 'rev-parse', 'HEAD');
    await addWorktree({ ...place, path: worktree, start, newBranch: true });
    const about = { ownsBranch: true, base: 'main', baseCommit: start, owner: '', envFiles: [], since: '2020-01-01' };
    expect(await find({ ...place, ...about })).toEqual([]);
  });
});

describe('what cannot be opened', () => {
  it('is a path longer than the system takes', async () => {
    const { worktree, find } = await makeWorld();
    const name = 'd'.repeat(200);
    const script = `process.chdir(${JSON.stringify(worktree)}); const fs = require('fs');
      for (const name of ['tmp', ...Array(25).fill(${JSON.stringify(name)})]) { fs.mkdirSync(name); process.chdir(name); }`;
    const { execFileSync } = await import('node:child_process');
    execFileSync(process.execPath, ['-e', script]);
    expect(await find()).toEqual([
      `closed: tmp/${'d'.repeat(56)}… has a longer path than can be opened; move or delete …/tmp`,
    ]);
    execFileSync('rm', ['-rf', path.join(worktree, 'tmp')]);
    expect(await find()).toEqual([]);
  });
});
