import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Copied, copyFiles } from '../../../src/adapters/files/copy-files.ts';
import { findMatches } from '../../../src/adapters/files/find-files.ts';
import { makeTemp } from '../../support/temp.ts';

function makeWorld() {
  const top = makeTemp();
  const [from, to] = [path.join(top, 'front'), path.join(top, 'tickets/feat-01/web')];
  mkdirSync(to, { recursive: true });
  const write = (name: string, text = name): void => {
    mkdirSync(path.dirname(path.join(from, name)), { recursive: true });
    writeFileSync(path.join(from, name), text);
  };
  const link = (name: string, target: string): void => {
    mkdirSync(path.dirname(path.join(from, name)), { recursive: true });
    symlinkSync(target, path.join(from, name));
  };
  const copy = async (globs: string[], signal = new AbortController().signal) => {
    const { found, unmatched } = await findMatches(from, globs);
    const result: Copied = { copied: [], outside: [], passedOver: [] };
    await copyFiles({ from, to, found, signal, onProgress: () => {} }, result);
    return { ...result, copied: result.copied.sort(), unmatched };
  };
  return { top, from, to, write, link, copy };
}

describe('copyFiles', () => {
  it('copies links as links, and leads those that lead into the checkout into the worktree', async () => {
    const { top, from, to, write, link, copy } = makeWorld();
    write('node_modules/.pnpm/a@1/node_modules/a/cli.js');
    link('node_modules/a', '.pnpm/a@1/node_modules/a');
    link('node_modules/.bin/a', '../a/cli.js');
    link('node_modules/self', from);
    link('node_modules/again', '../../front/packages/x');
    link('node_modules/@shop/api', '../../../api');
    link('node_modules/gone', 'nowhere');
    link('node_modules/git', path.join(from, '.git/hooks'));
    symlinkSync(from, path.join(top, 'alias'));
    link('node_modules/alias', path.join(top, 'alias/packages/x'));
    write('packages/x/index.js');
    const { copied, outside, passedOver } = await copy(['node_modules']);
    const target = (name: string): string => readlinkSync(path.join(to, 'node_modules', name));
    expect(target('a')).toBe('.pnpm/a@1/node_modules/a');
    expect(target('.bin/a')).toBe('../a/cli.js');
    expect(readFileSync(path.join(to, 'node_modules/.bin/a'), 'utf8')).toContain('cli.js');
    expect(target('self')).toBe(to);
    expect(target('again')).toBe('../packages/x');
    expect(target('alias')).toBe(path.join(to, 'packages/x'));
    expect(target('gone')).toBe('nowhere');
    expect(target('@shop/api')).toBe('../../../api');
    expect(outside.sort()).toEqual([
      'node_modules/@shop/api -> ../../../api',
      `node_modules/git -> ${path.join(from, '.git/hooks')}`,
    ]);
    expect(passedOver).toEqual([]);
    expect(copied).toHaveLength(9);
  });

  it('keeps modes and times, of folders too, also of those that are read-only or empty', async () => {
    const { from, to, write, copy } = makeWorld();
    write('keys/sub/a.pem');
    mkdirSync(path.join(from, 'keys/empty'));
    chmodSync(path.join(from, 'keys/sub/a.pem'), 0o640);
    const time = new Date('2020-01-02T03:04:05.678Z');
    for (const name of ['keys/sub/a.pem', 'keys/sub', 'keys']) utimesSync(path.join(from, name), time, time);
    chmodSync(path.join(from, 'keys/sub'), 0o555);
    await copy(['keys']);
    for (const name of ['keys/sub/a.pem', 'keys/sub', 'keys']) {
      const [one, other] = [from, to].map((top) => statSync(path.join(top, name)));
      expect([name, other?.mode, other?.mtimeMs]).toEqual([name, one?.mode, one?.mtimeMs]);
    }
    expect(existsSync(path.join(to, 'keys/empty'))).toBe(true);
    chmodSync(path.join(from, 'keys/sub'), 0o755);
    chmodSync(path.join(to, 'keys/sub'), 0o755);
  });

  it('opens no pipe, and says so', async () => {
    const { from, to, write, copy } = makeWorld();
    write('run/a');
    execFileSync('mkfifo', [path.join(from, 'run/pipe')]);
    expect(await copy(['run'])).toMatchObject({ copied: ['run/a'], passedOver: ['run/pipe (no file)'] });
    expect(existsSync(path.join(to, 'run/pipe'))).toBe(false);
  });

  it('copies what is not small whole, with its mode and time', async () => {
    const { from, to, write, copy } = makeWorld();
    const names = ['bin/node', 'bin/biome', 'bin/other'];
    for (const name of names) {
      write(name, name.repeat(1_500_000));
      chmodSync(path.join(from, name), 0o750);
      utimesSync(path.join(from, name), 1_600_000_000, 1_600_000_000);
    }
    write('bin/small');
    expect((await copy(['bin'])).copied.sort()).toEqual([...names, 'bin/small'].sort());
    for (const name of names) {
      const { mode, mtimeMs } = statSync(path.join(to, name));
      expect([mode & 0o777, mtimeMs]).toEqual([0o750, 1_600_000_000_000]);
      expect(readFileSync(path.join(to, name), 'utf8') === name.repeat(1_500_000)).toBe(true);
    }
  });

  it('leaves holes in a large file, and keeps what is there', async () => {
    const { from, to, write, copy } = makeWorld();
    write('data/lock.mdb', 'begin');
    truncateSync(path.join(from, 'data/lock.mdb'), 300_000_000);
    write('data/mine');
    mkdirSync(path.join(to, 'data'));
    writeFileSync(path.join(to, 'data/mine'), 'kept');
    expect((await copy(['data'])).copied).toEqual(['data/lock.mdb']);
    const { size, blocks } = statSync(path.join(to, 'data/lock.mdb'));
    expect([size, blocks < 10_000]).toEqual([300_000_000, true]);
    expect(readFileSync(path.join(to, 'data/mine'), 'utf8')).toBe('kept');
  });

  it('writes through no link that leads out of the worktree', async () => {
    const { top, to, write, copy } = makeWorld();
    mkdirSync(path.join(top, 'outside'));
    mkdirSync(path.join(to, 'inside'));
    symlinkSync(path.join(top, 'outside'), path.join(to, 'keys'));
    symlinkSync('inside', path.join(to, 'other'));
    writeFileSync(path.join(to, 'third'), 'a file');
    for (const name of ['keys/a', 'keys/sub/b', 'other/c', 'third/d']) write(name);
    const { copied, passedOver } = await copy(['keys', 'other', 'third']);
    expect(copied).toEqual(['other/c']);
    expect(passedOver.filter((line) => line.includes('/')).sort()).toEqual(
      ['keys/a', 'keys/sub', 'keys/sub/b', 'third/d'].map((name) => `${name} (something else is in its place)`),
    );
    expect(existsSync(path.join(to, 'inside/c'))).toBe(true);
  });

  it('ends at once when it is told to', async () => {
    const { to, write, copy } = makeWorld();
    write('data/a');
    const stop = new AbortController();
    stop.abort();
    await expect(copy(['data'], stop.signal)).rejects.toMatchObject({ code: 'interrupted' });
    expect(existsSync(path.join(to, 'data'))).toBe(false);
  });
});

