import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { replaceFile } from '../../../src/adapters/files/files.ts';
import { temporaryIn } from '../../../src/adapters/files/temporary.ts';
import { makeTemp } from '../../support/temp.ts';

it('removes what a write that was killed left, and leaves a living one alone', async () => {
  const folder = makeTemp();
  const ended = spawnSync('true').pid;
  const living = path.basename(temporaryIn(folder));
  for (const name of [living, living.replace(String(process.pid), String(ended)), '.stack-notes.tmp']) {
    writeFileSync(path.join(folder, name), '');
  }
  await replaceFile(path.join(folder, 'state.json'), 'new');
  expect(readdirSync(folder).sort()).toEqual([living, '.stack-notes.tmp', 'state.json'].sort());
  expect(readFileSync(path.join(folder, 'state.json'), 'utf8')).toBe('new');
});
