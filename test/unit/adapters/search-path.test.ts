import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownPath, searchPath } from '../../../src/adapters/search-path.ts';

describe('where programs are looked for', () => {
  let home: string;
  beforeEach(() => {
    home = mkdtempSync(path.join(tmpdir(), 'stack-home-'));
  });
  afterEach(() => rmSync(home, { recursive: true, force: true }));

  const add = (folder: string): string => {
    const at = path.join(home, folder);
    mkdirSync(at, { recursive: true });
    return at;
  };
  /** This machine may have some of the other places. */
  const below = (found: { PATH?: string }): string[] =>
    (found.PATH ?? '').split(':').filter((folder) => folder.startsWith(home) || !path.isAbsolute(folder));

  it('on macOS the folders of engines that are there come after the PATH, once', () => {
    const own = add('bin');
    const [orbstack, rancher] = [add('.orbstack/bin'), add('.rd/bin')];
    const env = { HOME: home, PATH: `${own}:${rancher}` };
    for (const look of [ownPath, searchPath]) expect(below(look(env, 'darwin'))).toEqual([own, rancher, orbstack]);
    add('.docker/bin');
    expect(below(ownPath(env, 'darwin'))).toEqual([own, rancher, path.join(home, '.docker/bin'), orbstack]);
    expect(below(ownPath({ HOME: home }, 'darwin'))).toHaveLength(3);
  });

  it('folders that are named from the current one are for services alone', () => {
    const env = { HOME: home, PATH: 'bin::/nowhere' };
    expect(searchPath(env, 'linux')).toEqual({ PATH: 'bin::/nowhere' });
    expect(ownPath(env, 'linux')).toEqual({ PATH: '/nowhere' });
    expect(below(searchPath(env, 'darwin'))).toEqual(['bin', '']);
    expect(below(ownPath(env, 'darwin'))).toEqual([]);
  });

  it('elsewhere the PATH has all, and none stays none', () => {
    add('.docker/bin');
    expect(ownPath({ HOME: home, PATH: '/usr/bin' }, 'linux')).toEqual({ PATH: '/usr/bin' });
    for (const look of [ownPath, searchPath]) expect(look({ HOME: home }, 'linux')).toEqual({});
  });
});
