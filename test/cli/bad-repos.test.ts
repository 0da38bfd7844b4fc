import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { expectRefusal } from '../support/refusal.ts';
import { makeRepo, makeShop, type Shop } from '../support/shop.ts';

describe('a repo path', () => {
  let shop: Shop;
  beforeAll(() => {
    shop = makeShop();
  });
  beforeEach(() => rmSync(shop.at('front'), { recursive: true, force: true }));
  afterAll(() => shop.dispose());

  const refusals: [what: string, make: () => void, message: RegExp, hint: RegExp][] = [
    ['with nothing there', () => undefined, /front: there is nothing at .*\/front/, /clone it there/],
    ['that is a file', () => writeFileSync(shop.at('front'), ''), /front: .*\/front is not a folder/, /set `path:`/],
    ['without git', () => mkdirSync(shop.at('front')), /front: .*\/front is not a git repo/, /git init/],
    [
      'that is bare',
      () => shop.git('.', 'init', '--quiet', '--bare', 'front'),
      /front: .*\/front is a bare repo/,
      /a checkout of it/,
    ],
    [
      'without a commit',
      () => shop.git('.', 'init', '--quiet', 'front'),
      /front: .*\/front has no commit yet/,
      /commit something/,
    ],
  ];

  it.each(refusals)('%s is refused', async (_, make, message, hint) => {
    make();
    await expectRefusal(shop, ['create', 'feat-01', '--no-start'], { code: 'config', message, hint });
  });

  it('inside another repo is refused, with the path and the `dir:` that would do', async () => {
    makeRepo(shop.at('front'), { 'web/server.mjs': '' });
    shop.configure((text) => text.replace('path: ./front', 'path: ./front/web'));
    const expected = { message: /front\/web is a folder inside the repo .*\/front/, hint: /`dir: web`/ };
    await expectRefusal(shop, ['create', 'feat-01', '--no-start'], { code: 'config', ...expected });
    shop.configure((text) => text.replace('path: ./front/web', 'path: ./front'));
  });

  it('that is named twice is refused: a branch can be in one worktree alone', async () => {
    makeRepo(shop.at('front'), { 'server.mjs': '' });
    symlinkSync('front', shop.at('again'));
    const text = shop.read('stack.yml');
    shop.configure((now) => now.replace('repos:', 'repos:\n  again: { path: ./again, base: main }'));
    const expected = { message: /again and front of stack.yml are one git repo: .*\/front/, hint: /`dir:`/ };
    await expectRefusal(shop, ['create', 'feat-01', '--no-start'], { code: 'config', ...expected });
    shop.write('stack.yml', text);
  });

  it('without the base of stack.yml is refused, with the branches there are', async () => {
    makeRepo(shop.at('front'), { 'server.mjs': '' });
    shop.git('front', 'branch', '--move', 'trunk');
    const expected = { message: /front has no base "main"/, hint: /it has trunk/ };
    await expectRefusal(shop, ['create', 'feat-01', '--no-start'], { code: 'not-found', ...expected });
  });

  it('without the folder that a service runs in is refused, unless a set-up may make it', async () => {
    makeRepo(shop.at('front'), { 'server.mjs': '', 'apps/web/server.mjs': '' });
    symlinkSync('apps', shop.at('front/linked'));
    shop.git('front', 'add', '.');
    shop.git('front', 'commit', '--quiet', '--message', 'Link');
    const text = shop.read('stack.yml');
    const runIn = (dir: string, more = 'base: main'): void =>
      shop.write(
        'stack.yml',
        text
          .replace('front: { path: ./front, base: main', `front: { path: ./front, ${more}`)
          .replace('    repo: front\n', `    repo: front\n    dir: ${dir}\n`),
      );
    for (const dir of ['apps/nope', 'nope/web', 'apps/web/server.mjs']) {
      runIn(dir);
      const message = new RegExp(`^front runs in \`dir: ${dir}\`, a folder that front does not have at main$`);
      await expectRefusal(shop, ['create', 'feat-01', '--no-start'], {
        code: 'config',
        message,
        hint: /^set `dir:` of front/,
      });
    }
    for (const dir of ['apps/web', 'linked/web', '.']) {
      runIn(dir);
      expect(await shop.stack(['create', 'feat-01', '--dry-run'])).toMatchObject({ code: 0 });
    }
    runIn('apps/nope', 'base: main, setup: [echo]');
    const made = await shop.stack(['create', 'feat-01', '--dry-run']);
    expect(made.code).toBe(0);
    expect(made.stderr).toContain(
      'front runs in `dir: apps/nope`, a folder that front does not have at main: its set-up',
    );
    shop.write('stack.yml', text);
  });

  it('with a detached HEAD works', async () => {
    makeRepo(shop.at('front'), { 'server.mjs': '' });
    shop.git('front', 'checkout', '--quiet', '--detach');
    expect(await shop.stack(['create', 'detached', '--no-start'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['destroy', 'detached'])).toMatchObject({ code: 0 });
  });

  it('with a submodule works: its files are in the worktree, and it goes without a trace', async () => {
    makeRepo(path.join(shop.folder, 'lib'), { 'lib.txt': 'from the submodule\n' });
    makeRepo(shop.at('front'), { 'server.mjs': '' });
    shop.git('front', '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', '../../lib', 'lib');
    shop.git('front', 'commit', '--quiet', '--message', 'Add lib');
    const refs = shop.git('front', 'for-each-ref');
    expect(await shop.stack(['create', 'sub', '--no-start'])).toMatchObject({ code: 0 });
    expect(shop.read('tickets/sub/front/lib/lib.txt')).toBe('from the submodule\n');
    expect(shop.git('tickets/sub/front', 'status', '--porcelain', '--untracked-files=no')).toBe('');
    expect(await shop.stack(['destroy', 'sub'])).toMatchObject({ code: 0 });
    expect(shop.git('front', 'for-each-ref')).toBe(refs);
    expect(shop.git('front', 'worktree', 'list').split('\n')).toHaveLength(1);
  });
});
