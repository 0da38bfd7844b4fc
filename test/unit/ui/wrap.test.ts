import { describe, expect, it } from 'vitest';
import { numberSteps, wrapBehind, wrapText } from '../../../src/ui/wrap.ts';

describe('a text that is longer than the terminal is wide', () => {
  it('is broken between words, but never within a command', () => {
    const text = 'feat-02 is ready, after 3.31s. Next: `cd tickets/feat-02`, or `stack logs -f feat-02`';
    expect(wrapText(text, 80, 0)).toBe(
      'feat-02 is ready, after 3.31s. Next: `cd tickets/feat-02`, or\n`stack logs -f feat-02`',
    );
    expect(wrapText(text, 50, 2)).toBe(
      'feat-02 is ready, after 3.31s. Next:\n  `cd tickets/feat-02`, or `stack logs -f feat-02`',
    );
  });

  it('leaves a command whole that is longer itself: a terminal copies what it broke as one line', () => {
    const command = '`stack create feat-02 --from-front=feat/ui --from-api=feat/endpoint`';
    expect(wrapText(`run ${command} again`, 30, 0)).toBe(`run\n${command}\nagain`);
  });

  it('stands behind a label, its further lines below its first', () => {
    const text = 'refused: it has no remote to push to';
    expect(wrapBehind('front', 7, text, 40)).toBe('front  refused: it has no remote to push\n       to');
    expect(wrapBehind('front', 7, text, undefined)).toBe(`front  ${text}`);
  });

  it('is numbered, and in line with those above it', () => {
    const steps: [string, string][] = [
      ['api', 'worktree on feat-02, from feature/checkout'],
      ['front', 'env file .env.local'],
    ];
    expect(numberSteps(steps, 40)).toEqual([
      '  1. api    worktree on feat-02, from\n            feature/checkout',
      '  2. front  env file .env.local',
    ]);
  });
});
