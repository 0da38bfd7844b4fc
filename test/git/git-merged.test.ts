import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { isMerged } from '../../src/adapters/git/risk/merged.ts';
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

  describe('whatever git is told of files', () => {
    /** Both sides change the file, each in its own way. */
    const diverge = (name: string, base: string, ours: string, theirs: string): void => {
      commitFile(clone, name, base);
      git(clone, 'checkout', '--quiet', '-B', 'feat-01');
      commitFile(clone, name, theirs);
      git(clone, 'checkout', '--quiet', 'main');
      commitFile(clone, name, ours);
    };

    it('is false for work that merge drivers would hide', async () => {
      git(clone, 'config', 'merge.ours.driver', 'true');
      git(clone, 'config', 'merge.default', 'ours');
      for (const attribute of ['merge=ours', 'merge=union', '-merge', '!merge']) {
        const name = `of ${attribute}`;
        writeFileSync(path.join(clone, '.git/info/attributes'), `* ${attribute}\n`);
        commitFile(clone, '.gitattributes', `* ${attribute}\n`);
        diverge(name, '<a/>\n', '<a/>\n<b/>\n<c/>\n', '<a/>\n<c/>\n');
        expect([name, await ask()]).toEqual([name, false]);
      }
    });

    it('runs no program that settings or attributes name', async () => {
      const ran = path.join(clone, 'ran');
      writeFileSync(path.join(clone, '.git/info/attributes'), '* merge=mine diff=mine filter=mine\n');
      for (const name of ['merge.mine.driver', 'diff.mine.command', 'diff.mine.textconv', 'filter.mine.smudge'])
        git(clone, 'config', name, `touch ${ran}; true`);
      diverge('data', 'base\n', 'ours\n', 'theirs\n');
      rmSync(ran, { force: true });
      expect(await ask()).toBe(false);
      expect(existsSync(ran)).toBe(false);
    });

    it('is false where white space alone tells them apart', async () => {
      git(clone, 'config', 'core.whitespace', 'cr-at-eol');
      git(clone, 'config', 'merge.renormalize', 'true');
      for (const [name, base, ours, theirs] of [
        ['in another block', 'if a:\n    one\n', 'if a:\n    one\n    two\n', 'if a:\n    one\ntwo\n'],
        ['tabs for spaces', 'x\n', 'x\n\ty\n', 'x\n        y\n'],
        ['another end of line', 'x\n', 'x\ny\n', 'x\ny\r\n'],
        ['no end of line', 'x\n', 'x\ny\n', 'x\ny'],
      ] as const) {
        diverge(name, base, ours, theirs);
        expect([name, await ask()]).toEqual([name, false]);
        commitFile(clone, name, theirs);
        expect([name, await ask()]).toEqual([name, true]);
      }
    });

    it('is false for the same lines added at another place', async () => {
      const block = 'one\ntwo\nthree\n\n';
      const added = 'one\ntwo\nthree\nfour\n\n';
      diverge('list', block.repeat(4), `${block.repeat(3)}${added}`, `${added}${block.repeat(3)}`);
      expect(await ask()).toBe(false);
    });

    it('is false for a mode that the base has not', async () => {
      git(clone, 'checkout', '--quiet', '-B', 'feat-01');
      git(clone, 'update-index', '--chmod=+x', 'file-1');
      git(clone, 'commit', '--quiet', '--message', 'May run');
      git(clone, 'checkout', '--quiet', '--force', 'main');
      expect(await ask()).toBe(false);
    });

    it('is true for a squash onto a base that has other changes in the same files', async () => {
      diverge('list', '1\n2\n3\n4\n5\n6\n7\n', '1\n2\n3\n4\n5\n6\nseven\n', 'one\n2\n3\n4\n5\n6\n7\n');
      expect(await ask()).toBe(false);
      squash();
      commitFile(clone, 'list', 'built upon\n');
      expect(await ask()).toBe(true);
    });
  });

  it('judges a shallow clone and one with SHA-256 too, and leaves nothing behind', async () => {
    squash();
    git(clone, 'push', '--quiet', '--all');
    const folder = path.dirname(clone);
    vi.stubEnv('TMPDIR', folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    git(folder, 'clone', '--quiet', '--depth=3', '--no-single-branch', `file://${remote}`, 'shallow');
    const shallow = path.join(folder, 'shallow');
    git(shallow, 'checkout', '--quiet', 'feat-01');
    const tip = git(shallow, 'rev-parse', 'HEAD');
    expect(await isMerged({ cwd: shallow, branch: 'feat-01', base: 'main', tip })).toBe(true);
    const other = path.join(folder, 'other');
    git(folder, 'init', '--quiet', '--object-format=sha256', 'other');
    commitFile(other, 'one', 'one\n');
    git(other, 'checkout', '--quiet', '-b', 'feat-01');
    const work = commitFile(other, 'two', 'two\n');
    git(other, 'checkout', '--quiet', 'main');
    const question = { cwd: other, branch: 'feat-01', base: 'main', tip: work };
    expect(await isMerged(question)).toBe(false);
    commitFile(other, 'two', 'two\n');
    expect(await isMerged(question)).toBe(true);
    expect(readdirSync(folder).filter((name) => name.startsWith('stack-git-'))).toEqual([]);
  });
});
