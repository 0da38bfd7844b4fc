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
    expect(stdout).toContain('\nbig: 1970-01-01T00:00:00Z ask Ann\n');
    expect(stdout).toMatch(/\nidle: not ready: nothing is committed yet\n/);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it('wait no more while they conflict with their base, or have failed in a verification of just these commits', async () => {
    const failed = await shop.stack(['merge', 'small', '--verify', 'exit 3']);
    expect(failed.code).toBe(1);
    shop.commit('front', 'text', 'theirs\ntwo\nthree\n');
    const { ready, waiting } = await read();
    expect(ready).toEqual([]);
    expect(waiting).toMatchObject([
      { ticket: 'big', reason: 'it conflicts with main: front/text' },
      { ticket: 'small', reason: 'the command that verifies it failed on these commits' },
      { ticket: 'dirty' },
      { ticket: 'idle' },
      { ticket: 'done' },
      { ticket: 'clash', reason: 'it conflicts with main: front/text' },
    ]);
    shop.commit(front('small'), 'little', 'y\n');
    expect((await read()).ready).toMatchObject([{ ticket: 'small', commits: 2, checks: { verify: null } }]);
  });

  it('are asked for by name too, and a name that is none is refused', async () => {
    const { stdout } = await shop.stack(['review', 'small', '--json']);
    const { ready, waiting } = JSON.parse(stdout) as Inbox;
    expect([ready.map(({ ticket }) => ticket), waiting]).toEqual([['small'], []]);
    await expectRefusal(shop, ['review', 'smal'], { code: 'not-found', message: /no ticket "smal"/, hint: /small/ });
  });
});
