import { once } from 'node:events';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addExclude } from '../../src/adapters/git/exclude.ts';
import { rescueWork } from '../../src/adapters/git/rescue/rescue.ts';
import { findEveryRisk } from '../../src/adapters/git/risk/every-risk.ts';
import { lookAt, type RiskQuestion } from '../../src/adapters/git/risk/risk.ts';
import { addWorktree } from '../../src/adapters/git/worktree/worktree.ts';
import { commitFile, git, listRefs, makeClone } from '../support/git-repos.ts';
import { makeTemp } from '../support/temp.ts';

const findWorkAtRisk = async (question: RiskQuestion) => (await lookAt(question)).findings;

const REF = 'refs/stack/rescue/feat-01/now';

/** A clone with a worktree on a new branch `feat-01`. */
async function makeWorld() {
  const folder = makeTemp();
  const { clone } = makeClone(folder, { files: 3, branches: ['feat/ui'] });
  const worktree = path.join(folder, 'tickets/feat-01/repo');
  const baseCommit = git(clone, 'rev-parse', 'HEAD');
  const gitCommonDir = path.join(clone, '.git');
  const place = { repoPath: clone, gitCommonDir, worktree };
  const question = { ...place, branch: 'feat-01', ownsBranch: true, base: 'main', baseCommit };
  await addWorktree({ ...question, path: worktree, start: baseCommit, newBranch: true });
  const write = (name: string, text = 'new\n') => writeFileSync(path.join(worktree, name), text);
  return { repo: clone, gitCommonDir, worktree, question, write };
}

