import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';

isolateGit();

/** What a test repo begins with. */
export interface RepoShape {
  /** How many files the first commit has; default 1. */
  files?: number;
  /** Branches beside `main`, each with one commit of its own. */
  branches?: readonly string[];
}

/** Runs git and gives what it printed, without the line end. Throws with git's words. */
export function git(cwd: string, ...args: string[]): string {
  return execFileSync('git', args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).replace(/\n$/, '');
}

/** Makes a repo on `main` with one commit and the branches asked for. Returns its folder. */
export function makeRepo(folder: string, { files = 1, branches = [] }: RepoShape = {}): string {
  mkdirSync(folder, { recursive: true });
  git(folder, 'init', '--quiet');
  for (let index = 1; index <= files; index++) writeFileSync(path.join(folder, `file-${index}`), `${index}\n`);
  git(folder, 'add', '.');
  git(folder, 'commit', '--quiet', '--message', 'First');
  for (const branch of branches) {
    git(folder, 'checkout', '--quiet', '-b', branch, 'main');
    commitFile(folder, `of-${branch.replaceAll('/', '-')}`, branch);
  }
  git(folder, 'checkout', '--quiet', 'main');
  return folder;
}

/** Commits one file on what is checked out. Returns the commit's id. */
export function commitFile(folder: string, name: string, text: string): string {
  writeFileSync(path.join(folder, name), text);
  git(folder, 'add', '--', name);
  git(folder, 'commit', '--quiet', '--message', `Write ${name}`);
  return git(folder, 'rev-parse', 'HEAD');
}

/** Makes a bare remote and a clone of it. Returns both folders. */
export function makeClone(folder: string, shape: RepoShape = {}): { remote: string; clone: string } {
  const seed = makeRepo(path.join(folder, 'seed'), shape);
  const remote = path.join(folder, 'remote.git');
  git(folder, 'clone', '--quiet', '--bare', seed, remote);
  const clone = path.join(folder, 'clone');
  git(folder, 'clone', '--quiet', remote, clone);
  return { remote, clone };
}

/** Makes a clone of a superproject whose submodule `lib` has a submodule `deep` of its own, all of them filled. */
export function makeSuperproject(folder: string): { top: string; libRemote: string } {
  const add = ['-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add'];
  const deep = makeClone(path.join(folder, 'deep')).remote;
  const lib = makeClone(path.join(folder, 'lib'));
  git(lib.clone, ...add, deep, 'deep');
  git(lib.clone, 'commit', '--quiet', '--message', 'Add deep');
  git(lib.clone, 'push', '--quiet');
  const seed = makeClone(path.join(folder, 'super'));
  git(seed.clone, ...add, lib.remote, 'lib');
  git(seed.clone, 'commit', '--quiet', '--message', 'Add lib');
  git(seed.clone, 'push', '--quiet');
  const top = path.join(folder, 'top');
  git(folder, '-c', 'protocol.file.allow=always', 'clone', '--quiet', '--recurse-submodules', seed.remote, top);
  return { top, libRemote: lib.remote };
}

/** Returns a repo a hook. */
export function writeHook(repo: string, name: string, script: string): void {
  const file = path.join(repo, '.git', 'hooks', name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
}

/** Returns all refs of a repo with what they point to, one a line: the same text means that nothing was made or moved. */
export function listRefs(repo: string): string {
  return git(repo, 'for-each-ref', '--format=%(refname) %(objectname)');
}

/** The machine's and the caller's git settings mean nothing to the tests of this process and its children. */
function isolateGit(): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('GIT_')) delete process.env[name];
  const home = mkdtempSync(path.join(tmpdir(), 'stack-gitconfig-'));
  // A worker of the test runner is ended without its exit handlers.
  afterAll(() => rmSync(home, { recursive: true, force: true }));
  const config = path.join(home, 'config');
  writeFileSync(config, '[user]\n\tname = Test\n\temail = test@example.invalid\n[init]\n\tdefaultBranch = main\n');
  Object.assign(process.env, { GIT_CONFIG_GLOBAL: config, GIT_CONFIG_NOSYSTEM: '1' });
}
