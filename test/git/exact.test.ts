import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { keepBeside, keepRecord, restoreBeside, takeBackBeside } from '../../src/adapters/git/rescue/refs.ts';
import { rescueWork } from '../../src/adapters/git/rescue/rescue.ts';
import { bringBack } from '../../src/adapters/git/rescue/restore-snapshot.ts';
import { readStatus } from '../../src/adapters/git/status.ts';
import { addWorktree } from '../../src/adapters/git/worktree/worktree.ts';
import { commitFile, git, makeRepo } from '../support/git-repos.ts';
import { makeTemp } from '../support/temp.ts';

/** A repo whose filters, attributes and settings change what they read, with a worktree. */
async function makeWorld() {
  const repo = makeRepo(path.join(makeTemp(), 'repo'));
  git(repo, 'config', 'filter.strip.clean', 'sed /OUT/d');
  writeFileSync(path.join(repo, '.gitattributes'), '*.nb filter=strip\n*.id ident\n*.crlf text eol=crlf\n*.txt text\n');
  for (const name of ['a.nb', 'a.id', 'a.crlf', 'a.txt', 'key']) writeFileSync(path.join(repo, name), 'one\ntwo\n');
  writeFileSync(path.join(repo, '.gitignore'), 'hidden\n');
  git(repo, 'add', '.');
  git(repo, 'commit', '--quiet', '--message', 'More');
  const worktree = path.join(repo, '../worktree');
  const place = { repoPath: repo, gitCommonDir: path.join(repo, '.git'), worktree, branch: 'feat-01' };
  const add = async (start: string, newBranch: boolean) => {
    await addWorktree({ ...place, path: worktree, start, newBranch });
  };
  await add(git(repo, 'rev-parse', 'HEAD'), true);
  const at = (name: string) => path.join(worktree, name);
  return {
    repo,
    worktree,
    at,
    write: (name: string, text: string | Buffer) => {
      mkdirSync(path.dirname(at(name)), { recursive: true });
      writeFileSync(at(name), text);
    },
    /** Saves the worktree, removes it, lets git forget what nothing leads to, and makes it again. */
    async goAndComeBack(ignored: string[] = [], meanwhile = () => {}): Promise<string[]> {
      const ref = 'refs/stack/rescue/feat-01/now';
      const saved = await rescueWork({ ...place, ref, ignored, always: true });
      await keepRecord(repo, { ticket: 'feat-01', time: 'now', exact: saved?.exact }, '{}');
      rmSync(worktree, { recursive: true });
      git(repo, 'worktree', 'prune');
      git(repo, 'reflog', 'expire', '--expire=now', '--all');
      git(repo, 'gc', '--quiet', '--prune=now');
      meanwhile();
      await add('', false);
      const head = saved?.head?.branch === 'feat-01' ? undefined : saved?.head;
      return bringBack({ ...saved, head, worktree, operations: saved?.operations ?? [] });
    },
  };
}

/** Takes a filter away that git requires. Returns what brings it back. */
function loseFilter(repo: string): () => void {
  git(repo, 'config', 'filter.strip.required', 'true');
  git(repo, 'config', 'filter.strip.clean', 'no-such-filter');
  return () => git(repo, 'config', '--remove-section', 'filter.strip');
}

/** Every file with its bytes and mode, every folder with its mode. */
function lookAtFiles(worktree: string): unknown {
  const visit = (folder: string): unknown[] =>
    readdirSync(folder, { withFileTypes: true, encoding: 'buffer' }).flatMap((entry) => {
      const name = Buffer.from(entry.name).toString('latin1');
      const file = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, 'latin1')]);
      const { mode } = lstatSync(file);
      if (name === '.git') return [];
      if (entry.isDirectory()) return [[`${folder}/${name}`, mode], ...visit(`${folder}/${name}`)];
      if (entry.isSymbolicLink()) return [[`${folder}/${name}`, readlinkSync(file)]];
      return [[`${folder}/${name}`, mode, readFileSync(file, 'latin1')]];
    });
  return visit(worktree);
}

/** The same, and what git says. */
function look(worktree: string): unknown {
  return {
    files: lookAtFiles(worktree),
    status: git(worktree, 'status', '--porcelain=v2', '--ignored', '--untracked-files=all'),
    index: git(worktree, 'ls-files', '--stage', '-v'),
    content: git(worktree, 'diff', '--cached'),
  };
}

