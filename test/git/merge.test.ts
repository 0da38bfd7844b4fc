import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { listChanges, listTrees } from '../../src/adapters/git/merge/changes.ts';
import { commitTree, type MergePlace, mergeTrees, withMerging } from '../../src/adapters/git/merge/merging.ts';
import { readUncommitted, writeWorkTree } from '../../src/adapters/git/merge/work-tree.ts';
import { isolatedEnv } from '../support/product.ts';
import { makeScriptFolder } from '../support/temp.ts';

const temp = makeScriptFolder();
const repo = path.join(temp, 'repo');
const place: MergePlace = { folder: repo };
const git = (...args: string[]): string =>
  execFileSync('git', args, {
    cwd: repo,
    env: isolatedEnv(temp),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trimEnd();
const put = (file: string, text: string): void => {
  mkdirSync(path.dirname(path.join(repo, file)), { recursive: true });
  writeFileSync(path.join(repo, file), text);
};
const lines = (...changed: [number, string][]): string =>
  Array.from({ length: 40 }, (_, index) => new Map(changed).get(index + 1) ?? `line ${index + 1}`).join('\n');

/** Commits on a new branch from main what `write` does, and comes back. */
function branch(name: string, write: () => void, from = 'main'): void {
  git('checkout', '-q', '-b', name, from);
  write();
  git('add', '-A');
  git('commit', '-qm', name);
  git('checkout', '-q', 'main');
}

/** All that a merge must leave as it is. */
const photograph = (): string =>
  [
    git('for-each-ref'),
    git('status', '--porcelain', '--ignored'),
    git('count-objects', '-v'),
    readFileSync(path.join(repo, '.git/index')).toString('base64'),
  ].join('\n');

beforeAll(() => {
  mkdirSync(repo);
  git('init', '-q', '-b', 'main');
  put('text', lines());
  put('union', lines());
  put('binary', '\0\u0001');
  put('gone', lines());
  put('moved', lines([1, 'moved']));
  put('folder/inside', 'x');
  put('kind', 'file');
  put('mode', lines([3, 'mode']));
  put('name', 'name');
  put('.gitattributes', 'union merge=union\ndriven merge=evil\nfiltered filter=evil\n');
  put('driven', lines());
  git('add', '-A');
  git('commit', '-qm', 'start');
  branch('one', () => {
    put('text', lines([5, 'one']));
    put('union', lines([5, 'one']));
    put('driven', lines([5, 'one']));
    put('binary', '\0one');
    rmSync(path.join(repo, 'gone'));
    git('mv', 'moved', 'moved-by-one');
    git('mv', 'folder', 'renamed');
    rmSync(path.join(repo, 'kind'));
    symlinkSync('text', path.join(repo, 'kind'));
    chmodSync(path.join(repo, 'mode'), 0o755);
    git('mv', 'name', 'NAME');
  });
  branch('other', () => {
    put('text', lines([5, 'other']));
    put('union', lines([5, 'other']));
    put('driven', lines([5, 'other']));
    put('binary', '\0other');
    appendFileSync(path.join(repo, 'gone'), '\nmore');
    git('mv', 'moved', 'moved-by-other');
    put('folder/new', 'y');
    put('kind', 'another file');
    put('mode', lines([3, 'changed']));
  });
  branch('apart', () => put('text', lines([30, 'apart'])));
  git('checkout', '-q', '--orphan', 'unrelated');
  put('text', 'unrelated');
  git('add', '-A');
  git('commit', '-qm', 'unrelated');
  git('checkout', '-q', 'main');
});

describe('a merge as objects', () => {
  it('names each conflict by file and kind, and leaves the repo to the byte as it was', async () => {
    const before = photograph();
    const [one = '', other = ''] = ['one', 'other'].map((name) => git('rev-parse', name));
    const [merged] = await withMerging(place, ({ merge }) => merge([{ ours: one, theirs: other }]));
    if (!merged || 'failed' in merged) throw new Error('not merged');
    const kinds = Object.fromEntries(merged.conflicts.map(({ path: name, kind }) => [name, kind]));
    expect(kinds).toMatchObject({
      text: 'content',
      driven: 'content',
      binary: 'binary',
      gone: 'modify/delete',
      moved: 'rename/rename',
      'renamed/new': 'directory rename suggested',
    });
    expect(kinds).not.toHaveProperty('union');
    expect(kinds).not.toHaveProperty('mode');
    expect(Object.keys(kinds).some((name) => name.startsWith('kind'))).toBe(true);
    expect(photograph()).toBe(before);
  });

  it('runs no driver, filter or hook of the repo', async () => {
    const trace = path.join(temp, 'ran');
    const evil = `touch ${trace}; false`;
    for (const key of ['merge.evil.driver', 'filter.evil.clean', 'diff.external', 'core.fsmonitor'])
      git('config', key, evil);
    put('.git/hooks/post-commit', `#!/bin/sh\n${evil}\n`);
    chmodSync(path.join(repo, '.git/hooks/post-commit'), 0o755);
    const { conflicts } = await mergeTrees(place, 'one', 'other');
    await commitTree(place, { tree: git('rev-parse', 'one^{tree}'), parents: [], message: 'x', author: AUTHOR });
    for (const key of ['merge.evil.driver', 'filter.evil.clean', 'diff.external', 'core.fsmonitor'])
      git('config', '--unset', key);
    expect(conflicts.map(({ path: name }) => name)).toContain('driven');
    expect(existsSync(trace)).toBe(false);
  });

  it('gives a tree that a commit can be made of, by whoever is named', async () => {
    const { tree, conflicts } = await mergeTrees(place, 'one', 'apart');
    expect(conflicts).toEqual([]);
    const parents = ['one', 'apart'].map((name) => git('rev-parse', name));
    const commit = await commitTree(place, { tree, parents, message: 'Both\n\nof them', author: AUTHOR });
    expect(git('log', '-1', '--format=%an %ae %P%n%B', commit)).toBe(
      `Ada ada@example.invalid ${parents.join(' ')}\nBoth\n\nof them`,
    );
    expect(git('show', `${commit}:text`)).toBe(lines([5, 'one'], [30, 'apart']));
  });

  it('takes another base than the one that git would choose', async () => {
    branch('later', () => put('text', lines([30, 'apart'], [35, 'later'])), 'apart');
    const picked = await mergeTrees(place, 'main', 'later', 'apart');
    expect(git('show', `${picked.tree}:text`)).toBe(lines([35, 'later']));
    expect(picked.conflicts).toEqual([]);
  });

  it('goes on behind a merge that git does not do, and tells a bad revision from a conflict', async () => {
    const [one = '', apart = '', unrelated = ''] = ['one', 'apart', 'unrelated'].map((name) => git('rev-parse', name));
    const merges = await withMerging(place, ({ merge }) =>
      merge([
        { ours: one, theirs: unrelated },
        { ours: one, theirs: apart },
        { ours: unrelated, theirs: apart },
      ]),
    );
    expect(merges.map((merged) => ('failed' in merged ? merged.failed : merged.conflicts.length))).toEqual([
      expect.stringContaining('unrelated'),
      0,
      expect.stringContaining('unrelated'),
    ]);
    await expect(mergeTrees(place, 'one', 'nothing')).rejects.toMatchObject({ code: 'not-found' });
    await expect(mergeTrees(place, 'one', 'unrelated')).rejects.toMatchObject({ code: 'git' });
  });
});

const AUTHOR = { name: 'Ada', email: 'ada@example.invalid' };

describe('a worktree as a tree', () => {
  it('has what is not committed, as it lies on the disk, and leaves index and repo as they were', async () => {
    put('text', lines([9, 'mine']));
    put('deep/er/new', 'new');
    put('staged', 'staged');
    git('add', 'staged');
    rmSync(path.join(repo, 'gone'));
    put('filtered', 'raw');
    rmSync(path.join(repo, 'folder'), { recursive: true });
    put('folder', 'a file now');
    const before = photograph();
    const work = await readUncommitted(repo);
    const changed = await withMerging(place, async (room) => {
      const tree = await writeWorkTree(room, repo, work);
      const [base = ''] = await listTrees(room.git, [work.head ?? '']);
      return listChanges(room.git, [[base, tree]]);
    });
    expect(photograph()).toBe(before);
    expect(changed[0]?.map(({ path: name, status }) => `${status} ${name}`)).toEqual([
      'added deep/er/new',
      'added filtered',
      'added folder',
      'deleted folder/inside',
      'deleted gone',
      'added staged',
      'modified text',
    ]);
    expect((await readUncommitted(repo)).signature).toBe(work.signature);
    appendFileSync(path.join(repo, 'text'), 'more');
    expect((await readUncommitted(repo)).signature).not.toBe(work.signature);
    git('reset', '-q', '--hard');
    git('clean', '-qfd');
    expect((await readUncommitted(repo)).signature).toBe('');
  });

  it('leaves out files that nobody wrote by hand: too many, or too large', async () => {
    for (let index = 0; index < 1001; index++) put(`many/${index}`, 'x');
    expect(await readUncommitted(repo)).toMatchObject({ changed: [], leftOut: 1001 });
    git('clean', '-qfd');
    put('large', 'x'.repeat(11 * 1024 * 1024));
    put('small', 'x');
    expect(await readUncommitted(repo)).toMatchObject({ changed: ['small'], leftOut: 1 });
    git('clean', '-qfd');
  });
});
