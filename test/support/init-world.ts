import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Files by path; an object is written as JSON. */
export type Files = Record<string, string | object>;

export interface InitWorld {
  /** Absolute real path of the folder `stack init` is run in. */
  root: string;
  write(folder: string, files: Files): void;
  /** Writes files and commits them in a repo of their own. */
  repo(folder: string, files: Files, branch?: string): void;
  git(folder: string, ...args: string[]): string;
  dispose(): void;
}

const IDENTITY = ['-c', 'user.name=Test', '-c', 'user.email=test@example.invalid', '-c', 'commit.gpgSign=false'];

/** Makes an empty folder called `name`, and ways to fill it. */
export function makeInitWorld(name = 'shop'): InitWorld {
  const base = realpathSync(mkdtempSync(path.join(tmpdir(), 'stack-init-')));
  const root = path.join(base, name);
  mkdirSync(root);
  const inherited = Object.entries(process.env).filter(([key]) => !key.startsWith('GIT_'));
  const env = { ...Object.fromEntries(inherited), GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
  const git = (folder: string, ...args: string[]) =>
    execFileSync('git', [...IDENTITY, ...args], { cwd: path.join(root, folder), env, encoding: 'utf8', stdio: 'pipe' });
  const write = (folder: string, files: Files) => {
    mkdirSync(path.join(root, folder), { recursive: true });
    for (const [file, content] of Object.entries(files)) {
      const target = path.join(root, folder, file);
      mkdirSync(path.dirname(target), { recursive: true });
      writeFileSync(target, typeof content === 'string' ? content : JSON.stringify(content, null, 2));
    }
  };
  return {
    root,
    write,
    git,
    repo(folder, files, branch = 'main') {
      write(folder, files);
      git(folder, 'init', '--quiet', `--initial-branch=${branch}`);
      git(folder, 'add', '--all');
      git(folder, 'commit', '--quiet', '--allow-empty', '--message', 'Start');
    },
    dispose: () => rmSync(base, { recursive: true, force: true, maxRetries: 3 }),
  };
}
