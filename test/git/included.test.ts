import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { listIncluded } from '../../src/adapters/git/included.ts';
import { git, makeRepo } from '../support/git-repos.ts';
import { makeTemp } from '../support/temp.ts';

function makeWorld() {
  const repo = makeRepo(path.join(makeTemp(), 'repo'));
  const write = (name: string, text = ''): void => {
    mkdirSync(path.dirname(path.join(repo, name)), { recursive: true });
    writeFileSync(path.join(repo, name), text);
  };
  write('.gitignore', '.env*\n*.local.json\nsecrets\nnode_modules\nvendor\n');
  for (const name of ['.env', 'apps/web/.env', 'a.local.json', 'apps/web/deep/b.local.json', 'not-ignored.json'])
    write(name);
  for (const name of ['secrets/a.pem', 'secrets/sub/b.pem', 'apps/web/secrets/c.pem', 'node_modules/x/y.js'])
    write(name);
  const include = async (text: string): Promise<string[] | undefined> => {
    write('.worktreeinclude', text);
    const found = await listIncluded(repo);
    return found
      ?.filter(({ kind }) => kind !== 'folder')
      .map(({ path: name }) => name)
      .sort();
  };
  return { repo, write, include };
}

describe('.worktreeinclude', () => {
  it.each([
    ['*.local.json', ['a.local.json', 'apps/web/deep/b.local.json']],
    ['secrets/', ['apps/web/secrets/c.pem', 'secrets/a.pem', 'secrets/sub/b.pem']],
    ['/secrets', ['secrets/a.pem', 'secrets/sub/b.pem']],
    ['/.env', ['.env']],
    ['.env', ['.env', 'apps/web/.env']],
    ['*.pem\n!b.pem', ['apps/web/secrets/c.pem', 'secrets/a.pem']],
    ['apps/**/.env\r\n# a comment\r\n\r\n/.env\r\n', ['.env', 'apps/web/.env']],
    ['*.json', ['a.local.json', 'apps/web/deep/b.local.json']],
    ['file-1', []],
    ['not-ignored.json', []],
    ['# nothing but a comment\n\n', []],
    ['', []],
  ])('%j picks among what git ignores, as .gitignore does', async (text, names) => {
    expect(await makeWorld().include(text)).toEqual(names);
  });

  it('that is missing, a folder or a pipe picks nothing', async () => {
    const { repo } = makeWorld();
    const file = path.join(repo, '.worktreeinclude');
    expect(await listIncluded(repo)).toBeUndefined();
    mkdirSync(file);
    expect(await listIncluded(repo)).toBeUndefined();
    rmSync(file, { recursive: true });
    execFileSync('mkfifo', [file]);
    expect(await listIncluded(repo)).toBeUndefined();
  });

  it('takes the files of a repo among them, links as links, and nothing of submodules', async () => {
    const { repo, write, include } = makeWorld();
    write('vendor/lib/index.js');
    git(path.join(repo, 'vendor/lib'), 'init', '--quiet');
    const other = makeRepo(path.join(repo, '../other'));
    git(repo, '-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', other, 'sub');
    write('sub/.env');
    symlinkSync('a.pem', path.join(repo, 'secrets/current.pem'));
    expect(await include('vendor\n.env\ncurrent.pem')).toEqual([
      '.env',
      'apps/web/.env',
      'secrets/current.pem',
      'vendor/lib/index.js',
    ]);
  });
});
