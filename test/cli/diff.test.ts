import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TicketDiff } from '../../src/orchestrator/review/diff.ts';
import { makeHold } from '../support/hold.ts';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';

describe('the diff of a ticket', () => {
  let shop: Shop;
  const diff = async (...args: string[]): Promise<string> => (await shop.stack(['diff', ...args])).stdout;
  const files = async (...args: string[]): Promise<string[]> => {
    const { repos }: TicketDiff = JSON.parse(await diff('--json', ...args));
    return Object.entries(repos).flatMap(([repo, one]) =>
      one.files.map(({ path, status, additions, deletions }) => `${repo} ${status} ${path} ${additions} ${deletions}`),
    );
  };
  const photograph = (): string =>
    ['tickets/one/front', 'tickets/one/api']
      .flatMap((repo) => {
        const index = shop.git(repo, 'rev-parse', '--path-format=absolute', '--git-path', 'index');
        const told = [shop.git(repo, 'for-each-ref'), shop.git(repo, 'count-objects', '-v')];
        return [...told, readFileSync(index).toString('base64')];
      })
      .join('\n');

  beforeAll(async () => {
    shop = makeShop();
    for (const repo of ['front', 'api']) shop.commit(repo, 'text', 'one\ntwo\nthree\n');
    shop.commit('api', 'picture', 'a\0b');
    expect((await shop.stack(['create', 'one', '--no-start', '--with', 'api'])).code).toBe(0);
    expect((await shop.stack(['create', 'two', '--no-start'])).code).toBe(0);
    shop.commit('tickets/one/front', 'text', 'one\ntwo\nthree\nfour\n');
    shop.write('tickets/one/front/new', 'n\tw\n');
    chmodSync(shop.at('tickets/one/front/new'), 0o755);
    renameSync(shop.at('tickets/one/api/text'), shop.at('tickets/one/api/moved'));
    shop.write('tickets/one/api/picture', 'a\0c');
    shop.write('tickets/two/front/two', 'two\n');
  }, 60_000);
  afterAll(() => shop.dispose());

  it('is one of all repos, what is not committed and new files included, and nothing is written', async () => {
    const before = photograph();
    const text = await diff('one');
    expect(text).toContain('--- a/front/text\n+++ b/front/text\n');
    expect(text).toContain('new file mode 100755\n');
    expect(text).toContain('+n\tw');
    expect(text).toContain('rename from api/text\nrename to api/moved\n');
    expect(text).toContain('Binary files a/api/picture and b/api/picture differ');
    expect((await files('one')).sort()).toEqual([
      'api modified picture null null',
      'api renamed moved 0 0',
      'front added new 1 0',
      'front modified text 1 0',
    ]);
    expect(await diff('one', '--stat')).toMatch(/front\/text +\| +1 \+\n[\s\S]* 4 files changed, 2 insertions\(\+\)$/);
    expect(photograph()).toBe(before);
  });

  it('is narrowed by repo, path and --committed, and refuses what is not there', async () => {
    expect(await files('one', '--committed')).toEqual(['front modified text 1 0']);
    expect(await files('one', '--repo', 'front', '--', 'front/new')).toEqual(['front added new 1 0']);
    const { stdout } = await shop.stack(['diff', '--stat', '--', 'new'], { cwd: shop.at('tickets/one/front') });
    expect(stdout).toMatch(/^ front\/new \| 1 \+\n/);
    const no = { code: 'not-found', message: /one has no fron/, hint: /front, api/ } as const;
    await expectRefusal(shop, ['diff', 'one', '--repo', 'fron'], no);
    await expectRefusal(shop, ['diff', 'one', '--', 'x'], {
      code: 'usage',
      message: /x is in no repo/,
      hint: /front\/x/,
    });
  });

  it('between two tickets takes the base of a repo that one of them borrows', async () => {
    const stat = await diff('one', 'two', '--stat');
    expect(stat).toMatch(/front\/two/);
    expect(stat).toMatch(/api\/\{moved => text\}/);
  });

  it('runs no program that a repo names, and lists commits by repo', async () => {
    shop.write('tickets/one/front/.gitattributes', 'text diff=evil\n');
    shop.git('front', 'config', 'diff.evil.command', `touch ${shop.at('ran')}; true`);
    shop.git('front', 'config', 'diff.evil.textconv', `touch ${shop.at('ran')}; cat`);
    expect(await diff('one')).toContain('+four');
    expect(() => shop.read('ran')).toThrow();
    rmSync(shop.at('tickets/one/front/.gitattributes'));
    const { stdout } = await shop.stack(['log', 'one']);
    expect(stdout).toMatch(/^front: 1 commit on one\n\ncommit [\s\S]*Write text\n\napi: 0 commits on one$/);
  });

  it.each(['diff', 'log', 'conflicts'])(
    'asks no program that watches files, and ends when interrupted: %s',
    async (verb) => {
      const monitor = shop.at('monitor');
      writeFileSync(monitor, `#!/bin/sh\ntouch ${shop.at('ran')}\n`, { mode: 0o755 });
      shop.git('front', 'config', 'core.fsmonitor', monitor);
      expect((await shop.stack([verb, 'one'])).stderr).toBe('');
      expect(existsSync(shop.at('ran'))).toBe(false);
      shop.git('front', 'config', '--unset', 'core.fsmonitor');
      const hold = makeHold(shop.folder);
      shop.git('front', 'config', 'filter.slow.clean', hold.wait);
      shop.write('front/.git/info/attributes', 'text filter=slow\n');
      // Of another size it would have changed without a look into it.
      shop.write('tickets/one/front/text', shop.read('tickets/one/front/text'));
      const running = shop.start([verb, 'one']);
      await hold.begun(running.ended);
      running.kill('SIGINT');
      const { code, stderr } = await running.ended;
      expect({ code, stderr }).toEqual({ code: 130, stderr: expect.any(String) });
      hold.go();
      rmSync(hold.mark);
      rmSync(shop.at('front/.git/info/attributes'));
    },
  );

  it('takes a file that went from one repo to another for gone here and new there, and `.` for all below', async () => {
    shop.write('tickets/one/front/taken', shop.read('tickets/one/api/moved'));
    renameSync(shop.at('tickets/one/api/moved'), shop.at('kept'));
    expect((await files('one')).sort()).toEqual([
      'api deleted text 0 3',
      'api modified picture null null',
      'front added new 1 0',
      'front added taken 3 0',
      'front modified text 1 0',
    ]);
    renameSync(shop.at('kept'), shop.at('tickets/one/api/moved'));
    rmSync(shop.at('tickets/one/front/taken'));
    const at = async (cwd: string, ...paths: string[]) =>
      (await shop.stack(['diff', '--stat', '--', ...paths], { cwd: shop.at(cwd) })).stdout;
    const all = await diff('one', '--stat');
    expect(await at('tickets/one', '.')).toBe(all);
    expect(await at('tickets/one/front', '..')).toBe(all);
    expect(await at('tickets/one/front', '.')).toMatch(/^ front\/new .*\n front\/text .*\n 2 files/);
    expect((await shop.stack(['diff', '--', '..'], { cwd: shop.at('tickets/one') })).code).toBe(2);
  });

  it('shows the rest where a repo cannot be looked at, and a detached head as it is', async () => {
    shop.git('tickets/one/api', 'checkout', '-q', '--detach');
    expect(await diff('one', '--stat')).toContain('api/picture');
    const link = shop.read('tickets/one/front/.git');
    rmSync(shop.at('tickets/one/front/.git'));
    const { code, stdout, stderr } = await shop.stack(['diff', 'one', '--stat']);
    writeFileSync(shop.at('tickets/one/front/.git'), link);
    expect(code).toBe(1);
    expect(stderr).toMatch(/front: .*no worktree/);
    expect(stdout).not.toContain('front/');
    expect(stdout).toContain('api/picture');
  });
});
