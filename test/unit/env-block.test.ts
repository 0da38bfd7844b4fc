import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parse } from 'dotenv';
import { afterAll, describe, expect, test } from 'vitest';
import { mergeEnvBlock, readEnvBlock, removeEnvBlock, renderEnvBlock } from '../../src/domain/env-block.ts';
import { StackError } from '../../src/domain/errors.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'stack-env-block-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a POSIX shell has in its environment after it sourced the text. */
function readWithShell(text: string): Record<string, string> {
  const file = path.join(folder, 'file.env');
  writeFileSync(file, text);
  const out = execFileSync('sh', ['-c', 'set -a; . "$1"; exec env -0', 'sh', file], {
    env: { PATH: process.env.PATH },
  });
  const pairs = out.toString().split('\0').slice(0, -1);
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

/** The same numbers in every run (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function randomText(random: (below: number) => number, alphabet: readonly string[]): string {
  return Array.from({ length: random(12) }, () => alphabet[random(alphabet.length)]).join('');
}

const ALPHABET = [
  'a',
  'B',
  '7',
  ' ',
  '#',
  '=',
  '$',
  '"',
  '`',
  '\\',
  '\n',
  '&',
  ';',
  '(',
  ')',
  '|',
  '<',
  '*',
  '?',
  '~',
  '!',
  '{',
  '}',
  '\t',
  'é',
  '🦊',
  '-',
  'export ',
  '\\n',
  '$(id)',
  '${HOME}',
  '%',
  ':',
  '//',
  '@',
];

function numbered(values: readonly string[]): Record<string, string> {
  return Object.fromEntries(values.map((value, index) => [`V${index}`, value]));
}

describe('values', () => {
  test('without an apostrophe are read alike by dotenv, a shell and stack', () => {
    const random = randomFrom(1);
    const values = numbered(Array.from({ length: 3000 }, () => randomText(random, ALPHABET)));
    const text = renderEnvBlock(values);
    expect(parse(text)).toEqual(values);
    expect(readWithShell(text)).toMatchObject(values);
    expect(readEnvBlock(text)).toEqual(values);
  });

  test('with an apostrophe and no character that is special between double quotes are read alike', () => {
    const random = randomFrom(2);
    const alphabet = [...ALPHABET.filter((text) => !/["$`\\]/.test(text)), "'", "'s "];
    const values = numbered(Array.from({ length: 2000 }, () => randomText(random, alphabet)));
    const text = renderEnvBlock(values);
    expect(parse(text)).toEqual(values);
    expect(readWithShell(text)).toMatchObject(values);
    expect(readEnvBlock(text)).toEqual(values);
  });

  test('of every kind are read right by a shell and stack, and never run', () => {
    const random = randomFrom(3);
    const values = numbered(Array.from({ length: 3000 }, () => randomText(random, [...ALPHABET, "'", "\\'", '\\"'])));
    const text = renderEnvBlock(values);
    expect(readWithShell(text)).toMatchObject(values);
    expect(readEnvBlock(text)).toEqual(values);
  });

  test('that end in a backslash do not swallow the lines after them in dotenv', () => {
    const values = { A: 'C:\\my dir\\', B: ' # ', C: '', D: "it's\\", E: 'x y', F: '\\', G: '"' };
    const read = parse(renderEnvBlock(values));
    expect(read).toEqual({ ...values, D: "it's\\\\" });
  });

  test('that are plain stand without quotes, so that docker --env-file reads them', () => {
    expect(renderEnvBlock({ URL: 'postgres://stack:stack@localhost:5432/shop', EMPTY: '' })).toContain(
      '\nURL=postgres://stack:stack@localhost:5432/shop\nEMPTY=\n',
    );
  });

  test('that no env file can hold are refused by name', () => {
    expect(() => renderEnvBlock({ A: 'x\0y' })).toThrow(StackError);
    expect(() => renderEnvBlock({ A: 'x\n# <<< stack <<<' })).toThrow('no env file can hold the value of A');
  });
});

const BLOCK = renderEnvBlock({ PORT: '3001', NAME: 'a b' });
const OTHER = renderEnvBlock({ PORT: '3002' });

describe('the block', () => {
  const files = [
    '',
    'A=1\n',
    'A=1',
    '\n\n',
    'A=1\r\nB=2\r\n',
    'A=1\r\nB=2',
    '# only a comment',
    "A='x\ny'\n",
    '\uFEFFA=1',
    'A=1\r',
  ];

  test.each(files)('comes and goes without a trace in %j', (text) => {
    const merged = mergeEnvBlock(text, BLOCK);
    expect(merged.startsWith(text)).toBe(true);
    expect(readEnvBlock(merged)).toEqual({ PORT: '3001', NAME: 'a b' });
    expect(mergeEnvBlock(merged, BLOCK)).toBe(merged);
    expect(removeEnvBlock(merged)).toBe(text);
    expect(removeEnvBlock(mergeEnvBlock(merged, OTHER))).toBe(text);
  });

  test('comes and goes without a trace in any text', () => {
    const random = randomFrom(4);
    for (let round = 0; round < 2000; round += 1) {
      const text = randomText(random, ['\n', '\r\n', '\r', 'A=1', '# >>>', '#', ' ', "'", '\uFEFF', 'x']);
      expect(removeEnvBlock(mergeEnvBlock(text, BLOCK))).toBe(text);
    }
  });

  test('ends with a line end, so that `echo B=2 >> file` stays outside it', () => {
    const appended = `${mergeEnvBlock('A=1', BLOCK)}B=2\n`;
    expect(parse(appended)).toMatchObject({ A: '1', PORT: '3001', B: '2' });
    expect(removeEnvBlock(appended)).toBe('A=1\nB=2\n');
  });

  test('is replaced where it stands, with what people wrote around it kept', () => {
    const merged = `${mergeEnvBlock('A=1\r\n', BLOCK)}B=2\r\n`;
    expect(mergeEnvBlock(merged, OTHER)).toBe(`A=1\r\n${OTHER}B=2\r\n`);
    expect(removeEnvBlock(merged)).toBe('A=1\r\nB=2\r\n');
  });

  test('is still known after an editor turned all line ends to CRLF', () => {
    const merged = mergeEnvBlock('A=1', BLOCK).replaceAll('\n', '\r\n');
    expect(readEnvBlock(merged)).toEqual({ PORT: '3001', NAME: 'a b' });
    expect(removeEnvBlock(merged)).toBe('A=1');
  });

  test('that is there twice becomes one', () => {
    expect(mergeEnvBlock(`A=1\n${BLOCK}B=2\n${BLOCK}`, OTHER)).toBe(`A=1\n${OTHER}B=2\n`);
  });

  test('without its end or its begin loses its mark and no line', () => {
    const lines = BLOCK.split('\n');
    const headless = `A=1\n${lines.slice(1).join('\n')}B=2\n`;
    const endless = `A=1\n${lines.slice(0, -2).join('\n')}\nB=2\n`;
    for (const text of [headless, endless]) {
      expect(readEnvBlock(text)).toBeUndefined();
      expect(removeEnvBlock(text)).toBe("A=1\nPORT=3001\nNAME='a b'\nB=2\n");
      expect(mergeEnvBlock(text, OTHER)).toBe(`A=1\nPORT=3001\nNAME='a b'\nB=2\n${OTHER}`);
    }
  });

  test('with half a block before it takes only its own lines', () => {
    const begin = BLOCK.split('\n')[0];
    expect(mergeEnvBlock(`${begin}\nMINE=1\n${BLOCK}`, OTHER)).toBe(`MINE=1\n${OTHER}`);
  });

  test('of a file without one is undefined', () => {
    expect(readEnvBlock('A=1\n')).toBeUndefined();
    expect(removeEnvBlock('A=1')).toBe('A=1');
  });
});
