import { beforeEach, describe, expect, it } from 'vitest';
import { isMerged } from '../../src/adapters/git/merged.ts';
import { commitFile, git, listRefs, makeClone } from '../support/git-repos.ts';
import { makeTemp } from '../support/temp.ts';

describe('isMerged', () => {
  let clone: string;
  let remote: string;
  beforeEach(() => {
    ({ clone, remote } = makeClone(makeTemp(), { branches: ['feat/ui'] }));
    git(clone, 'checkout', '--quiet', '--no-track', '-b', 'feat-01', 'main');
    commitFile(clone, 'one', 'one\n');
    commitFile(clone, 'two', 'two\n');
    git(clone, 'checkout', '--quiet', 'main');
  });

  const ask = (base = 'main') =>
    isMerged({ cwd: clone, branch: 'feat-01', base, tip: git(clone, 'rev-parse', 'feat-01') });
  const squash = (): void => {
    git(clone, 'merge', '--quiet', '--squash', 'feat-01');
    git(clone, 'commit', '--quiet', '--message', 'Squash');
  };

  it('is false for work that is nowhere else, and for a branch that is pushed only', async () => {
    const before = listRefs(clone);
    expect(await ask()).toBe(false);
    expect(listRefs(clone)).toBe(before);
    git(clone, 'push', '--quiet', 'origin', 'feat-01');
    expect(await ask()).toBe(false);
  });

  it('is true after a merge, and for a branch that is behind its base', async () => {
    git(clone, 'merge', '--quiet', '--no-ff', 'feat-01');
    expect(await ask()).toBe(true);
    commitFile(clone, 'more', 'more\n');
    expect(await ask()).toBe(true);
  });

  it('is true after a squash, also when the base has changed the same lines since', async () => {
    squash();
    expect(await ask()).toBe(true);
    commitFile(clone, 'one', 'built upon\n');
    expect(await ask()).toBe(true);
  });

  it('is true after its commits were picked one by one, and false while one is missing', async () => {
    commitFile(clone, 'other', 'other\n');
    git(clone, 'cherry-pick', 'feat-01~1');
    expect(await ask()).toBe(false);
    git(clone, 'cherry-pick', 'feat-01');
    commitFile(clone, 'one', 'built upon\n');
    commitFile(clone, 'two', 'built upon\n');
    expect(await ask()).toBe(true);
  });

  it('is true when only the base’s upstream, or the main branch of the remote, has it', async () => {
    squash();
    git(clone, 'push', '--quiet', remote, 'HEAD:refs/heads/main');
    git(clone, 'reset', '--quiet', '--hard', 'HEAD~1');
    expect(await ask()).toBe(false);
    git(clone, 'fetch', '--quiet');
    expect(await ask()).toBe(true);
    expect(await ask('feat/ui')).toBe(true);
  });

  it('is false for what was taken back on the branch, or left out by the squash', async () => {
    git(clone, 'checkout', '--quiet', '-b', 'back', 'main');
    commitFile(clone, 'idea', 'idea\n');
    git(clone, 'revert', '--no-edit', 'HEAD');
    expect(await isMerged({ cwd: clone, branch: 'back', base: 'main', tip: git(clone, 'rev-parse', 'back') })).toBe(
      false,
    );
    git(clone, 'checkout', '--quiet', 'main');
    git(clone, 'merge', '--quiet', '--squash', 'feat-01');
    git(clone, 'rm', '--quiet', '--force', 'two');
    git(clone, 'commit', '--quiet', '--message', 'Half of it');
    expect(await ask()).toBe(false);
  });

  it('is true after a squash of a branch that had merged its base', async () => {
    commitFile(clone, 'other', 'other\n');
    git(clone, 'checkout', '--quiet', 'feat-01');
    git(clone, 'merge', '--quiet', '--no-edit', 'main');
    git(clone, 'checkout', '--quiet', 'main');
    expect(await ask()).toBe(false);
    squash();
    expect(await ask()).toBe(true);
  });
});
