import { renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RepoStanding, TicketStanding } from '../../src/domain/standing.ts';
import { makeHold } from '../support/hold.ts';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';

describe('how the work of a ticket stands', () => {
  let shop: Shop;
  const look = async (ticket: string): Promise<{ verdict: string; front: RepoStanding; code: number }> => {
    const { code, stdout } = await shop.stack(['status', ticket, '--json']);
    const [found] = (JSON.parse(stdout) as { tickets: TicketStanding[] }).tickets;
    return { code, verdict: found?.verdict ?? '', front: found?.repos.front as RepoStanding };
  };
  const front = (ticket: string): string => `tickets/${ticket}/front`;
  const create = async (ticket: string, ...flags: string[]): Promise<void> => {
    expect((await shop.stack(['create', ticket, '--no-start', ...flags])).code).toBe(0);
  };

  beforeAll(async () => {
    shop = makeShop();
    for (const repo of ['front', 'api']) {
      const remote = path.join(shop.folder, `${repo}.git`);
      shop.git('.', 'clone', '--quiet', '--bare', shop.at(repo), remote);
      shop.git(repo, 'remote', 'add', 'origin', remote);
      shop.git(repo, 'fetch', '--quiet');
      shop.git(repo, 'branch', '--quiet', '--set-upstream-to=origin/main', 'main');
    }
    await create('one', '--with', 'api');
    await create('two');
    await create('three');
  });
  afterAll(() => shop.dispose());

  it('is clean while nobody has done anything', async () => {
    expect(await look('one')).toMatchObject({
      code: 0,
      verdict: 'clean',
      front: {
        branch: 'one',
        on: 'one',
        base: 'main',
        ahead: 0,
        behind: 0,
        baseState: 'same',
        merged: false,
        pushed: true,
      },
    });
  });

  it('counts what is staged, changed, new and in conflict apart, and leaves the index as it is', async () => {
    shop.commit(front('one'), 'file', 'one\n');
    for (const [file, text] of [
      ['file', 'staged\n'],
      ['new', 'new\n'],
    ] as const)
      shop.write(`${front('one')}/${file}`, text);
    shop.git(front('one'), 'add', 'file');
    shop.write(`${front('one')}/server.mjs`, 'changed\n');
    const before = shop.photograph();
    expect(await look('one')).toMatchObject({
      verdict: 'dirty',
      front: {
        ahead: 1,
        staged: 1,
        unstaged: 1,
        untracked: 1,
        conflicted: 0,
        pushed: false,
        head: { subject: 'Write file' },
      },
    });
    expect(shop.photograph()).toBe(before);
    shop.git(front('one'), 'checkout', '--quiet', 'HEAD', '--', '.');
    rmSync(shop.at(front('one'), 'new'));
    expect((await look('one')).verdict).toBe('unpushed');
  });

  it('knows what is pushed, and what has come to the upstream and to the base since', async () => {
    expect((await shop.stack(['push', 'one'])).code).toBe(0);
    expect(await look('one')).toMatchObject({
      verdict: 'clean',
      front: { pushed: true, upstream: { ref: 'origin/one', ahead: 0, behind: 0 } },
    });
    shop.commit('front', 'news', 'news\n');
    expect(await look('one')).toMatchObject({
      verdict: 'behind',
      front: { ahead: 1, behind: 1, baseState: 'moved', baseUpstream: { ref: 'origin/main', ahead: 1, behind: 0 } },
    });
  });

  it('counts no news as its own that a sync brought from the upstream of a base that is behind', async () => {
    await create('synced');
    shop.commit(front('synced'), 'own', 'own\n');
    const [before, other] = [shop.git('front', 'rev-parse', 'main').trim(), shop.at('other')];
    shop.git('.', 'clone', '--quiet', path.join(shop.folder, 'front.git'), other);
    shop.git(other, 'pull', '--quiet', shop.at('front'), 'main');
    shop.commit('other', 'elsewhere', 'elsewhere\n');
    shop.git(other, 'push', '--quiet', 'origin', 'main');
    expect((await shop.stack(['sync', 'synced'])).code).toBe(0);
    expect(shop.git('front', 'rev-parse', 'main').trim()).toBe(before);
    expect(await look('synced')).toMatchObject({
      verdict: 'unpushed',
      front: { ahead: 1, behind: 0, baseState: 'same', baseUpstream: { ref: 'origin/main', ahead: 0, behind: 1 } },
    });
    shop.git('front', 'pull', '--quiet', '--ff-only', 'origin', 'main');
    await shop.stack(['destroy', 'synced', '--force', '--yes']);
  });

  it('takes work that was squashed into the base for merged, and what nobody touched for done', async () => {
    shop.commit(front('two'), 'two', 'first\n');
    shop.commit(front('two'), 'two', 'second\n');
    expect((await look('two')).verdict).toBe('unpushed');
    shop.git('front', 'merge', '--quiet', '--squash', 'two');
    shop.git('front', 'commit', '--quiet', '--message', 'Squash two');
    expect(await look('two')).toMatchObject({ verdict: 'merged', front: { ahead: 2, merged: true } });
  });

  it('takes a ticket without work of its own for no merged one, by whatever way its branch got the news of the base', async () => {
    const ways = [
      ['merge', '--ff-only', '--quiet', 'main'],
      ['pull', '--ff-only', '--quiet', '.', 'main'],
      ['rebase', '--quiet', 'main'],
      ['reset', '--hard', '--quiet', 'main'],
    ];
    await create('idle');
    for (const [index, way] of ways.entries()) {
      shop.commit('front', 'news', `more ${index}\n`);
      shop.git(front('idle'), ...way);
      expect(await look('idle')).toMatchObject({ verdict: 'clean', front: { ahead: 0, behind: 0, merged: false } });
    }
    shop.commit(front('idle'), 'own', 'work\n');
    shop.git('front', 'merge', '--ff-only', '--quiet', 'idle');
    expect(await look('idle')).toMatchObject({ verdict: 'merged', front: { merged: true } });
    expect((await shop.stack(['destroy', 'idle'])).code).toBe(0);
  });

  it('tells of another branch, of none, and of what is under way', async () => {
    shop.git(front('two'), 'switch', '--quiet', '--create', 'other');
    expect((await look('two')).front).toMatchObject({ branch: 'two', on: 'other' });
    shop.git(front('two'), 'switch', '--quiet', '--detach');
    expect((await look('two')).front).toMatchObject({ branch: 'two', on: null });
    shop.git(front('two'), 'switch', '--quiet', 'two');
    shop.git(front('two'), 'bisect', 'start');
    expect(await look('two')).toMatchObject({ verdict: 'dirty', front: { operation: 'bisect', on: 'two' } });
    const bisecting = (await shop.stack(['status', 'two'])).stdout;
    expect(bisecting).toContain('`git bisect reset` ends it');
    expect(bisecting).toContain('two: dirty: a bisect is under way (front)');
    shop.git(front('two'), 'bisect', 'reset');
    shop.commit(front('three'), 'news', 'other\n');
    expect(() => shop.git(front('three'), 'rebase', '--quiet', 'main')).toThrow();
    expect(await look('three')).toMatchObject({
      verdict: 'conflicted',
      front: { operation: 'rebase', on: 'three', conflicted: 1 },
    });
    expect((await shop.stack(['status', 'three'])).stdout).toMatch(/`git rebase --continue` in \S+three\/front/);
    shop.git(front('three'), 'rebase', '--abort');
    expect(() => shop.git(front('three'), 'merge', '--quiet', 'main')).toThrow();
    const { stdout } = await shop.stack(['status'], { cwd: shop.at(front('three')) });
    expect(stdout).toContain('a merge is under way');
    expect(stdout).toContain('three: conflicted: files are in conflict, and a merge is under way (front)');
    shop.git(front('three'), 'merge', '--abort');
  });

  it('counts what a branch has in the middle of a bisect, wherever git is for that', async () => {
    await create('bisected');
    for (const text of ['1\n', '2\n', '3\n']) shop.commit(front('bisected'), 'own', text);
    const before = await look('bisected');
    shop.git(front('bisected'), 'bisect', 'start', 'HEAD', 'HEAD~2');
    expect((await look('bisected')).front).toMatchObject({ on: 'bisected', ahead: 3, head: before.front.head });
    shop.git(front('bisected'), 'bisect', 'reset');
    shop.git(front('bisected'), 'switch', '--quiet', '--detach');
    shop.git(front('bisected'), 'bisect', 'start');
    expect((await look('bisected')).front).toMatchObject({ operation: 'bisect', on: null });
    expect((await shop.stack(['destroy', 'bisected', '--force'])).code).toBe(0);
  });

  it('names what counts for a base that has another name by now', async () => {
    shop.git('front', 'branch', '--quiet', 'feat/base', 'main');
    shop.git('front', 'push', '--quiet', 'origin', 'feat/base');
    await create('on-base', '--from-front=feat/base');
    expect((await look('on-base')).front).toMatchObject({ base: 'feat/base', baseRef: 'feat/base' });
    shop.git('front', 'branch', '--quiet', '--move', 'feat/base', 'feat/other');
    expect((await look('on-base')).front).toMatchObject({ base: 'feat/base', baseRef: 'origin/feat/base' });
    const { stdout } = await shop.stack(['status', 'on-base']);
    expect(stdout).toContain('on-base: level with origin/feat/base');
    expect(stdout).toContain('there is no branch feat/base here: origin/feat/base counts as its base');
    expect((await shop.stack(['destroy', 'on-base'])).code).toBe(0);
  });

  it('goes on where a base is rewritten or gone', async () => {
    shop.git('front', 'branch', '--quiet', '--force', 'feat/ui', 'main');
    await create('based', '--from-front=feat/ui');
    shop.git('front', 'branch', '--quiet', '--force', 'feat/ui', 'main~1');
    expect((await look('based')).front).toMatchObject({ base: 'feat/ui', baseState: 'rewritten', ahead: 1, behind: 0 });
    shop.git('front', 'update-ref', '-d', 'refs/remotes/origin/feat/ui');
    shop.git('front', 'branch', '--quiet', '--move', 'feat/ui', 'feat/renamed');
    expect((await look('based')).front).toMatchObject({ base: 'feat/ui', baseState: 'gone', ahead: 0, behind: 0 });
    const { stdout } = await shop.stack(['status', 'based']);
    expect(stdout).toContain('its base feat/ui is gone: counted from where the ticket began');
  });

  it('is a line a ticket without a name, at 80 columns, and names a worktree that is gone', async () => {
    renameSync(shop.at(front('based')), shop.at('elsewhere'));
    const { code, stdout } = await shop.stack(['status'], { env: { STACK_COLUMNS: '80' } });
    expect(code).toBe(1);
    const lines = stdout.split('\n');
    expect(lines.map((line) => line.split(/\s+/)[0])).toEqual(['TICKET', 'one', 'two', 'three', 'based']);
    expect(lines.at(-1)).toMatch(/^based +unknown +- +broken$/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
    renameSync(shop.at('elsewhere'), shop.at(front('based')));
  });

  it('says of a ticket that is being made just that, and of one whose create was killed what clears it', async () => {
    const hold = makeHold(shop.folder);
    shop.configure((text) => text.replace('path: ./front,', `path: ./front, setup: [${JSON.stringify(hold.wait)}],`));
    const running = shop.start(['create', 'new', '--no-start']);
    await hold.begun(running.ended);
    expect(await shop.stack(['status', 'new'])).toMatchObject({
      code: 0,
      stdout: 'new: creating: a command is making it',
    });
    expect((await shop.stack(['status'])).stdout).toMatch(/^new +- +- +creating$/m);
    expect(await shop.stack(['log', 'new'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('being changed by'),
    });
    running.kill('SIGKILL');
    await running.ended;
    hold.go();
    const { code, stdout } = await shop.stack(['status', 'new']);
    expect({ code, stdout }).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('`stack destroy new` clears it'),
    });
    expect((await shop.stack(['destroy', 'new', '--force'])).code).toBe(0);
  });

  it('refuses a name that is no ticket, and knows its neighbour', async () => {
    await expectRefusal(shop, ['status', 'onee'], { code: 'not-found', message: /no ticket "onee"/, hint: /one/ });
  });
});

