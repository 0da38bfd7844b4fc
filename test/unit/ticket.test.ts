import { describe, expect, it } from 'vitest';
import { foldTicket, parseTicketName } from '../../src/domain/ticket.ts';

describe('a ticket’s name', () => {
  it('keeps the argument for the branch and turns slashes to hyphens for the rest', () => {
    expect(parseTicketName('feat/02')).toEqual({ ticket: 'feat-02', argument: 'feat/02' });
  });

  it.each(['feat-02', 'JIRA-123', 'v1.2', 'a', 'a_b', 'a'.repeat(50)])('%j is one', (name) => {
    expect(parseTicketName(name).argument).toBe(name);
  });

  it.each([
    ['', 'empty'],
    ['  ', 'empty'],
    ['a'.repeat(51), '51 characters'],
    ['-x', 'begins with `-`'],
    ['--force', 'begins with `-`'],
    ['..', 'begin and end'],
    ['a/../b', '`..`'],
    ['a..b', '`..`'],
    ['a/', 'begin and end'],
    ['a//b', 'between slashes'],
    ['a/.b', 'between slashes'],
    ['a.lock/b', 'between slashes'],
    ['a b', 'characters other'],
    ['$(x)', 'characters other'],
    ['a\nb', 'characters other'],
    ['a\0b', 'characters other'],
    ['ünïcode', 'characters other'],
    ['baseline', 'main checkouts'],
    ['BASELINE', 'main checkouts'],
  ])('%j is none: %s', (name, why) => {
    expect(() => parseTicketName(name)).toThrow(
      expect.objectContaining({ code: 'usage', message: expect.stringContaining(why) }),
    );
  });

  it('folds what would share a host name', () => {
    expect(foldTicket('FEAT_01')).toBe(foldTicket('feat-01'));
    expect(foldTicket('a.b')).toBe(foldTicket('a-b'));
    expect(foldTicket('a-b')).not.toBe(foldTicket('a--b'));
  });
});
