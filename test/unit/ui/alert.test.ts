import { expect, it } from 'vitest';
import { renderAlert } from '../../../src/ui/alert.ts';

it('tells a terminal once, as that one takes it, and hands it no sequence of somebody else', () => {
  const text = 'feat-01 done; \u001b]0;owned\u0007all';
  expect(renderAlert(text, { TERM: 'xterm-256color' })).toBe('\u001b]9;stack: feat-01 done, all\u0007\u0007');
  const notify = '\u001b]777;notify;stack;feat-01 done, all\u0007\u0007';
  expect(renderAlert(text, { TERM: 'xterm-256color', VTE_VERSION: '7600' })).toBe(notify);
  expect(renderAlert(text, { TERM: 'rxvt-unicode-256color' })).toBe(notify);
});
