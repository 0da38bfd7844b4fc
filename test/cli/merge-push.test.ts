import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeShop, type Shop } from '../support/shop.ts';
import { until } from '../support/until.ts';

const REPOS = ['front', 'api'] as const;

describe('bases that are pushed once tickets are merged', () => {
  let shop: Shop;
  let number = 0;
  const bare = (repo: string): string => `${shop.folder}/${repo}.git`;
  const git = (repo: string, ...args: string[]): string => shop.git(repo, ...args);
  const there = (repo: string): string => shop.git('.', `--git-dir=${bare(repo)}`, 'rev-parse', 'main');
  const tip = (repo: string): string => git(repo, 'rev-parse', 'main');
  const read = ({ code, stdout }: { code: number; stdout: string }) => ({ code, ...JSON.parse(stdout) });
  const merge = async (...args: string[]) => read(await shop.stack(['merge', 'feat-01', '--json', '--push', ...args]));
  /** Git waits in a hook of a remote, or here. */
  const hook = (file: string, text: string): void => {
    writeFileSync(file, `#!/bin/sh\n${text}\n`);
    chmodSync(file, 0o755);
  };

  beforeAll(async () => {
    shop = makeShop();
    shop.configure((text) => text.replace(', shared: true', ''));
    for (const repo of REPOS) {
      git('.', 'clone', '--quiet', '--bare', repo, bare(repo));
      git(repo, 'remote', 'add', 'origin', bare(repo));
      git(repo, 'fetch', '--quiet');
    }
    await shop.stack(['create', 'feat/01', '--no-start']);
  });
  beforeEach(() => {
    number += 1;
    for (const repo of REPOS) shop.commit(`tickets/feat-01/${repo}`, `work-${number}.txt`, 'work\n');
  });
  afterAll(() => shop.dispose());

  it('go to their own name alone', async () => {
    git('front', 'config', 'push.default', 'matching');
    git('front', 'branch', '--quiet', 'other', 'feat/ui');
    const run = await merge();
    expect(run).toMatchObject({ code: 0, repos: { front: { result: 'merged', pushed: 'origin', to: tip('front') } } });
    for (const repo of REPOS) expect(there(repo)).toBe(tip(repo));
    expect(git('.', `--git-dir=${bare('front')}`, 'branch', '--list', 'other', 'feat/01')).toBe('');
    git('front', 'config', '--unset', 'push.default');
  });

  it('may be rejected, which a person decides on; the same command goes on from there', async () => {
    hook(`${bare('api')}/hooks/update`, 'echo "not on a Friday" >&2; exit 1');
    const run = await merge();
    expect(run).toMatchObject({
      code: 4,
      repos: {
        front: { result: 'merged', pushed: 'origin' },
        api: { result: 'refused', pushed: null, to: tip('api'), reason: expect.stringContaining('but not pushed') },
      },
    });
    expect(there('front')).toBe(tip('front'));
    const told = await shop.stack(['merge', 'feat-01', '--push']);
    expect(told.stdout).toMatch(/^feat-01: merged, but api is not pushed$/m);
    rmSync(`${bare('api')}/hooks/update`);
    expect(await merge()).toMatchObject({
      code: 0,
      repos: { front: { result: 'unchanged' }, api: { result: 'unchanged', pushed: 'origin' } },
    });
    expect(there('api')).toBe(tip('api'));
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('are told of one by one after %s', async (signal) => {
    const hangs = `${shop.folder}/${signal}`;
    hook(`${bare('api')}/hooks/update`, `touch ${hangs}; while [ -e ${hangs} ]; do sleep 0.05; done; exit 1`);
    const running = shop.start(['merge', 'feat-01', '--json', '--push']);
    await until('front is pushed, and api at it', () => existsSync(hangs) && there('front') === tip('front'));
    running.kill(signal);
    const run = read(await running.ended);
    rmSync(hangs);
    rmSync(`${bare('api')}/hooks/update`);
    expect(run).toMatchObject({
      ...{ code: signal === 'SIGINT' ? 130 : 143, interrupted: true },
      repos: {
        front: { result: 'merged', pushed: 'origin', to: tip('front') },
        api: { result: 'failed', pushed: null, to: tip('api'), reason: expect.stringContaining('interrupted before') },
      },
    });
    expect((await merge()).code).toBe(0);
    expect(there('api')).toBe(tip('api'));
  });
});