describe('lookAt', () => {
  it('finds nothing in a new worktree, nor in files that git ignores', async () => {
    const { gitCommonDir, question, write } = await makeWorld();
    expect(await findWorkAtRisk(question)).toEqual([]);
    await addExclude(gitCommonDir, '/.env.local', 'feat-01');
    write('.env.local');
    expect(await findWorkAtRisk(question)).toEqual([]);
  });

  it('finds changes and new files, whatever the settings hide', async () => {
    const { repo, worktree, question, write } = await makeWorld();
    git(repo, 'config', 'status.showUntrackedFiles', 'no');
    git(repo, 'config', 'core.quotePath', 'true');
    write('file-1');
    write('stagéd file');
    git(worktree, 'add', 'stagéd file');
    rmSync(path.join(worktree, 'file-2'));
    mkdirSync(path.join(worktree, 'folder'));
    write('folder/a b');
    git(worktree, 'mv', 'file-3', 'moved');
    expect(await findWorkAtRisk(question)).toEqual([
      {
        kind: 'uncommitted',
        text: '5 uncommitted changes: file-1, file-2, file-3, moved, …',
        paths: ['file-1', 'file-2', 'file-3', 'moved', 'stagéd file'],
      },
      { kind: 'untracked', text: '1 untracked file: folder/', paths: ['folder/'] },
    ]);
  });

  it('finds changes in files that git was told to pass over, and saves them', async () => {
    const { worktree, question, write } = await makeWorld();
    git(worktree, 'update-index', '--skip-worktree', 'file-1', 'file-3');
    git(worktree, 'update-index', '--assume-unchanged', 'file-2');
    expect(await findWorkAtRisk(question)).toEqual([]);
    write('file-1', 'mine\n');
    write('file-2', 'mine too\n');
    expect(await findWorkAtRisk(question)).toMatchObject([{ kind: 'uncommitted', paths: ['file-1', 'file-2'] }]);
    expect(await rescueWork({ ...question, ref: REF })).toBeDefined();
    expect(git(worktree, 'show', `${REF}:file-1`)).toBe('mine');
    expect(git(worktree, 'show', `${REF}:file-2`)).toBe('mine too');
    expect(git(worktree, 'ls-files', '-v')).toBe('S file-1\nh file-2\nS file-3');
    rmSync(path.join(worktree, 'file-2'));
    symlinkSync('elsewhere', path.join(worktree, 'file-2'));
    expect(await findWorkAtRisk(question)).toMatchObject([{ kind: 'uncommitted', paths: ['file-1', 'file-2'] }]);
    expect(await rescueWork({ ...question, ref: `${REF}-2` })).toBeDefined();
    expect(git(worktree, 'cat-file', '-p', `${REF}-2:file-2`)).toBe('elsewhere');
  });

  it('saves a changed file that a sparse checkout leaves out', async () => {
    const { worktree, question, write } = await makeWorld();
    git(worktree, 'sparse-checkout', 'set', '--no-cone', 'file-1');
    write('file-2', 'mine\n');
    expect(await rescueWork({ ...question, ref: REF })).toBeDefined();
    expect(git(worktree, 'show', `${REF}:file-2`)).toBe('mine');
  });

  it('finds commits until another branch, a tag or a remote has them', async () => {
    const { repo, worktree, question } = await makeWorld();
    const commit = commitFile(worktree, 'new', 'x');
    const unreachable = [
      {
        kind: 'unpushed',
        text: `1 commit on feat-01 that no other branch, tag or remote has: ${commit.slice(0, 7)} Write new`,
        commits: [{ commit, subject: 'Write new' }],
      },
    ];
    expect(await findWorkAtRisk(question)).toEqual(unreachable);
    expect(await findWorkAtRisk({ ...question, ownsBranch: false })).toEqual([]);
    for (const [make, undo] of [
      [
        ['tag', 'v1', commit],
        ['tag', '--delete', 'v1'],
      ],
      [
        ['branch', 'feat-01-copy', commit],
        ['branch', '-D', 'feat-01-copy'],
      ],
    ] as [string[], string[]][]) {
      git(repo, ...make);
      expect(await findWorkAtRisk(question)).toEqual([]);
      git(repo, ...undo);
    }
    expect(await findWorkAtRisk(question)).toEqual(unreachable);
    git(worktree, 'push', '--quiet');
    expect(await findWorkAtRisk(question)).toEqual([]);
  });

  it('finds commits of the base that only this branch still has, and says so', async () => {
    const { repo, worktree, question } = await makeWorld();
    const base = commitFile(repo, 'base', 'x');
    git(worktree, 'reset', '--quiet', '--hard', base);
    git(repo, 'reset', '--quiet', '--hard', 'HEAD~1');
    expect(await findWorkAtRisk({ ...question, baseCommit: base })).toMatchObject([
      { kind: 'unpushed', text: expect.stringContaining('those of its base among them') },
    ]);
  });

  it('finds commits on a HEAD without branch, but not those on another branch', async () => {
    const { worktree, question } = await makeWorld();
    git(worktree, 'checkout', '--quiet', '-b', 'other');
    commitFile(worktree, 'on-other', 'x');
    expect(await findWorkAtRisk(question)).toEqual([]);
    git(worktree, 'checkout', '--quiet', '--detach');
    const commit = commitFile(worktree, 'detached', 'x');
    expect(await findWorkAtRisk(question)).toMatchObject([{ kind: 'unpushed', commits: [{ commit }] }]);
    expect(await findWorkAtRisk({ ...question, ownsBranch: false })).toMatchObject([{ commits: [{ commit }] }]);
  });

  it('finds a merge and a rebase under way', async () => {
    const { repo, worktree, question } = await makeWorld();
    commitFile(worktree, 'file-1', 'here');
    commitFile(repo, 'file-1', 'there');
    expect(() => git(worktree, 'merge', 'main')).toThrow();
    expect(await findWorkAtRisk(question)).toMatchObject([
      { kind: 'in-progress', text: 'a merge is under way' },
      { kind: 'uncommitted', paths: ['file-1'] },
      { kind: 'unpushed' },
    ]);
    git(worktree, 'merge', '--abort');
    expect(() => git(worktree, 'rebase', 'main')).toThrow();
    expect(await findWorkAtRisk(question)).toMatchObject([
      { kind: 'in-progress', text: 'a rebase is under way' },
      { kind: 'uncommitted' },
      { kind: 'unpushed' },
    ]);
  });

  it('still finds the commits when the folder, or the branch, is gone', async () => {
    const { repo, worktree, question } = await makeWorld();
    const commit = commitFile(worktree, 'new', 'x');
    rmSync(worktree, { recursive: true });
    expect(await findWorkAtRisk(question)).toMatchObject([{ kind: 'unpushed', commits: [{ commit }] }]);
    git(repo, 'worktree', 'prune');
    git(repo, 'branch', '-D', 'feat-01');
    expect(await findWorkAtRisk(question)).toEqual([]);
  });

  it('finds what is new on a branch without a commit, and what a branch had that was deleted', async () => {
    const { repo, worktree, question, write } = await makeWorld();
    const commit = commitFile(worktree, 'file-1', 'mine\n');
    git(worktree, 'switch', '--quiet', '--orphan', 'pages');
    write('index.html');
    git(worktree, 'add', 'index.html');
    write('notes');
    const onBranch = { kind: 'unpushed', commits: [{ commit }] };
    expect(await findWorkAtRisk(question)).toMatchObject([
      { kind: 'uncommitted', paths: ['index.html'] },
      { kind: 'untracked', paths: ['notes'] },
      onBranch,
    ]);
    git(worktree, 'switch', '--quiet', '--force', 'feat-01');
    rmSync(path.join(worktree, 'notes'));
    git(repo, 'update-ref', '-d', 'refs/heads/feat-01');
    expect(await findWorkAtRisk(question)).toMatchObject([onBranch]);
    write('file-2', 'changed\n');
    expect(await findWorkAtRisk(question)).toMatchObject([{ kind: 'uncommitted', paths: ['file-2'] }, onBranch]);
  });

  it('takes files in a folder that is not a worktree any more for somebody’s, and empty folders for nothing', async () => {
    const { repo, worktree, question, write } = await makeWorld();
    git(repo, 'worktree', 'remove', worktree);
    mkdirSync(path.join(worktree, 'node_modules/.cache'), { recursive: true });
    expect(await findWorkAtRisk(question)).toEqual([]);
    write('notes');
    expect(await findWorkAtRisk(question)).toMatchObject([{ kind: 'untracked', paths: ['notes'] }]);
  });
});

