import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { deleteBranch } from '../../src/adapters/git/branch.ts';
import { listUnsaved } from '../../src/adapters/git/rescue/exact-folder.ts';
import { rescueWork } from '../../src/adapters/git/rescue/rescue.ts';
import { findEveryRisk } from '../../src/adapters/git/risk/every-risk.ts';
import { lookAt, type RiskQuestion } from '../../src/adapters/git/risk/risk.ts';
import { noteWritten } from '../../src/adapters/git/worktree/note-written.ts';
import { addWorktree, removeWorktree } from '../../src/adapters/git/worktree/worktree.ts';
import { commitFile, git, listRefs, makeClone, makeSuperproject } from '../support/git-repos.ts';
import { makeTemp } from '../support/temp.ts';

const findWorkAtRisk = async (question: RiskQuestion) => (await lookAt(question)).findings;

const REF = 'refs/stack/rescue/feat-01/now';

function makeWorld() {
  const folder = makeTemp();
  const { top, libRemote } = makeSuperproject(folder);
  const wanted = {
    repoPath: top,
    gitCommonDir: path.join(top, '.git'),
    path: path.join(folder, 'tickets/feat-01/top'),
    worktree: path.join(folder, 'tickets/feat-01/top'),
    branch: 'feat-01',
    start: git(top, 'rev-parse', 'HEAD'),
    baseCommit: git(top, 'rev-parse', 'HEAD'),
    base: 'main',
    newBranch: true,
    ownsBranch: true,
    trash: path.join(folder, '.trash'),
  };
  return { folder, top, libRemote, wanted };
}

function allowLocalRemotes(): void {
  const settings = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'protocol.file.allow', GIT_CONFIG_VALUE_0: 'always' };
  Object.assign(process.env, settings);
  onTestFinished(() => {
    for (const name of Object.keys(settings)) delete process.env[name];
  });
}

/** Makes everything that could be asked unreachable. */
function cutOff(folder: string): void {
  for (const name of ['deep', 'lib', 'super']) renameSync(path.join(folder, name), path.join(folder, `${name}-away`));
}