describe('findMatches', () => {
  const find = async (globs: string[]) => {
    const { from, write, link } = makeWorld();
    for (const name of ['a.key', 'deep/a.key', 'deep/b.txt', 'app/[slug]/x', '.hidden/y', '.git/config', 'sub/.git/z'])
      write(name);
    link('linked', 'deep');
    const { found, unmatched } = await findMatches(from, globs);
    return {
      names: found
        .filter(({ kind }) => kind !== 'folder')
        .map(({ path: name }) => name)
        .sort(),
      unmatched,
    };
  };

  it.each([
    [['*.key'], ['a.key'], []],
    [['**/*.key'], ['a.key', 'deep/a.key'], []],
    [['./deep/'], ['deep/a.key', 'deep/b.txt'], []],
    [['deep', '!deep/*.key'], ['deep/b.txt'], []],
    [['app/[slug]'], ['app/[slug]/x'], []],
    [['linked', '.hid*'], ['.hidden/y', 'linked'], []],
    [['no/*.pem', 'nothing'], [], ['no/*.pem', 'nothing']],
    [['{a,b}.key', 'd*/*.txt'], ['a.key', 'deep/b.txt'], []],
    [['.git', 'sub'], [], ['.git']],
  ])('%j', async (globs, names, unmatched) => {
    expect(await find(globs)).toEqual({ names, unmatched });
  });
});
