import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { textOf } from '../../../src/adapters/files/byte-names.ts';
import { listOpenFiles } from '../../../src/adapters/process/lsof.ts';
import { makeTemp } from '../../support/temp.ts';

async function workIn(folder: string): Promise<number> {
  mkdirSync(folder);
  const child = spawn('sleep', ['600'], { cwd: folder, stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child, 'spawn');
  return child.pid ?? 0;
}

const findFolder = async (pid: number): Promise<string | undefined> =>
  (await listOpenFiles(['-a', '-p', String(pid), '-d', 'cwd']))[0]?.name;

describe('what lsof tells of open files', () => {
  it.each([
    'josé',
    '日本 €',
    'with a blank',
    String.raw`C:\xc3\new`,
    'tab\tline\nreturn\r',
    'bell\u0007escape\u001bdelete\u007f',
    'caret^A',
    'n is no field\np1\nnor this',
  ])('has the very name of the folder %j', async (name) => {
    const folder = path.join(makeTemp(), name);
    expect(await findFolder(await workIn(folder))).toBe(folder);
  });

  it('keeps bytes that are no letters', async () => {
    const temp = makeTemp();
    // Node takes text alone for a working directory.
    const child = spawn(
      'sh',
      ['-c', String.raw`name=$(printf 'b\351') && mkdir "$name" && cd "$name" && exec sleep 600`],
      {
        cwd: temp,
        stdio: 'ignore',
      },
    );
    onTestFinished(() => void child.kill('SIGKILL'));
    const folder = `${temp}/${textOf(Buffer.from([0x62, 0xe9]))}`;
    await expect.poll(() => findFolder(child.pid ?? 0)).toBe(folder);
  });
});
