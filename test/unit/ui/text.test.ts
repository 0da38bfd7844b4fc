import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { formatDuration } from '../../../src/ui/duration.ts';
import { createLogPrefix } from '../../../src/ui/log-prefix.ts';
import { cleanText, cutText, measureText } from '../../../src/ui/safe-text.ts';

describe('formatDuration', () => {
  it.each([
    [0, '0.00s'],
    [310, '0.31s'],
    [9_994, '9.99s'],
    [9_996, '10.0s'],
    [12_350, '12.3s'],
    [59_960, '1m 00s'],
    [64_000, '1m 04s'],
    [3_599_900, '1h 00m'],
    [7_500_000, '2h 05m'],
    [-5, '0.00s'],
  ])('%d ms is %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe('cleanText', () => {
  it('gives one line without escape sequences and control characters', () => {
    expect(cleanText('a\u001b[31mb\u001b]8;;http://x\u0007c\r\n\td\u0000\u009b\u202e')).toBe('abc d???');
  });

  it('keeps what people write', () => {
    expect(cleanText('  Zoë – 数据 👩‍💻 `x`')).toBe('  Zoë – 数据 👩‍💻 `x`');
  });
});

describe('cutText', () => {
  it('cuts by columns, not by characters', () => {
    expect(cutText('数据库', 5)).toBe('数据…');
    expect(cutText('abcdef', 4)).toBe('abc…');
    expect(cutText('abcd', 4)).toBe('abcd');
    expect(cutText('abcd', 0)).toBe('');
    expect(measureText('e\u0301')).toBe(1);
  });
});

describe('createLogPrefix', () => {
  it('aligns the services', () => {
    const prefix = createLogPrefix(['api', 'worker'], { color: false });
    expect([prefix('api'), prefix('worker')]).toEqual(['api    | ', 'worker | ']);
  });

  it('gives each service a colour of its own, the same whatever the order', () => {
    const services = ['api', 'front', 'worker', 'mail', 'admin', 'docs'];
    const prefix = createLogPrefix(services, { color: true });
    const again = createLogPrefix([...services].reverse(), { color: true });
    expect(new Set(services.map((service) => prefix(service).slice(0, 5))).size).toBe(services.length);
    expect(services.map(again)).toEqual(services.map(prefix));
  });

  it('copes with a service it was not told about', () => {
    expect(stripVTControlCharacters(createLogPrefix([], { color: true })('late'))).toBe('late | ');
  });
});