describe('what is saved comes back', () => {
  it('to the byte, whatever filters, keywords and line ends make of it', async () => {
    const { worktree, write, goAndComeBack } = await makeWorld();
    write('a.nb', 'one\ntwo\nOUT of a run\n');
    git(worktree, 'add', 'a.nb');
    write('a.id', '$Id: mine $\n');
    write('a.crlf', 'one\ntwo\r\n');
    write('a.txt', 'one\r\ntwo\n');
    write('new.nb', 'OUT\n');
    write('latin.txt', Buffer.from('caf\xe9\r\n', 'latin1'));
    // Git takes it for unchanged, since the filter does away with the difference.
    expect(git(worktree, 'status', '--porcelain', 'a.nb')).toBe('');
    const before = look(worktree);
    expect(await goAndComeBack()).toEqual([]);
    expect(look(worktree)).toEqual(before);
  });

  it('without any filter, also where one is missing that git requires', async () => {
    const { repo, worktree, write, goAndComeBack } = await makeWorld();
    const install = loseFilter(repo);
    // As long as what is in the index, so that git would have to clean it.
    write('a.nb', 'ONE\nTWO\n');
    write('new.nb', 'OUT\n');
    const status = await readStatus(worktree);
    expect(status).toMatchObject({ changed: ['a.nb'], untracked: ['new.nb'] });
    const before = lookAtFiles(worktree);
    expect(await goAndComeBack([], install)).toEqual([]);
    expect(lookAtFiles(worktree)).toEqual(before);
  });

  it('with the bytes of files that go to LFS, whether git tracks, ignores or has never seen them', async () => {
    const { repo, worktree, at, write, goAndComeBack } = await makeWorld();
    git(repo, 'config', 'filter.lfs.clean', 'echo pointer; cat >/dev/null');
    git(repo, 'config', 'filter.lfs.smudge', 'cat >/dev/null; echo large');
    write('.gitattributes', '*.bin filter=lfs -text\n');
    for (const name of ['same.bin', 'changed.bin']) write(name, 'large\n');
    git(worktree, 'add', '.');
    git(worktree, 'commit', '--quiet', '--message', 'Large');
    utimesSync(at('same.bin'), 1000, 1000);
    git(worktree, 'update-index', '--refresh');
    for (const name of ['changed.bin', 'new.bin', 'hidden/ignored.bin']) write(name, `mine: ${name}\r\n`);
    write('staged.bin', 'staged\n');
    git(worktree, 'add', 'staged.bin');
    const before = lookAtFiles(worktree);
    await goAndComeBack(['hidden/ignored.bin']);
    expect(lookAtFiles(worktree)).toEqual(before);
    expect(readFileSync(at('same.bin'), 'utf8')).toBe('large\n');
    const tree = git(repo, 'for-each-ref', '--format=%(tree)', 'refs/stack/record');
    expect(git(repo, 'ls-tree', '-r', '--name-only', `${tree}:files`)).not.toContain('same.bin');
  });

  it('where a link or a pipe is in the place of a folder or a file, and names begin with a space', async () => {
    const { worktree, at, write, goAndComeBack } = await makeWorld();
    mkdirSync(at('folder'));
    commitFile(worktree, 'folder/file', 'x');
    mkdirSync(at('other'));
    commitFile(worktree, 'other/file', 'y');
    rmSync(at('folder'), { recursive: true });
    symlinkSync('other', at('folder'));
    rmSync(at('key'));
    execFileSync('mkfifo', [at('key')]);
    rmSync(at('a.txt'));
    write('a.txt/inner', 'x');
    write(' space', 'x');
    await goAndComeBack();
    expect(readlinkSync(at('folder'))).toBe('other');
    expect(readFileSync(at('folder/file'), 'utf8')).toBe('y');
    expect(readFileSync(at('a.txt/inner'), 'utf8')).toBe('x');
    expect(readFileSync(at(' space'), 'utf8')).toBe('x');
    expect(existsSync(at('key'))).toBe(false);
  });

  it('where the folder is not a worktree any more', async () => {
    const { repo, worktree, at, write, goAndComeBack } = await makeWorld();
    const install = loseFilter(repo);
    write('a.nb', 'OUT of a run\n');
    write('a.txt', 'one\r\ntwo\n');
    write('hidden/key', 'mine');
    chmodSync(at('hidden/key'), 0o600);
    utimesSync(at('hidden/key'), 1000, 981173106.5);
    mkdirSync(at('empty'));
    rmSync(at('.git'));
    const before = lookAtFiles(worktree);
    await goAndComeBack([], install);
    expect(lookAtFiles(worktree)).toEqual(before);
    expect(lstatSync(at('hidden/key')).mtimeMs).toBe(981173106500);
  });

  it('beside the worktrees too', async () => {
    const { repo, worktree } = await makeWorld();
    writeFileSync(path.join(repo, '.git/info/attributes'), '* filter=strip text\n');
    const folder = makeTemp();
    mkdirSync(path.join(folder, 'plans/empty'), { recursive: true });
    const file = path.join(folder, 'plans/notes');
    writeFileSync(file, 'OUT\r\nx\n');
    chmodSync(file, 0o600);
    utimesSync(file, 1000, 981173106.5);
    const what = { ticket: 'feat-01', time: 'now', folder, names: ['plans/notes'], apart: [] };
    const before = lookAtFiles(folder);
    const tree = await keepBeside(repo, what);
    rmSync(path.join(folder, 'plans'), { recursive: true });
    git(repo, 'gc', '--quiet', '--prune=now');
    expect(await restoreBeside(repo, folder, tree)).toBe(true);
    expect(lookAtFiles(folder)).toEqual(before);
    expect(lstatSync(file).mtimeMs).toBe(981173106500);
    expect(git(worktree, 'status', '--porcelain')).toBe('');
  });

  it('beside the worktrees, and taken back without what is not as it was kept, or is behind a link', async () => {
    const { repo } = await makeWorld();
    const folder = makeTemp();
    mkdirSync(path.join(folder, 'plans'));
    mkdirSync(path.join(folder, 'moved'));
    const names = ['plans/as-kept', 'plans/changed', 'plans/mode', 'moved/file', 'top'];
    for (const name of names) writeFileSync(path.join(folder, name), 'kept\r\n');
    const tree = await keepBeside(repo, { ticket: 'feat-01', time: 'now', folder, names, apart: [] });
    writeFileSync(path.join(folder, 'plans/changed'), 'mine\r\n');
    chmodSync(path.join(folder, 'plans/mode'), 0o755);
    writeFileSync(path.join(folder, 'plans/new'), 'mine');
    const elsewhere = makeTemp();
    renameSync(path.join(folder, 'moved'), path.join(elsewhere, 'moved'));
    symlinkSync(path.join(elsewhere, 'moved'), path.join(folder, 'moved'));
    utimesSync(path.join(folder, 'top'), 1, 1);
    await takeBackBeside(repo, folder, tree);
    expect(readdirSync(folder).sort()).toEqual(['moved', 'plans']);
    expect(readdirSync(path.join(folder, 'plans')).sort()).toEqual(['changed', 'mode', 'new']);
    expect(readdirSync(path.join(elsewhere, 'moved'))).toEqual(['file']);
  });

  it('with modes, times, empty folders, links and names that are not UTF-8', async () => {
    const { worktree, at, write, goAndComeBack } = await makeWorld();
    chmodSync(at('key'), 0o600);
    write('tool', '#!/bin/sh\n');
    chmodSync(at('tool'), 0o750);
    write('hidden/secret', 'mine');
    chmodSync(at('hidden/secret'), 0o600);
    utimesSync(at('file-1'), 1000, 981173106.5);
    mkdirSync(at('empty/deep'), { recursive: true });
    write('shut/file', 'x');
    chmodSync(at('shut'), 0o700);
    symlinkSync('nowhere', at('link'));
    writeFileSync(Buffer.from(at('caf\xe9'), 'latin1'), 'x');
    writeFileSync(Buffer.from(at('hidden/caf\xe9'), 'latin1'), 'x');
    rmSync(at('a.txt'));
    const before = look(worktree);
    await goAndComeBack(['hidden/secret', 'hidden/caf\udce9']);
    expect(look(worktree)).toEqual(before);
    expect(lstatSync(at('file-1')).mtimeMs).toBe(981173106500);
  });

  it('without the folders that git ignores and nobody saved', async () => {
    const { at, write, goAndComeBack } = await makeWorld();
    write('hidden/made/by-a-tool', 'x');
    write('file-1', 'changed');
    await goAndComeBack();
    expect(existsSync(at('hidden'))).toBe(false);
  });

  it('with the index: staged, intended, passed over, and what only it holds', async () => {
    const { worktree, write, at, goAndComeBack } = await makeWorld();
    write('staged', 'only in the index\n');
    git(worktree, 'add', 'staged');
    rmSync(at('staged'));
    write('intended', 'x');
    git(worktree, 'add', '--intent-to-add', 'intended');
    write('key', 'mine');
    git(worktree, 'update-index', '--skip-worktree', 'key');
    git(worktree, 'update-index', '--assume-unchanged', 'file-1');
    const before = look(worktree);
    await goAndComeBack();
    expect(look(worktree)).toEqual(before);
    expect(git(worktree, 'show', ':staged')).toBe('only in the index');
  });

  it('with a merge under way, its conflict and its other parent', async () => {
    const { repo, worktree, goAndComeBack } = await makeWorld();
    const mine = commitFile(worktree, 'file-1', 'here\n');
    git(repo, 'checkout', '--quiet', '-b', 'other');
    const other = commitFile(repo, 'file-1', 'there\n');
    expect(() => git(worktree, 'merge', 'other')).toThrow();
    git(repo, 'checkout', '--quiet', 'main');
    git(repo, 'branch', '-D', 'other');
    const before = look(worktree);
    expect(await goAndComeBack()).toEqual([
      'a merge is under way, as it was',
      expect.stringMatching(/^commits that no branch led to are kept: `git log /),
    ]);
    expect(look(worktree)).toEqual(before);
    git(worktree, 'checkout', '--ours', 'file-1');
    git(worktree, 'commit', '--quiet', '--all', '--no-edit');
    expect(git(worktree, 'log', '-1', '--format=%P')).toBe(`${mine} ${other}`);
  });

  it('with the message of a commit that was given up', async () => {
    const { worktree, goAndComeBack } = await makeWorld();
    writeFileSync(path.join(worktree, 'new'), 'x');
    git(worktree, 'add', '.');
    const editor = 'echo "Say a lot of what took an hour to write" >"$1"; exit 1; :';
    expect(() => git(worktree, '-c', `core.editor=sh -c '${editor}' --`, 'commit')).toThrow();
    const file = (): string => git(worktree, 'rev-parse', '--path-format=absolute', '--git-path', 'COMMIT_EDITMSG');
    const before = readFileSync(file(), 'utf8');
    expect(before).toContain('an hour');
    await goAndComeBack();
    expect(readFileSync(file(), 'utf8')).toBe(before);
  });

  it('with a rebase under way, which goes on', async () => {
    const { repo, worktree, goAndComeBack } = await makeWorld();
    commitFile(worktree, 'file-1', 'here\n');
    commitFile(worktree, 'second', 'x');
    commitFile(repo, 'file-1', 'there\n');
    expect(() => git(worktree, 'rebase', 'main')).toThrow();
    const before = look(worktree);
    expect((await goAndComeBack())[0]).toBe('a rebase is under way, as it was');
    expect(look(worktree)).toEqual(before);
    git(worktree, 'checkout', '--theirs', 'file-1');
    git(worktree, 'add', '.');
    git(worktree, '-c', 'core.editor=true', 'rebase', '--continue');
    expect(git(worktree, 'log', '--format=%s', '-3')).toBe('Write second\nWrite file-1\nWrite file-1');
    expect(git(worktree, 'branch', '--show-current')).toBe('feat-01');
  });

  it('with the sparse checkout it had', async () => {
    const { worktree, at, write, goAndComeBack } = await makeWorld();
    mkdirSync(at('far'));
    commitFile(worktree, 'far/away', 'x');
    git(worktree, 'sparse-checkout', 'set', 'near');
    write('new', 'x');
    const before = look(worktree);
    await goAndComeBack();
    expect(look(worktree)).toEqual(before);
    expect(existsSync(at('far'))).toBe(false);
  });
});
