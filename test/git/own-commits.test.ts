import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { dropRescue } from '../../src/adapters/git/rescue/refs.ts';
import { rescueWork } from '../../src/adapters/git/rescue/rescue.ts';
import { lookAt } from '../../src/adapters/git/risk/risk.ts';
import { addWorktree } from '../../src/adapters/git/worktree/worktree.ts';
import { commitFile, git, makeClone } from '../support/git-repos.ts';
import { makeTemp } from '../support/temp.ts';

const REF = 'refs/stack/rescue/feat-01/now';

describe('commits to which a worktree alone leads', () => {
  let repo: string;
  let remote: string;
  let worktree: string;
  let question: Parameters<typeof lookAt>[0];
  beforeEach(async () => {
    const folder = makeTemp();
    ({ clone: repo, remote } = makeClone(folder, { files: 2, branches: ['feat/ui'] }));
    worktree = path.join(folder, 'tickets/feat-01/repo');
    const baseCommit = git(repo, 'rev-parse', 'HEAD');
    const place = { repoPath: repo, gitCommonDir: path.join(repo, '.git'), worktree };
    question = { ...place, branch: 'feat-01', ownsBranch: true, base: 'main', baseCommit };
    await addWorktree({ ...question, path: worktree, start: baseCommit, newBranch: true });
  });

  const commit = (name: string): string => commitFile(worktree, name, `${name}\n`);
  const look = async () => {
    const { findings, own } = await lookAt(question);
    return { asked: findings, heads: [...own.heads].sort() };
  };
  /** Saves all, then sweeps whatever nothing leads to, and tells whether they are there still. */
  const expectSaved = async (...commits: string[]): Promise<void> => {
    expect(await rescueWork({ ...question, ref: REF, always: true })).toMatchObject({ ref: REF });
    for (const one of commits) expect(git(repo, 'merge-base', REF, one)).toBe(one);
    expect(await look()).toMatchObject({ heads: [] });
  };

  it('are none in a worktree where nobody has committed, nor of what was there before', async () => {
    expect(await look()).toEqual({ asked: [], heads: [] });
    for (const where of ['main', 'origin/feat/ui']) git(worktree, 'switch', '--quiet', '--detach', where);
    const foreign = commitFile(repo, 'foreign', 'x');
    git(repo, 'push', '--quiet', remote, `${foreign}:refs/pull/3/head`);
    git(repo, 'reset', '--quiet', '--hard', 'HEAD~1');
    git(worktree, 'fetch', '--quiet', 'origin', 'refs/pull/3/head');
    git(worktree, 'switch', '--quiet', '--detach', 'FETCH_HEAD');
    git(worktree, 'switch', '--quiet', 'feat-01');
    expect(await look()).toEqual({ asked: [], heads: [] });
  });

  it('are asked about when they were made on no branch and left there', async () => {
    git(worktree, 'switch', '--quiet', '--detach');
    const one = commit('one');
    const two = commit('two');
    git(worktree, 'switch', '--quiet', 'feat-01');
    const asked = [
      {
        kind: 'unpushed',
        text: `2 commits made on no branch and left there: ${two.slice(0, 7)} Write two, ${one.slice(0, 7)} Write one`,
        commits: [{ commit: two }, { commit: one }],
      },
    ];
    expect(await look()).toMatchObject({ asked, heads: [two] });
    question = { ...question, ownsBranch: false };
    expect(await look()).toMatchObject({ asked, heads: [two] });
    git(repo, 'tag', 'kept', two);
    expect(await look()).toEqual({ asked: [], heads: [] });
    git(repo, 'tag', '--delete', 'kept');
    rmSync(worktree, { recursive: true });
    expect(await look()).toMatchObject({ asked, heads: [two] });
    const again = addWorktree({ ...question, path: worktree, start: '', newBranch: false });
    await expect(again).rejects.toMatchObject({ code: 'unpushed', message: expect.stringContaining(two.slice(0, 7)) });
    await expectSaved(one, two);
  });

  it('are kept without a question when they were taken back, amended or rebased away', async () => {
    const back = commit('back');
    git(worktree, 'reset', '--quiet', '--hard', 'HEAD~1');
    // Its message ends as git's own word for a branch that only moves.
    const before = commit('amended: Fast-forward');
    commitFile(worktree, 'amended: Fast-forward', 'otherwise\n');
    git(worktree, 'reset', '--quiet', '--soft', 'HEAD~1');
    git(worktree, 'commit', '--quiet', '--amend', '--no-edit');
    const dropped = commit('dropped');
    commit('stays');
    git(worktree, 'rebase', '--quiet', '--onto', 'HEAD~2', 'HEAD~1');
    git(worktree, 'push', '--quiet');
    const { asked, heads } = await look();
    expect(asked).toEqual([]);
    expect(heads).toHaveLength(3);
    await expectSaved(back, before, dropped);
    question = { ...question, ownsBranch: false };
    expect(await look()).toEqual({ asked: [], heads: [] });
  });

  it('are kept without a question when a program made them and moved HEAD there', async () => {
    const make = (parent: string, message: string): string =>
      git(worktree, 'commit-tree', '-p', parent, '-m', message, git(worktree, 'rev-parse', 'HEAD~1^{tree}'));
    commit('stays');
    const [one, two] = [make('HEAD', 'One'), make('HEAD', 'Two')];
    git(worktree, 'reset', '--quiet', '--hard', one);
    git(worktree, 'reset', '--quiet', '--hard', 'HEAD~1');
    git(worktree, 'switch', '--quiet', '--detach', two);
    git(worktree, 'switch', '--quiet', 'feat-01');
    git(worktree, 'push', '--quiet');
    expect(await look()).toEqual({ asked: [], heads: [one, two].sort() });
    await expectSaved(one, two);
  });

  it('are none where a rebase or an amendment has all of their content', async () => {
    commitFile(repo, 'other', 'x');
    commit('one');
    commit('two');
    git(worktree, 'rebase', '--quiet', 'main');
    git(worktree, 'commit', '--quiet', '--amend', '--message', 'In other words');
    git(worktree, 'push', '--quiet');
    expect(await look()).toEqual({ asked: [], heads: [] });
  });

  it('are asked about where a ref of the worktree keeps them, and kept where a bisect or a pick has them', async () => {
    const [kept, good, picked] = ['kept', 'good', 'file-1'].map(commit);
    git(worktree, 'update-ref', 'refs/worktree/mine', kept ?? '');
    git(worktree, 'update-ref', 'refs/bisect/good-1', good ?? '');
    git(worktree, 'reset', '--quiet', '--hard', 'HEAD~3');
    commitFile(worktree, 'file-1', 'here\n');
    expect(() => git(worktree, 'cherry-pick', picked ?? '')).toThrow();
    git(worktree, 'push', '--quiet');
    rmSync(path.join(repo, '.git/worktrees/repo/logs'), { recursive: true });
    rmSync(path.join(repo, '.git/logs/refs/heads/feat-01'));
    rmSync(path.join(repo, '.git/worktrees/repo/ORIG_HEAD'), { force: true });
    const { asked, heads } = await look();
    expect(asked.map(({ kind }) => kind)).toEqual(['in-progress', 'uncommitted']);
    expect(heads).toEqual([picked]);
    git(worktree, 'cherry-pick', '--abort');
    expect(await look()).toMatchObject({ asked: [], heads: [good] });
    git(worktree, 'update-ref', '-d', 'refs/bisect/good-1');
    expect(await look()).toMatchObject({ asked: [{ kind: 'unpushed', commits: [{ commit: kept }] }], heads: [kept] });
  });

  it('are told of, and kept, with the tags, trees and blobs to which its refs alone lead', async () => {
    const made = (name: string, text: string): string => {
      writeFileSync(path.join(worktree, name), text);
      const id = git(worktree, 'hash-object', '-w', name);
      rmSync(path.join(worktree, name));
      return id;
    };
    const blob = made('scratch', 'only here\n');
    const inTree = made('scratch', 'only in a tree\n');
    const tree = execFileSync('git', ['mktree'], {
      cwd: worktree,
      encoding: 'utf8',
      input: `100644 blob ${inTree}\tfile\n`,
    }).trim();
    git(worktree, 'tag', '--annotate', '--message', 'A word', 'word', 'main');
    const tag = git(worktree, 'rev-parse', 'word');
    git(worktree, 'tag', '--annotate', '--message', 'Another', 'kept', 'main');
    const known = { 'known-blob': 'main:file-1', 'known-tree': 'main^{tree}', 'known-tag': 'kept' };
    const own = { blob, tree, tag };
    for (const [name, to] of Object.entries({ ...known, ...own }))
      git(worktree, 'update-ref', `refs/worktree/${name}`, to);
    git(worktree, 'tag', '--delete', 'word');
    const what = ['blob', 'tag', 'tree'].map((kind) => `refs/worktree/${kind} (a ${kind})`).join(', ');
    const text = `3 refs of this worktree alone to what no commit, branch or tag has: ${what}`;
    expect((await look()).asked).toMatchObject([{ kind: 'unpushed', text }]);
    await expectSaved();
    expect((await look()).asked).toEqual([]);
    git(repo, 'worktree', 'remove', '--force', worktree);
    git(repo, 'gc', '--quiet', '--prune=now');
    for (const id of [blob, inTree, tree, tag]) expect(git(repo, 'cat-file', '-e', id)).toBe('');
    await dropRescue(repo, 'feat-01', 'now');
    git(repo, 'gc', '--quiet', '--prune=now');
    for (const id of [blob, inTree, tree, tag]) expect(() => git(repo, 'cat-file', '-e', id)).toThrow();
  });

  it('are told of with such a ref of a worktree that was deleted by hand', async () => {
    git(worktree, 'tag', '--annotate', '--message', 'A word', 'word', 'main');
    git(worktree, 'update-ref', 'refs/worktree/word', 'word');
    git(worktree, 'tag', '--delete', 'word');
    rmSync(worktree, { recursive: true });
    const text = 'a ref of this worktree alone to what no commit, branch or tag has: refs/worktree/word (a tag)';
    expect((await look()).asked).toMatchObject([{ kind: 'unpushed', text }]);
    const again = addWorktree({ ...question, path: worktree, start: '', newBranch: false });
    await expect(again).rejects.toMatchObject({
      code: 'unpushed',
      message: expect.stringContaining('refs/worktree/word'),
    });
  });
});
