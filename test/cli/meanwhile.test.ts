import { existsSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Hold, makeHold } from '../support/hold.ts';
import type { Run } from '../support/product.ts';
import { makeShop, type Running, type Shop } from '../support/shop.ts';

let shop: Shop;
let hold: Hold;
beforeEach(() => {
  shop = makeShop();
  hold = makeHold(shop.folder);
});
afterEach(() => shop.dispose());

const front = 'tickets/feat-01/front';
const setUp = (repo: string, command: string): void =>
  shop.configure((text) => text.replace(`path: ./${repo},`, `path: ./${repo}, setup: ${JSON.stringify([command])},`));
const mendSetUp = (): void => shop.configure((text) => text.replace(/, setup: \[".*"\],/, ','));
const begin = async (...args: string[]): Promise<Running> => {
  const running = shop.start(args);
  await hold.begun(running.ended);
  return running;
};
const listRescues = (repo = 'front'): string[] =>
  shop.git(repo, 'for-each-ref', '--format=%(refname)', 'refs/stack/rescue').split('\n').filter(Boolean);
const infoOf = ({ stderr }: Run): string[] =>
  stderr.split('\n').filter((line) => /is saved|is kept|again with/.test(line));

describe('what somebody writes in a worktree of a create that fails', () => {
  it('while its set-up runs is kept, said, and comes back with restore, not with a create', async () => {
    setUp('front', `${hold.wait}; echo more >> server.mjs; exit 3`);
    const { ended } = await begin('create', 'feat-01', '--no-start');
    shop.write(`${front}/src/feature.ts`, 'mine\n');
    hold.go();
    const run = await ended;
    expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining('stack: setup of front failed') });
    const [ref = '', ...more] = listRescues();
    expect(more).toEqual([]);
    const time = ref.slice(ref.lastIndexOf('/') + 1);
    expect(infoOf(run)).toEqual([
      `  front: what was written while its set-up ran is kept for 30 days: git show ${ref}`,
      `  \`stack restore feat-01 --time ${time}\` makes feat-01 again with it`,
    ]);
    expect(existsSync(shop.at('tickets'))).toBe(false);
    expect(shop.git('front', 'branch', '--list', 'feat-01')).toBe('');
    expect(shop.state()?.instances).toEqual({});
    mendSetUp();
    expect(await shop.stack(['create', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
    expect(shop.git(front, 'status', '--porcelain')).toBe('');
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
    expect(await shop.stack(['restore', 'feat-01', '--time', time, '--no-start'])).toMatchObject({ code: 0 });
    expect(shop.read(`${front}/src/feature.ts`)).toBe('mine\n');
  });

  it.each(['SIGINT', 'failure'])('while another repo is set up is saved with its commits: by %s', async (how) => {
    setUp('api', `${hold.wait}; exit 3`);
    const running = await begin('create', 'feat-01', '--with', 'api', '--no-start');
    shop.write(`${front}/done.ts`, 'done\n');
    shop.git(front, 'add', 'done.ts');
    shop.git(front, 'commit', '--quiet', '--message', 'Do it');
    shop.write(`${front}/server.mjs`, 'mine\n');
    shop.write('front/.git/info/exclude', '*.secret\n');
    shop.write(`${front}/my.secret`, 'mine too\n');
    if (how === 'SIGINT') running.kill(how);
    else hold.go();
    const run = await running.ended;
    expect(run).toMatchObject({ code: how === 'SIGINT' ? 130 : 1 });
    const [ref = ''] = listRescues();
    const time = ref.slice(ref.lastIndexOf('/') + 1);
    expect(infoOf(run)).toEqual([
      `  front: what was written and committed meanwhile is saved: git branch feat-01-rescued ${ref}`,
      `  \`stack restore feat-01 --time ${time}\` makes feat-01 again with it`,
    ]);
    expect(existsSync(shop.at('tickets'))).toBe(false);
    expect(shop.git('front', 'branch', '--list', 'feat-01')).toBe('');
    // A restore that fails saves nothing twice.
    rmSync(`${hold.mark}.go`, { force: true });
    const again = await begin('restore', 'feat-01', '--no-start');
    hold.go();
    const failed = await again.ended;
    expect(failed).toMatchObject({ code: 1 });
    expect([infoOf(failed), listRescues()]).toEqual([[], [ref]]);
    mendSetUp();
    expect(await shop.stack(['restore', 'feat-01', '--no-start'])).toMatchObject({ code: 0 });
    expect(shop.git(front, 'log', '-1', '--format=%s')).toBe('Do it');
    expect(shop.read(`${front}/server.mjs`)).toBe('mine\n');
    expect(shop.read(`${front}/my.secret`)).toBe('mine too\n');
    expect(shop.git('tickets/feat-01/api', 'status', '--porcelain')).toBe('');
  });

  it('is not taken from what a set-up installs, nor told of where that rewrote a lockfile alone', async () => {
    shop.commit('front', '.gitignore', 'node_modules\n.env.local\n');
    const install = 'mkdir node_modules; echo x > node_modules/x';
    setUp('front', `${install}; exit 3`);
    const bare = await shop.stack(['create', 'feat-01', '--no-start']);
    expect([bare.code, infoOf(bare), listRescues()]).toEqual([1, [], []]);
    shop.configure((text) => text.replace(install, `${install}; echo {} > package-lock.json`));
    const locked = await shop.stack(['create', 'feat-01', '--no-start']);
    expect([locked.code, infoOf(locked)]).toEqual([1, []]);
    expect(shop.git('front', 'diff', '--name-only', 'main', listRescues()[0] ?? '')).toBe('package-lock.json');
  });

  it('stays where it is, and the ticket with it, where it cannot be saved', async () => {
    setUp('api', `${hold.wait}; exit 3`);
    const { ended } = await begin('create', 'feat-01', '--with', 'api', '--no-start');
    shop.git(front, 'init', '--quiet', 'tool');
    shop.git(`${front}/tool`, 'commit', '--quiet', '--allow-empty', '--message', 'Nowhere else');
    hold.go();
    const run = await ended;
    expect(run).toMatchObject({ code: 3, stderr: expect.stringContaining('tool/ is a git repo of its own') });
    expect(existsSync(shop.at(front, 'tool/.git'))).toBe(true);
    rmSync(shop.at(front, 'tool'), { recursive: true });
    expect(await shop.stack(['destroy', 'feat-01'])).toMatchObject({ code: 0 });
  });
});

it('what somebody writes in a repo that an add fails to give a ticket is saved, and the ticket is as it was', async () => {
  setUp('api', `${hold.wait}; exit 3`);
  expect(await shop.stack(['create', 'feat-01'])).toMatchObject({ code: 0 });
  shop.write(`${front}/notes.md`, 'of the front\n');
  const { ended } = await begin('add', 'feat-01', 'api');
  const api = 'tickets/feat-01/api';
  shop.write(`${api}/feature.ts`, 'mine\n');
  shop.git(api, 'commit', '--quiet', '--allow-empty', '--message', 'Do it');
  hold.go();
  const run = await ended;
  const [ref = ''] = listRescues('api');
  expect([run.code, infoOf(run), listRescues()]).toEqual([
    1,
    [`  api: what was written and committed meanwhile is saved: git branch feat-01-rescued ${ref}`],
    [],
  ]);
  expect(shop.git('api', 'log', '--format=%s', 'main..', ref)).toContain('Do it');
  expect(shop.git('api', 'show', `${ref}:feature.ts`)).toBe('mine');
  expect(existsSync(shop.at(api))).toBe(false);
  expect(shop.read(`${front}/notes.md`)).toBe('of the front\n');
  expect((await shop.ps()).instances).toMatchObject([{ ticket: 'feat-01', status: 'running' }]);
});
