import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { renderLauncher } from '../../../src/domain/runs/launcher.ts';

const SHELLS = ['/bin/sh', '/bin/bash'].filter((shell) => existsSync(shell));

it.each(SHELLS)('hands over what %s keeps for itself, and names that it does not know', (shell) => {
  const cwd = mkdtempSync(path.join(tmpdir(), 'stack-launcher-'));
  try {
    const own = { UID: '7', EUID: 'x', PPID: '1', SHELLOPTS: 'x', BASHOPTS: 'x', BASH_VERSINFO: '3', OPTIND: 'x' };
    const env = { PATH: process.env.PATH ?? '', ...own, 'npm.name': "it's", PLAIN: 'a b' };
    const [script, exit, screen] = ['start', 'exit', 'screen'].map((name) => path.join(cwd, name)) as [
      string,
      string,
      string,
    ];
    const argv = [process.execPath, '-e', 'console.log(JSON.stringify(process.env))'];
    writeFileSync(script, renderLauncher({ argv, cwd, env, exit, screen }));
    // bash keeps these names for itself as /bin/sh too.
    const told = execFileSync(shell, shell.endsWith('bash') ? ['--posix', script] : [script], { env: {} });
    expect(JSON.parse(String(told))).toMatchObject(env);
    expect(readFileSync(exit, 'utf8')).toBe('0\n');
    expect(existsSync(script)).toBe(false);
  } finally {
    rmSync(cwd, { recursive: true });
  }
});
