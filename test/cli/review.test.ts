import { chmodSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderNote } from '../../src/domain/note.ts';
import type { Inbox } from '../../src/orchestrator/review/inbox.ts';
import { expectRefusal } from '../support/refusal.ts';
import { makeShop, type Shop } from '../support/shop.ts';

describe('the tickets that wait for a person', () => {
  let shop: Shop;
  const read = async (): Promise<Inbox> => JSON.parse((await shop.stack(['review', '--json'])).stdout);
  const front = (ticket: string): string => `tickets/${ticket}/front`;

  beforeAll(async () => {
    shop = makeShop();
    shop.commit('front', 'text', 'one\ntwo\nthree\n');
    for (const ticket of ['big', 'small', 'dirty', 'idle', 'done', 'clash']) {
      expect((await shop.stack(['create', ticket, '--no-start', '--quiet'])).code).toBe(0);
    }
    shop.commit(front('big'), 'lines', 'x\n'.repeat(50));
    shop.commit(front('big'), 'text', 'big\ntwo\nthree\n');
    shop.commit(front('small'), 'little', 'x\n');
    shop.write(`${front('dirty')}/new`, 'new\n');
    shop.commit(front('done'), 'done', 'x\n');
    shop.git('front', 'merge', '--quiet', 'done');
    shop.commit(front('clash'), 'text', 'mine\ntwo\nthree\n');
    shop.write('tickets/big/NOTES.md', `${renderNote(new Date(0), 'first')}${renderNote(new Date(0), 'ask Ann')}`);
  }, 120_000);
  afterAll(() => shop.dispose());

  it('are those whose work is committed, the smallest first, and the others are named with what is in the way', async () => {
    const before = shop.photograph();
    const { ready, waiting, problems } = await read();
    expect(ready).toMatchObject([
      { ticket: 'small', commits: 1, files: 1, additions: 1, deletions: 0, note: null, since: null },
      {
        ticket: 'clash',
        files: 1,
        additions: 1,
        deletions: 1,
        checks: { verify: null, behind: 1, conflicts: ['big'] },
      },
      { ticket: 'big', commits: 2, files: 2, additions: 51, deletions: 1, note: '1970-01-01T00:00:00Z ask Ann' },
    ]);
    expect(ready[2]).toMatchObject({ checks: { conflicts: ['clash'], pushed: false }, repos: { front: { files: 2 } } });
    expect(waiting).toEqual([
      { ticket: 'dirty', reason: 'there is work that is not committed (front)' },
      { ticket: 'idle', reason: 'nothing is committed yet' },
      { ticket: 'done', reason: 'it is merged' },
    ]);
    expect(problems).toEqual([]);
    expect(shop.photograph()).toBe(before);
    const { stdout } = await shop.stack(['review'], { env: { STACK_COLUMNS: '80' } });
    expect(stdout).toMatch(/^TICKET +SIZE +SINCE YOU LOOKED +CHECKS\nsmall +1 file \+1 -0 +new +1 behind\n/);
    expect((await shop.stack(['review'])).stdout).toMatch(/^big .* conflicts with ticket clash/m);
    expect(stdout).toContain('\nbig: 1970-01-01T00:00:00Z ask Ann\n');
    expect(stdout).toMatch(/\nidle: not ready: nothing is committed yet\n/);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('wait no more while they conflict with their base, or have failed in a verification of just these commits', async () => {
    const failed = await shop.stack(['merge', 'small', '--verify', 'exit 3']);
    expect(failed.code).toBe(1);
    const isFailed = { ticket: 'small', reason: 'the command that verifies it failed on these commits' };
    expect((await read()).waiting).toContainEqual(isFailed);
    shop.commit('front', 'text', 'theirs\ntwo\nthree\n');
    const { ready, waiting } = await read();
    // Its base is at another commit than the one that it failed on top of.
    expect(ready).toMatchObject([{ ticket: 'small', checks: { verify: null } }]);
    expect(waiting).toMatchObject([
      { ticket: 'big', reason: 'it conflicts with main: front/text' },
      { ticket: 'dirty' },
      { ticket: 'idle' },
      { ticket: 'done' },
      { ticket: 'clash', reason: 'it conflicts with main: front/text' },
    ]);
    shop.commit(front('small'), 'little', 'y\n');
    expect((await read()).ready).toMatchObject([{ ticket: 'small', commits: 2, checks: { verify: null } }]);
  });

  it('have passed, or failed, only with the commits that were merged, and not with those of others', async () => {
    const verified = async (): Promise<unknown> =>
      (await read()).ready.find(({ ticket }) => ticket === 'small')?.checks.verify;
    shop.git('front', 'branch', '--quiet', 'elsewhere', 'main');
    const into = ['--into', 'elsewhere', '--verify'];
    const hook = 'front/.git/hooks/post-checkout';
    const later = '-c user.name=A -c user.email=a@b.example commit --quiet --allow-empty --message Later';
    shop.write(
      hook,
      `#!/bin/sh\nunset $(git rev-parse --local-env-vars)\ngit -C ${shop.at(front('small'))} ${later}\n`,
    );
    chmodSync(shop.at(hook), 0o755);
    const meanwhile = await shop.stack(['merge', 'small', ...into, 'exit 3']);
    rmSync(shop.at(hook));
    expect(shop.git(front('small'), 'log', '-1', '--format=%s')).toBe('Later');
    expect([meanwhile.code, await verified()]).toEqual([1, null]);
    const two = await shop.stack(['merge', 'small', 'idle', ...into, 'exit 3']);
    expect([two.code, await verified()]).toEqual([1, null]);
    const alone = await shop.stack(['merge', 'small', ...into, 'true']);
    expect([alone.code, await verified()]).toEqual([0, 'passed']);
  });

  it('are not ready where nobody can tell whether they conflict, and that is a problem', async () => {
    shop.git('front', 'branch', '--quiet', 'feat/away', 'main');
    expect((await shop.stack(['create', 'based', '--no-start', '--from-front=feat/away'])).code).toBe(0);
    shop.commit(front('based'), 'based', 'x\n');
    const strange = shop.git('front', 'commit-tree', '-m', 'Another history', 'main^{tree}');
    shop.git('front', 'branch', '--quiet', '--force', 'feat/away', strange);
    const { code, stdout } = await shop.stack(['review', 'based', '--json']);
    const { waiting, problems } = JSON.parse(stdout) as Inbox;
    const reason = expect.stringMatching(/^whether it conflicts with feat\/away cannot be told: .*unrelated histories/);
    expect([code, waiting]).toEqual([1, [{ ticket: 'based', reason }]]);
    expect(problems).toEqual([expect.stringMatching(/^based: whether it conflicts with feat\/away cannot be told/)]);
    await shop.stack(['destroy', 'based', '--force', '--yes']);
  });

  it('are asked for by name too, and a name that is none is refused', async () => {
    const { stdout } = await shop.stack(['review', 'small', '--json']);
    const { ready, waiting } = JSON.parse(stdout) as Inbox;
    expect([ready.map(({ ticket }) => ticket), waiting]).toEqual([['small'], []]);
    await expectRefusal(shop, ['review', 'smal'], { code: 'not-found', message: /no ticket "smal"/, hint: /small/ });
  });
});
