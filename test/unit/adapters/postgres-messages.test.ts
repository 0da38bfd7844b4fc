import { expect, it } from 'vitest';
import { makeMessage, readMessages } from '../../../src/adapters/postgres/messages.ts';

it('messages are told apart wherever their bytes are cut', () => {
  const bytes = Buffer.concat([
    makeMessage('T', Buffer.from('columns Z')),
    makeMessage('1', Buffer.alloc(0)),
    makeMessage('Z', Buffer.from('I')),
  ]);
  const ends = [makeMessage('T', Buffer.from('columns Z')).length, bytes.length - 6, bytes.length];
  for (let cut = 1; cut < bytes.length; cut++) {
    const reader = readMessages();
    expect(reader.push(bytes.subarray(0, cut))).toBe(ends.includes(cut) ? 'T1Z'[ends.indexOf(cut)] : undefined);
    expect(reader.push(bytes.subarray(cut))).toBe('Z');
  }
});