describe('rescueWork', () => {
  const rescue = async (question: Awaited<ReturnType<typeof makeWorld>>['question'] & { ignored?: string[] }) =>
    (await rescueWork({ ...question, ref: REF }))?.ref;

  it('makes nothing when there is nothing to save', async () => {
    const { repo, question } = await makeWorld();
    const before = listRefs(repo);
    expect(await rescue(question)).toBeUndefined();
    expect(listRefs(repo)).toBe(before);
  });

  it('saves files as they are, what was staged, and the branch, and touches none of it', async () => {
    const { repo, worktree, question, write } = await makeWorld();
    const commit = commitFile(worktree, 'committed', 'x');
    write('file-1', 'staged\n');
    git(worktree, 'add', 'file-1');
    write('file-1', 'changed\n');
    write('untracked');
    rmSync(path.join(worktree, 'file-2'));
    const before = git(worktree, 'status', '--porcelain=v2');
    expect(await rescue(question)).toBe(REF);
    expect(git(worktree, 'status', '--porcelain=v2')).toBe(before);
    expect(git(worktree, 'diff', '--cached', '--name-only')).toBe('file-1');
    expect(git(repo, 'ls-tree', '--name-only', REF)).toBe('committed\nfile-1\nfile-3\nuntracked');
    expect(git(repo, 'show', `${REF}:file-1`)).toBe('changed');
    expect(git(repo, 'show', `${REF}^2:file-1`)).toBe('staged');
    expect(git(repo, 'rev-parse', `${REF}^1`)).toBe(commit);
  });

  it('saves commits alone as the branch’s own tip', async () => {
    const { repo, worktree, question } = await makeWorld();
    const commit = commitFile(worktree, 'new', 'x');
    expect(await rescue(question)).toBe(REF);
    expect(git(repo, 'rev-parse', REF)).toBe(commit);
  });

  it('saves a HEAD without branch beside the branch', async () => {
    const { repo, worktree, question } = await makeWorld();
    const onBranch = commitFile(worktree, 'on-branch', 'x');
    git(worktree, 'checkout', '--quiet', '--detach', 'HEAD~1');
    const detached = commitFile(worktree, 'detached', 'x');
    expect(await rescue(question)).toBe(REF);
    for (const commit of [onBranch, detached]) expect(git(repo, 'merge-base', REF, commit)).toBe(commit);
  });

  it('saves a merge with conflicts', async () => {
    const { repo, worktree, question } = await makeWorld();
    commitFile(worktree, 'file-1', 'here\n');
    commitFile(repo, 'file-1', 'there\n');
    expect(() => git(worktree, 'merge', 'main')).toThrow();
    const before = git(worktree, 'status', '--porcelain=v2');
    expect(await rescue(question)).toBe(REF);
    expect(git(repo, 'show', `${REF}:file-1`)).toContain('<<<<<<<');
    expect(git(worktree, 'status', '--porcelain=v2')).toBe(before);
  });

  it('needs no name or mail of the person, and no signing', async () => {
    const { repo, question, write } = await makeWorld();
    git(repo, 'config', 'user.useConfigOnly', 'true');
    git(repo, 'config', 'user.name', '');
    git(repo, 'config', 'commit.gpgSign', 'true');
    write('new');
    expect(await rescue(question)).toBe(REF);
    expect(git(repo, 'log', '-1', '--format=%an', REF)).toBe('stack');
  });

  it('refuses what git cannot save: another repo among the files', async () => {
    const { repo, worktree, question } = await makeWorld();
    const inner = path.join(worktree, 'inner');
    mkdirSync(inner);
    git(inner, 'init', '--quiet');
    commitFile(inner, 'x', 'x');
    await expect(rescue(question)).rejects.toMatchObject({ code: 'dirty', message: expect.stringContaining(inner) });
    expect(listRefs(repo)).not.toContain('refs/stack');
  });

  it('refuses the same among files that git ignores', async () => {
    const { repo, gitCommonDir, worktree, question } = await makeWorld();
    await addExclude(gitCommonDir, '/hidden', 'feat-01');
    const inner = path.join(worktree, 'hidden/inner');
    mkdirSync(inner, { recursive: true });
    git(inner, 'init', '--quiet');
    commitFile(inner, 'x', 'x');
    const ignored = ['hidden/inner/.git/HEAD', 'hidden/inner/x'];
    await expect(rescue({ ...question, ignored })).rejects.toMatchObject({
      code: 'dirty',
      message: expect.stringContaining(inner),
    });
    expect(listRefs(repo)).not.toContain('refs/stack');
  });

  it('saves the files of a folder that is not a worktree any more, but for what tools make', async () => {
    const { repo, gitCommonDir, worktree, question, write } = await makeWorld();
    for (const name of ['/secret', '/node_modules']) await addExclude(gitCommonDir, name, 'feat-01');
    git(repo, 'worktree', 'remove', worktree);
    git(repo, 'checkout', '--quiet', '--orphan', 'new');
    const before = git(repo, 'status', '--porcelain');
    expect(await rescue(question)).toBeUndefined();
    mkdirSync(worktree);
    write('notes', 'mine\n');
    write('secret', 'mine too\n');
    mkdirSync(path.join(worktree, 'node_modules'));
    write('node_modules/x');
    expect(await rescue(question)).toBe(REF);
    expect(git(repo, 'ls-tree', '-r', '--name-only', REF)).toBe('notes\nsecret');
    expect(git(repo, 'show', `${REF}:notes`)).toBe('mine');
    expect(git(repo, 'status', '--porcelain')).toBe(before);
  });

  it.each(['inner', 'secret'])('refuses another repo in such a folder too (%s)', async (name) => {
    const { repo, gitCommonDir, worktree, question } = await makeWorld();
    await addExclude(gitCommonDir, '/secret', 'feat-01');
    git(repo, 'worktree', 'remove', worktree);
    const inner = path.join(worktree, name);
    mkdirSync(inner, { recursive: true });
    git(inner, 'init', '--quiet');
    commitFile(inner, 'x', 'x');
    await expect(rescue(question)).rejects.toMatchObject({ code: 'dirty', message: expect.stringContaining(inner) });
    expect(listRefs(repo)).not.toContain('refs/stack');
  });

  it('refuses an ignored file whose name git keeps for itself', async () => {
    const { repo, gitCommonDir, worktree, question, write } = await makeWorld();
    await addExclude(gitCommonDir, '/own', 'feat-01');
    mkdirSync(path.join(worktree, 'own'));
    for (const name of ['usual', 'git~1']) write(`own/${name}`);
    await expect(rescue({ ...question, ignored: ['own/usual', 'own/git~1'] })).rejects.toMatchObject({
      code: 'dirty',
      message: expect.stringContaining(path.join(worktree, 'own/')),
    });
    expect(listRefs(repo)).not.toContain('refs/stack');
  });

  it('saves files whose names are not UTF-8', async () => {
    const { repo, gitCommonDir, worktree, question } = await makeWorld();
    await addExclude(gitCommonDir, '/own', 'feat-01');
    mkdirSync(path.join(worktree, 'own'));
    for (const name of ['own/caf\xe9', 'caf\xe9'])
      writeFileSync(Buffer.from(path.join(worktree, name), 'latin1'), 'mine');
    const risks = await findEveryRisk({ ...question, owner: '', envFiles: [], since: new Date(0).toISOString() });
    expect(risks.map(({ paths }) => paths)).toEqual([['caf\udce9'], ['own/caf\udce9']]);
    expect(await rescue({ ...question, ignored: ['own/caf\udce9'] })).toBe(REF);
    expect(git(repo, 'ls-tree', '-r', '--name-only', REF)).toContain(
      '"caf\\351"\nfile-1\nfile-2\nfile-3\n"own/caf\\351"',
    );
  });

  it('saves what is outside of a sparse checkout, and takes nothing that is not there for deleted', async () => {
    const { repo, worktree, question, write } = await makeWorld();
    mkdirSync(path.join(worktree, 'far'));
    commitFile(worktree, 'far/away', 'x');
    git(worktree, 'sparse-checkout', 'set', 'near');
    mkdirSync(path.join(worktree, 'far'), { recursive: true });
    write('far/new', 'mine\n');
    expect(await rescue(question)).toBe(REF);
    expect(git(repo, 'ls-tree', '-r', '--name-only', REF, 'far/')).toBe('far/away\nfar/new');
  });

  it('saves links that git ignores as links, and passes over sockets and what has just gone', async () => {
    const { repo, gitCommonDir, worktree, question, write } = await makeWorld();
    await addExclude(gitCommonDir, '/run', 'feat-01');
    mkdirSync(path.join(worktree, 'run'));
    write('run/pid-of-mine', 'mine');
    symlinkSync('pid-of-mine', path.join(worktree, 'run/link'));
    const server = createServer().listen(path.join(worktree, 'run/socket'));
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const risks = await findEveryRisk({ ...question, owner: '', envFiles: [], since: new Date(0).toISOString() });
    const { paths = [] } = risks.find(({ kind }) => kind === 'ignored') ?? {};
    expect(paths.toSorted()).toEqual(['run/link', 'run/pid-of-mine']);
    expect(await rescue({ ...question, ignored: [...paths, 'run/gone'] })).toBe(REF);
    expect(git(repo, 'ls-tree', REF, 'run/').replaceAll(/ [0-9a-f]{40}/g, '')).toBe(
      '120000 blob\trun/link\n100644 blob\trun/pid-of-mine',
    );
  });

  it('never overwrites what was saved before', async () => {
    const { repo, question, write } = await makeWorld();
    write('new', 'first\n');
    await rescue(question);
    write('new', 'second\n');
    await expect(rescue(question)).rejects.toMatchObject({ code: 'git' });
    expect(git(repo, 'show', `${REF}:new`)).toBe('first');
  });
});
