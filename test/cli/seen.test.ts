import { existsSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TicketDiff } from '../../src/orchestrator/review/diff.ts';
import type { TicketLog } from '../../src/orchestrator/review/log.ts';
import { expectRefusal } from '../support/refusal.ts';
import { BIN, makeShop, type Shop } from '../support/shop.ts';

const front = 'tickets/one/front';

describe.runIf(process.platform === 'linux')('what came since a person looked last', () => {
  let shop: Shop;
  beforeEach(async () => {
    shop = makeShop();
    shop.commit('front', 'text', 'one\ntwo\nthree\n');
    expect((await shop.stack(['create', 'one', '--no-start', '--with', 'api'])).code).toBe(0);
    shop.commit(front, 'text', 'one\ntwo\nthree\nfour\n');
    shop.write(`${front}/new`, 'new\n');
  });
  afterEach(() => shop.dispose());

  /** Runs a command on a terminal, without a pager. */
  const look = async (...args: string[]): Promise<string> => {
    const line = [process.execPath, BIN, ...args].join(' ');
    const { stdout } = await execa('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
      ...{ cwd: shop.root, env: { ...shop.env, GIT_PAGER: '' }, extendEnv: false, stdin: 'ignore' },
    });
    return stdout;
  };
  const files = async (...args: string[]): Promise<string[]> => {
    const { repos }: TicketDiff = JSON.parse(
      (await shop.stack(['diff', 'one', '--since-seen', '--json', ...args])).stdout,
    );
    return Object.entries(repos).flatMap(([repo, { files }]) =>
      files.map(({ path, status, additions, deletions }) => `${repo}/${path} ${status} ${additions} ${deletions}`),
    );
  };
  const subjects = async (): Promise<(string | undefined)[]> => {
    const { repos }: TicketLog = JSON.parse((await shop.stack(['log', 'one', '--since-seen', '--json'])).stdout);
    return repos.front?.commits.map(({ subject }) => subject) ?? [];
  };
  const photograph = (): string =>
    [front, 'tickets/one/api']
      .flatMap((repo) => [shop.git(repo, 'for-each-ref'), shop.git(repo, 'count-objects', '-v')])
      .join();

  it('is all of it before the first look, then what changed since, committed or not', async () => {
    const first = await shop.stack(['diff', 'one', '--since-seen']);
    expect(first.stderr).toContain('one was not looked at before: all of it is shown');
    expect(await files()).toEqual(['front/new added 1 0', 'front/text modified 1 0']);
    const before = photograph();
    expect(await look('diff', 'one')).toContain('+four');
    expect(photograph()).toBe(before);
    expect(await files()).toEqual([]);
    expect((await shop.stack(['diff', 'one', '--since-seen'])).stderr).toMatch(/nothing has come to one since \d{4}-/);
    shop.git(front, 'add', 'new');
    shop.git(front, 'commit', '--quiet', '--message', 'New');
    expect(await files()).toEqual([]);
    shop.write(`${front}/new`, 'new\nmore\n');
    rmSync(shop.at(front, 'text'));
    expect(await files()).toEqual(['front/new modified 1 0', 'front/text deleted 0 4']);
  });

  it('is not marked by a part, a number, a document or a pipe, and by one repo for that one', async () => {
    await shop.stack(['diff', 'one']);
    await shop.stack(['diff', 'one', '--json']);
    await look('diff', 'one', '--stat');
    await look('diff', 'one', '--committed');
    await look('diff', 'one', '--', 'front/new');
    expect(await files()).toHaveLength(2);
    shop.write('tickets/one/api/new', 'new\n');
    await look('diff', 'one', '--repo', 'front');
    expect(await files()).toEqual(['api/new added 1 0']);
  });

  it('leaves out the news of the base, and commits that were rebased since', async () => {
    shop.git(front, 'add', 'new');
    shop.git(front, 'commit', '--quiet', '--message', 'New');
    expect(await look('log', 'one')).toContain('New');
    expect(await subjects()).toEqual([]);
    await look('diff', 'one');
    shop.commit('front', 'news', 'news\n');
    shop.git(front, 'rebase', '--quiet', 'main');
    expect(await files()).toEqual([]);
    expect(await subjects()).toEqual([]);
    shop.commit(front, 'later', 'later\n');
    expect(await files()).toEqual(['front/later added 1 0']);
    expect(await subjects()).toEqual(['Write later']);
    const { ready } = JSON.parse((await shop.stack(['review', '--json'])).stdout);
    expect(ready).toMatchObject([
      { files: 3, commits: 3, since: { files: 1, commits: 1, additions: 1, deletions: 0 } },
    ]);
  });

  it('is kept once, outlives a tidy repo, and goes with the ticket', async () => {
    const rooms = (): string[] => readdirSync(shop.at('.stack/seen/one')).filter((name) => name.startsWith('front-'));
    await look('diff', 'one');
    const [first = ''] = rooms();
    shop.write(`${front}/new`, 'other\n');
    await look('diff', 'one');
    // Somebody may be about to read it.
    expect(rooms()).toHaveLength(2);
    utimesSync(shop.at('.stack/seen/one', first), 0, 0);
    await look('diff', 'one');
    expect(rooms()).not.toContain(first);
    shop.git('front', 'gc', '--quiet', '--prune=now');
    shop.write(`${front}/new`, 'other\nmore\n');
    expect(await files()).toEqual(['front/new modified 1 0']);
    expect((await shop.stack(['destroy', 'one', '--force'])).code).toBe(0);
    expect(existsSync(shop.at('.stack/seen'))).toBe(false);
  });

  it('is all of it again where git has what was seen no more', async () => {
    await look('diff', 'one');
    shop.write(`${front}/text`, 'one\ntwo\nthree\nfive\n');
    shop.git(front, 'add', '--all');
    shop.git(front, 'commit', '--quiet', '--amend', '--message', 'Five');
    shop.git('front', 'reflog', 'expire', '--expire=now', '--all');
    for (const log of ['front/.git/worktrees/front/ORIG_HEAD', 'front/.git/ORIG_HEAD'])
      rmSync(shop.at(log), { force: true });
    shop.git('front', 'gc', '--quiet', '--prune=now');
    expect(await files()).toEqual(['front/new added 1 0', 'front/text modified 1 0']);
    expect((await shop.stack(['diff', 'one', '--since-seen'])).stderr).toContain('front was not looked at before');
    const { code, stdout } = await shop.stack(['review', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ ready: [{ ticket: 'one', files: 2 }], waiting: [], problems: [] });
  });

  it('is noted of each repo by two who look at the same time', async () => {
    shop.write('tickets/one/api/new', 'new\n');
    for (const round of [1, 2, 3]) {
      shop.write(`${front}/new`, `front ${round}\n`);
      shop.write('tickets/one/api/new', `api ${round}\n`);
      await Promise.all(['front', 'api'].map((repo) => look('diff', 'one', '--repo', repo)));
      expect(await files()).toEqual([]);
    }
  });

  it('is asked for as a whole', async () => {
    const about = {
      code: 'usage',
      message: /--since-seen does not go with --committed/,
      hint: /not committed/,
    } as const;
    await expectRefusal(shop, ['diff', 'one', '--since-seen', '--committed'], about);
  });
});
