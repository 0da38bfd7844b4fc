import { appendFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findTail, readLines } from '../../../src/adapters/process/log-lines.ts';
import { makeTemp } from '../../support/temp.ts';

describe('the last lines of a log', () => {
  it.each([
    [1, ['three']],
    [2, ['two', 'three']],
    [0, []],
    [9, ['one', 'two', 'three']],
  ])('are the last %i of the moment when they were asked for, whatever is printed meanwhile', async (count, lines) => {
    const folder = makeTemp();
    const [old, log] = ['api.log.1', 'api.log'].map((name) => path.join(folder, name)) as [string, string];
    writeFileSync(old, 'one\n');
    writeFileSync(log, 'two\nthree\n');
    const parts = [{ handle: await open(old) }, { handle: await open(log) }];
    try {
      const from = await findTail(parts, count);
      appendFileSync(log, 'four\nfive\n');
      const read: string[] = [];
      for await (const line of readLines(parts, from)) read.push(line.text);
      expect(read).toEqual(lines);
    } finally {
      await Promise.all(parts.map((part) => part.handle.close()));
    }
  });
});
