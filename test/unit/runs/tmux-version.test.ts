import { expect, it } from 'vitest';
import { judgeTmuxVersion } from '../../../src/adapters/tmux/tmux.ts';

it.each([
  ['tmux 3.2', undefined],
  ['tmux 3.3a', undefined],
  ['tmux 3.10', undefined],
  ['tmux 4.0', undefined],
  ['tmux next-3.7', undefined],
  ['tmux master', undefined],
  ['tmux 3.1c', 'tmux 3.1c is too old'],
  ['tmux 2.9', 'tmux 2.9 is too old'],
  ['tmux', 'tmux did not tell its version'],
])('judges %s by each part of its number', (told, fault) => {
  expect(judgeTmuxVersion(`${told}\n`)).toBe(fault);
});
