import { describe, expect, it } from 'vitest';
import {
  type Car,
  countFailure,
  explainWaiting,
  findQueueCycle,
  leaveTrain,
  listNext,
  parseQueue,
  type QueueEntry,
} from '../../src/domain/queue.ts';

const entry = (ticket: string, more: Partial<QueueEntry> = {}): QueueEntry => ({
  ...{ ticket, madeAt: '2026-01-01T00:00:00.000Z', state: 'waiting', attempts: 0, after: [], log: null },
  ...more,
});
const car = (ticket: string, on: string[] = [], failed = false): Car => ({ ticket, on, failed });

describe('what is put on a train next', () => {
  it('is what waits, in the order of the queue, behind what is on it already', () => {
    const entries = [entry('a'), entry('b'), entry('c', { state: 'merged' }), entry('d', { state: 'evicted' })];
    expect(listNext(entries, [])).toEqual(['a', 'b']);
    expect(listNext(entries, [car('a')])).toEqual(['b']);
  });

  it('comes after those that it waits for, merged or on the train, and after none that failed or is out', () => {
    const entries = [
      entry('b', { after: ['a'] }),
      entry('a'),
      entry('c', { after: ['x'] }),
      entry('x', { state: 'evicted' }),
    ];
    expect(listNext(entries, [])).toEqual(['a']);
    expect(listNext(entries, [car('a')])).toEqual(['b']);
    expect(listNext(entries, [car('a', [], true)])).toEqual([]);
    expect(listNext([entry('b', { after: ['a'] }), entry('a', { state: 'merged' })], [])).toEqual(['b']);
  });

  it('is one that failed before only when nothing else is left', () => {
    expect(listNext([entry('a', { attempts: 1 }), entry('b'), entry('c')], [])).toEqual(['b', 'c', 'a']);
  });
});

describe('a train that a ticket leaves', () => {
  it('loses all that have its result in them, and keeps the others', () => {
    const train = [car('a'), car('b', ['a'], true), car('c', ['a']), car('d')];
    const { stay, go } = leaveTrain(train, 'a');
    expect([stay, go].map((cars) => cars.map(({ ticket }) => ticket))).toEqual([['d'], ['a', 'b', 'c']]);
    expect(leaveTrain(train, 'b').go).toEqual([train[1]]);
  });
});

describe('an entry of the queue', () => {
  it('is out once it has failed as often as it may', () => {
    const failed = { tries: 2, log: '/log', reason: 'bad' };
    const once = countFailure(entry('a', { hint: 'old' }), failed);
    expect(once).toMatchObject({ state: 'waiting', attempts: 1, log: '/log', reason: 'bad', hint: undefined });
    expect(countFailure(once, failed)).toMatchObject({ state: 'evicted', attempts: 2 });
  });

  it('may not come after itself, by way of others either', () => {
    expect(findQueueCycle([entry('a', { after: ['b'] }), entry('b')])).toBeUndefined();
    expect(findQueueCycle([entry('a', { after: ['b'] }), entry('b', { after: ['a'] })])).toEqual(['a', 'b', 'a']);
  });

  it('says why it waits where one before it is out, by way of others too', () => {
    const entries = [
      entry('out', { state: 'evicted', reason: 'bad' }),
      entry('next', { after: ['out'] }),
      entry('last', { after: ['next'] }),
      entry('done', { state: 'merged' }),
      entry('free', { after: ['done'], reason: 'kept' }),
    ];
    const told = explainWaiting(entries);
    expect(told.map(({ reason }) => reason)).toEqual([
      ...['bad', 'it waits for out, which is evicted', 'it waits for out, which is evicted', undefined, 'kept'],
    ]);
    expect(told[2]?.hint).toBe('`stack queue resume out` once that is mended, or `stack queue drop last`');
  });

  it('is read from what was written, and from nothing else', () => {
    const queue = { version: 1, entries: [entry('a', { reason: 'why' })] };
    expect(parseQueue(JSON.stringify(queue))).toEqual(queue);
    for (const text of ['', '{}', '{"version":2,"entries":[]}', '{"version":1,"entries":[{"ticket":"a"}]}'])
      expect(parseQueue(text)).toBeUndefined();
  });
});