describe('a worktree of a superproject', () => {
  it('has its submodules, nested ones too, without asking any remote', async () => {
    const { folder, top, libRemote, wanted } = makeWorld();
    cutOff(folder);
    expect(await addWorktree(wanted)).toEqual({});
    expect(existsSync(path.join(wanted.path, 'lib/file-1'))).toBe(true);
    expect(existsSync(path.join(wanted.path, 'lib/deep/file-1'))).toBe(true);
    expect(git(wanted.path, 'status', '--porcelain')).toBe('');
    expect(git(wanted.path, 'submodule', 'status', '--recursive')).toBe(git(top, 'submodule', 'status', '--recursive'));
    const lib = path.join(wanted.path, 'lib');
    expect(git(lib, 'config', 'remote.origin.url')).toBe(libRemote);
    expect(git(lib, 'rev-parse', 'origin/main')).toBe(git(path.join(top, 'lib'), 'rev-parse', 'origin/main'));
    expect(await findWorkAtRisk(wanted)).toEqual([]);
  });

  it('has them also where the main checkout is on a branch without them', async () => {
    const { folder, top, libRemote, wanted } = makeWorld();
    git(top, 'checkout', '--quiet', '-b', 'without');
    git(top, 'rm', '--quiet', 'lib');
    git(top, 'commit', '--quiet', '--message', 'Do without');
    cutOff(folder);
    await addWorktree(wanted);
    expect(existsSync(path.join(wanted.path, 'lib/deep/file-1'))).toBe(true);
    expect(git(path.join(wanted.path, 'lib'), 'config', 'remote.origin.url')).toBe(libRemote);
    expect(await findWorkAtRisk(wanted)).toEqual([]);
  });

  it('goes without a trace', async () => {
    const { top, wanted } = makeWorld();
    const read = () => [
      listRefs(top),
      readFileSync(path.join(top, '.git/config'), 'utf8'),
      git(top, 'status', '--porcelain'),
    ];
    const before = read();
    await addWorktree(wanted);
    await removeWorktree(wanted);
    await deleteBranch(wanted);
    expect(read()).toEqual(before);
    expect(existsSync(path.join(top, '.git/worktrees'))).toBe(false);
    expect(git(path.join(top, 'lib/deep'), 'status', '--porcelain')).toBe('');
  });

  it('does not fill what the main checkout left out', async () => {
    const { top, wanted } = makeWorld();
    git(top, 'submodule', '--quiet', 'deinit', '--force', 'lib');
    await addWorktree(wanted);
    expect(existsSync(path.join(wanted.path, 'lib/file-1'))).toBe(false);
  });

  it('fetches a submodule that only the branch has', async () => {
    const { folder, top, wanted } = makeWorld();
    const extra = makeClone(path.join(folder, 'extra')).remote;
    // As a remote that may be asked; by default git refuses a local path.
    allowLocalRemotes();
    git(top, 'checkout', '--quiet', '-b', 'with-extra');
    git(top, 'submodule', '--quiet', 'add', extra, 'extra');
    git(top, 'commit', '--quiet', '--message', 'Add extra');
    const start = git(top, 'rev-parse', 'HEAD');
    git(top, 'checkout', '--quiet', 'main');
    rmSync(path.join(top, 'extra'), { recursive: true, force: true });
    rmSync(path.join(top, '.git/modules/extra'), { recursive: true });
    git(top, 'config', '--remove-section', 'submodule.extra');
    await addWorktree({ ...wanted, start });
    expect(existsSync(path.join(wanted.path, 'extra/file-1'))).toBe(true);
    expect(existsSync(path.join(wanted.path, 'lib/deep/file-1'))).toBe(true);
  });

  it('fails with one line, and leaves nothing, when a submodule cannot be had', async () => {
    const { folder, top, wanted } = makeWorld();
    const before = listRefs(top);
    rmSync(path.join(top, '.git/modules/lib/objects'), { recursive: true });
    cutOff(folder);
    await expect(addWorktree(wanted)).rejects.toMatchObject({
      code: 'git',
      message: expect.stringContaining('submodules'),
      hint: expect.stringContaining('git submodule update --init'),
    });
    expect(listRefs(top)).toBe(before);
    expect(existsSync(path.join(folder, 'tickets'))).toBe(false);
    expect(existsSync(path.join(top, '.git/worktrees'))).toBe(false);
  });

  it('says what would be lost in its submodules, and saves it', async () => {
    const { top, wanted } = makeWorld();
    await addWorktree(wanted);
    const lib = path.join(wanted.path, 'lib');
    const commit = commitFile(lib, 'new', 'x');
    git(wanted.path, 'commit', '--quiet', '--all', '--message', 'Use it');
    git(wanted.path, 'push', '--quiet');
    expect(await findWorkAtRisk(wanted)).toMatchObject([
      { kind: 'unpushed', text: expect.stringContaining('1 commit in the submodule lib'), commits: [{ commit }] },
    ]);
    writeFileSync(path.join(lib, 'untracked'), 'precious');
    const ref = 'refs/stack/rescue/feat-01/now';
    expect(await rescueWork({ ...wanted, ref })).toMatchObject({ ref });
    await removeWorktree(wanted);
    expect(git(top, 'show', `${ref}-lib:untracked`)).toBe('precious');
    expect(git(top, 'merge-base', `${ref}-lib`, commit)).toBe(commit);
  });

  it('asks about what was left on no branch of a submodule, and keeps what was taken back there', async () => {
    const { top, wanted } = makeWorld();
    await addWorktree(wanted);
    const lib = path.join(wanted.path, 'lib');
    const back = commitFile(lib, 'back', 'x');
    git(lib, 'reset', '--quiet', '--hard', 'HEAD~1');
    expect(await lookAt(wanted)).toMatchObject({ findings: [], own: { left: [], heads: [back] } });
    expect(await rescueWork({ ...wanted, ref: REF, always: true, only: [] })).toMatchObject({ others: [back] });
    expect(git(top, 'merge-base', `${REF}-lib`, back)).toBe(back);
    expect(await lookAt(wanted)).toMatchObject({ findings: [], own: { left: [], heads: [] } });
    const left = commitFile(lib, 'left', 'x');
    git(wanted.path, 'submodule', '--quiet', 'update');
    rmSync(wanted.path, { recursive: true });
    const asked = [{ kind: 'unpushed', text: expect.stringContaining('on no branch in the submodule lib and left') }];
    expect(await lookAt(wanted)).toMatchObject({ findings: asked, own: { heads: [left] } });
    await expect(addWorktree(wanted)).rejects.toMatchObject({ code: 'unpushed' });
    for (const name of [REF, `${REF}-lib`]) git(top, 'update-ref', '-d', name);
    await rescueWork({ ...wanted, ref: REF, always: true });
    await removeWorktree(wanted);
    for (const one of [back, left]) expect(git(top, 'merge-base', `${REF}-lib`, one)).toBe(one);
  });

  it('finds and saves every stash in a submodule, and the files that git ignores there', async () => {
    const { top, wanted } = makeWorld();
    await addWorktree(wanted);
    const lib = path.join(wanted.path, 'lib');
    writeFileSync(path.join(lib, '.gitignore'), 'key\nset-up\n');
    git(lib, 'add', '.gitignore');
    git(lib, 'commit', '--quiet', '--message', 'Ignore');
    git(lib, 'push', '--quiet', 'origin', 'HEAD:refs/heads/ignore');
    await noteWritten({ ...wanted, worktree: wanted.path, envFiles: [] }, async () => {
      writeFileSync(path.join(lib, 'set-up'), 'made by set-up');
    });
    writeFileSync(path.join(lib, 'key'), 'precious');
    for (const text of ['older', 'newer']) {
      writeFileSync(path.join(lib, 'file-1'), text);
      git(lib, 'stash', '--quiet');
    }
    const question = { ...wanted, owner: '', envFiles: [], since: new Date(0).toISOString() };
    const found = await findEveryRisk(question);
    expect(found.filter(({ kind }) => kind === 'ignored')).toMatchObject([{ paths: ['lib/key'] }]);
    const ref = 'refs/stack/rescue/feat-01/now';
    await rescueWork({ ...wanted, ref, ignored: ['lib/key'] });
    await removeWorktree(wanted);
    expect(git(top, 'show', `${ref}-lib:key`)).toBe('precious');
    const parents = git(top, 'rev-list', '--parents', '--max-count=1', `${ref}-lib`).split(' ').slice(1);
    const texts = parents.map((commit) => git(top, 'show', `${commit}:file-1`));
    expect(texts).toEqual(expect.arrayContaining(['older', 'newer']));
  });

  it('finds and saves what only a tag in a submodule leads to', async () => {
    const { top, wanted } = makeWorld();
    await addWorktree(wanted);
    const lib = path.join(wanted.path, 'lib');
    const commit = commitFile(lib, 'new', 'x');
    git(lib, 'tag', '--annotate', '--message', 'x', 'v9');
    git(lib, 'checkout', '--quiet', 'HEAD~1');
    expect(await findWorkAtRisk(wanted)).toMatchObject([{ kind: 'unpushed', commits: [{ commit }] }]);
    await rescueWork({ ...wanted, ref: REF });
    await removeWorktree(wanted);
    expect(git(top, 'merge-base', `${REF}-lib`, commit)).toBe(commit);
  });

  it('finds and saves what its tags lead to that is no commit, and keeps a tag of a commit without a question', async () => {
    const { top, wanted } = makeWorld();
    git(path.join(top, 'lib'), 'tag', 'known', 'HEAD:file-1');
    await addWorktree(wanted);
    const lib = path.join(wanted.path, 'lib');
    const blob = git(lib, 'hash-object', '-w', '.git');
    for (const name of ['a', 'b']) git(lib, 'tag', name, blob);
    git(lib, 'tag', '--annotate', '--message', 'x', 'tagged', blob);
    expect(git(lib, 'cat-file', '-t', 'known')).toBe('blob');
    const tags = 'refs/tags/a (a blob), refs/tags/b (a blob), refs/tags/tagged (a tag)';
    const text = `3 refs in the submodule lib to what is nowhere else: ${tags}`;
    expect(await findWorkAtRisk(wanted)).toEqual([{ kind: 'unpushed', text }]);
    git(lib, 'tag', '--annotate', '--message', 'x', 'v9');
    expect(await findWorkAtRisk(wanted)).toEqual([{ kind: 'unpushed', text }]);
    const { exact, submodules = {} } = (await rescueWork({ ...wanted, ref: REF, always: true }))!;
    const saved = { tree: exact?.tree, submodules, ignored: [], isHalfMade: false };
    expect(await findWorkAtRisk(wanted)).toEqual([]);
    expect(await listUnsaved(top, wanted.path, saved)).toEqual([]);
    git(lib, 'tag', 'late', git(lib, 'hash-object', '-w', 'file-1'));
    git(lib, 'tag', '--annotate', '--message', 'x', 'v10');
    expect(await listUnsaved(top, wanted.path, saved)).toEqual(['lib']);
    const ids = ['a', 'tagged', 'v9'].map((name) => git(lib, 'rev-parse', name));
    await removeWorktree(wanted);
    const refs = git(top, 'for-each-ref', '--format=%(refname)', 'refs/stack/rescue').split('\n');
    expect(refs).toEqual([REF, ...ids.map((id) => `${REF}-lib-object-${id}`).sort()]);
  });

  it('finds and saves the commits of a submodule whose files are gone', async () => {
    const { top, wanted } = makeWorld();
    await addWorktree(wanted);
    const commit = commitFile(path.join(wanted.path, 'lib'), 'new', 'x');
    git(wanted.path, 'rm', '--quiet', '--force', 'lib');
    git(wanted.path, 'commit', '--quiet', '--message', 'Do without');
    git(wanted.path, 'push', '--quiet');
    expect(await findWorkAtRisk(wanted)).toMatchObject([{ kind: 'unpushed', commits: [{ commit }] }]);
    await rescueWork({ ...wanted, ref: REF });
    await removeWorktree(wanted);
    expect(git(top, 'merge-base', `${REF}-lib`, commit)).toBe(commit);
  });

  it('finds and saves the commits of a repo that was added without being declared a submodule', async () => {
    const { top, wanted } = makeWorld();
    await addWorktree(wanted);
    const inner = path.join(wanted.path, 'inner');
    mkdirSync(inner);
    git(inner, 'init', '--quiet');
    const commit = commitFile(inner, 'new', 'x');
    git(wanted.path, '-c', 'advice.addEmbeddedRepo=false', 'add', 'inner');
    git(wanted.path, 'commit', '--quiet', '--message', 'Add inner');
    git(wanted.path, 'push', '--quiet');
    expect(await findWorkAtRisk(wanted)).toMatchObject([{ kind: 'unpushed', commits: [{ commit }] }]);
    await rescueWork({ ...wanted, ref: REF });
    await removeWorktree(wanted);
    expect(git(top, 'rev-parse', `${REF}-inner`)).toBe(commit);
  });

  it('saves the work in a shallow submodule', async () => {
    const { folder, top, wanted } = makeWorld();
    await addWorktree(wanted);
    const lib = path.join(wanted.path, 'lib');
    git(lib, 'pull', '--quiet', '--depth', '1', `file://${path.join(folder, 'lib/remote')}`, 'main');
    expect(git(lib, 'rev-parse', '--is-shallow-repository')).toBe('true');
    const commit = commitFile(lib, 'new', 'x');
    await rescueWork({ ...wanted, ref: REF });
    await removeWorktree(wanted);
    expect(git(top, 'show', `${REF}-lib:new`)).toBe('x');
    expect(git(top, 'rev-parse', `${REF}-lib^`)).not.toBe(commit);
  });

  it('saves the work in submodules whose paths differ in letters that no ref may have', async () => {
    const { top, libRemote, wanted } = makeWorld();
    allowLocalRemotes();
    for (const name of ['ä', 'ö']) git(top, 'submodule', '--quiet', 'add', libRemote, name);
    git(top, 'commit', '--quiet', '--message', 'Add more');
    await addWorktree({ ...wanted, start: git(top, 'rev-parse', 'HEAD') });
    for (const name of ['ä', 'ö']) writeFileSync(path.join(wanted.path, name, 'new'), name);
    await rescueWork({ ...wanted, ref: REF });
    await removeWorktree(wanted);
    const refs = git(top, 'for-each-ref', '--format=%(refname)', `${REF}-*`).split('\n');
    expect(refs.map((name) => git(top, 'show', `${name}:new`)).toSorted()).toEqual(['ä', 'ö']);
  });

  it('finds and saves commits in a submodule of a worktree that was deleted by hand, which is not made over them', async () => {
    const { top, wanted } = makeWorld();
    await addWorktree(wanted);
    const commit = commitFile(path.join(wanted.path, 'lib'), 'new', 'x');
    rmSync(wanted.path, { recursive: true });
    expect(await findWorkAtRisk(wanted)).toMatchObject([{ kind: 'unpushed', commits: [{ commit }] }]);
    await expect(addWorktree({ ...wanted, newBranch: false })).rejects.toMatchObject({
      code: 'unpushed',
      message: expect.stringContaining('its submodule lib has commits that no remote has'),
    });
    await rescueWork({ ...wanted, ref: REF });
    await removeWorktree(wanted);
    expect(git(top, 'rev-parse', `${REF}-lib`)).toBe(commit);
  });

  it('finds nothing at risk in commits that the main checkout’s submodule has', async () => {
    const { top, wanted } = makeWorld();
    commitFile(path.join(top, 'lib'), 'local', 'x');
    git(top, 'commit', '--quiet', '--all', '--message', 'Use local');
    await addWorktree({ ...wanted, start: git(top, 'rev-parse', 'HEAD') });
    expect(existsSync(path.join(wanted.path, 'lib/local'))).toBe(true);
    expect(await findWorkAtRisk(wanted)).toEqual([]);
  });
});

describe('a worktree of a submodule', () => {
  it('is made and removed like any other', async () => {
    const { folder, top } = makeWorld();
    const repoPath = path.join(top, 'lib');
    const gitCommonDir = path.join(top, '.git/modules/lib');
    const target = path.join(folder, 'tickets/feat-01/lib');
    const start = git(repoPath, 'rev-parse', 'HEAD');
    const wanted = { repoPath, gitCommonDir, path: target, branch: 'feat-01', start, newBranch: true };
    await addWorktree(wanted);
    expect(git(target, 'status', '--porcelain=v2', '--branch')).toContain('# branch.head feat-01');
    expect(existsSync(path.join(target, 'deep/file-1'))).toBe(true);
    const question = {
      repoPath,
      gitCommonDir,
      worktree: target,
      branch: 'feat-01',
      ownsBranch: true,
      base: 'main',
      baseCommit: start,
    };
    expect(await findWorkAtRisk(question)).toEqual([]);
    await removeWorktree({ ...wanted, trash: path.join(folder, '.trash') });
    await deleteBranch(wanted);
    expect(git(top, 'status', '--porcelain')).toBe('');
    expect(git(repoPath, 'status', '--porcelain=v2')).toBe('');
  });
});
