import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { escapeJson } from '../../../src/domain/json.ts';
import { formatDuration } from '../../../src/ui/duration.ts';
import { cutText } from '../../../src/ui/fit.ts';
import { createLogPrefix } from '../../../src/ui/log-prefix.ts';
import { cleanText, showLines, showText } from '../../../src/ui/safe-text.ts';

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

describe('showText', () => {
  it.each([
    ['\u001b[1;31mred\u001b[0m', '\u001b[1;31mred\u001b[0m'],
    ['\u001b[38:5:1mred', '\u001b[38:5:1mred\u001b[0m'],
    ['\u001b]52;c;eA==\u0007', '\\x1b]52;c;eA==\\x07'],
    ['\u001b]8;;http://x\u001b\\\\link', '\\x1b]8;;http://x\\x1b\\\\link'],
    ['\u001b[2J\u001b[?1049h\u001b[>4;2m', '\\x1b[2J\\x1b[?1049h\\x1b[>4;2m'],
    ['\u001b\u001b[31m', '\\x1b\u001b[31m\u001b[0m'],
    ['\u009b31m\u0090q', '\\x9b31m\\x90q'],
    ['a\tb\rc\u0000\u0008', 'a\tb\\x0dc\\x00\\x08'],
    ['\u202egpj.exe', '\\u202egpj.exe'],
    ['Zoë – 数据 👩‍💻 \\x1b', 'Zoë – 数据 👩‍💻 \\x1b'],
  ])('shows %j', (text, shown) => {
    expect(showText(text)).toBe(shown);
  });
});

describe('showLines', () => {
  it('keeps lines and paint as they are', () => {
    const answer = '\u001b[1mTicket\u001b[22m\n  x\u001b]0;t\u0007\n';
    expect(showLines(answer)).toBe('\u001b[1mTicket\u001b[22m\n  x\\x1b]0;t\\x07\n');
  });
});

describe('escapeJson', () => {
  it('gives the same document, in characters that only show', () => {
    const document = { text: 'a\u009b31m\u202e\u001b ü' };
    const json = escapeJson(JSON.stringify(document));
    expect(json).toBe('{"text":"a\\u009b31m\\u202e\\u001b ü"}');
    expect(JSON.parse(json)).toEqual(document);
  });
});

describe('cutText', () => {
  it('cuts by columns, not by characters, and never keeps one too many', () => {
    expect(cutText('数据库', 5)).toBe('数据…');
    expect(cutText('数据库', 4)).toBe('数…');
    expect(cutText('abcdef', 4)).toBe('abc…');
    expect(cutText('abcd', 4)).toBe('abcd');
    expect(cutText('abcd', 0)).toBe('');
    for (let columns = 1; columns < 30; columns++)
      for (const position of ['end', 'middle'] as const)
        expect(stringWidth(cutText('[数据a库数bc据库数据库]', columns, position))).toBeLessThanOrEqual(columns);
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
