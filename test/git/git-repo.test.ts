import { mkdirSync, realpathSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { defaultBranch, inspectRepo, resolveBase } from '../../src/adapters/git/repo.ts';
import { commitFile, git, listRefs, makeClone, makeRepo, makeSuperproject } from '../support/git-repos.ts';
import { makeTemp } from '../support/temp.ts';

const inspect = (folder: string) => inspectRepo({ repo: 'front', path: folder });
const base = (folder: string, ref: string, fetch = true) => resolveBase({ repo: 'front', path: folder, ref, fetch });
const head = (folder: string, ref = 'HEAD') => git(folder, 'rev-parse', `${ref}^{commit}`);

describe('inspectRepo', () => {
  it('gives the facts of a checkout', async () => {
    const repo = makeRepo(makeTemp());
    expect(await inspect(repo)).toEqual({
      top: repo,
      gitCommonDir: path.join(repo, '.git'),
      branch: 'main',
      headCommit: head(repo),
      isLinked: false,
    });
  });

  it('gives real paths when asked through a link', async () => {
    const folder = makeTemp();
    const repo = makeRepo(path.join(folder, 'repo'));
    symlinkSync(repo, path.join(folder, 'link'));
    expect(await inspect(path.join(folder, 'link'))).toMatchObject({ top: realpathSync(repo) });
  });

  it('knows no branch where HEAD is detached', async () => {
    const repo = makeRepo(makeTemp());
    git(repo, 'checkout', '--quiet', '--detach');
    expect((await inspect(repo)).branch).toBeUndefined();
  });

  it('finds the common directory from a linked worktree', async () => {
    const folder = makeTemp();
    const repo = makeRepo(path.join(folder, 'repo'));
    git(repo, 'worktree', 'add', '--quiet', '-b', 'x', path.join(folder, 'linked'));
    expect(await inspect(path.join(folder, 'linked'))).toMatchObject({
      top: path.join(folder, 'linked'),
      gitCommonDir: path.join(repo, '.git'),
      branch: 'x',
      isLinked: true,
    });
  });

  it('takes a submodule for a repo', async () => {
    const { top } = makeSuperproject(makeTemp());
    const facts = await inspect(path.join(top, 'lib'));
    expect(facts).toMatchObject({ top: path.join(top, 'lib'), gitCommonDir: path.join(top, '.git/modules/lib') });
  });

  it.each<[string, (folder: string) => void, string, string, string]>([
    ['nothing there', () => undefined, 'none', 'there is nothing at', 'clone it there'],
    ['a file', (folder) => writeFileSync(path.join(folder, 'file'), ''), 'file', 'is not a folder', ''],
    ['no repo', () => undefined, '', 'is not a git repo', '`git init`'],
    ['a bare repo', (folder) => git(folder, 'init', '-q', '--bare'), '', 'is a bare repo', 'git clone'],
    ['an empty repo', (folder) => git(folder, 'init', '-q'), '', 'has no commit yet', 'commit something'],
    ['git’s own folder', (folder) => makeRepo(folder), '.git', 'git’s own folder', 'the folder above'],
  ])('refuses %s', async (_, make, name, message, hint) => {
    const folder = makeTemp();
    make(folder);
    await expect(inspect(path.join(folder, name))).rejects.toMatchObject({
      code: 'config',
      message: expect.stringMatching(new RegExp(`^front: .*${message}`)),
      hint: expect.stringContaining(hint),
    });
  });

  it('refuses a bare repo that another repo carries, whose settings name programs', async () => {
    const repo = makeRepo(makeTemp());
    git(repo, 'clone', '--quiet', '--bare', '.', 'carried');
    const carried = path.join(repo, 'carried');
    git(carried, 'config', 'core.bare', 'false');
    git(carried, 'config', 'core.worktree', carried);
    await expect(inspect(carried)).rejects.toMatchObject({
      code: 'config',
      message: `front: ${carried} is a bare repo among the files of another repo`,
      hint: expect.stringContaining('clone'),
    });
  });

  it('refuses a folder inside a repo and says how to write it', async () => {
    const repo = makeRepo(makeTemp());
    mkdirSync(path.join(repo, 'apps/web'), { recursive: true });
    await expect(inspect(path.join(repo, 'apps/web'))).rejects.toMatchObject({
      code: 'config',
      hint: `set \`path:\` to ${repo}, and \`dir: apps/web\` on the services`,
    });
  });

  it('says how to get a submodule that is not there yet', async () => {
    const folder = makeTemp();
    const { top } = makeSuperproject(folder);
    git(folder, 'clone', '--quiet', top, path.join(folder, 'bare-of-submodules'));
    await expect(inspect(path.join(folder, 'bare-of-submodules/lib'))).rejects.toMatchObject({
      code: 'config',
      hint: expect.stringContaining('submodule update --init'),
    });
  });

  it('gives git’s own words for a repo that git refuses', async () => {
    const repo = makeRepo(makeTemp());
    writeFileSync(path.join(repo, '.git/config'), '[core]\n\trepositoryformatversion = 99\n');
    await expect(inspect(repo)).rejects.toMatchObject({ code: 'git', message: expect.stringContaining('99') });
  });
});

describe('defaultBranch', () => {
  it('is what the remote calls its head', async () => {
    const folder = makeTemp();
    const { remote, clone } = makeClone(folder, { branches: ['trunk'] });
    git(remote, 'symbolic-ref', 'HEAD', 'refs/heads/trunk');
    git(clone, 'remote', 'set-head', 'origin', '--auto');
    expect(await defaultBranch(clone)).toBe('trunk');
  });

  it('is main, else master, else what is checked out', async () => {
    const repo = makeRepo(makeTemp(), { branches: ['feat/x'] });
    git(repo, 'checkout', '--quiet', 'feat/x');
    expect(await defaultBranch(repo)).toBe('main');
    git(repo, 'branch', '--move', 'main', 'master');
    expect(await defaultBranch(repo)).toBe('master');
    git(repo, 'branch', '--move', 'master', 'other');
    expect(await defaultBranch(repo)).toBe('feat/x');
    git(repo, 'checkout', '--quiet', '--detach');
    expect(await defaultBranch(repo)).toBe('HEAD');
  });
});

describe('resolveBase', () => {
  it('knows branches, remote branches, tags, commits and what git reads as one', async () => {
    const { clone } = makeClone(makeTemp(), { branches: ['feat/ui'] });
    git(clone, 'tag', '--annotate', '--message', 'x', 'v1.0', 'origin/feat/ui');
    const ui = head(clone, 'origin/feat/ui');
    const main = head(clone);
    for (const [ref, commit] of [
      ...[
        ['main', main],
        ['HEAD', main],
        [main, main],
        [main.slice(0, 10), main],
        ['v1.0~1', main],
      ],
      ...[
        ['origin/feat/ui', ui],
        ['v1.0', ui],
        ['v1.0^{}', ui],
        ['refs/tags/v1.0', ui],
        ['feat/ui', ui],
      ],
    ] as [string, string][]) {
      expect([ref, await base(clone, ref)]).toEqual([ref, { name: ref, commit, fetched: false }]);
    }
  });

  it('takes a branch before a tag of its name', async () => {
    const repo = makeRepo(makeTemp(), { branches: ['same'] });
    git(repo, 'tag', 'same', 'main');
    expect((await base(repo, 'same')).commit).toBe(head(repo, 'refs/heads/same'));
  });

  it('fetches what only the remote has, and that alone', async () => {
    const folder = makeTemp();
    const { remote, clone } = makeClone(folder);
    const seed = path.join(folder, 'seed');
    for (const branch of ['feat/new', 'feat/other']) {
      git(seed, 'checkout', '--quiet', '-b', branch, 'main');
      commitFile(seed, branch.replace('/', '-'), 'x');
    }
    git(seed, 'tag', 'v2', 'feat/other');
    git(seed, 'push', '--quiet', remote, 'feat/new', 'feat/other', 'v2');
    const commit = head(seed, 'feat/new');
    expect(await base(clone, 'feat/new', false)).toEqual({
      name: 'feat/new',
      commit,
      fetched: false,
      onlyOn: 'origin',
    });
    expect(listRefs(clone)).not.toContain('feat/new');
    expect(await base(clone, 'feat/new')).toEqual({ name: 'feat/new', commit, fetched: true, onlyOn: 'origin' });
    expect(listRefs(clone)).toContain('refs/remotes/origin/feat/new');
    expect(listRefs(clone)).not.toContain('feat/other');
    expect(await base(clone, 'feat/new')).toEqual({ name: 'feat/new', commit, fetched: false });
    expect(await base(clone, 'v2')).toEqual({ name: 'v2', commit: head(seed, 'v2'), fetched: true, onlyOn: 'origin' });
    expect(await base(clone, 'origin/feat/other')).toMatchObject({ fetched: true });
  });

  it('fetches a commit that no ref here leads to', async () => {
    const folder = makeTemp();
    const { remote, clone } = makeClone(folder);
    const commit = commitFile(path.join(folder, 'seed'), 'new', 'x');
    git(path.join(folder, 'seed'), 'push', '--quiet', remote, 'HEAD:refs/heads/elsewhere');
    expect(await base(clone, commit)).toMatchObject({ commit, fetched: true });
    await expect(base(clone, '0123456789'.repeat(4))).rejects.toMatchObject({ code: 'not-found' });
  });

  it('offers the nearest names for one that nobody has', async () => {
    const { clone } = makeClone(makeTemp(), { branches: ['feat/ui', 'feat/api'] });
    await expect(base(clone, 'feat/u')).rejects.toMatchObject({
      code: 'not-found',
      message: 'front has no base "feat/u"',
      hint: expect.stringMatching(/^did you mean feat\/ui/),
    });
  });

  it('says when the remote could not be asked', async () => {
    const folder = makeTemp();
    const { remote, clone } = makeClone(folder);
    renameSync(remote, `${remote}.gone`);
    await expect(base(clone, 'feat/u')).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringMatching(/^front has no base "feat\/u", and origin could not be asked \(.+\)$/),
    });
  });

  it('asks which remote when several have the branch, and takes origin’s otherwise', async () => {
    const folder = makeTemp();
    const { remote, clone } = makeClone(folder, { branches: ['feat/ui'] });
    git(clone, 'remote', 'add', 'fork', remote);
    git(clone, 'fetch', '--quiet', 'fork');
    expect((await base(clone, 'feat/ui')).commit).toBe(head(clone, 'origin/feat/ui'));
    git(clone, 'remote', 'rename', 'origin', 'upstream');
    await expect(base(clone, 'feat/ui')).rejects.toMatchObject({
      code: 'usage',
      hint: expect.stringContaining('fork/feat/ui, upstream/feat/ui'),
    });
    expect((await base(clone, 'fork/feat/ui')).fetched).toBe(false);
  });

  it.each(['', ' ', 'a b', 'a\nb', 'a\u0000b', 'main\t'])('refuses %j as no ref', async (ref) => {
    const repo = makeRepo(makeTemp());
    await expect(base(repo, ref)).rejects.toMatchObject({ code: 'usage' });
  });

  it.each([
    '-x',
    '--upload-pack=touch /tmp/x'.replace(' ', ''),
    '--all',
    ':main',
    'main..main',
    '^main',
    'a[b',
    'HEAD:file-1',
  ])('never takes %j for an option or a commit', async (ref) => {
    const { clone } = makeClone(makeTemp());
    await expect(base(clone, ref)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('stops asking a remote when the signal is aborted', async () => {
    const { clone } = makeClone(makeTemp());
    const question = { repo: 'front', path: clone, ref: 'nobody-has-it', fetch: true, signal: AbortSignal.abort() };
    await expect(resolveBase(question)).rejects.toMatchObject({ code: 'interrupted' });
  });
});
