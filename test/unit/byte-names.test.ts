import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { bytesOf, isEscaped, pathOf, textOf } from '../../src/adapters/files/byte-names.ts';
import { readFileIfThere, replaceFile } from '../../src/adapters/files/files.ts';
import { makeTemp } from '../support/temp.ts';

describe('names that are no UTF-8', () => {
  it('are text that gives the same bytes again', () => {
    for (const hex of [
      '',
      '636166e9',
      'ff',
      'e282',
      'c3a9e9c3a9',
      'edb280',
      'f09f98',
      'f09f9880ff',
      '00e900',
      'efbfbd',
    ]) {
      const bytes = Buffer.from(hex, 'hex');
      expect(bytesOf(textOf(bytes)).toString('hex')).toBe(hex);
    }
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    expect(bytesOf(textOf(all))).toEqual(all);
  });

  it('are told from others, which stay as they are', () => {
    expect(textOf(Buffer.from('café 😀'))).toBe('café 😀');
    expect(isEscaped('café 😀 \ufffd')).toBe(false);
    expect(isEscaped(textOf(Buffer.from('caf\xe9', 'latin1')))).toBe(true);
    expect(pathOf('/a/b')).toBe('/a/b');
    expect(pathOf(textOf(Buffer.from('/caf\xe9', 'latin1')))).toEqual(Buffer.from('/caf\xe9', 'latin1'));
  });

  it('survive in the text of a file that is written again', async () => {
    const file = path.join(makeTemp(), '.env');
    const bytes = Buffer.from('NAME=Jos\xe9\n', 'latin1');
    writeFileSync(file, bytes);
    await replaceFile(file, `${await readFileIfThere(file)}MORE=1\n`);
    expect(readFileSync(file)).toEqual(Buffer.concat([bytes, Buffer.from('MORE=1\n')]));
  });
});