describe('work that a sync moved', () => {
  let shop: Shop;
  const at = (ticket: string): string => `tickets/${ticket}/front`;
  beforeAll(async () => {
    shop = makeShop();
    for (const ticket of ['done', 'undone']) expect((await shop.stack(['create', ticket, '--no-start'])).code).toBe(0);
  });
  afterAll(() => shop.dispose());

  it('is merged also once a sync has brought it to the merge, and is not where all that was committed was taken back', async () => {
    shop.commit(at('done'), 'done', 'work\n');
    expect((await shop.stack(['merge', 'done'])).code).toBe(0);
    shop.commit(at('undone'), 'undone', 'work\n');
    shop.git(at('undone'), 'reset', '--quiet', '--hard', 'HEAD~1');
    for (const ticket of ['done', 'undone']) expect((await shop.stack(['sync', ticket])).code).toBe(0);
    const { tickets } = JSON.parse((await shop.stack(['status', '--json'])).stdout);
    expect(tickets).toMatchObject([
      { ticket: 'done', verdict: 'merged', repos: { front: { merged: true, ahead: 0 } } },
      { ticket: 'undone', verdict: 'clean', repos: { front: { merged: false, ahead: 0 } } },
    ]);
    const { waiting } = JSON.parse((await shop.stack(['review', 'done', '--json'])).stdout);
    expect(waiting).toEqual([{ ticket: 'done', reason: 'it is merged' }]);
    const { stdout } = await shop.stack(['destroy', '--merged', '--yes', '--json']);
    expect(stdout).toContain('"done"');
    expect(stdout).not.toContain('"undone"');
  });
});
