import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { addExclude, isIgnored, removeExclude } from '../../src/adapters/git/exclude.ts';
import { readStatus } from '../../src/adapters/git/status.ts';
import { git, makeRepo } from '../support/git-repos.ts';
import { makeTemp } from '../support/temp.ts';

const PATTERN = '/.env.local';

function makeWorld() {
  const repo = makeRepo(makeTemp());
  writeFileSync(path.join(repo, '.env.local'), 'A=1\n');
  const common = path.join(repo, '.git');
  return { repo, common, file: path.join(common, 'info/exclude') };
}

describe('the exclude file of a repo', () => {
  it.each([
    ['as git makes it', undefined],
    ['empty', ''],
    ['without a line end', '*.log'],
    ['with lines of Windows', '*.log\r\n*.tmp\r\n'],
    ['in another encoding', Buffer.from([0x2f, 0xe9, 0xff, 0x0a, 0x00, 0x0a])],
  ])('is as it was, byte for byte, after the last owner has gone: %s', async (_, text) => {
    const { repo, common, file } = makeWorld();
    if (text !== undefined) writeFileSync(file, text, { mode: 0o640 });
    const before = readFileSync(file);
    const mode = statSync(file).mode;
    await addExclude(common, PATTERN, 'feat-01');
    await addExclude(common, PATTERN, 'feat-02');
    await addExclude(common, '/apps/wéb/.env', 'feat-02');
    expect(git(repo, 'status', '--porcelain')).toBe('');
    await removeExclude(common, PATTERN, 'feat-01');
    expect(git(repo, 'status', '--porcelain')).toBe('');
    await removeExclude(common, '/apps/wéb/.env', 'feat-02');
    await removeExclude(common, PATTERN, 'feat-02');
    expect(git(repo, 'status', '--porcelain')).toBe('?? .env.local');
    expect(readFileSync(file)).toEqual(before);
    expect(statSync(file).mode).toBe(mode);
    expect(readdirSync(path.dirname(file))).toEqual(['exclude']);
  });

  it('holds an owner’s pattern once, and misses none that is not there', async () => {
    const { common, file } = makeWorld();
    await addExclude(common, PATTERN, 'feat-01');
    const once = readFileSync(file, 'utf8');
    await addExclude(common, PATTERN, 'feat-01');
    await removeExclude(common, PATTERN, 'feat-1');
    expect(readFileSync(file, 'utf8')).toBe(once);
  });

  it('is made, with its folder, and goes again', async () => {
    const { repo, common, file } = makeWorld();
    rmSync(file);
    await addExclude(common, PATTERN, 'feat-01');
    await removeExclude(common, PATTERN, 'feat-01');
    expect(existsSync(file)).toBe(false);
    expect(existsSync(path.dirname(file))).toBe(true);
    rmSync(path.dirname(file), { recursive: true });
    await addExclude(common, PATTERN, 'feat-01');
    await addExclude(common, PATTERN, 'feat-02');
    expect(git(repo, 'status', '--porcelain')).toBe('');
    await removeExclude(common, PATTERN, 'feat-01');
    await removeExclude(common, PATTERN, 'feat-02');
    expect(existsSync(path.dirname(file))).toBe(false);
    await removeExclude(common, PATTERN, 'feat-02');
    expect(existsSync(path.dirname(file))).toBe(false);
  });

  it('stays when people have written in a file that stack made', async () => {
    const { common, file } = makeWorld();
    rmSync(file);
    await addExclude(common, PATTERN, 'feat-01');
    writeFileSync(file, `${readFileSync(file, 'utf8')}*.log\n`);
    await removeExclude(common, PATTERN, 'feat-01');
    expect(readFileSync(file, 'utf8')).toBe('*.log\n');
  });

  it('leaves the last word to the person', async () => {
    const { repo, common, file } = makeWorld();
    writeFileSync(file, '!.env.local\n');
    await addExclude(common, PATTERN, 'feat-01');
    expect(git(repo, 'status', '--porcelain')).toBe('?? .env.local');
  });

  it('stays a link where it is one', async () => {
    const { repo, common, file } = makeWorld();
    const elsewhere = path.join(makeTemp(), 'my-excludes');
    writeFileSync(elsewhere, '*.log\n');
    rmSync(file);
    symlinkSync(elsewhere, file);
    await addExclude(common, PATTERN, 'feat-01');
    expect(git(repo, 'status', '--porcelain')).toBe('');
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    await removeExclude(common, PATTERN, 'feat-01');
    expect(readFileSync(elsewhere, 'utf8')).toBe('*.log\n');
  });

  it('loses nobody’s line when many write at once', async () => {
    const { common, file } = makeWorld();
    const before = readFileSync(file, 'utf8');
    const owners = Array.from({ length: 20 }, (_, index) => `feat-${index}`);
    await Promise.all(owners.map((owner) => addExclude(common, PATTERN, owner)));
    for (const owner of owners) expect(readFileSync(file, 'utf8')).toContain(`${owner}\n${PATTERN}\n`);
    await Promise.all(owners.map((owner) => removeExclude(common, PATTERN, owner)));
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  it('is no matter when the repo is gone', async () => {
    await removeExclude(path.join(makeTemp(), 'gone'), PATTERN, 'feat-01');
  });
});

describe('isIgnored', () => {
  it('asks the files that stay when tickets go', async () => {
    const { repo, common } = makeWorld();
    expect(await isIgnored(repo, '.env.local')).toBe(false);
    await addExclude(common, PATTERN, 'feat-01');
    expect(await isIgnored(repo, '.env.local')).toBe(false);
    writeFileSync(path.join(repo, '.gitignore'), '.env*\n');
    expect(await isIgnored(repo, '.env.local')).toBe(true);
    expect(await isIgnored(repo, 'apps/wéb/.env.local')).toBe(true);
    writeFileSync(path.join(repo, '.gitignore'), '.env*\n!.env.local\n');
    expect(await isIgnored(repo, '.env.local')).toBe(false);
    await expect(isIgnored(repo, '../outside')).rejects.toMatchObject({ code: 'git' });
  });

  it('may be no file: that is told, and nothing waits for a pipe', async () => {
    const { repo, common, file } = makeWorld();
    rmSync(file);
    execFileSync('mkfifo', [file]);
    const told = { message: expect.stringMatching(/info\/exclude(: it)? is a (named )?pipe/) };
    await expect(addExclude(common, PATTERN, 'feat-01')).rejects.toMatchObject(told);
    await expect(readStatus(repo)).rejects.toMatchObject({ code: 'git', ...told });
    rmSync(file);
    mkdirSync(file);
    await expect(addExclude(common, PATTERN, 'feat-01')).rejects.toMatchObject({ code: 'files' });
    rmSync(file, { recursive: true });
    execFileSync('mkfifo', [path.join(repo, '.gitignore')]);
    await expect(isIgnored(repo, '.env.local')).rejects.toMatchObject({
      message: `${repo}/.gitignore is a pipe, and git would wait for it`,
    });
  });
});
