import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { isBranchName } from '../../src/adapters/git/names.ts';
import { makeRepo } from '../support/git-repos.ts';
import { makeTemp } from '../support/temp.ts';

const NAMES = [
  ...['main', 'feat/x', 'a/b/c', 'UPPER', 'ünïcode', 'a-b_c.d', 'x@y', '日本', '@x', 'a@', '%20', "it's", 'a,b', '{x}'],
  ...['', 'HEAD', '-x', '--', 'a b', 'a\tb', 'a~1', 'a^', 'a:b', 'a?', 'a*', 'a[b', 'a\\b', 'a..b', 'a@{1}', '@{-1}'],
  ...['/a', 'a/', 'a//b', '.a', 'a/.b', 'a.', 'a.lock', 'a.lock/b', 'a/b.lock', 'a\u007f', 'a\u0001', '..', '.'],
];

/** The same numbers each run. */
function* randomNames(count: number): Generator<string> {
  let seed = 7;
  const next = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  const pieces = ['a', 'B', '/', '.', '-', '@', '{', '~', '^', ' ', '.lock', '..', '[', 'HEAD', 'é'];
  for (let index = 0; index < count; index++) {
    yield Array.from({ length: 1 + next(5) }, () => pieces[next(pieces.length)]).join('');
  }
}

describe('isBranchName', () => {
  it('says of a name what git says', () => {
    const repo = makeRepo(makeTemp());
    const names = new Set([...NAMES, ...randomNames(150)]);
    names.delete('@');
    const different = [...names].filter((name) => {
      const { status, stdout } = spawnSync('git', ['check-ref-format', '--branch', name], {
        cwd: repo,
        encoding: 'utf8',
      });
      // Of `@{-1}` git gives the branch that was checked out before: that is not a name.
      return (status === 0 && stdout === `${name}\n`) !== isBranchName(name);
    });
    expect(different).toEqual([]);
  });

  it('refuses `@`, which git allows and then reads as HEAD', () => {
    expect(isBranchName('@')).toBe(false);
  });
});
