import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTestRepos } from '../support/demo-apps.ts';

let folder: string;
const git = (repo: string, ...args: string[]) =>
  execFileSync('git', ['-C', path.join(folder, repo), ...args], { encoding: 'utf8' }).trim();

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'stack-demo-repos-'));
  await makeTestRepos(folder);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('the demo repos', () => {
  it('are on main, clean, with one branch each', () => {
    expect(git('front', 'branch', '--format=%(refname:short)').split('\n')).toEqual(['feat/ui', 'main']);
    expect(git('api', 'branch', '--format=%(refname:short)').split('\n')).toEqual(['feat/endpoint', 'main']);
    for (const repo of ['front', 'api']) {
      expect(git(repo, 'branch', '--show-current')).toBe('main');
      expect(git(repo, 'status', '--porcelain')).toBe('');
    }
  });

  it('carry an identity of their own', () => {
    expect(git('api', 'log', '--format=%an <%ae>', '-1')).toBe('Stack Demo <demo@stack.invalid>');
  });

  it('differ on their branches in what the demo shows', () => {
    expect(git('front', 'diff', '--name-only', 'main', 'feat/ui')).toBe('theme.json');
    expect(git('front', 'show', 'feat/ui:theme.json')).toContain('new look');
    expect(git('api', 'show', 'feat/endpoint:endpoints.js')).toContain('/version');
    expect(git('api', 'show', 'main:endpoints.js')).not.toContain('/version');
  });

  it('bring their clients along and ignore what npm makes', async () => {
    expect(git('api', 'ls-files', 'vendor')).toBe('vendor/clients.cjs');
    expect(await readFile(path.join(folder, 'api/.gitignore'), 'utf8')).toContain('node_modules/');
  });
});
