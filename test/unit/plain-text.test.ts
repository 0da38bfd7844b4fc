import { expect, it } from 'vitest';
import { withoutControls } from '../../src/domain/plain-text.ts';

it.each([
  ['colours', 'a \u001b[1;31mred\u001b[0m word', 'a red word'],
  ['a title, and a link', '\u001b]0;owned\u0007a \u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\', 'a link'],
  ['the sequences of one byte', '\u009b2Ja\u009d0;t\u009cb', 'ab'],
  ['a lone escape and a bell', 'a\u0007b\u001b', 'a b '],
  ['lines and tabs, which stay', 'a\r\n\tb\n', 'a\n\tb\n'],
])('leaves of %s what is text', (_, text, plain) => {
  expect(withoutControls(text)).toBe(plain);
});
