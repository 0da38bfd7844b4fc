import { describe, expect, it } from 'vitest';
import { config } from '../../../src/commands/config.ts';

describe('what config prints', () => {
  it('shows what a value would do to a terminal, colours too', () => {
    const values = [{ key: 'title', value: '\u001b[31mred\u0007', from: 'stack.yml:1' }];
    const text = config.render({ root: '/x', files: [], values }, { color: false, columns: 80 } as never);
    expect(text).toBe('title: "\\u001b[31mred\\u0007"  # stack.yml:1');
  });
});
